"""Figures of one run: how long a failover takes, how long a write, how many fit in a second."""

from __future__ import annotations

import csv
import io
import os
import platform
import shutil
import statistics
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass

from kvcluster.client import Client
from kvcluster.timeline import Event

_DETECTED = frozenset({"leader_lost", "election_timeout"})
_BENCHMARK_SECONDS_MAX = 60.0


@dataclass(frozen=True, slots=True)
class Failover:
    """Milliseconds since the leader was killed.

    Attributes:
        detected_ms: the first survivor noticed.
        detected_by: how: `leader_lost` (its connection closed) or `election_timeout`.
        elected_ms: a survivor became leader.
        writable_ms: a client's first write was acknowledged; None when that was not measured.
    """

    killed: int
    leader: int
    term: int
    detected_ms: float
    detected_by: str
    elected_ms: float
    writable_ms: float | None = None


def failover_of(events: Sequence[Event], killed: int) -> Failover | None:
    """The newest kill of that node, and what the logs say came of it. None: not yet all of it."""
    kills = [event for event in events if event.name == "killed" and event.fields["peer"] == killed]
    if not kills:
        return None
    began = kills[-1].time
    after = [event for event in events if event.time >= began and event.node not in (0, killed)]
    detected = next((event for event in after if event.name in _DETECTED), None)
    elected = next((event for event in after if event.name == "became_leader"), None)
    if detected is None or elected is None or elected.term is None:
        return None
    return Failover(
        killed=killed,
        leader=elected.node,
        term=elected.term,
        detected_ms=(detected.time - began) * 1000,
        detected_by=detected.name,
        elected_ms=(elected.time - began) * 1000,
    )


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds a write, one after another by one client."""

    writes: int
    median_ms: float
    p99_ms: float
    max_ms: float


def write_latency(client: Client, *, writes: int = 1000, value: bytes = b"v" * 100) -> Latency:
    """Writes one after another and takes the time of each."""
    times = []
    for number in range(writes):
        began = time.perf_counter()
        client.put(f"latency:{number % 100}", value)
        times.append((time.perf_counter() - began) * 1000)
    return latency_of(times)


def latency_of(times_ms: Sequence[float]) -> Latency:
    """Of a list of times; at least one."""
    ordered = sorted(times_ms)
    return Latency(
        writes=len(ordered),
        median_ms=statistics.median(ordered),
        p99_ms=ordered[min(len(ordered) - 1, round(len(ordered) * 0.99))],
        max_ms=ordered[-1],
    )


@dataclass(frozen=True, slots=True)
class Throughput:
    """Writes a second, and how they were made."""

    writes_per_second: float
    how: str


def write_throughput(port: int, *, clients: int = 50, depth: int = 16) -> Throughput | None:
    """SETs of 100 bytes by redis-benchmark; None when that is not installed or fails."""
    program = shutil.which("redis-benchmark")
    if program is None:
        return None
    words = f"-p {port} -t set -c {clients} -P {depth} -n 100000 -r 100000 -d 100 --csv".split()
    try:
        done = subprocess.run(
            [program, *words], capture_output=True, text=True, timeout=_BENCHMARK_SECONDS_MAX
        )
    except subprocess.TimeoutExpired:
        return None
    for row in csv.reader(io.StringIO(done.stdout)):
        if len(row) > 1 and row[0] == "SET":
            how = f"redis-benchmark SET, 100 bytes, {clients} clients, pipelines of {depth}"
            return Throughput(float(row[1]), how)
    return None


def machine() -> str:
    """What it was measured on, in a line."""
    system = platform.uname()
    return f"{os.cpu_count()} CPUs, {system.system} {system.release} {system.machine}"
