"""What can be asked of the running nodes of a local cluster, and waited for."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

from kvcluster import commands
from kvcluster.aio import AsyncClient
from kvcluster.client import Client
from kvcluster.commands import Command
from kvcluster.connection import Connection
from kvcluster.directory import parse_address
from kvcluster.errors import CommandError, Corruption, KvError, NodeFailed, Timeout, Unavailable
from kvcluster.node_process import NodeProcess, NodeSpec
from kvcluster.replies import KeyValue, NodeStatus, StateHash, key_values, text
from kvcluster.retry import ErrorReply
from kvcluster.timeline import Event, read_log

T = TypeVar("T")
_POLL_SECONDS = 0.005
_PROBE_SECONDS = 1.0


class ClusterView:
    """The half of `LocalCluster` that changes nothing.

    Args:
        ids: of all nodes.
        password: of the nodes; None: they have none.
    """

    def __init__(self, ids: Iterable[int], *, password: str | None) -> None:
        self.ids: list[int] = list(ids)
        self._password = password
        self._directory = Path()
        self._specs: dict[int, NodeSpec] = {}
        self._processes: dict[int, NodeProcess] = {}
        self._actions: list[Event] = []
        self._probes: dict[int, Connection] = {}
        # Nodes that were given a reason to end by themselves.
        self._doomed: set[int] = set()

    @property
    def password(self) -> str | None:
        """Of the nodes; None: they have none."""
        return self._password

    @property
    def directory(self) -> Path:
        """Where the data and logs are while the cluster runs."""
        return self._directory

    @property
    def running(self) -> list[int]:
        """Ids of the nodes whose process runs; a paused one does."""
        return [node for node, process in self._processes.items() if process.running]

    @property
    def nodes(self) -> list[str]:
        """`host:port` of every node, for clients."""
        return [self.address(node) for node in self.ids]

    def address(self, node: int) -> str:
        """`host:port` where the node serves clients."""
        return f"{self._specs[node].host}:{self._specs[node].port}"

    def port(self, node: int) -> int:
        """Where the node serves clients."""
        return self._specs[node].port

    def pid(self, node: int) -> int:
        """The process id of the node's newest process."""
        return self._processes[node].pid

    def log(self, node: int) -> Path:
        """The file with all that the node said, over all its restarts."""
        return self._specs[node].log

    def exit_code(self, node: int) -> int | None:
        """Of the node's newest process: None while it runs; negative: the signal that ended it."""
        return self._processes[node].exit_code

    def data_dir(self, node: int) -> Path:
        return self._specs[node].data_dir

    def client(self, **options: Any) -> Client:
        """A new client that knows all nodes; `options` are those of `Client`."""
        return Client(self.nodes, **{"password": self._password, **options})

    def async_client(self, **options: Any) -> AsyncClient:
        """A new asyncio client that knows all nodes."""
        return AsyncClient(self.nodes, **{"password": self._password, **options})

    def status(self, node: int) -> NodeStatus:
        """What one node says about itself.

        Raises:
            Unavailable, Timeout: it does not answer.
        """
        return self._ask(node, commands.status())

    def hash(self, node: int) -> StateHash:
        """The digests of one node."""
        return self._ask(node, commands.state_hash())

    def full_hash(self, node: int) -> tuple[int, str]:
        """Applied index and the canonical hash, recomputed over all records of one node."""
        full = commands.raw(("KV.HASH", "FULL"), is_write=False)
        index, digest, _ = self._ask(node, full)
        return int(index), text(digest)

    def local_range(self, node: int, start: str = "", end: str = "") -> list[KeyValue]:
        """Records in the node's own state, which may lag behind the leader's."""
        local = Command(("KV.RANGE", start, end), key_values, queued=(("READONLY",),))
        return self._ask(node, local)

    def statuses(self) -> dict[int, NodeStatus]:
        """Of all nodes that answer."""
        found = {}
        for node, process in self._processes.items():
            if process.running and not process.paused:
                try:
                    found[node] = self.status(node)
                except KvError:
                    continue  # it is just starting, or just ending
        return found

    def leader(self) -> int | None:
        """The id of the node that leads and may serve; None while there is none."""
        leaders = [status for status in self.statuses().values() if status.ready]
        return max(leaders, key=lambda status: status.term).id if leaders else None

    def wait_for(self, condition: Callable[[], Any], *, what: str, timeout: float) -> Any:
        """Polls until `condition` is true; its value.

        Raises:
            Timeout: it did not become true within `timeout` seconds.
            NodeFailed: a node ended by itself meanwhile.
        """
        deadline = time.monotonic() + timeout
        while not (value := condition()):
            self._check_that_nodes_live()
            if time.monotonic() >= deadline:
                raise Timeout(f"{what}: not within {timeout} s; {self._summary()}")
            time.sleep(_POLL_SECONDS)
        return value

    def wait_until_ended(self, node: int, *, timeout: float = 10.0) -> int:
        """Waits until the node's process is gone; its exit code, negative for a signal."""
        return int(
            self.wait_for(
                lambda: None if self.exit_code(node) is None else (self.exit_code(node),),
                what=f"waiting for the end of node {node}",
                timeout=timeout,
            )[0]
        )

    def wait_for_leader(self, *, timeout: float = 10.0, among: Iterable[int] | None = None) -> int:
        """Waits for a leader that may serve, among these nodes if given; its id."""
        wanted = set(among) if among is not None else set(self.ids)

        def found() -> int | None:
            leader = self.leader()
            return leader if leader in wanted else None

        return int(self.wait_for(found, what="waiting for a leader", timeout=timeout))

    def wait_for_convergence(self, *, timeout: float = 15.0) -> int:
        """Waits until all running nodes have applied the same, newest index; that index."""

        def converged() -> int | None:
            statuses = self.statuses()
            if len(statuses) < len(self.running):
                return None
            indices = {(status.applied_index, status.last_index) for status in statuses.values()}
            if len(indices) != 1:
                return None
            applied, last = indices.pop()
            return applied if applied == last else None

        return int(self.wait_for(converged, what="waiting for convergence", timeout=timeout))

    def assert_hashes_equal(self, *, full: bool = False, timeout: float = 15.0) -> StateHash:
        """Waits until all running nodes stand at one index, and compares their digests there.

        Args:
            full: compare the canonical hash over all records, too.

        Raises:
            Corruption: two nodes differ.
        """

        def at_one_index() -> list[StateHash] | None:
            hashes = [self.hash(node) for node in self.running]
            return hashes if len({found.index for found in hashes}) == 1 else None

        self.wait_for_convergence(timeout=timeout)
        hashes: list[StateHash] = self.wait_for(
            at_one_index, what="waiting for one index", timeout=timeout
        )
        if len(set(hashes)) != 1:
            raise Corruption(f"the nodes differ: {dict(zip(self.running, hashes, strict=True))}")
        if full:
            digests = {node: self.full_hash(node) for node in self.running}
            if len(set(digests.values())) != 1:
                raise Corruption(f"the nodes differ in their records: {digests}")
        return hashes[0]

    def timeline(self) -> list[Event]:
        """All that the nodes logged and all that was done to them, by time."""
        events = [*self._actions]
        for node in self.ids:
            events += read_log(self.log(node))
        return sorted(events)

    def _ask(self, node: int, command: Command[T]) -> T:
        """Asks this node and no other: a client would go on to the leader by itself.

        Raises:
            Unavailable: it does not answer.
            CommandError: it refuses the command.
        """
        known = self._probes.pop(node, None)
        connection = known or self._connect(node)
        began = time.monotonic()
        outcome = connection.exchange(command.frames, _PROBE_SECONDS)
        at_once = time.monotonic() - began < _PROBE_SECONDS / 2
        if outcome.lost is not None and known is not None and at_once:
            connection = self._connect(node)  # the old one was that of an earlier process
            outcome = connection.exchange(command.frames, _PROBE_SECONDS)
        if outcome.lost is not None:
            raise Unavailable(outcome.lost)
        self._probes[node] = connection
        reply = outcome.replies[-1]
        if isinstance(reply, ErrorReply):
            raise CommandError(reply.message)
        return command.read(reply)

    def _connect(self, node: int) -> Connection:
        address = parse_address(self.address(node))
        return Connection(address, timeout=_PROBE_SECONDS, password=self._password)

    def _check_that_nodes_live(self) -> None:
        for node, process in self._processes.items():
            code = process.exit_code
            if code is not None and code not in (-signal.SIGKILL, 0) and node not in self._doomed:
                raise NodeFailed(
                    f"node {node} ended with exit code {code}; its last words:\n"
                    f"{process.last_words()}"
                )

    def _summary(self) -> str:
        states = [
            f"node {status.id} is {status.role} in term {status.term} at index "
            f"{status.applied_index}" + (f" ({status.why})" if status.why else "")
            for status in self.statuses().values()
        ]
        silent = sorted(set(self.ids) - {status.id for status in self.statuses().values()})
        if silent:
            states.append(f"no answer from {silent}")
        return "; ".join(states)
