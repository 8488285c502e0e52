"""Two simulated runs side by side: where they part, and what that was good for.

>>> from kvcluster.sim import Simulation
>>> run = Simulation(5, time=5.0).run()
>>> compare(run, Simulation(5, time=5.0).run()).parted_at is None
True
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from kvcluster.sim import SimulationResult, TimelineItem


@dataclass(frozen=True, slots=True)
class Comparison:
    """What differs between two runs.

    Attributes:
        parted_at: seconds: the first thing that happened in one and not in the other; None:
            nothing did.
        alike: so many things happened in both before that.
        first: what it was in the one run; None: nothing more happened.
        second: and in the other.
        counters: by name, those of the one and of the other.
        longest_wait: the longest time, in seconds, in which no client was answered, of both.
    """

    parted_at: float | None
    alike: int
    first: TimelineItem | None
    second: TimelineItem | None
    counters: dict[str, tuple[int, int]]
    longest_wait: tuple[float, float]

    def __str__(self) -> str:
        if self.parted_at is None:
            lines = ["nothing differs"]
        else:
            lines = [
                f"the same {self.alike} things happen; they part after {self.parted_at:.6f} s",
                f"  one:   {_told(self.first)}",
                f"  other: {_told(self.second)}",
            ]
        lines += [f"{name:>12} {one:>8} {other:>8}" for name, (one, other) in self.counters.items()]
        waits = (f"{wait:.3f}" for wait in self.longest_wait)
        lines.append(f"{'wait in s':>12} " + " ".join(f"{wait:>8}" for wait in waits))
        return "\n".join(lines)


def compare(one: SimulationResult, other: SimulationResult) -> Comparison:
    """Puts two runs, which kept their timelines, side by side.

    Raises:
        ValueError: a run kept none.
    """
    if not one.timeline or not other.timeline:
        raise ValueError("a run kept no timeline: run Simulation(..., timeline=True)")
    alike = 0
    for left, right in zip(one.timeline, other.timeline, strict=False):
        if left != right:
            break
        alike += 1
    first = one.timeline[alike] if alike < len(one.timeline) else None
    second = other.timeline[alike] if alike < len(other.timeline) else None
    times = [item.at for item in (first, second) if item is not None]
    return Comparison(
        parted_at=min(times) if times else None,
        alike=alike,
        first=first,
        second=second,
        counters={name: (one.counters[name], other.counters[name]) for name in one.counters},
        longest_wait=(longest_wait(one), longest_wait(other)),
    )


def longest_wait(run: SimulationResult) -> float:
    """The longest time, in seconds, in which no client of a run with a timeline was answered."""
    answered = [
        item.at for item in run.timeline if item.kind == "client" and item.text.endswith(", ok]")
    ]
    gaps = [later - earlier for earlier, later in itertools.pairwise(answered)]
    return max(gaps, default=0.0)


def _told(item: TimelineItem | None) -> str:
    if item is None:
        return "nothing more"
    return f"{item.at:.6f} s: " + (f"node {item.node}: " if item.node else "") + item.text
