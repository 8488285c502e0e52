"""Was anything lost, stale or doubled? Judged from what the clients were told."""

from __future__ import annotations

import bisect
from collections import defaultdict
from collections.abc import Sequence

from kvcluster.chaos.clients import Call, Outcome, Step, Verb
from kvcluster.chaos.report import Check

_SHOWN = 3


def judge_counters(calls: Sequence[Call]) -> Check:
    """No increment is lost and none is applied twice: every sum that was told is told once, and
    the last value lies between what was acknowledged and what was tried."""
    told: dict[str, list[int]] = defaultdict(list)
    unknown: dict[str, int] = defaultdict(int)
    final: dict[str, int] = {}
    for call in calls:
        step = call.steps[0]
        if step.verb is Verb.INCR and call.outcome is Outcome.UNKNOWN:
            unknown[step.key] += 1
        elif step.verb is Verb.INCR and call.outcome is Outcome.OK:
            told[step.key].append(_number(step))
        elif call.verb is Verb.GET and call.outcome is Outcome.OK and _counts(step.key):
            final[step.key] = _number(step)
    wrong = []
    for key, sums in told.items():
        if len(set(sums)) < len(sums):
            wrong.append(f"{key}: a sum was told twice")
        if key in final and not len(sums) <= final[key] <= len(sums) + unknown[key]:
            wrong.append(
                f"{key} is {final[key]} after {len(sums)} acknowledged increments and "
                f"{unknown[key]} of unknown outcome"
            )
    acknowledged = sum(map(len, told.values()))
    detail = f"{acknowledged} acknowledged, {sum(unknown.values())} of unknown outcome"
    return Check("every increment once", not wrong, _sentence(detail, wrong))


def judge_revisions(calls: Sequence[Call]) -> Check:
    """No read is stale: once a client was told a revision of a key, no later call is told an older
    one, and a revision has one value. It needs no search, and shares nothing with the checker."""
    sightings: dict[str, list[tuple[float, float, int, Step]]] = defaultdict(list)
    for call in calls:
        if call.outcome is not Outcome.OK or call.returned is None or len(call.steps) != 1:
            continue
        step = call.steps[0]
        # A deleted key has revision 0, whatever it had before: nothing follows from it.
        if step.told_revision > 0:
            sightings[step.key].append((call.invoked, call.returned, step.told_revision, step))
    wrong: list[str] = []
    for key, seen in sightings.items():
        wrong += _stale(key, seen)
        wrong += _ambiguous(key, [step for *_, step in seen])
    count = sum(map(len, sightings.values()))
    return Check("no stale read", not wrong, _sentence(f"{count} revisions were told", wrong))


def _stale(key: str, seen: list[tuple[float, float, int, Step]]) -> list[str]:
    by_return = sorted((returned, revision) for _, returned, revision, _ in seen)
    newest: list[int] = []
    for _, revision in by_return:
        newest.append(max(revision, newest[-1] if newest else 0))
    ends = [returned for returned, _ in by_return]
    wrong = []
    for invoked, _, revision, _ in seen:
        before = bisect.bisect_left(ends, invoked)
        if before > 0 and newest[before - 1] > revision:
            wrong.append(f"{key} was told at revision {revision} after {newest[before - 1]}")
    return wrong


def _ambiguous(key: str, steps: Sequence[Step]) -> list[str]:
    values: dict[int, str] = {}
    wrong = []
    for step in steps:
        value = step.value if step.verb is Verb.CAS else _text(step)
        if values.setdefault(step.told_revision, str(value)) != str(value):
            wrong.append(f"{key} had two values at revision {step.told_revision}")
    return wrong


def _counts(key: str) -> bool:
    return key.partition(":")[2].startswith("c")


def _number(step: Step) -> int:
    return int(step.result) if step.result is not None else 0


def _text(step: Step) -> str | None:
    return step.result.decode() if isinstance(step.result, bytes) else None


def _sentence(detail: str, wrong: Sequence[str]) -> str:
    more = f" and {len(wrong) - _SHOWN} more" if len(wrong) > _SHOWN else ""
    return detail + ("; " + "; ".join(wrong[:_SHOWN]) + more if wrong else "")
