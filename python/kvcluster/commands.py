"""Commands as values: the words that are sent, and how the reply is read.

`Client`, `AsyncClient`, pipelines and transactions all build their commands here, so that each is
described once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeAlias, TypeVar

from kvcluster import replies
from kvcluster.errors import CommandError
from kvcluster.replies import (
    Key,
    KeyValue,
    NodeStatus,
    Reply,
    StateHash,
    StreamEntry,
    StreamInfo,
    Value,
    Versioned,
)

T = TypeVar("T")
U = TypeVar("U")
Word: TypeAlias = str | bytes


@dataclass(frozen=True, slots=True)
class Command(Generic[T]):
    """One command.

    Attributes:
        words: name and arguments, as they are sent.
        read: makes the caller's value of the reply.
        is_write: it changes something, so it is sent inside a session and repeated safely.
        is_local: it asks one node about itself; any node's answer will do.
        has_session: it brings its own `KV.ONCE`, so that it may be repeated as it is.
        queued: of a transaction: what is sent before its EXEC.
    """

    words: tuple[Word, ...]
    read: Callable[[Reply], T]
    is_write: bool = False
    is_local: bool = False
    has_session: bool = False
    queued: tuple[tuple[Word, ...], ...] = ()

    @property
    def frames(self) -> tuple[tuple[Word, ...], ...]:
        """All that is sent; each frame has a reply."""
        return (*self.queued, self.words)


def _word(value: Value) -> Word:
    if isinstance(value, bool) or not isinstance(value, (str, bytes, int)):
        raise TypeError(f"keys and values are str, bytes or int, not {type(value).__name__}")
    return str(value) if isinstance(value, int) else value


def _write(read: Callable[[Reply], T], *words: Value) -> Command[T]:
    return Command(tuple(map(_word, words)), read, is_write=True)


def _read(read: Callable[[Reply], T], *words: Value) -> Command[T]:
    return Command(tuple(map(_word, words)), read)


def _milliseconds(seconds: float) -> int:
    milliseconds = round(seconds * 1000)
    if milliseconds <= 0:
        raise ValueError(f"a time to live must be at least a millisecond, not {seconds} s")
    return milliseconds


def _same(reply: Reply) -> Reply:
    return reply


def _done(_: Reply) -> None:
    return None


def _is_set(reply: Reply) -> bool:
    return reply is not None


def _is_one(reply: Reply) -> bool:
    return bool(int(reply) == 1)


def _optional_bytes(reply: Reply) -> bytes | None:
    return None if reply is None else bytes(reply)


def _optional_int(reply: Reply) -> int | None:
    return None if reply is None else int(reply)


def _seconds_left(reply: Reply) -> float | None:
    return int(reply) / 1000 if int(reply) >= 0 else None


def get(key: Key) -> Command[bytes | None]:
    return _read(_optional_bytes, "GET", key)


def get_versioned(key: Key) -> Command[Versioned | None]:
    return _read(replies.versioned, "KV.GET", key)


def put(
    key: Key,
    value: Value,
    *,
    ttl: float | None = None,
    if_missing: bool = False,
    if_present: bool = False,
) -> Command[bool]:
    if if_missing and if_present:
        raise ValueError("if_missing and if_present exclude each other")
    words: list[Value] = ["SET", key, value]
    if ttl is not None:
        words += ["PX", _milliseconds(ttl)]
    if if_missing:
        words.append("NX")
    if if_present:
        words.append("XX")
    return _write(_is_set, *words)


def delete(*keys: Key) -> Command[int]:
    return _write(int, "DEL", *keys)


def incr(key: Key, by: int = 1) -> Command[int]:
    return _write(int, "INCRBY", key, by)


def cas(key: Key, value: Value, *, revision: int) -> Command[int | None]:
    return _write(_optional_int, "KV.CAS", key, revision, value)


def key_range(start: Key, end: Key, limit: int | None) -> Command[list[KeyValue]]:
    words: list[Value] = ["KV.RANGE", start, end]
    if limit is not None:
        words += ["LIMIT", limit]
    return _read(replies.key_values, *words)


def exists(*keys: Key) -> Command[int]:
    return _read(int, "EXISTS", *keys)


def expire(key: Key, ttl: float) -> Command[bool]:
    return _write(_is_one, "PEXPIRE", key, _milliseconds(ttl))


def ttl(key: Key) -> Command[float | None]:
    return _read(_seconds_left, "PTTL", key)


def mget(keys: Sequence[Key]) -> Command[list[bytes | None]]:
    return _read(lambda reply: [_optional_bytes(item) for item in reply], "MGET", *keys)


def mset(items: Mapping[Key, Value] | Mapping[str, Value] | Mapping[bytes, Value]) -> Command[None]:
    words: list[Value] = ["MSET"]
    for key, value in items.items():
        words += [key, value]
    return _write(_done, *words)


def xadd(
    key: Key,
    fields: Mapping[str, Value] | Mapping[bytes, Value],
    *,
    sequence: int | None = None,
    maxlen: int | None = None,
) -> Command[int]:
    words: list[Value] = ["XADD", key]
    if maxlen is not None:
        words += ["MAXLEN", maxlen]
    words.append("*" if sequence is None else sequence)
    for name, value in fields.items():
        words += [name, value]
    return _write(replies.sequence, *words)


def xlen(key: Key) -> Command[int]:
    return _read(int, "XLEN", key)


def xrange(
    key: Key, start: int, end: int | None, count: int | None, reverse: bool
) -> Command[list[StreamEntry]]:
    last: Value = "+" if end is None else end
    words: list[Value] = (
        ["XREVRANGE", key, last, start] if reverse else ["XRANGE", key, start, last]
    )
    if count is not None:
        words += ["COUNT", count]
    return _read(replies.stream_entries, *words)


def xread(
    after: Mapping[bytes, int], count: int | None, block_ms: int | None
) -> Command[dict[bytes, list[StreamEntry]]]:
    words: list[Value] = ["XREAD"]
    if count is not None:
        words += ["COUNT", count]
    if block_ms is not None:
        words += ["BLOCK", block_ms]
    return _read(replies.streams, *words, "STREAMS", *after.keys(), *after.values())


def xinfo(key: Key) -> Command[StreamInfo]:
    return _read(replies.stream_info, "XINFO", "STREAM", key)


def state_hash() -> Command[StateHash]:
    return Command(("KV.HASH",), replies.state_hash, is_local=True)


def status() -> Command[NodeStatus]:
    return Command(("KV.STATUS",), replies.node_status, is_local=True)


def why() -> Command[str]:
    return Command(("KV.WHY",), replies.text, is_local=True)


def ping() -> Command[str]:
    return Command(("PING",), replies.text, is_local=True)


def raw(words: Iterable[Value], *, is_write: bool) -> Command[Any]:
    sent = tuple(map(_word, words))
    if not sent:
        raise ValueError("a command has at least its name")
    if sent[0].upper() in ("KV.WATCH", b"KV.WATCH"):
        raise CommandError("ERR KV.WATCH needs a connection of its own: use the client's watch()")
    has_session = sent[0] in ("KV.ONCE", b"KV.ONCE")
    return Command(sent, _same, is_write=is_write, has_session=has_session)


def transaction(parts: Sequence[Command[Any]]) -> Command[list[Any]]:
    """MULTI ... EXEC. A part that fails while it is applied yields its `CommandError`."""

    def read(reply: Reply) -> list[Any]:
        return [
            CommandError(str(item)) if isinstance(item, Exception) else part.read(item)
            for part, item in zip(parts, reply, strict=True)
        ]

    queued = (("MULTI",), *(part.words for part in parts))
    return Command(("EXEC",), read, is_write=True, queued=queued)
