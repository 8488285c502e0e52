"""Bytes of the Redis protocol to values and back, through hiredis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, cast

import hiredis

from kvcluster.commands import Word
from kvcluster.errors import CommandError, Corruption, Unavailable
from kvcluster.replies import Reply
from kvcluster.retry import ErrorReply, Outcome

_AUTH_CODES = frozenset({"NOAUTH", "WRONGPASS", "NOPERM"})


class _Nothing:
    """No whole reply has arrived yet. (None is a reply.)"""


NOTHING: Final = _Nothing()


def pack(commands: Sequence[tuple[Word, ...]]) -> bytes:
    """The commands back to back, as they are sent."""
    # hiredis types the tuple as one of mixed elements, and tuples of a union are no such tuples.
    return b"".join(hiredis.pack_command(cast(Any, words)) for words in commands)


def is_push(message: Any) -> bool:
    """The node sent it of its own accord: it answers nothing."""
    return isinstance(message, hiredis.PushNotification)


def as_error(reply: Reply) -> Reply | ErrorReply:
    """The reply itself, or our own value of an error."""
    return ErrorReply(str(reply)) if isinstance(reply, hiredis.ReplyError) else reply


def hello(password: str | None) -> tuple[Word, ...]:
    """The first command of a connection: RESP3, for maps and booleans, and the password."""
    return ("HELLO", "3") if password is None else ("HELLO", "3", "AUTH", "default", password)


def check_hello(name: str, outcome: Outcome) -> None:
    """Raises when a connection is of no use after its `hello`.

    Args:
        name: of the node, for the message.

    Raises:
        CommandError: the password is missing or wrong.
        Unavailable: everything else.
    """
    if outcome.lost is not None:
        raise Unavailable(outcome.lost)
    answer = outcome.replies[0]
    if isinstance(answer, ErrorReply):
        error = CommandError if answer.code in _AUTH_CODES else Unavailable
        raise error(f"{answer.message} ({name})")


class ReplyReader:
    """Takes bytes as they arrive, hands out whole replies."""

    def __init__(self) -> None:
        self._reader = hiredis.Reader(notEnoughData=NOTHING)

    def feed(self, data: bytes) -> None:
        self._reader.feed(data)

    def next(self) -> Reply | ErrorReply:
        """The next reply, an `ErrorReply`, or `NOTHING`.

        Raises:
            Corruption: the bytes are no RESP.
        """
        try:
            return as_error(self._reader.gets())
        except hiredis.ProtocolError as error:
            raise Corruption(f"the answer is no RESP: {error}") from error
