"""One load on one system, and what it came to."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from bench.process import (
    BenchError,
    children_cpu_seconds,
    cpu_seconds,
    machine_busy_seconds,
    peak_rss_bytes,
)

_FILL_CONNECTIONS = 10
_FILL_DEPTH = 100
_GENERATOR_SECONDS = 1800


@dataclass(frozen=True, slots=True)
class Load:
    """What clients do.

    Attributes:
        command: `set`, `get`, `mix`, `fill`, or `ycsb-a` to `ycsb-f`.
        connections: how many.
        depth: commands of a connection on the way at a time.
        rate: commands a second over all connections; 0: a closed loop.
        target: `leader`, or `all` nodes in turn, or `followers`.
        filled: put all keys there first.
    """

    command: str = "set"
    connections: int = 50
    depth: int = 1
    value_bytes: int = 100
    keys: int = 100_000
    rate: float = 0
    warmup_s: float = 1.0
    duration_s: float = 5.0
    target: str = "leader"
    filled: bool = False

    def words(self) -> list[str]:
        """The arguments of kv_bench, without those that say where to."""
        command = (
            ["--ycsb", self.command[-1]]
            if self.command.startswith("ycsb-")
            else ["--command", self.command]
        )
        words = [*command, "-c", str(self.connections), "-P", str(self.depth)]
        words += ["--keys", str(self.keys), "--value-bytes", str(self.value_bytes)]
        words += ["--warmup", f"{self.warmup_s:g}", "--duration", f"{self.duration_s:g}"]
        if self.rate:
            words += ["--rate", f"{self.rate:.0f}"]
        return words

    def fill(self) -> Load:
        """The load that puts all keys there."""
        return replace(
            self, command="fill", connections=_FILL_CONNECTIONS, depth=_FILL_DEPTH, rate=0
        )


@dataclass(frozen=True, slots=True)
class Sample:
    """One run.

    Attributes:
        latency_us: by `p50`, `p90`, `p99`, `p99.9` and `max`.
        cpu_per_1000: CPU seconds of all server processes for 1000 operations.
        rss_bytes: the most memory all server processes ever held.
        strangers: the share of the machine's processors that others used; None: unknown.
        fields: all that the generator said.
    """

    operations_per_second: float
    latency_us: dict[str, float]
    cpu_per_1000: float
    rss_bytes: int
    errors: int
    strangers: float | None = None
    fields: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)


Generate = Callable[[Path], Sequence[str | Path]]


def measure(pids: Iterable[int], directory: Path, command: Generate) -> Sample:
    """Runs a generator, whose words are `command(file for its JSON)`, and watches the servers.

    Raises:
        BenchError: the generator failed, or a request did.
    """
    figures = directory / "load.json"
    watched = list(pids)
    before, busy, generator = cpu_seconds(watched), machine_busy_seconds(), children_cpu_seconds()
    began = time.monotonic()
    words = [str(word) for word in command(figures)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=_GENERATOR_SECONDS)
    if done.returncode != 0:
        said = (done.stdout + done.stderr).strip().splitlines()
        raise BenchError(f"{Path(words[0]).name}: {' / '.join(said[-4:]) or 'failed'}")
    elapsed = time.monotonic() - began
    used = cpu_seconds(watched) - before
    own = used + children_cpu_seconds() - generator
    sample = sample_of(json.loads(figures.read_text()), used, peak_rss_bytes(watched))
    strangers = (machine_busy_seconds() - busy - own) / (elapsed * (os.cpu_count() or 1))
    return replace(sample, strangers=max(strangers, 0.0))


def sample_of(figures: dict[str, Any], cpu: float, rss: int) -> Sample:
    """Reads what a generator wrote.

    Raises:
        BenchError: nothing was answered.
    """
    if not figures["operations"]:
        raise BenchError("nothing was answered")
    return Sample(
        operations_per_second=figures["operations_per_second"],
        latency_us=figures["latency_us"],
        cpu_per_1000=cpu / figures["operations_in_all"] * 1000,
        rss_bytes=rss,
        errors=figures["errors"],
        fields=figures,
    )
