"""The figures to reach, and whether a run reached them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from bench.cases import GET_P16, SET_C1, SET_P1, SET_P16, SET_P64
from bench.experiments.many_keys import ManyKeys
from bench.experiments.open_loop import AtRate
from bench.load import Sample
from bench.rounds import Results, cpu, p50_us, rate
from bench.systems import ETCD, OURS, REDIS_ALWAYS, REDIS_NONE, REDIS_WAIT


@dataclass(frozen=True, slots=True)
class Goal:
    """One figure.

    Attributes:
        seen: what was measured; None: it was not.
        bound: the figure to reach.
        at_least: whether more is better.
        unit: of both, after the number.
        why_not: why it was not measured, where there is something to say.
    """

    what: str
    seen: float | None
    bound: float
    at_least: bool
    unit: str = ""
    why_not: str = ""

    @property
    def reached(self) -> bool | None:
        if self.seen is None:
            return None
        return self.seen >= self.bound if self.at_least else self.seen <= self.bound

    @property
    def goal_text(self) -> str:
        return f"{'>=' if self.at_least else '<='} {self.bound:g}{self.unit}"

    @property
    def seen_text(self) -> str:
        if self.seen is None:
            return f"not measured{': ' + self.why_not if self.why_not else ''}"
        return f"{self.seen:.2f}" if not self.unit else f"{self.seen:.1f}{self.unit}"

    @property
    def verdict(self) -> str:
        return {None: "-", True: "reached", False: "NOT reached"}[self.reached]


@dataclass(frozen=True, slots=True)
class Outage:
    """How long writes stood still, over many losses of the leader, in milliseconds.

    Attributes:
        longest_wait_ms: of any one request. One that was passed on to a leader before it was lost
            waits for its outcome, while others are acknowledged by the next leader.
    """

    p50: float
    p99: float
    most: float
    times: int
    longest_wait_ms: float


@dataclass(slots=True)
class Singles:
    """What is measured of ours alone; None: not measured.

    Attributes:
        outages: by what was done to the leader.
        open_loop: latencies by rate, from the least.
        recovery_s: by how many entries there were.
        python_client: writes a second by how they are sent.
        notes: why something was not measured, by the name of the experiment.
    """

    outages: dict[str, Outage]
    checkpoint_p999_ms: float | None = None
    large_data_ratio: float | None = None
    open_loop: list[AtRate] = field(default_factory=list)
    recovery_s: dict[int, float] = field(default_factory=dict)
    many_keys: ManyKeys | None = None
    python_client: dict[str, float] = field(default_factory=dict)
    notes: dict[str, str] | None = None


# What is done to the leader -> p50, p99 and the longest, in milliseconds.
OUTAGE_GOALS: Mapping[str, tuple[float, float, float]] = {
    "SIGKILL": (30, 100, 300),
    "SIGTERM": (10, 30, 100),
    "SIGSTOP": (350, 600, 1000),
    "cut link": (350, 600, 1000),
}


def _throughput_goals(results: Results) -> list[Goal]:
    def ratio(what: str, case: str, other: str, bound: float) -> Goal:
        return Goal(what, results.ratio(case, OURS, other, rate), bound, at_least=True)

    def cost(what: str, case: str, of: Callable[[Sample], float], bound: float) -> Goal:
        return Goal(what, results.ratio(case, OURS, REDIS_ALWAYS, of), bound, at_least=False)

    return [
        ratio("SET c=50 P=16 / Redis fsync always", SET_P16, REDIS_ALWAYS, 0.8),
        ratio("SET c=50 P=64 / Redis fsync always", SET_P64, REDIS_ALWAYS, 0.8),
        ratio("SET c=50 P=16 / Redis 2 replicas WAIT 1", SET_P16, REDIS_WAIT, 1.0),
        ratio("SET c=50 P=64 / Redis 2 replicas WAIT 1", SET_P64, REDIS_WAIT, 1.0),
        ratio("SET c=50 P=1 / Redis fsync always", SET_P1, REDIS_ALWAYS, 0.7),
        cost("SET c=1 latency p50 / Redis fsync always", SET_C1, p50_us, 1.6),
        ratio("linearizable GET c=50 P=16 on the leader / one Redis", GET_P16, REDIS_NONE, 0.6),
        ratio("SET c=1 / etcd put", SET_C1, ETCD, 3),
        ratio("SET c=50 P=1 / etcd put", SET_P1, ETCD, 5),
        cost("server CPU per 1000 SETs, c=50 P=1 / Redis fsync always", SET_P1, cpu, 2.5),
    ]


def _outage_goals(singles: Singles) -> list[Goal]:
    goals = []
    notes = singles.notes or {}
    for how, bounds in OUTAGE_GOALS.items():
        outage = singles.outages.get(how)
        seen = (outage.p50, outage.p99, outage.most) if outage else (None, None, None)
        of = f" of {outage.times}" if outage else ""
        for name, bound, value in zip(("p50", "p99", "max"), bounds, seen, strict=True):
            goals.append(
                Goal(f"failover, {how}, {name}{of}", value, bound, False, " ms", notes.get(how, ""))
            )
    return goals


def goals(results: Results, singles: Singles) -> list[Goal]:
    """Every figure to reach, in the order of their importance."""
    notes = singles.notes or {}
    return [
        *_throughput_goals(results),
        *_outage_goals(singles),
        Goal(
            "p99.9 of SET at 50 % of peak during a checkpoint",
            singles.checkpoint_p999_ms,
            10,
            at_least=False,
            unit=" ms",
            why_not=notes.get("checkpoint", ""),
        ),
        Goal(
            "recovery of 1M log entries",
            singles.recovery_s.get(1_000_000),
            3,
            at_least=False,
            unit=" s",
            why_not=notes.get("recovery", ""),
        ),
        Goal(
            "throughput, data 10x the memtable / inside it",
            singles.large_data_ratio,
            0.5,
            at_least=True,
            why_not=notes.get("large-data", ""),
        ),
    ]
