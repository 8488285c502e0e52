"""The replicated state machine in memory: commands in, replies and digests out.

It is the code that every node runs, over a table in memory. Applying the same entries gives the
same replies and the same digests anywhere.

>>> state = StateMachine()
>>> state.apply("SET", "color", "green")
'OK'
>>> state.read("GET", "color")
b'green'

Words of a command are str (sent as UTF-8), bytes or int. Replies are None, str (a simple string
such as 'OK'), bytes, int, float, bool, list or dict; inside a list or dict an error is a
CommandError. Times are milliseconds since the Unix epoch; the state machine has no own clock.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from kvcluster import _core
from kvcluster._core.state import (
    Digests,
    Genesis,
    Limits,
    encode_command,
    encode_entry,
    encode_transaction,
    is_write,
)
from kvcluster.errors import CommandError
from kvcluster.raft import Entry, EntryKind

Word: TypeAlias = str | bytes | int
Reply: TypeAlias = Any


def _bytes(word: Word) -> bytes:
    return word if isinstance(word, bytes) else str(word).encode()


def _value(reply: Reply) -> Reply:
    if isinstance(reply, CommandError):
        raise reply
    return reply


class StateMachine:
    """A state machine that starts empty, at index 0.

    Args:
        limits: what one command may hold.
    """

    def __init__(self, *, limits: Limits | None = None) -> None:
        self._native = _core.state.StateMachine()
        self._limits = limits or Limits()

    def apply(self, *command: Word, time_ms: int = 0, term: int | None = None) -> Reply:
        """Applies a command as the entry at the next index, a read too.

        Args:
            command: its name and arguments.
            time_ms: the leader's clock in the entry; the cluster's time never goes back.
            term: of the entry; the newest one by default.

        Raises:
            CommandError: the command is wrong by itself (nothing was applied), or its reply is an
                error (its entry was applied, and changed nothing).
            ValueError: the term is older than the newest one.
        """
        request = self._encode(command)
        return self._apply(encode_entry(time_ms, request), term)

    def apply_transaction(
        self,
        commands: Sequence[Sequence[Word]],
        *,
        watched: Mapping[Word, int] | None = None,
        time_ms: int = 0,
        term: int | None = None,
    ) -> list[Reply] | None:
        """Applies commands as one entry: all of them, or none when a watched key has changed.

        Args:
            commands: each as its words.
            watched: keys with the revision that each must still have; 0: the key is missing.
            time_ms: as in `apply`.
            term: as in `apply`.

        Returns:
            The replies, errors among them as CommandError; None when a watched key has changed.

        Raises:
            CommandError: a command is wrong by itself; nothing was applied.
        """
        seen = [(_bytes(key), revision) for key, revision in (watched or {}).items()]
        requests = [self._encode(command) for command in commands]
        request = encode_transaction(seen, requests, self._limits)
        replies: list[Reply] | None = self._apply(encode_entry(time_ms, request), term)
        return replies

    def apply_entry(self, entry: Entry) -> Reply:
        """Applies an entry of a log, as a node does; the reply of a command, None for all others.

        A command's error is returned, not raised: it is a part of history.

        Raises:
            ValueError: the entry is not the next one.
            Corruption: its payload is malformed.
        """
        if entry.index != self.applied + 1:
            raise ValueError(f"entry {entry.index} does not follow {self.applied}")
        if entry.kind is EntryKind.COMMAND:
            return self._native.apply(entry.term, entry.payload)
        if entry.kind is EntryKind.GENESIS:
            key = Genesis.decode(entry.payload).hash_key
            self._native.apply_genesis(entry.term, key, entry.payload)
        else:
            is_configuration = entry.kind is EntryKind.CONFIGURATION
            self._native.apply_empty(entry.term, entry.payload, is_configuration)
        return None

    def advance_time(self, time_ms: int, *, term: int | None = None) -> None:
        """Applies an entry that only moves the cluster's time, so that what is due expires."""
        self._apply(encode_entry(time_ms, b""), term)

    def read(self, *command: Word, now_ms: int = 0) -> Reply:
        """Answers a read at the current state; `now_ms` only refines what TTL shows.

        Raises:
            CommandError: the command is wrong, or its reply is an error.
            ValueError: the command is a write.
        """
        return _value(self._native.read(self._encode(command), now_ms))

    @property
    def applied(self) -> int:
        """The index of the newest applied entry; 0: none."""
        return self._native.applied

    @property
    def term(self) -> int:
        """The term of the newest applied entry."""
        return self._native.applied_term

    @property
    def cluster_time_ms(self) -> int:
        """The newest time inside the log."""
        return self._native.cluster_time_ms

    @property
    def next_expiry_ms(self) -> int | None:
        """When the next record expires; None: none will."""
        return self._native.next_expiry_ms

    @property
    def key_count(self) -> int:
        """How many keys there are."""
        return self._native.key_count

    @property
    def session_count(self) -> int:
        """How many client sessions are remembered."""
        return self._native.session_count

    def digests(self) -> Digests:
        """The history and state digests, 32 bytes each, at the applied index. O(1)."""
        return self._native.digests()

    def full_digest(self) -> bytes:
        """The canonical BLAKE2b-256 over all records, 32 bytes; needs no key. O(state)."""
        return self._native.full_digest()

    def recompute_state_digest(self) -> bytes:
        """The state digest computed anew; always equals `digests().state`. O(state)."""
        return self._native.recompute_state_digest()

    def _encode(self, command: Sequence[Word]) -> bytes:
        return encode_command([_bytes(word) for word in command], self._limits)

    def _apply(self, payload: bytes, term: int | None) -> Reply:
        return _value(self._native.apply(self.term if term is None else term, payload))


__all__ = [
    "Digests",
    "Genesis",
    "Limits",
    "Reply",
    "StateMachine",
    "Word",
    "encode_command",
    "encode_entry",
    "encode_transaction",
    "is_write",
]
