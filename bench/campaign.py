"""A whole run: the comparisons in rounds, then what is measured of ours alone, then verdicts."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from bench.cases import SET_P16, SET_P64, Case, main_cases, more_cases
from bench.experiments.checkpoints import measure_checkpoints
from bench.experiments.large_data import measure_large_data
from bench.experiments.many_keys import measure_many_keys
from bench.experiments.open_loop import measure_open_loop
from bench.experiments.outages import measure_outages
from bench.experiments.python_client import measure_python_client
from bench.experiments.recovery import measure_recovery
from bench.goals import OUTAGE_GOALS, Goal, Singles, goals
from bench.load import Load
from bench.process import BenchError
from bench.rounds import Results, Say, rate, run_rounds
from bench.systems import OURS, System, all_systems
from kvcluster.errors import KvError

CHECKPOINT, RECOVERY, LARGE_DATA = "checkpoint", "recovery", "large-data"
OPEN_LOOP, MANY_KEYS, PYTHON_CLIENT = "open-loop", "many-keys", "python-client"


def failover_name(how: str) -> str:
    return f"failover-{how.lower().replace(' ', '-')}"


@dataclass(slots=True)
class Plan:
    """What to run, and how much of it.

    Attributes:
        trials: how often the leader is lost, by what happens to it.
        experiments: those of ours alone, by name.
    """

    rounds: int
    warmup_s: float
    duration_s: float
    cases: list[Case]
    trials: dict[str, int]
    memtable_bytes: int
    checkpoint_keys: int
    checkpoint_s: float
    recovery_entries: tuple[int, ...]
    many_keys: int
    experiments: list[str] = field(
        default_factory=lambda: [
            *(failover_name(how) for how in OUTAGE_GOALS),
            RECOVERY,
            LARGE_DATA,
            CHECKPOINT,
            OPEN_LOOP,
            PYTHON_CLIENT,
            MANY_KEYS,
        ]
    )

    @classmethod
    def quick(cls) -> Plan:
        return cls(
            rounds=3,
            warmup_s=0.5,
            duration_s=1.5,
            cases=main_cases(),
            trials={"SIGKILL": 12, "SIGTERM": 10, "SIGSTOP": 8, "cut link": 6},
            memtable_bytes=8 << 20,
            checkpoint_keys=200_000,
            checkpoint_s=10,
            recovery_entries=(1_000_000,),
            many_keys=300_000,
        )

    @classmethod
    def whole(cls) -> Plan:
        return cls(
            rounds=5,
            warmup_s=1,
            duration_s=5,
            cases=[*main_cases(), *more_cases()],
            trials=dict.fromkeys(OUTAGE_GOALS, 100),
            memtable_bytes=64 << 20,
            checkpoint_keys=1_000_000,
            checkpoint_s=60,
            recovery_entries=(10_000, 1_000_000, 10_000_000),
            many_keys=10_000_000,
        )

    def names(self) -> list[str]:
        return [*(case.name for case in self.cases), *self.experiments]

    def choose(self, names: Sequence[str] | None) -> None:
        """Leaves only these parts.

        Raises:
            BenchError: there is no such part.
        """
        if not names:
            return
        unknown = set(names) - set(self.names())
        if unknown:
            raise BenchError(
                f"there is no {', '.join(sorted(unknown))}; there are: {', '.join(self.names())}"
            )
        self.cases = [case for case in self.cases if case.name in names]
        self.experiments = [name for name in self.experiments if name in names]


@dataclass(slots=True)
class Done:
    """What came of a run."""

    results: Results
    goals: list[Goal]
    systems: dict[str, System]
    singles: Singles


class _Experiments:
    """Runs those that are wanted; one that fails is noted, and the others go on."""

    def __init__(self, plan: Plan, results: Results, scratch: Path, say: Say) -> None:
        self._plan = plan
        self._results = results
        self._scratch = scratch
        self._say = say
        self.singles = Singles(outages={}, notes={})

    def run(self) -> Singles:
        for how in OUTAGE_GOALS:
            self._one(failover_name(how), how, partial(self._outages, how))
        self._one(RECOVERY, RECOVERY, self._recovery)
        self._one(LARGE_DATA, LARGE_DATA, self._large_data)
        self._one(CHECKPOINT, CHECKPOINT, self._checkpoint)
        self._one(OPEN_LOOP, OPEN_LOOP, self._open_loop)
        self._one(PYTHON_CLIENT, PYTHON_CLIENT, self._python_client)
        self._one(MANY_KEYS, MANY_KEYS, self._many_keys)
        return self.singles

    def _one(self, name: str, note: str, experiment: Callable[[], str]) -> None:
        if name not in self._plan.experiments:
            return
        try:
            self._say(f"{name}: {experiment()}")
        except (BenchError, KvError, OSError) as error:
            (self.singles.notes or {})[note] = str(error).splitlines()[0]
            self._say(f"{name} FAILED: {error}")

    def _directory(self) -> Path:
        return Path(tempfile.mkdtemp(dir=self._scratch))

    def _outages(self, how: str) -> str:
        found = measure_outages(how, self._plan.trials[how], self._directory())
        self.singles.outages[how] = found
        return f"p50 {found.p50:.0f} ms, p99 {found.p99:.0f} ms, max {found.most:.0f} ms"

    def _recovery(self) -> str:
        for entries in self._plan.recovery_entries:
            self.singles.recovery_s[entries] = measure_recovery(entries, self._directory())
        told = (f"{entries:,} in {s:.2f} s" for entries, s in self.singles.recovery_s.items())
        return ", ".join(told)

    def _large_data(self) -> str:
        load = Load(depth=16, warmup_s=self._plan.warmup_s, duration_s=self._plan.duration_s)
        self.singles.large_data_ratio = measure_large_data(
            self._plan.memtable_bytes, self._plan.rounds, load, self._directory, self._say
        )
        return f"ratio {self.singles.large_data_ratio:.2f}"

    def _peak(self) -> float:
        spreads = [self._results.spread(case, OURS, rate) for case in (SET_P64, SET_P16)]
        peak = max((spread.median for spread in spreads if spread), default=0)
        if not peak:
            raise BenchError(f"the peak is unknown: {SET_P64} was not measured in this run")
        return peak

    def _open_loop(self) -> str:
        plan = self._plan
        self.singles.open_loop = measure_open_loop(
            self._peak(), plan.warmup_s, plan.duration_s, self._directory()
        )
        return ", ".join(
            f"{one.share:.0%}: p99 {one.latency_ms['p99']:.1f} ms" for one in self.singles.open_loop
        )

    def _python_client(self) -> str:
        found = measure_python_client(self._plan.duration_s, self._directory())
        self.singles.python_client = found
        return ", ".join(f"{how}: {speed:,.0f}/s" for how, speed in found.items())

    def _many_keys(self) -> str:
        plan = self._plan
        found = measure_many_keys(
            plan.many_keys, self._peak() / 2, plan.duration_s, self._directory()
        )
        self.singles.many_keys = found
        return (
            f"{found.rss_bytes_a_key:.0f} B of memory and {found.disk_bytes_a_key:.0f} B of disk "
            f"a key, p99.9 {found.rejoin_p999_ms:.1f} ms while a node rejoined"
        )

    def _checkpoint(self) -> str:
        peak = self._peak()
        self.singles.checkpoint_p999_ms = measure_checkpoints(
            peak / 2, self._plan.checkpoint_keys, self._plan.checkpoint_s, self._directory()
        )
        return f"p99.9 {self.singles.checkpoint_p999_ms:.2f} ms at {peak / 2:,.0f}/s"


def run_campaign(plan: Plan, scratch: Path, say: Say) -> Done:
    """Runs all of the plan in the directory `scratch`."""
    systems = all_systems()
    results = run_rounds(
        plan.cases,
        systems,
        rounds=plan.rounds,
        warmup_s=plan.warmup_s,
        duration_s=plan.duration_s,
        scratch=scratch,
        say=say,
    )
    singles = _Experiments(plan, results, scratch, say).run()
    return Done(results, goals(results, singles), systems, singles)
