"""PySyncObj: three Python processes with a replicated dictionary; the leader is its own client."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.load import Load, Sample, sample_of
from bench.process import BenchError, Processes, cpu_seconds, peak_rss_bytes
from bench.systems.base import Running, System
from kvcluster.ports import ReservedPort

_NODE = Path(__file__).with_name("pysyncobj_node.py")


class PySyncObjRunning(Running):
    """All processes are asked; whichever leads does the work."""

    def __init__(self, processes: Processes, nodes: list[subprocess.Popen[bytes]]) -> None:
        self._processes = processes
        self._nodes = nodes

    @property
    def pids(self) -> list[int]:
        return self._processes.pids

    def drive(self, load: Load) -> Sample:
        if load.command != "set" or load.rate:
            raise BenchError("PySyncObj is only measured with writes")
        wish = {
            "in_flight": load.connections * load.depth,
            "keys": load.keys,
            "value_bytes": load.value_bytes,
            "warmup_s": load.warmup_s,
            "duration_s": load.duration_s,
        }
        before = cpu_seconds(self.pids)
        answers = [self._ask(node, wish) for node in self._nodes]
        done = [answer for answer in map(self._answer, answers) if answer]
        if not done:
            raise BenchError("no PySyncObj process leads")
        return sample_of(done[0], cpu_seconds(self.pids) - before, peak_rss_bytes(self.pids))

    @staticmethod
    def _ask(node: subprocess.Popen[bytes], wish: dict[str, float]) -> subprocess.Popen[bytes]:
        assert node.stdin is not None
        node.stdin.write(json.dumps(wish).encode() + b"\n")
        node.stdin.flush()
        return node

    @staticmethod
    def _answer(node: subprocess.Popen[bytes]) -> dict[str, object]:
        assert node.stdout is not None
        line = node.stdout.readline()
        if not line:
            raise BenchError("a PySyncObj process ended")
        answer: dict[str, object] = json.loads(line)
        return answer


class PySyncObj(System):
    """Three processes; the load runs inside the leader, so it has no client's round trip."""

    nodes = 3
    durability = "in memory of a majority of three, and in a journal that is not synced"
    how = "bench/systems/pysyncobj_node.py (three of them): ReplDict.set with callbacks"

    def missing(self) -> str | None:
        if importlib.util.find_spec("pysyncobj") is None:
            return "pysyncobj is missing: pip install pysyncobj"
        return None

    def version(self) -> str:
        return importlib.metadata.version("pysyncobj")

    @contextmanager
    def running(self, directory: Path) -> Iterator[PySyncObjRunning]:
        ports = [ReservedPort() for _ in range(self.nodes)]
        names = [f"127.0.0.1:{port.number}" for port in ports]
        processes = Processes()
        try:
            nodes = []
            for number, name in enumerate(names):
                words: list[str | Path] = [
                    sys.executable,
                    "-P",
                    _NODE,
                    directory / f"journal-{number}",
                    name,
                ]
                words += [other for other in names if other != name]
                log = directory / f"pysyncobj-{number}.log"
                nodes.append(processes.start(words, log, talks=True))
            yield PySyncObjRunning(processes, nodes)
        finally:
            processes.close()
            for port in ports:
                port.release()
