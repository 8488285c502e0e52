"""A cluster of real `kvstore` processes on this machine, with everything that can happen to them.

>>> with LocalCluster(nodes=3) as cluster:  # doctest: +SKIP
...     client = cluster.client()
...     client.put("k", "v")
...     cluster.kill(cluster.leader())
...     cluster.wait_for_leader()
...     client.get("k")
b'v'
"""

from __future__ import annotations

import atexit
import secrets
import shutil
import signal
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Literal

from kvcluster.binaries import find_binary
from kvcluster.cluster_faults import ClusterFaults
from kvcluster.directory import Address
from kvcluster.disk_faults import LIBRARY, DiskFaults
from kvcluster.errors import NodeFailed
from kvcluster.guard import Guard
from kvcluster.link_proxy import LinkProxy
from kvcluster.namespaces import NamespaceNetwork
from kvcluster.node_process import NodeProcess, plan_node, wait_until_gone
from kvcluster.ports import ReservedPort
from kvcluster.timeline import timeline_text

_STOP_SECONDS = 10.0


class LocalCluster(ClusterFaults):
    """Starts, harms, heals and ends the nodes of one cluster. Leaves no process and no file behind,
    even when this process is killed.

    Args:
        nodes: how many; they have the ids 1 to `nodes`.
        directory: for data and logs; it is kept. Without it a temporary one is made and removed.
        keep_logs: copy the logs there at the end.
        faults: send the peers' connections through links that can fail, and the nodes' writes
            through a library that can make them fail (`ClusterFaults`). Both cost some speed;
            switch them off to measure.
        network: what the links are. `proxy` needs nothing; `namespaces` gives every node a network
            namespace of its own, needs root and the program `ip`, and cuts links in the kernel; it
            has no delays and the like. The nodes have a password then, which `client` knows.
        seed: of the chance in links that lose and corrupt.
        follower_mode: `proxy`, `redirect` or `reject`.
        election_timeout_ms: shortest and longest.
        heartbeat_ms: between a leader's signs of life.
        options: more flags for every node, `{"log-level": "debug"}` for instance.
        node_options: more flags for single nodes, by id.
        detached: give the nodes sessions of their own, so that an interrupt that is typed at the
            terminal does not reach them.
        bin_dir: where `kvstore` is; by default it is looked for, see `kvcluster.binaries`.

    Not safe between threads, but for `client` and `async_client`.
    """

    def __init__(
        self,
        nodes: int = 3,
        *,
        directory: str | Path | None = None,
        keep_logs: str | Path | None = None,
        faults: bool = True,
        network: Literal["proxy", "namespaces"] = "proxy",
        seed: int = 0,
        follower_mode: str = "proxy",
        election_timeout_ms: tuple[int, int] = (150, 300),
        heartbeat_ms: int = 50,
        options: Mapping[str, str | int] | None = None,
        node_options: Mapping[int, Mapping[str, str | int]] | None = None,
        detached: bool = False,
        bin_dir: str | Path | None = None,
    ) -> None:
        if nodes < 1:
            raise ValueError("a cluster has at least one node")
        file = (options or {}).get("requirepass-file")
        password = Path(str(file)).read_text().splitlines()[0] if file is not None else None
        super().__init__(range(1, nodes + 1), password=password)
        self._program = Path(bin_dir) / "kvstore" if bin_dir is not None else find_binary("kvstore")
        self._flags: dict[str, str | int] = {
            "follower-mode": follower_mode,
            "election-timeout-ms": f"{election_timeout_ms[0]}-{election_timeout_ms[1]}",
            "heartbeat-ms": heartbeat_ms,
            "log-format": "json",
            **(options or {}),
        }
        self._node_flags = node_options or {}
        self._keep_logs = Path(keep_logs) if keep_logs is not None else None
        self._wanted_directory = Path(directory) if directory is not None else None
        self._faults = faults
        self._network = network
        self._seed = seed
        self._detached = detached
        self._ports: dict[int, ReservedPort] = {}
        self._peer_ports: dict[int, ReservedPort] = {}
        self._guard: Guard | None = None
        self._started = False

    # --- life ---

    def start(self, *, timeout: float = 20.0) -> LocalCluster:
        """Starts all nodes and waits until one of them leads.

        Raises:
            NodeFailed: a node ended by itself; the message has its last words.
            Timeout: no leader within `timeout` seconds.
        """
        if self._started:
            raise ValueError("this cluster was started already; use restart() for its nodes")
        self._started = True
        atexit.register(self.close)
        try:
            self._prepare()
            for node in self.ids:
                self._launch(node)
            self.wait_for_leader(timeout=timeout)
        except BaseException:
            self.close()
            raise
        return self

    def close(self) -> None:
        """Ends all nodes at once and removes what is not to be kept. Again: nothing."""
        atexit.unregister(self.close)
        for probe in self._probes.values():
            probe.close()
        for process in self._processes.values():
            process.kill()
        if self._links is not None:
            self._links.close()
            self._links = None
        for disk in self._disks.values():
            disk.close()
        self._disks.clear()
        for port in (*self._ports.values(), *self._peer_ports.values()):
            port.release()
        if self._guard is not None:
            self._save_logs()
            self._guard.close()  # removes the temporary directory
            self._guard = None

    def __enter__(self) -> LocalCluster:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    # --- what may happen ---

    def kill(self, node: int) -> None:
        """SIGKILL: the node is gone without a word."""
        self._forget(node)
        self._act(node, "killed", f"node {node} killed with SIGKILL")
        self._processes[node].kill()

    def stop(self, node: int) -> int:
        """SIGTERM: the node hands its leadership over and ends. Its exit code."""
        self._forget(node)
        self._act(node, "terminated", f"node {node} asked to stop with SIGTERM")
        return self._processes[node].terminate(_STOP_SECONDS)

    def pause(self, node: int) -> None:
        """SIGSTOP: the node keeps its connections and does nothing."""
        self._act(node, "paused", f"node {node} paused with SIGSTOP")
        self._processes[node].pause()

    def resume(self, node: int) -> None:
        """SIGCONT, after `pause`."""
        self._act(node, "resumed", f"node {node} resumed with SIGCONT")
        self._processes[node].resume()

    def restart(self, node: int) -> None:
        """Starts the node again on its data; one that still runs is killed first."""
        if self._processes[node].running:
            self.kill(node)
        self._act(node, "restarted", f"node {node} started again")
        self._launch(node)

    def kill_all(self) -> None:
        """SIGKILL to all nodes, as close together as can be: a power cut, but for the disks."""
        for node in self.running:
            self._forget(node)
            self._act(node, "killed", f"node {node} killed with SIGKILL")
            self._processes[node].send_signal(signal.SIGKILL)
        wait_until_gone(list(self._processes.values()), _STOP_SECONDS)

    def save_evidence(self, folder: str | Path) -> None:
        """Copies the logs of the nodes as they are now, and writes the timeline, for a report."""
        self._copy_logs(Path(folder))
        events = self.timeline() if self._specs else []
        began = events[0].time if events else 0.0
        (Path(folder) / "timeline.txt").write_text(timeline_text(events, began))

    # --- inside ---

    def _prepare(self) -> None:
        self._guard = Guard()
        if self._wanted_directory is None:
            self._directory = Path(tempfile.mkdtemp(prefix="kvcluster-"))
            self._guard.remove(self._directory)
        else:
            self._directory = self._wanted_directory.resolve()
            self._directory.mkdir(parents=True, exist_ok=True)
        self._ports = {node: ReservedPort() for node in self.ids}
        ports = {node: port.number for node, port in self._ports.items()}
        peers = self._prepare_links(ports)
        for node in self.ids:
            flags = {**self._flags, **self._node_flags.get(node, {})}
            if node in self._peer_ports:
                flags["peer-port"] = self._peer_ports[node].number
            spaces = self._links if isinstance(self._links, NamespaceNetwork) else None
            self._specs[node] = plan_node(
                node,
                program=self._program,
                directory=self._directory,
                port=ports[node],
                peers=peers[node],
                host=spaces.host(node) if spaces is not None else "127.0.0.1",
                prefix=spaces.prefix(node) if spaces is not None else (),
                flags=flags,
            )
        if self._faults:
            self._prepare_disks()

    def _prepare_links(self, ports: Mapping[int, int]) -> dict[int, dict[int, Address]]:
        """Where each node reaches each other one."""

        def reached(address: Callable[[int, int], Address]) -> dict[int, dict[int, Address]]:
            others = {node: [o for o in self.ids if o != node] for node in self.ids}
            return {node: {o: address(node, o) for o in others[node]} for node in self.ids}

        if self._network == "namespaces" and self._guard is not None:
            spaces = self._links = NamespaceNetwork(self.ids, self._guard)
            self._make_password()
            return reached(lambda _, other: (spaces.host(other), ports[other]))
        if not self._faults or len(self.ids) == 1:
            return reached(lambda _, other: ("127.0.0.1", ports[other]))
        self._peer_ports = {node: ReservedPort() for node in self.ids}
        peer_ports = {node: port.number for node, port in self._peer_ports.items()}
        proxy = self._links = LinkProxy(peer_ports, seed=self._seed)
        return reached(lambda node, other: ("127.0.0.1", proxy.port(node, other)))

    def _make_password(self) -> None:
        """A node is reached beyond loopback only with one."""
        if self._password is None:
            self._password = secrets.token_hex(16)
            file = self._directory / "password"
            file.touch(mode=0o600)
            file.write_text(self._password + "\n")
            self._flags["requirepass-file"] = str(file)

    def _prepare_disks(self) -> None:
        beside = self._program.with_name(LIBRARY)
        for node in self.ids:
            data = self._specs[node].data_dir
            data.mkdir(parents=True, exist_ok=True, mode=0o700)
            try:
                self._disks[node] = DiskFaults(
                    data,
                    self._directory / f"node-{node}.disk",
                    library=beside if beside.is_file() else None,
                )
            except NodeFailed as error:
                self._no_disks = str(error)
                return

    def _launch(self, node: int) -> None:
        disk = self._disks.get(node)
        process = NodeProcess(
            self._specs[node],
            detached=self._detached,
            environment=disk.environment if disk is not None else None,
        )
        if disk is None or not disk.fails:
            self._doomed.discard(node)
        self._processes[node] = process
        if self._guard is not None:
            self._guard.watch(process.pid)

    def _forget(self, node: int) -> None:
        """The node will end because it is told to."""
        if self._guard is not None:
            self._guard.forget(self._processes[node].pid)

    def _save_logs(self) -> None:
        if self._keep_logs is not None:
            self._copy_logs(self._keep_logs)

    def _copy_logs(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        for log in self._directory.glob("node-*.log"):
            shutil.copy(log, folder / log.name)
