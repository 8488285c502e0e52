"""Runs cases in rounds: each round puts each load on each of its systems once, one after the other,
so that a slow minute of the machine is a slow minute for all of them."""

from __future__ import annotations

import shutil
import statistics
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from bench.cases import Case
from bench.load import Sample
from bench.process import BenchError
from bench.systems import System

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Spread:
    """What several runs came to."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        return cls(statistics.median(values), min(values), max(values))


@dataclass(slots=True)
class Results:
    """All samples, by case and system, in the order of the rounds.

    Attributes:
        skipped: why a system was left out, by its name.
        failed: runs that came to nothing: case, system, why.
    """

    cases: list[Case]
    samples: dict[tuple[str, str], list[Sample]] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    failed: list[tuple[str, str, str]] = field(default_factory=list)

    def spread(self, case: str, system: str, what: Callable[[Sample], float]) -> Spread | None:
        """Over all rounds; None when it was not measured."""
        samples = self.samples.get((case, system))
        return Spread.of([what(sample) for sample in samples]) if samples else None

    def strangers(self) -> Spread | None:
        """The share of the machine that others used, over all runs."""
        samples = (sample for samples in self.samples.values() for sample in samples)
        shares = [sample.strangers for sample in samples if sample.strangers is not None]
        return Spread.of(shares) if shares else None

    def ratio(
        self, case: str, ours: str, other: str, what: Callable[[Sample], float]
    ) -> float | None:
        """The median of one over the median of the other; None when one was not measured."""
        a, b = self.spread(case, ours, what), self.spread(case, other, what)
        return a.median / b.median if a is not None and b is not None and b.median else None


def rate(sample: Sample) -> float:
    return sample.operations_per_second


def p50_us(sample: Sample) -> float:
    return sample.latency_us["p50"]


def latency_ms(which: str) -> Callable[[Sample], float]:
    return lambda sample: sample.latency_us[which] / 1000


def cpu(sample: Sample) -> float:
    return sample.cpu_per_1000


def run_once(system: System, case: Case, scratch: Path) -> Sample:
    """Starts the system on an empty directory, puts the load on it, ends it.

    Raises:
        BenchError, OSError, KvError: it came to nothing.
    """
    directory = Path(tempfile.mkdtemp(prefix=f"{case.name}-", dir=scratch))
    try:
        with system.running(directory) as running:
            sample = running.drive(case.load)
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    if sample.errors:
        raise BenchError(f"{sample.errors} requests failed")
    return sample


def run_rounds(
    cases: Sequence[Case],
    systems: dict[str, System],
    *,
    rounds: int,
    warmup_s: float,
    duration_s: float,
    scratch: Path,
    say: Say,
) -> Results:
    """Runs all cases `rounds` times; a run that fails is noted, and the others go on."""
    results = Results([])
    for case in cases:
        load = replace(case.load, warmup_s=warmup_s, duration_s=duration_s)
        results.cases.append(replace(case, load=load))
    wanted = {name for case in results.cases for name in case.systems}
    for name in sorted(wanted):
        why = systems[name].missing()
        if why is None:
            results.versions[name] = systems[name].version()
        else:
            results.skipped[name] = why
            say(f"skipping {name}: {why}")
    for number in range(rounds):
        for case in results.cases:
            for name in case.systems:
                if name in results.skipped:
                    continue
                try:
                    sample = run_once(systems[name], case, scratch)
                except Exception as error:
                    # Another system's trouble must not end hours of measuring; it is reported.
                    results.failed.append((case.name, name, str(error)))
                    say(f"round {number + 1}: {case.title}: {name} FAILED: {error}")
                    continue
                results.samples.setdefault((case.name, name), []).append(sample)
                say(
                    f"round {number + 1}: {case.title}: {name}: "
                    f"{sample.operations_per_second:,.0f}/s, p50 {sample.latency_us['p50']:,.0f} us"
                )
    return results
