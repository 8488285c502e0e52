"""Was anything lost, stale or doubled? Judged from what the clients were told."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from kvcluster.history import Kind, Operation, Outcome

_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that had to hold."""

    name: str
    passed: bool
    detail: str


def judge_linearizability(calls: Sequence[Operation]) -> list[Check]:
    """By search for an order, and by the order of the log as far as it was told.

    Raises:
        ImportError: the native module is not built here.
    """
    from kvcluster import check

    by_search, by_index = check.check(calls), check.check_by_index(calls)
    found = f"{len(calls)} operations, {by_search.explored} steps"
    return [
        Check("linearizable", by_search.linearizable, by_search.explanation or found),
        Check(
            "no stale read, by the log's own order",
            by_index.linearizable,
            by_index.explanation or f"{len(calls)} operations",
        ),
    ]


def judge_counters(calls: Sequence[Operation]) -> Check:
    """No increment is lost and none is applied twice: every sum that was told is told once, and
    the last value lies between what was acknowledged and what was tried."""
    told: dict[bytes, list[int]] = defaultdict(list)
    unknown: dict[bytes, int] = defaultdict(int)
    final: dict[bytes, int] = {}
    for call in sorted(calls, key=lambda call: call.invoked):
        action = call.actions[0]
        if action.kind is Kind.INCR and call.outcome is Outcome.UNKNOWN:
            unknown[action.key] += 1
        elif action.kind is Kind.INCR and call.outcome is Outcome.OK:
            told[action.key].append(int(action.result or 0))
        elif action.kind is Kind.GET and call.outcome is Outcome.OK and action.key in told:
            final[action.key] = int(action.result or 0)
    wrong = []
    for key, sums in told.items():
        if len(set(sums)) < len(sums):
            wrong.append(f"{key.decode()}: a sum was told twice")
        if key in final and not len(sums) <= final[key] <= len(sums) + unknown[key]:
            wrong.append(
                f"{key.decode()} is {final[key]} after {len(sums)} acknowledged increments and "
                f"{unknown[key]} of unknown outcome"
            )
    detail = (
        f"{sum(map(len, told.values()))} acknowledged, {sum(unknown.values())} of unknown outcome"
    )
    if wrong:
        more = f" and {len(wrong) - _SHOWN} more" if len(wrong) > _SHOWN else ""
        detail += "; " + "; ".join(wrong[:_SHOWN]) + more
    return Check("every increment once", not wrong, detail)
