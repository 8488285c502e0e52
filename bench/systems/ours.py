"""kvcluster: three nodes, as `LocalCluster` starts them without faults."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from bench.load import Load, Sample, measure
from bench.systems.base import Running, System
from kvcluster import LocalCluster
from kvcluster.binaries import find_binary
from kvcluster.errors import NodeFailed


class OursRunning(Running):
    """Nodes that may be killed and restarted while they run."""

    def __init__(self, cluster: LocalCluster, directory: Path) -> None:
        self.cluster = cluster
        self._directory = directory

    @property
    def pids(self) -> list[int]:
        return [self.cluster.pid(node) for node in self.cluster.running]

    def drive(self, load: Load) -> Sample:
        if load.filled:
            self._run(load.fill())
        return self._run(load)

    def addresses(self, target: str) -> list[str]:
        """The arguments of kv_bench that say where to."""
        nodes = self.cluster.nodes
        if target == "followers":
            leader = self.cluster.address(self.cluster.wait_for_leader())
            nodes = [node for node in nodes if node != leader]
        where = "leader" if target == "leader" else "all"
        return ["--nodes", ",".join(nodes), "--target", where]

    def _run(self, load: Load) -> Sample:
        words = [*self.addresses(load.target), *load.words()]
        return measure(
            self.pids,
            self._directory,
            lambda figures: [find_binary("kv_bench"), *words, "--json", figures],
        )


class Ours(System):
    """Three nodes with their defaults, but for `options`."""

    nodes = 3
    durability = "on the disks of a majority of three (fdatasync); reads are linearizable"
    how = (
        "kvstore --id 1 --port PORT --peers 2@127.0.0.1:PORT,3@127.0.0.1:PORT --data-dir DIR "
        "(three of them) ; kv_bench --nodes ADDRESS,ADDRESS,ADDRESS ..."
    )

    def __init__(self, options: Mapping[str, str | int] | None = None) -> None:
        self._options = dict(options or {})

    def missing(self) -> str | None:
        try:
            find_binary("kvstore"), find_binary("kv_bench")
        except NodeFailed as error:
            return str(error)
        return None

    def version(self) -> str:
        done = subprocess.run(
            [find_binary("kvstore"), "--version"], capture_output=True, text=True, check=True
        )
        return done.stdout.split()[-1]

    @contextmanager
    def running(self, directory: Path) -> Iterator[OursRunning]:
        with LocalCluster(
            nodes=self.nodes,
            directory=directory,
            faults=False,
            options={"log-format": "json", **self._options},
        ) as cluster:
            cluster.wait_for_convergence()
            yield OursRunning(cluster, directory)
