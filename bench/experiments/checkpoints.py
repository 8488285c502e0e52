"""How slow a write can be while the nodes make checkpoints."""

from __future__ import annotations

from pathlib import Path

from bench.load import Load
from bench.process import BenchError
from bench.systems.ours import Ours, OursRunning
from kvcluster.replies import mapping

# A little log brings on a checkpoint, so that nearly all of the measured time has one under way.
_CHECKPOINT_BYTES = 4 << 20


def measure_checkpoints(rate: float, keys: int, duration_s: float, directory: Path) -> float:
    """p99.9 in milliseconds of an open loop of `rate` writes a second, checkpoints on and on.

    Raises:
        BenchError: there was no checkpoint, or a request failed.
    """
    load = Load("set", 50, 64, keys=keys, rate=rate, duration_s=duration_s)
    with Ours({"wal-checkpoint-bytes": _CHECKPOINT_BYTES}).running(directory) as running:
        running.drive(load.fill())
        before = _checkpoints(running)
        sample = running.drive(load)
        if _checkpoints(running) == before:
            raise BenchError("no checkpoint was made meanwhile")
    return sample.latency_us["p99.9"] / 1000


def _checkpoints(running: OursRunning) -> int:
    return sum(
        int(mapping(status.fields["storage"])["checkpoints"])
        for status in running.cluster.statuses().values()
    )
