"""Redis: alone, or a primary with replicas that each batch waits for."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.load import Load, Sample, measure
from bench.process import Processes, ask, wait_until
from bench.systems.base import Running, System
from kvcluster.binaries import find_binary
from kvcluster.ports import ReservedPort


class RedisRunning(Running):
    """Driven through its first node, the primary."""

    def __init__(
        self, processes: Processes, port: int, directory: Path, *, wait_replicas: int
    ) -> None:
        self._processes = processes
        self._port = port
        self._directory = directory
        self._wait_replicas = wait_replicas

    @property
    def pids(self) -> list[int]:
        return self._processes.pids

    def drive(self, load: Load) -> Sample:
        if load.filled:
            self._run(load.fill())
        return self._run(load)

    def _run(self, load: Load) -> Sample:
        words = ["--port", str(self._port), *load.words()]
        if self._wait_replicas and load.command in ("set", "fill"):
            words += ["--wait", str(self._wait_replicas)]
        return measure(
            self.pids,
            self._directory,
            lambda figures: [find_binary("kv_bench"), *words, "--json", figures],
        )


class Redis(System):
    """Without snapshots; with `appendfsync always`, or without any persistence."""

    def __init__(self, *, fsync: bool, replicas: int = 0) -> None:
        self.nodes = 1 + replicas
        self._fsync = fsync
        self._replicas = replicas
        self.durability = {
            (True, 0): "on the disk of the one node (appendfsync always)",
            (False, 0): "in the memory of the one node",
        }.get(
            (fsync, replicas), f"in memory of the primary and one of {replicas} replicas (WAIT 1)"
        )
        words = shlex.join(self._flags())
        self.how = f"redis-server --port PORT {words} ; kv_bench --port PORT ..."
        if replicas:
            self.how += " --wait 1"

    def _flags(self) -> list[str]:
        # A replica need not wait for others that may come.
        fast = ["--repl-diskless-sync-delay", "0"] if self._replicas else []
        durable = ["--appendonly", "yes", "--appendfsync", "always"]
        return ["--save", "", *(durable if self._fsync else ["--appendonly", "no"]), *fast]

    def missing(self) -> str | None:
        if shutil.which("redis-server") is None:
            return "redis-server is missing: apt-get install redis-server"
        return None

    def version(self) -> str:
        done = subprocess.run(
            ["redis-server", "--version"], capture_output=True, text=True, check=True
        )
        return done.stdout.partition("v=")[2].split()[0]

    @contextmanager
    def running(self, directory: Path) -> Iterator[RedisRunning]:
        ports = [ReservedPort() for _ in range(self.nodes)]
        processes = Processes()
        try:
            for number, port in enumerate(ports):
                data = directory / f"redis-{number}"
                data.mkdir()
                words = ["redis-server", "--port", str(port.number), "--bind", "127.0.0.1"]
                words += ["--dir", str(data), *self._flags()]
                if number > 0:
                    words += ["--replicaof", "127.0.0.1", str(ports[0].number)]
                processes.start(words, directory / f"redis-{number}.log")
                self._wait_for(port.number)
            primary = ports[0].number
            wait_until(
                lambda: ask(primary, "INFO", "replication").count("state=online") == self._replicas,
                "the replicas of Redis",
            )
            yield RedisRunning(
                processes, primary, directory, wait_replicas=1 if self._replicas else 0
            )
        finally:
            processes.close()
            for port in ports:
                port.release()

    @staticmethod
    def _wait_for(port: int) -> None:
        wait_until(lambda: ask(port, "PING").startswith("+PONG"), "Redis")
