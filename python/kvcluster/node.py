"""A native node inside this process: its own threads, its own data directory, real sockets.

>>> with Node(1, data_dir=directory) as node:  # doctest: +SKIP
...     with Client(nodes=[node.address]) as client:
...         client.put("greeting", "hello")

Several may live in one process, on different directories, and form a cluster. A node belongs to the
process that started it; a fork of that process cannot use it. Times are milliseconds.

Source: the same code runs in the program `kvstore`.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Literal, Self

from kvcluster import _core
from kvcluster._core.node import (
    ClientLimits,
    FollowerMode,
    LogFormat,
    MemberStatus,
    NodeOptions,
    NodeStatus,
    PeerAddress,
    Phase,
    RootStatus,
    StorageStatus,
)
from kvcluster._core.state import Limits
from kvcluster.errors import NodeFailed, Unavailable

_MS_US = 1000
_WAIT_STEP_MS = 100  # so that a waiting main thread sees an interrupt


@dataclass(frozen=True, slots=True)
class StorageSizes:
    """How much a node keeps where, in bytes.

    Attributes:
        wal_segment_bytes: of one file of the write-ahead log.
        memtable_bytes: of records in memory above which a checkpoint is due.
        wal_checkpoint_bytes: a checkpoint is also due when so much was logged since the last.
        snapshot_chunk_bytes: of a snapshot, sent in one message.
        retained_log_bytes: of entries in memory for followers that lag.
        watch_buffer_bytes: of the newest changes in memory, for KV.WATCH; 0: none.
        min_free_disk_bytes: with less free, writes are refused and reads go on.
    """

    wal_segment_bytes: int = 64 << 20
    memtable_bytes: int = 64 << 20
    wal_checkpoint_bytes: int = 256 << 20
    snapshot_chunk_bytes: int = 1 << 20
    retained_log_bytes: int = 32 << 20
    watch_buffer_bytes: int = 16 << 20
    min_free_disk_bytes: int = 64 << 20


def _stop_here(native: _core.node.Node, owner: int) -> None:
    # A fork has no threads to stop.
    if os.getpid() == owner:
        native.stop_now()


class Node:
    """One node of a cluster. A context manager: entering starts it, leaving stops it.

    After `stop` it can be started again, on the same directory.

    Args:
        id: its number in the cluster, 1 or more.
        data_dir: its directory, made when missing; held by one process at a time.
        host: where it listens, for clients, peers and HTTP.
        advertise: the name or address at which peers and clients reach it; None: `host`.
        port: for clients and peers; 0: one that the kernel picks.
        peer_port: a port of its own for peers; None: that for clients.
        http_port: for /metrics, /healthz, /readyz and /status; None: none; 0: any.
        peers: the other first members: their ids, and host and port where they take peers.
        bootstrap: makes the cluster at once, though peers may be unreachable.
        follower_mode: what it does with a command while another leads.
        password: what clients must give; needed when `host` is not of this machine alone.
        priority: the larger one is preferred as the leader.
        election_timeout_ms: the shortest and the longest.
        heartbeat_ms: between two signs of life of a leader.
        request_timeout_ms: how long a write may wait for its commit.
        leader_wait_ms: how long a command waits for a leader; None: twice the longest election
            timeout.
        seed: of election timeouts; None: from the operating system.
        limits: of one command.
        client_limits: of one client.
        storage: sizes on disk and in memory.
        log_level: trace, debug, info, warn, error, critical or off.
        log_json: lines are JSON, not text.
        log_file: where the log goes; None: standard error.
    """

    def __init__(
        self,
        id: int,
        *,
        data_dir: Path | str,
        host: str = "127.0.0.1",
        advertise: str | None = None,
        port: int = 0,
        peer_port: int | None = None,
        http_port: int | None = None,
        peers: Mapping[int, tuple[str, int]] = MappingProxyType({}),
        bootstrap: bool = False,
        follower_mode: Literal["proxy", "redirect", "reject"] = "proxy",
        password: str | None = None,
        priority: int = 0,
        election_timeout_ms: tuple[int, int] = (150, 300),
        heartbeat_ms: int = 50,
        request_timeout_ms: int = 5000,
        leader_wait_ms: int | None = None,
        seed: int | None = None,
        limits: Limits | None = None,
        client_limits: ClientLimits | None = None,
        storage: StorageSizes | None = None,
        log_level: str = "warn",
        log_json: bool = False,
        log_file: Path | str | None = None,
    ) -> None:
        shortest_ms, longest_ms = election_timeout_ms
        sizes = storage or StorageSizes()
        self._options = NodeOptions(
            id,
            str(data_dir),
            host=host,
            advertise=advertise or "",
            port=port,
            peer_port=peer_port,
            http_port=http_port,
            peers=tuple(PeerAddress(peer, *where) for peer, where in sorted(peers.items())),
            bootstrap=bootstrap,
            follower_mode=FollowerMode[follower_mode.upper()],
            password=password or "",
            client_limits=client_limits or ClientLimits(),
            limits=limits or Limits(),
            request_timeout_us=request_timeout_ms * _MS_US,
            leader_wait_us=(leader_wait_ms or 0) * _MS_US,
            priority=priority,
            election_timeout_min_us=shortest_ms * _MS_US,
            election_timeout_max_us=longest_ms * _MS_US,
            heartbeat_interval_us=heartbeat_ms * _MS_US,
            seed=seed or 0,
            log_level=log_level,
            log_format=LogFormat.JSON if log_json else LogFormat.TEXT,
            log_file=str(log_file or ""),
            wal_segment_bytes=sizes.wal_segment_bytes,
            memtable_bytes=sizes.memtable_bytes,
            wal_checkpoint_bytes=sizes.wal_checkpoint_bytes,
            snapshot_chunk_bytes=sizes.snapshot_chunk_bytes,
            retained_log_bytes=sizes.retained_log_bytes,
            watch_buffer_bytes=sizes.watch_buffer_bytes,
            min_free_disk_bytes=sizes.min_free_disk_bytes,
        )
        self._turn = threading.Lock()  # starting or stopping
        self._native: _core.node.Node | None = None
        self._reason: str | None = None  # why it ended by itself, once it is let go

    def start(self) -> Self:
        """Recovers what the directory holds, listens, and returns; it looks for its cluster alone.

        Raises:
            RuntimeError: it was started before and not stopped.
            ValueError: its options contradict each other, or `host` can be reached by other
                machines and there is no password.
            StorageError: the directory is another node's, newer, or refused by the system.
            Corruption: what it holds is damaged.
            Unavailable: the directory or a port is held by another process.
        """
        with self._turn:
            if self._native is not None:
                raise RuntimeError("the node was started before: stop it first")
            self._reason = None
            self._native = native = _core.node.Node(self._options)
            # Threads must not outlive the interpreter.
            self._finalizer = weakref.finalize(self, _stop_here, native, os.getpid())
        return self

    def stop(self) -> None:
        """Hands the leadership over (a second at most), answers what it can, and ends.

        On a node that does not run: nothing.

        Raises:
            NodeFailed: it had ended by itself before.
        """
        self._let_go(_core.node.Node.stop)

    def kill(self) -> None:
        """Ends at once, without handing over or answering; acknowledged writes are durable."""
        self._let_go(_core.node.Node.stop_now)

    def wait(self, *, timeout_ms: int | None = None) -> bool:
        """Waits until the node has ended, by `stop` in another thread for instance.

        Returns:
            Whether it has ended in time; a node that was never started has.

        Raises:
            NodeFailed: it ended by itself.
        """
        native = self._native
        if native is None:
            self._raise_failure()
            return True
        while timeout_ms is None or timeout_ms > 0:
            now_ms = _WAIT_STEP_MS if timeout_ms is None else min(_WAIT_STEP_MS, timeout_ms)
            if native.wait_for(now_ms):
                self._raise_failure()
                return True
            timeout_ms = None if timeout_ms is None else timeout_ms - now_ms
        return False

    def transfer_leadership(self, *, to: int | None = None) -> None:
        """Hands the leadership to a member, or to the best follower; nothing when it does not lead.

        Raises:
            NodeFailed: the node ended by itself.
            Unavailable: it does not run.
        """
        self._running().transfer_leadership(to or 0)

    def status(self) -> NodeStatus:
        """A consistent picture of the node.

        Raises:
            NodeFailed: the node ended by itself.
            Unavailable: it does not run.
        """
        return self._running().status()

    def why(self) -> str:
        """Why there is no leader, or why a write waits, in plain words; raises as `status`."""
        return self._running().why()

    @property
    def id(self) -> int:
        """Its number in the cluster."""
        return self._options.id

    @property
    def data_dir(self) -> Path:
        """Its directory."""
        return Path(self._options.data_dir)

    @property
    def running(self) -> bool:
        """Whether it was started and has not ended."""
        native = self._native
        return native is not None and native.running

    @property
    def failed(self) -> NodeFailed | None:
        """Why it ended by itself; None: it did not."""
        native = self._native
        reason = self._reason if native is None else native.failed
        return NodeFailed(f"node {self.id}: {reason}") if reason is not None else None

    @property
    def port(self) -> int:
        """Where clients connect; raises as `status`."""
        return self._running().client_port

    @property
    def peer_port(self) -> int:
        """Where peers connect; raises as `status`."""
        return self._running().peer_port

    @property
    def http_port(self) -> int | None:
        """For metrics and health; None: none. Raises as `status`."""
        return self._running().http_port or None

    @property
    def address(self) -> str:
        """host:port for clients; raises as `status`."""
        return f"{self._options.advertise or self._options.host}:{self.port}"

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            self.stop()
        except NodeFailed:
            if value is None:
                raise

    def __repr__(self) -> str:
        what = "failed" if self.failed else "running" if self.running else "stopped"
        return f"<Node {self.id} {what} {self._options.data_dir}>"

    def _running(self) -> _core.node.Node:
        self._raise_failure()
        native = self._native
        if native is None:
            raise Unavailable(f"node {self.id} does not run")
        return native

    def _raise_failure(self) -> None:
        if (failure := self.failed) is not None:
            raise failure

    def _let_go(self, end: Callable[[_core.node.Node], None]) -> None:
        with self._turn:
            native = self._native
            if native is None:
                return
            end(native)
            self._finalizer.detach()
            self._reason = native.failed
            self._native = None
        self._raise_failure()


__all__ = [
    "ClientLimits",
    "FollowerMode",
    "Limits",
    "LogFormat",
    "MemberStatus",
    "Node",
    "NodeStatus",
    "PeerAddress",
    "Phase",
    "RootStatus",
    "StorageSizes",
    "StorageStatus",
]
