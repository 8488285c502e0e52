"""A whole cluster in virtual time, from one seed.

The consensus, the log and the state machine are the real ones; network, disks, clocks, clients and
all that goes wrong with them are drawn from the seed. The same seed gives the same run, event by
event, so that whatever a run shows can be looked at again.

>>> result = Simulation(7, time=2.0).run()
>>> result.violation is None
True
>>> result.trace_hash == Simulation(7, time=2.0).run().trace_hash
True

Times are seconds since the beginning of the run. The program `kv_sim` runs many seeds.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from kvcluster._core import check as _check
from kvcluster._core import sim as _native
from kvcluster.history import Action, History, Kind, Operation, Outcome

_KINDS = list(Kind)
_OUTCOMES = list(Outcome)
_MICROSECONDS = 1_000_000
_NANOSECONDS = 1000  # of a microsecond


@dataclass(frozen=True, slots=True)
class Violation:
    """What was broken.

    Attributes:
        rule: which invariant, for example `election safety` or `linearizability`.
        at: seconds.
        node: where it was seen; None when it belongs to no single node.
        text: what happened, in words.
    """

    rule: str
    at: float
    node: int | None
    text: str


@dataclass(frozen=True, slots=True)
class TimelineItem:
    """One thing that happened.

    Attributes:
        at: seconds.
        node: None when it belongs to no single node.
        kind: `raft`, `node`, `fault` or `violation`.
        text: what happened, in words.
    """

    at: float
    node: int | None
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class SimulationResult:
    """What came of a run.

    Attributes:
        violation: None when nothing was broken.
        trace_hash: of all that happened, in its order; equal for equal runs.
        simulated: seconds, the healing at the end included.
        faults_drawn: how many faults the seed gives; they are numbered from 0.
        counters: operations asked, answered, failed and unknown, events, frames, syncs, terms,
            committed entries.
        faults: how many happened, by kind.
        paths: how often each rare path of the code was entered, by name.
        profile: the world that the seed gave, in words.
        timeline: in the order of time; empty unless it was asked for.
        history: what clients asked and were told, for `kvcluster.check`, times in nanoseconds
            since the beginning; empty unless it was asked for.
    """

    violation: Violation | None
    trace_hash: int
    simulated: float
    faults_drawn: int
    counters: dict[str, int]
    faults: dict[str, int]
    paths: dict[str, int]
    profile: str
    timeline: list[TimelineItem]
    history: History


class Simulation:
    """A run that is fixed by its seed, its time and the faults that are left out."""

    def __init__(
        self,
        seed: int,
        *,
        time: float = 60.0,
        dropped: Iterable[int] = (),
        timeline: bool = True,
        history: bool = False,
    ) -> None:
        """Describe a run.

        Args:
            seed: 0 to 2**64 - 1.
            time: seconds with faults; then a quorum is healed and must recover.
            dropped: numbers of faults that do not happen.
            timeline: keep what happened, in words.
            history: keep what the clients were told. It is checked in any case.
        """
        self.seed = seed
        self.time = time
        self.dropped = frozenset(dropped)
        self._timeline = timeline
        self._history = history

    @classmethod
    def replay(cls, line: str, *, timeline: bool = True, history: bool = False) -> Simulation:
        """Describe the run of a line that `kv_sim` has printed, like `seed=7 time=60000 drop=3,5`.

        Raises:
            ValueError: the line names no run.
        """
        seed, time_us, dropped = _native.parse_replay_line(line)
        return cls(
            seed,
            time=time_us / _MICROSECONDS,
            dropped=dropped,
            timeline=timeline,
            history=history,
        )

    def run(self) -> SimulationResult:
        """Run it. The interpreter is free meanwhile; several may run in several threads.

        Raises:
            ValueError: the time is not positive, or more than a day.
        """
        raw = _native.simulate(
            self.seed,
            time_us=self._time_us(),
            dropped=self.dropped,
            timeline=self._timeline,
            history=self._history,
        )
        violation = None
        if raw.violation is not None:
            rule, at, node, text = raw.violation
            violation = Violation(rule, at / _MICROSECONDS, node or None, text)
        history = History()
        for operation in sorted(map(_operation, raw.history), key=lambda each: each.invoked):
            history.add(operation)
        return SimulationResult(
            violation=violation,
            trace_hash=raw.trace_hash,
            simulated=raw.simulated_us / _MICROSECONDS,
            faults_drawn=raw.faults_drawn,
            counters=raw.counters,
            faults=raw.faults,
            paths=raw.paths,
            profile=raw.profile,
            timeline=[
                TimelineItem(at / _MICROSECONDS, node or None, kind, text)
                for at, node, kind, text in raw.timeline
            ],
            history=history,
        )

    def shrink(self, *, max_runs: int = 400) -> Simulation:
        """Find a smaller run with the same violation: fewer faults, a shorter time.

        Raises:
            ValueError: this run has no violation.
        """
        line = _native.shrink(
            self.seed, time_us=self._time_us(), dropped=self.dropped, max_runs=max_runs
        )
        return Simulation.replay(line, timeline=self._timeline, history=self._history)

    def _time_us(self) -> int:
        if self.time <= 0:
            raise ValueError("the time must be more than nothing and at most a day")
        return round(self.time * _MICROSECONDS)


def _operation(raw: _check.RawOperation) -> Operation:
    process, invoked, returned, outcome, actions, index = raw
    return Operation(
        process,
        invoked * _NANOSECONDS,
        None if returned is None else returned * _NANOSECONDS,
        _OUTCOMES[outcome],
        tuple(map(_action, actions)),
        index,
    )


def _action(raw: _check.RawAction) -> Action:
    kind, key, argument, expected, expected_revision, result, succeeded, revision = raw
    return Action(
        _KINDS[kind], key, argument, expected, expected_revision, result, succeeded, revision
    )
