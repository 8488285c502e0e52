"""Latencies at a fixed part of the peak: an open loop, counted from when each request was due."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bench.load import Load
from bench.systems.ours import Ours

SHARES = (0.25, 0.5, 0.75, 0.9)


@dataclass(frozen=True, slots=True)
class AtRate:
    """What writes took at one rate; milliseconds by `p50`, `p90`, `p99`, `p99.9` and `max`."""

    share: float
    rate: float
    latency_ms: dict[str, float]


def measure_open_loop(
    peak: float, warmup_s: float, duration_s: float, directory: Path
) -> list[AtRate]:
    """One cluster, each share of the peak in turn, from the least.

    Raises:
        BenchError: a request failed.
    """
    found = []
    with Ours().running(directory) as running:
        for share in SHARES:
            rate = peak * share
            load = Load("set", 50, 64, rate=rate, warmup_s=warmup_s, duration_s=duration_s)
            sample = running.drive(load)
            latency = {name: micros / 1000 for name, micros in sample.latency_us.items()}
            found.append(AtRate(share, rate, latency))
    return found
