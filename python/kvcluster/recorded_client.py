"""A client whose calls are recorded in a `History`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from kvcluster import commands, history
from kvcluster.batch import Batch
from kvcluster.client import Client
from kvcluster.commands import Command, Word
from kvcluster.errors import CommandError, NotLeader, StorageError, Unavailable
from kvcluster.history import Action, History
from kvcluster.replies import Key, Value, Versioned

T = TypeVar("T")
_CERTAINLY_NOT_APPLIED = (CommandError, NotLeader, StorageError, Unavailable)


class RecordedClient:
    """The verbs of `Client` that the checker knows, each recorded with its times and outcome.

    Args:
        process: who calls, as explanations show it. One at a time: give each thread its own.
    """

    def __init__(self, history: History, client: Client, *, process: int) -> None:
        self._history = history
        self._client = client
        self._process = process

    def get(self, key: Key) -> bytes | None:
        """As `Client.get`."""
        return self._record(commands.get(key), lambda: self._client.get(key))

    def get_versioned(self, key: Key) -> Versioned | None:
        """As `Client.get_versioned`."""
        return self._record(commands.get_versioned(key), lambda: self._client.get_versioned(key))

    def put(
        self, key: Key, value: Value, *, if_missing: bool = False, if_present: bool = False
    ) -> bool:
        """As `Client.put`, without a time to live: the checker knows no clock."""
        command = commands.put(key, value, if_missing=if_missing, if_present=if_present)
        return self._record(
            command,
            lambda: self._client.put(key, value, if_missing=if_missing, if_present=if_present),
        )

    def delete(self, key: Key) -> int:
        """As `Client.delete`, of one key."""
        return self._record(commands.delete(key), lambda: self._client.delete(key))

    def incr(self, key: Key, by: int = 1) -> int:
        """As `Client.incr`."""
        return self._record(commands.incr(key, by), lambda: self._client.incr(key, by))

    def cas(self, key: Key, value: Value, *, revision: int) -> int | None:
        """As `Client.cas`."""
        return self._record(
            commands.cas(key, value, revision=revision),
            lambda: self._client.cas(key, value, revision=revision),
        )

    def transaction(self, batch: Batch) -> list[Any]:
        """As `Client.transaction`.

        Raises:
            ValueError: a command of the batch is none that the checker knows.
        """
        actions = [action_of(command) for command in batch.commands]
        call = self._history.invoke(self._process, *actions)
        answers = self._run(call, lambda: self._client.transaction(batch))
        call.ok(*answers)
        return answers

    def _record(self, command: Command[T], send: Callable[[], T]) -> T:
        call = self._history.invoke(self._process, action_of(command))
        answer = self._run(call, send)
        call.ok(answer)
        return answer

    @staticmethod
    def _run(call: history.Call, send: Callable[[], T]) -> T:
        try:
            return send()
        except _CERTAINLY_NOT_APPLIED:
            call.fail()
            raise
        except BaseException:  # Timeout, an interrupt: it may be applied
            call.unknown()
            raise


def action_of(command: Command[Any]) -> Action:
    """What a command does, as the checker sees it.

    Raises:
        ValueError: the checker does not know such a command.
    """
    words = [_bytes(word) for word in command.words]
    match words:
        case [b"GET" | b"KV.GET", key]:
            return history.get(key)
        case [b"SET", key, value]:
            return history.put(key, value)
        case [b"SET", key, value, b"NX"]:
            return history.put(key, value, if_missing=True)
        case [b"SET", key, value, b"XX"]:
            return history.put(key, value, if_present=True)
        case [b"DEL", key]:
            return history.delete(key)
        case [b"INCRBY", key, by]:
            return history.incr(key, int(by))
        case [b"KV.CAS", key, revision, value]:
            return history.cas_revision(key, value, revision=int(revision))
        case [b"APPEND", key, text]:
            return history.append(key, text)
    raise ValueError(f"the checker does not know {b' '.join(words)!r}")


def _bytes(word: Word) -> bytes:
    return word if isinstance(word, bytes) else word.encode()
