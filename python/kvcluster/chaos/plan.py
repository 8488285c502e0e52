"""Which faults, when, on whom and for how long: drawn from a seed before anything is started."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

# The first seconds are calm, so that there is something to lose.
_CALM_SECONDS = 1.0


class Kind(StrEnum):
    """What happens. Those of `NETWORK` concern all links; `TRANSFER` and `KILL_ALL` the cluster."""

    KILL = "kill"
    KILL_ALL = "kill all"
    RESTART = "restart"
    PAUSE = "pause"
    PARTITION = "partition"
    CUT = "one-way cut"
    RING = "ring"
    DELAY = "delay"
    DROP = "drop"
    CORRUPT = "corrupt"
    NARROW = "narrow"
    SLOW_DISK = "slow disk"
    HUNG_DISK = "hung disk"
    FULL_DISK = "full disk"
    BROKEN_DISK = "broken disk"
    SHORT_WRITES = "short writes"
    CRASH_POINT = "crash point"
    TRANSFER = "transfer"
    DAMAGED_WAL = "damaged log"
    DAMAGED_CHECKPOINT = "damaged checkpoint"


NETWORK = frozenset(
    {Kind.PARTITION, Kind.CUT, Kind.RING, Kind.DELAY, Kind.DROP, Kind.CORRUPT, Kind.NARROW}
)
DAMAGE = frozenset({Kind.DAMAGED_WAL, Kind.DAMAGED_CHECKPOINT})

# How often each kind is drawn, and for how many seconds it lasts.
_WEIGHTS: Mapping[Kind, float] = {
    Kind.KILL: 10,
    Kind.KILL_ALL: 1,
    Kind.RESTART: 5,
    Kind.PAUSE: 8,
    Kind.PARTITION: 8,
    Kind.CUT: 6,
    Kind.RING: 2,
    Kind.DELAY: 4,
    Kind.DROP: 4,
    Kind.CORRUPT: 4,
    Kind.NARROW: 2,
    Kind.SLOW_DISK: 5,
    Kind.HUNG_DISK: 5,
    Kind.FULL_DISK: 4,
    Kind.BROKEN_DISK: 5,
    Kind.SHORT_WRITES: 3,
    Kind.CRASH_POINT: 8,
    Kind.TRANSFER: 5,
    Kind.DAMAGED_WAL: 3,
    Kind.DAMAGED_CHECKPOINT: 3,
}
_SECONDS: Mapping[Kind, tuple[float, float]] = {
    Kind.KILL: (0.2, 3.0),
    Kind.KILL_ALL: (0.2, 1.0),
    Kind.RESTART: (0.0, 0.5),
    Kind.PAUSE: (0.2, 3.0),
    Kind.RING: (0.5, 2.0),
    Kind.BROKEN_DISK: (0.5, 2.0),
    Kind.CRASH_POINT: (1.0, 2.5),
    Kind.TRANSFER: (0.0, 0.0),
}
_USUAL_SECONDS = (0.5, 3.0)


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault to come.

    Attributes:
        at: seconds after the start.
        kind: what happens.
        target: which node: 0 is the one that leads at that moment, 1 and up the others in turn.
        lasts: seconds until it is cured.
        amount: between 0 and 1; the kind says of what (how slow, how often, how far).
        order: all nodes, in the order in which the kind groups them.
    """

    at: float
    kind: Kind
    target: int
    lasts: float
    amount: float
    order: tuple[int, ...]


def draw_plan(
    seed: int,
    seconds: float,
    nodes: int,
    *,
    every_seconds: float = 1.5,
    kinds: Sequence[Kind] = tuple(Kind),
) -> list[Fault]:
    """Faults for a run of `seconds`, one about `every_seconds`, by time.

    A kind does not come again until half of the others were there, so that a short run has many.

    Raises:
        ValueError: no kinds, or no time between them.
    """
    if not kinds or every_seconds <= 0:
        raise ValueError("a plan needs kinds of faults and time between them")
    chance = random.Random(seed)
    plan: list[Fault] = []
    at = _CALM_SECONDS
    recent: list[Kind] = []
    while at < seconds - _CALM_SECONDS:
        passed = recent[max(0, len(recent) - len(kinds) // 2) :]
        fresh = [kind for kind in kinds if kind not in passed]
        kind = chance.choices(fresh, [_WEIGHTS[one] for one in fresh])[0]
        recent.append(kind)
        order = list(range(1, nodes + 1))
        chance.shuffle(order)
        shortest, longest = _SECONDS.get(kind, _USUAL_SECONDS)
        plan.append(
            Fault(
                at=at,
                kind=kind,
                # Leaders are the more interesting half.
                target=0 if chance.random() < 0.4 else chance.randrange(nodes),
                lasts=chance.uniform(shortest, longest),
                amount=chance.random(),
                order=tuple(order),
            )
        )
        at += chance.uniform(0.5, 1.5) * every_seconds
    return plan
