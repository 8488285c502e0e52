"""What a run of chaos came to: figures, verdict, and the text of both."""

from __future__ import annotations

import itertools
import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from kvcluster.chaos.clients import is_write
from kvcluster.chaos.faults import Injected
from kvcluster.chaos.verdict import Check
from kvcluster.history import Operation, Outcome
from kvcluster.timeline import Event


@dataclass(frozen=True, slots=True)
class Gap:
    """Seconds without an acknowledged write. `began` counts from the start of the run."""

    began: float
    seconds: float


@dataclass(slots=True)
class Report:
    """All of it, as data; `began` and the times of faults are `time.monotonic`, those of calls
    `time.monotonic_ns`.

    Attributes:
        wall_offset: what makes an epoch time of a monotonic one.
        troubles: how many calls ended with which error.
        skipped: faults that found nobody free for them.
        surprises: nodes that ended or answered as they must not.
    """

    seed: int
    seconds: float
    nodes: int
    began: float
    wall_offset: float
    calls: Sequence[Operation] = ()
    troubles: Mapping[str, int] = field(default_factory=dict)
    faults: Sequence[Injected] = ()
    skipped: int = 0
    surprises: Sequence[str] = ()
    timeline: Sequence[Event] = ()
    checks: list[Check] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        return bool(self.checks) and all(check.passed for check in self.checks)

    def outcomes(self) -> Counter[str]:
        return Counter(call.outcome.value for call in self.calls)

    def faults_by_kind(self) -> Counter[str]:
        return Counter(injected.fault.kind.value for injected in self.faults)

    def acknowledged(self) -> list[tuple[float, float, bool]]:
        """Of each call that was answered, by the time of the answer: seconds since the start, its
        latency in ms, and whether it was a write."""
        return sorted(
            (
                call.returned / 1e9 - self.began,
                (call.returned - call.invoked) / 1e6,
                is_write(call.actions),
            )
            for call in self.calls
            if call.outcome is Outcome.OK and call.returned is not None
        )

    def healthy_spans(self) -> list[tuple[float, float]]:
        """When a majority of the nodes was untouched and could talk, in `time.monotonic`."""
        ends = self.began + self.seconds
        edges = sorted(
            {self.began, ends}
            | {one.began for one in self.faults}
            | {one.ended for one in self.faults if one.ended is not None}
        )
        spans: list[tuple[float, float]] = []
        for start, end in itertools.pairwise(edges):
            active = [one for one in self.faults if one.began < end and (one.ended or ends) > start]
            hurt = {node for one in active for node in one.nodes}
            well = (self.nodes - len(hurt)) * 2 > self.nodes
            if not well or any(one.breaks_quorum for one in active) or start >= ends:
                continue
            if spans and spans[-1][1] == start:
                spans[-1] = (spans[-1][0], end)
            else:
                spans.append((start, end))
        return spans

    def gaps(self) -> list[Gap]:
        """Times without an acknowledged write while a majority was healthy, longest first."""
        written = [self.began + at for at, _, writes in self.acknowledged() if writes]
        found = []
        place = 0
        for start, end in self.healthy_spans():
            last = start
            while place < len(written) and written[place] <= end:
                if written[place] > last:
                    found.append(Gap(last - self.began, written[place] - last))
                    last = written[place]
                place += 1
            found.append(Gap(last - self.began, end - last))
        return sorted(found, key=lambda gap: -gap.seconds)

    def text(self) -> str:
        """The summary."""
        outcomes = self.outcomes()
        latencies = sorted(latency for _, latency, _ in self.acknowledged())
        healthy = sum(end - start for start, end in self.healthy_spans())
        lines = [
            f"seed {self.seed}, {self.nodes} nodes, {self.seconds:.0f} s",
            f"operations: {len(self.calls)}: "
            + ", ".join(f"{count} {name}" for name, count in sorted(outcomes.items())),
        ]
        if self.troubles:
            troubles = sorted(self.troubles.items())
            lines.append("errors: " + ", ".join(f"{count} {name}" for name, count in troubles))
        if latencies:
            lines.append(
                f"latency: median {statistics.median(latencies):.1f} ms, "
                f"99 % {latencies[int(len(latencies) * 0.99)]:.0f} ms, "
                f"longest {latencies[-1]:.0f} ms"
            )
        kinds = ", ".join(
            f"{count} {kind}" for kind, count in sorted(self.faults_by_kind().items())
        )
        lines.append(f"faults: {len(self.faults)}: {kinds} ({self.skipped} found nobody free)")
        longest = ", ".join(f"{gap.seconds:.2f} s at {gap.began:.1f} s" for gap in self.gaps()[:3])
        lines.append(
            f"a majority was healthy for {healthy:.0f} s; "
            f"longest without an acknowledged write then: {longest}"
        )
        lines += [f"surprise: {words}" for words in self.surprises]
        lines += [
            f"{'PASS' if check.passed else 'FAIL'}: {check.name}: {check.detail}"
            for check in self.checks
        ]
        lines.append("verdict: " + ("PASS" if self.passed else "FAIL"))
        return "\n".join(lines)
