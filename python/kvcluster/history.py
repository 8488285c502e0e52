"""What clients asked and what they were told, recorded and stored.

The file format is JSON lines, one operation each; bytes are text, with what is no UTF-8 escaped as
Python's `surrogateescape` does it.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from kvcluster.errors import Corruption
from kvcluster.replies import Key, Value, Versioned


class Kind(StrEnum):
    """What an action does; in the order of the native enumeration."""

    GET = "get"
    PUT = "put"
    PUT_IF_PRESENT = "put_if_present"
    DELETE = "delete"
    CAS = "cas"
    CAS_REVISION = "cas_revision"
    INCR = "incr"
    APPEND = "append"


class Outcome(StrEnum):
    """How a call ended, in the order of the native enumeration.

    `OK` took effect once between call and return; `UNKNOWN` once at any time after the call, or
    never; `FAILED` certainly not.
    """

    OK = "ok"
    UNKNOWN = "unknown"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Action:
    """One step on one key, with what the client was told of it.

    Attributes:
        argument: the value written, the text appended, or the decimal number added.
        expected: of `CAS`: the value that must be there; None: there must be none.
        expected_revision: of `CAS_REVISION`; 0: there must be no value.
        result: the value read; the sum or length, in decimal; None: absent, or not told.
        succeeded: False when a condition did not hold, or there was nothing to delete.
        revision: of the value read or written; 0: not told.
    """

    kind: Kind
    key: bytes
    argument: bytes | None = None
    expected: bytes | None = None
    expected_revision: int = 0
    result: bytes | None = None
    succeeded: bool = True
    revision: int = 0

    def answered(self, answer: object) -> Action:
        """With what the client was told: the value that the method of `Client` returned."""
        if isinstance(answer, Exception):  # of one command in a transaction
            return replace(self, succeeded=False)
        if isinstance(answer, Versioned):
            return replace(self, result=answer.value, revision=answer.revision)
        if self.kind is Kind.GET:
            return replace(self, result=None if answer is None else _bytes(answer))
        if self.kind is Kind.CAS_REVISION and answer is not None:
            return replace(self, revision=int(str(answer)))
        if self.kind in (Kind.INCR, Kind.APPEND):
            return replace(self, result=None if answer is None else _bytes(answer))
        if self.kind is Kind.PUT:
            return self
        return replace(self, succeeded=bool(answer))


def _bytes(value: object) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()


def get(key: Key) -> Action:
    """Answered with the value, a `Versioned`, or None."""
    return Action(Kind.GET, _bytes(key))


def put(key: Key, value: Value, *, if_missing: bool = False, if_present: bool = False) -> Action:
    """Answered with anything; with a condition, whether it held."""
    if if_missing:
        return Action(Kind.CAS, _bytes(key), _bytes(value))
    return Action(Kind.PUT_IF_PRESENT if if_present else Kind.PUT, _bytes(key), _bytes(value))


def delete(key: Key) -> Action:
    """Answered with whether there was a value."""
    return Action(Kind.DELETE, _bytes(key))


def cas(key: Key, value: Value, *, expected: Value | None) -> Action:
    """Answered with whether `expected` was there."""
    wanted = None if expected is None else _bytes(expected)
    return Action(Kind.CAS, _bytes(key), _bytes(value), expected=wanted)


def cas_revision(key: Key, value: Value, *, revision: int) -> Action:
    """Answered with the new revision, or None when another was there."""
    return Action(Kind.CAS_REVISION, _bytes(key), _bytes(value), expected_revision=revision)


def incr(key: Key, by: int = 1) -> Action:
    """Answered with the sum."""
    return Action(Kind.INCR, _bytes(key), _bytes(by))


def append(key: Key, text: Value) -> Action:
    """Answered with the length."""
    return Action(Kind.APPEND, _bytes(key), _bytes(text))


@dataclass(frozen=True, slots=True)
class Operation:
    """One call of one client: its actions took effect together, in this order, or none did.

    Attributes:
        process: who called.
        invoked, returned: nanoseconds of the history's clock; None: never returned.
        index: of a write, its place in the log, if the client was told.
    """

    process: int
    invoked: int
    returned: int | None
    outcome: Outcome
    actions: tuple[Action, ...]
    index: int | None = None


class Call:
    """A call under way. Exactly one of `ok`, `unknown` and `fail` ends it; without one, its outcome
    is unknown."""

    def __init__(self, history: History, process: int, actions: tuple[Action, ...]) -> None:
        self._history = history
        self._process = process
        self._actions = actions
        self._ended: Operation | None = None
        self._invoked = history.now()

    def ok(self, *answers: object, index: int | None = None) -> None:
        """It took effect; one answer an action, or none at all where nothing was told."""
        returned = self._history.now()
        if answers and len(answers) != len(self._actions):
            raise ValueError(f"{len(self._actions)} actions cannot have {len(answers)} answers")
        if not answers and any(action.kind is not Kind.PUT for action in self._actions):
            raise ValueError("only a put takes effect without an answer")
        actions = self._actions
        if answers:
            pairs = zip(actions, answers, strict=True)
            actions = tuple(action.answered(answer) for action, answer in pairs)
        self._end(Operation(self._process, self._invoked, returned, Outcome.OK, actions, index))

    def unknown(self) -> None:
        """It may have taken effect, or may do so later."""
        self._end(self._open())

    def fail(self) -> None:
        """It certainly did not and will not take effect."""
        self._end(replace(self._open(), returned=self._history.now(), outcome=Outcome.FAILED))

    @property
    def operation(self) -> Operation:
        """As it stands now."""
        return self._ended or self._open()

    def _open(self) -> Operation:
        return Operation(self._process, self._invoked, None, Outcome.UNKNOWN, self._actions)

    def _end(self, operation: Operation) -> None:
        if self._ended is not None:
            raise ValueError("the call has ended already")
        self._ended = operation


@dataclass
class History:
    """Calls in the order in which they began. Threads may share one.

    Args:
        clock: nanoseconds that never go back.
    """

    clock: Callable[[], int] = time.monotonic_ns
    _calls: list[Call | Operation] = field(default_factory=list, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def now(self) -> int:
        """The clock."""
        return self.clock()

    def invoke(self, process: int, *actions: Action) -> Call:
        """A client is about to call. More than one action is a transaction."""
        if not actions:
            raise ValueError("a call has at least one action")
        call = Call(self, process, actions)
        with self._lock:
            self._calls.append(call)
        return call

    def add(self, operation: Operation) -> None:
        """A call that was recorded elsewhere, by the same clock."""
        with self._lock:
            self._calls.append(operation)

    def operations(self) -> list[Operation]:
        """All calls as they stand now; what is under way has an unknown outcome."""
        with self._lock:
            calls = list(self._calls)
        return [each.operation if isinstance(each, Call) else each for each in calls]

    def __iter__(self) -> Iterator[Operation]:
        return iter(self.operations())

    def __len__(self) -> int:
        with self._lock:
            return len(self._calls)

    def save(self, file: Path | str) -> None:
        """Writes all calls as JSON lines."""
        with Path(file).open("w", encoding="ascii") as out:
            for operation in self:
                out.write(json.dumps(_to_json(operation)) + "\n")

    @classmethod
    def load(cls, file: Path | str) -> History:
        """Reads what `save` wrote.

        Raises:
            Corruption: a line is no operation; the message names it.
        """
        history = cls()
        with Path(file).open(encoding="ascii", errors="replace") as lines:
            for number, line in enumerate(lines, start=1):
                try:
                    history.add(_from_json(json.loads(line)))
                except (ValueError, KeyError, TypeError, AttributeError) as error:
                    raise Corruption(f"{file}:{number}: not an operation: {error!r}") from error
        return history


_BYTES = ("key", "argument", "expected", "result")
_DEFAULTS = Action(Kind.GET, b"")
_FIELDS = ("argument", "expected", "expected_revision", "result", "succeeded", "revision")


def _to_json(operation: Operation) -> dict[str, Any]:
    out: dict[str, Any] = {
        "process": operation.process,
        "invoked": operation.invoked,
        "returned": operation.returned,
        "outcome": operation.outcome.value,
        "actions": [_action_to_json(action) for action in operation.actions],
    }
    if operation.index is not None:
        out["index"] = operation.index
    return out


def _action_to_json(action: Action) -> dict[str, Any]:
    out: dict[str, Any] = {"kind": action.kind.value, "key": _text(action.key)}
    for name in _FIELDS:
        value = getattr(action, name)
        if value != getattr(_DEFAULTS, name):
            out[name] = _text(value) if name in _BYTES else value
    return out


def _from_json(line: dict[str, Any]) -> Operation:
    return Operation(
        process=int(line["process"]),
        invoked=int(line["invoked"]),
        returned=None if line["returned"] is None else int(line["returned"]),
        outcome=Outcome(line["outcome"]),
        actions=tuple(_action_from_json(action) for action in line["actions"]),
        index=line.get("index"),
    )


def _action_from_json(fields: dict[str, Any]) -> Action:
    known = {
        name: value.encode("utf-8", "surrogateescape") if name in _BYTES else value
        for name, value in fields.items()
        if name != "kind" and value is not None
    }
    return Action(Kind(fields["kind"]), **known)


def _text(value: bytes) -> str:
    return value.decode("utf-8", "surrogateescape")
