"""Are the answers that clients got those of one store that does one thing after another?

A `History` records calls with their times and outcomes; `check` searches for one order of all of
them that explains every answer and in which no call comes before one that had returned before it
began (linearizability; Herlihy and Wing, 1990).

>>> history = History()
>>> history.invoke(1, put("x", "1")).ok()
>>> history.invoke(2, get("x")).ok(b"1")
>>> check(history).linearizable
True

With a cluster, let a `RecordedClient` do the recording:

>>> with cluster.client() as plain:  # doctest: +SKIP
...     client = RecordedClient(history, plain, process=1)
...     client.put("x", "1")
>>> assert_linearizable(history)  # doctest: +SKIP

Times are nanoseconds of one monotonic clock. A call whose outcome is unknown (`Timeout`) may have
taken effect at any later time, or never; one that certainly failed is not looked at.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from kvcluster._core import check as _native
from kvcluster.history import (
    Action,
    Call,
    History,
    Kind,
    Operation,
    Outcome,
    append,
    cas,
    cas_revision,
    delete,
    get,
    incr,
    put,
)
from kvcluster.recorded_client import RecordedClient

_KINDS = {kind: number for number, kind in enumerate(Kind)}
_OUTCOMES = {outcome: number for number, outcome in enumerate(Outcome)}


class Finding(StrEnum):
    """What a checker can say."""

    LINEARIZABLE = "linearizable"
    VIOLATION = "violation"
    UNDECIDED = "undecided"


class NotLinearizable(AssertionError):  # noqa: N818 - it says what is the case
    """The history is a violation, or could not be decided; the message explains it."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(verdict.explanation)
        self.verdict = verdict


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a checker found.

    Attributes:
        finding: never wrong; `UNDECIDED` when the search ended at its limits.
        explanation: one sentence that says what cannot be, and a table of the operations that show
            it; empty when linearizable.
        piece: those operations, as they are in the history.
        explored: steps of the search.
    """

    finding: Finding
    explanation: str
    piece: tuple[Operation, ...]
    explored: int

    @property
    def linearizable(self) -> bool:
        """True only when an order was found."""
        return self.finding is Finding.LINEARIZABLE


def check(
    history: Iterable[Operation],
    *,
    max_explored: int = 20_000_000,
    max_memory_bytes: int = 1 << 30,
) -> Verdict:
    """Searches for an order that explains the history. Other threads run meanwhile.

    Args:
        max_explored: steps of the search for each group of keys that transactions join.
        max_memory_bytes: of what the search remembers for such a group.
    """
    operations = tuple(history)
    found = _native.check_linearizable(
        [_raw(each) for each in operations],
        max_explored=max_explored,
        max_memory_bytes=max_memory_bytes,
    )
    return _verdict(found, operations)


def check_by_index(history: Iterable[Operation]) -> Verdict:
    """A second opinion without a search: the log's own order, as far as clients were told it.

    Holds indexes and revisions against real time and against each other. Looks only at what names
    its index or revision, so that `LINEARIZABLE` means no more than that these do not contradict.
    """
    operations = tuple(history)
    return _verdict(_native.check_by_index([_raw(each) for each in operations]), operations)


def assert_linearizable(history: Iterable[Operation]) -> None:
    """Both opinions. Raises `NotLinearizable` with the explanation, also when undecided."""
    operations = tuple(history)
    for judge in (check, check_by_index):
        verdict = judge(operations)
        if not verdict.linearizable:
            raise NotLinearizable(verdict)


def _raw_action(action: Action) -> _native.RawAction:
    return (
        _KINDS[action.kind],
        action.key,
        action.argument,
        action.expected,
        action.expected_revision,
        action.result,
        action.succeeded,
        action.revision,
    )


def _raw(operation: Operation) -> _native.RawOperation:
    return (
        operation.process,
        operation.invoked,
        operation.returned,
        _OUTCOMES[operation.outcome],
        [_raw_action(action) for action in operation.actions],
        operation.index,
    )


def _verdict(found: _native.Verdict, operations: tuple[Operation, ...]) -> Verdict:
    piece = tuple(operations[position] for position in found.piece)
    return Verdict(Finding(found.finding), found.explanation, piece, found.explored)


__all__ = [
    "Action",
    "Call",
    "Finding",
    "History",
    "Kind",
    "NotLinearizable",
    "Operation",
    "Outcome",
    "RecordedClient",
    "Verdict",
    "append",
    "assert_linearizable",
    "cas",
    "cas_revision",
    "check",
    "check_by_index",
    "delete",
    "get",
    "incr",
    "put",
]
