"""What a data set costs that is larger than the memtable."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from bench.load import Load
from bench.systems.ours import Ours

_BYTES_A_KEY = 116  # a key of 16 bytes and its value


def keys_for(data_bytes: int) -> int:
    return data_bytes // _BYTES_A_KEY


def measure_large_data(
    memtable_bytes: int,
    rounds: int,
    load: Load,
    directory: Callable[[], Path],
    say: Callable[[str], None],
) -> float:
    """Writes a second on a data set of ten memtables over those on half a one, medians."""
    found: dict[int, list[float]] = {}
    sizes = (memtable_bytes // 2, memtable_bytes * 10)
    for _ in range(rounds):
        for size in sizes:
            with Ours({"memtable-bytes": memtable_bytes}).running(directory()) as running:
                sample = running.drive(replace(load, keys=keys_for(size), filled=True))
            found.setdefault(size, []).append(sample.operations_per_second)
            say(f"data of {size >> 20} MiB: {sample.operations_per_second:,.0f}/s")
    inside, beyond = (statistics.median(found[size]) for size in sizes)
    return beyond / inside
