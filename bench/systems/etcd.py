"""etcd: three members built from its Go modules, driven through its own client library."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from bench.load import Load, Sample, measure
from bench.process import BenchError, Processes
from bench.systems.base import Running, System
from kvcluster.ports import ReservedPort

_SOURCE = Path(__file__).resolve().parents[1] / "etcd"
_PROGRAM = Path(__file__).resolve().parents[2] / "build" / "bench-etcd" / "etcd"
_OLDEST_GO = (1, 21)  # from here on Go fetches the newer one that the modules ask for


@cache
def _why_missing() -> str | None:
    """Builds the program when it is not there yet."""
    go = shutil.which("go")
    if go is None:
        return "Go is missing; it builds etcd and its client"
    told = subprocess.run([go, "version"], capture_output=True, text=True)
    found = re.search(r"go(\d+)\.(\d+)", told.stdout)
    if found is None or (int(found[1]), int(found[2])) < _OLDEST_GO:
        return f"Go {_OLDEST_GO[0]}.{_OLDEST_GO[1]} or newer is needed to build etcd"
    _PROGRAM.parent.mkdir(parents=True, exist_ok=True)
    built = subprocess.run(
        [go, "build", "-trimpath", "-o", str(_PROGRAM), "."],
        cwd=_SOURCE,
        capture_output=True,
        text=True,
        env={**os.environ, "CGO_ENABLED": "0"},
    )
    if built.returncode != 0:
        return f"etcd cannot be built: {(built.stderr.strip().splitlines() or ['?'])[-1]}"
    return None


class EtcdRunning(Running):
    """Driven through its leader, one connection and one request in flight a client."""

    def __init__(self, processes: Processes, endpoints: list[str], directory: Path) -> None:
        self._processes = processes
        self._endpoints = endpoints
        self._directory = directory

    @property
    def pids(self) -> list[int]:
        return self._processes.pids

    def drive(self, load: Load) -> Sample:
        if load.depth != 1 or load.command not in ("set", "get") or load.rate:
            raise BenchError("etcd's clients have one put or get in flight each")
        words = ["--endpoints", ",".join(self._endpoints), "--clients", str(load.connections)]
        words += ["--keys", str(load.keys), "--value-bytes", str(load.value_bytes)]
        words += ["--warmup", f"{load.warmup_s}s", "--duration", f"{load.duration_s}s"]
        if load.command == "get":
            words.append("--get")
        return measure(
            self.pids,
            self._directory,
            lambda figures: [_PROGRAM, "load", *words, "--json", figures],
        )


class Etcd(System):
    """Three members with their defaults."""

    nodes = 3
    durability = "on the disks of a majority of three (fdatasync); reads are linearizable"
    how = (
        "etcd --name 1 --data-dir DIR --listen-client-urls http://127.0.0.1:PORT "
        "--initial-cluster 1=http://127.0.0.1:PORT,... --log-level error (three of them) ; "
        "bench/etcd: etcd load --endpoints ADDRESS,... --clients C"
    )

    def missing(self) -> str | None:
        return _why_missing()

    def version(self) -> str:
        return subprocess.run(
            [_PROGRAM, "version"], capture_output=True, text=True, check=True
        ).stdout.strip()

    @contextmanager
    def running(self, directory: Path) -> Iterator[EtcdRunning]:
        names = ["1", "2", "3"]
        ports = {name: (ReservedPort(), ReservedPort()) for name in names}
        client = {name: f"http://127.0.0.1:{ports[name][0].number}" for name in names}
        peer = {name: f"http://127.0.0.1:{ports[name][1].number}" for name in names}
        processes = Processes()
        try:
            # Go's listeners set SO_REUSEADDR, so that they may take what is held for them.
            for name in names:
                words: list[str | Path] = ["--name", name, "--data-dir", directory / f"etcd-{name}"]
                words += ["--listen-client-urls", client[name]]
                words += ["--advertise-client-urls", client[name]]
                words += ["--listen-peer-urls", peer[name]]
                words += ["--initial-advertise-peer-urls", peer[name]]
                words += ["--initial-cluster", ",".join(f"{n}={peer[n]}" for n in names)]
                words += ["--log-level", "error"]
                processes.start([_PROGRAM, *words], directory / f"etcd-{name}.log")
            # The generator itself waits for the leader.
            yield EtcdRunning(
                processes, [url.removeprefix("http://") for url in client.values()], directory
            )
        finally:
            processes.close()
            for pair in ports.values():
                for port in pair:
                    port.release()
