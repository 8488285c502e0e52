"""A cluster that goes on running after the command that started it: `kvcluster up`.

Its nodes are found again through a state file in its directory. A process id alone proves nothing
after a reboot, so the file keeps each process's start time, too.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from kvcluster.binaries import find_binary
from kvcluster.client import Client
from kvcluster.errors import KvError, NodeFailed, Timeout
from kvcluster.node_process import NodeProcess, plan_node
from kvcluster.ports import ReservedPort
from kvcluster.replies import NodeStatus

STATE_FILE = "cluster.json"
_POLL_SECONDS = 0.02
_STOP_SECONDS = 15.0
_PROBE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class BackgroundNode:
    """One node as the state file knows it. `started` is the kernel's start time of the process."""

    id: int
    pid: int
    started: int
    port: int
    log: str

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def running(self) -> bool:
        return start_time(self.pid) == self.started


def start_time(pid: int) -> int | None:
    """When the process was started, in the kernel's ticks since boot; None when there is none."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    # The name in parentheses may hold anything, blanks and parentheses too.
    state, *fields = stat.rpartition(")")[2].split()
    return None if state == "Z" else int(fields[18])


class BackgroundCluster:
    """The cluster in one directory, whether it runs or not."""

    def __init__(self, directory: str | Path) -> None:
        self.directory = Path(directory).resolve()

    @property
    def nodes(self) -> list[BackgroundNode]:
        """As the state file says; empty when there is none.

        Raises:
            KvError: the file is damaged.
        """
        file = self.directory / STATE_FILE
        try:
            content = json.loads(file.read_text())
            return [BackgroundNode(**node) for node in content["nodes"]]
        except FileNotFoundError:
            return []
        except (ValueError, TypeError, KeyError) as error:
            raise KvError(f"{file} is damaged ({error}); end its nodes by hand") from error

    def up(
        self, *, nodes: int, first_port: int, flags: Mapping[str, str | int], timeout: float = 20.0
    ) -> list[BackgroundNode]:
        """Starts the nodes that do not run, on their data, and waits for a leader.

        Args:
            first_port: of node 1, the others count up; 0: the kernel picks them.

        Raises:
            NodeFailed: a node ended at once; the message has its last words.
            Timeout: no leader within `timeout` seconds; the nodes go on running.
            ValueError: the directory belongs to a cluster of another size or other ports.
        """
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self._lock():
            known = {node.id: node for node in self.nodes}
            if known and len(known) != nodes:
                raise ValueError(f"{self.directory} holds a cluster of {len(known)} nodes")
            ports = self._ports(known, nodes, first_port)
            started = {}
            for node in range(1, nodes + 1):
                if node not in known or not known[node].running:
                    started[node] = self._launch(node, ports, flags)
                    known[node] = self._describe(started[node])
                    self._save(list(known.values()))
        self._wait_for_leader(started, timeout)
        return list(known.values())

    def down(self) -> list[int]:
        """Ends all nodes, gracefully first; their data stays. Ids of those that ran."""
        with self._lock():
            running = [node for node in self.nodes if node.running]
            for node in running:
                _signal(node, signal.SIGTERM)
            deadline = time.monotonic() + _STOP_SECONDS
            while any(node.running for node in running) and time.monotonic() < deadline:
                time.sleep(_POLL_SECONDS)
            for node in running:
                if node.running:
                    _signal(node, signal.SIGKILL)
        return [node.id for node in running]

    def status(self, node: BackgroundNode) -> NodeStatus | None:
        """What the node says; None when it does not answer."""
        if not node.running:
            return None
        try:
            with Client([node.address], timeout=_PROBE_SECONDS) as client:
                return client.status()
        except KvError:
            return None

    def client(self, *, timeout: float = 5.0) -> Client:
        """A client that knows all nodes.

        Raises:
            KvError: there is no cluster in this directory, or none of its nodes runs.
        """
        nodes = [node.address for node in self.nodes if node.running]
        if not nodes:
            raise KvError(f"no cluster runs in {self.directory}: start it with kvcluster up")
        return Client(nodes, timeout=timeout)

    def _launch(
        self, node: int, ports: Mapping[int, int], flags: Mapping[str, str | int]
    ) -> NodeProcess:
        return NodeProcess(
            plan_node(
                node,
                program=find_binary("kvstore"),
                directory=self.directory,
                port=ports[node],
                peers={o: ("127.0.0.1", port) for o, port in ports.items() if o != node},
                flags=flags,
            ),
            detached=True,
        )

    @staticmethod
    def _ports(known: Mapping[int, BackgroundNode], nodes: int, first_port: int) -> dict[int, int]:
        if known:
            return {node.id: node.port for node in known.values()}
        if first_port:
            return {node: first_port + node - 1 for node in range(1, nodes + 1)}
        reserved = [ReservedPort() for _ in range(nodes)]
        for port in reserved:
            port.release()
        return {node: port.number for node, port in enumerate(reserved, start=1)}

    @staticmethod
    def _describe(process: NodeProcess) -> BackgroundNode:
        spec = process.spec
        started = start_time(process.pid)
        if started is None:
            raise NodeFailed(
                f"node {spec.id} ended at once; its last words:\n{process.last_words()}"
            )
        return BackgroundNode(spec.id, process.pid, started, spec.port, str(spec.log))

    def _wait_for_leader(self, started: Mapping[int, NodeProcess], timeout: float) -> None:
        deadline = time.monotonic() + timeout
        while True:
            for node, process in started.items():
                if not process.running:
                    raise NodeFailed(
                        f"node {node} ended with exit code {process.exit_code}; its last words:\n"
                        f"{process.last_words()}"
                    )
            statuses = [self.status(node) for node in self.nodes]
            if any(status is not None and status.ready for status in statuses):
                return
            if time.monotonic() >= deadline:
                reasons = {status.why for status in statuses if status is not None and status.why}
                raise Timeout(f"no leader within {timeout} s: {'; '.join(sorted(reasons))}")
            time.sleep(_POLL_SECONDS)

    def _save(self, nodes: list[BackgroundNode]) -> None:
        content = {"nodes": [asdict(node) for node in sorted(nodes, key=lambda node: node.id)]}
        new = self.directory / (STATE_FILE + ".new")
        new.write_text(json.dumps(content, indent=2) + "\n")
        new.replace(self.directory / STATE_FILE)

    @contextmanager
    def _lock(self) -> Iterator[None]:
        """One `up` or `down` at a time."""
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        with (self.directory / ".lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def _signal(node: BackgroundNode, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        if node.running:
            os.kill(node.pid, number)
