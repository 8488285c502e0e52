"""What is said in a room: how it is stored in a stream, and how it is shown."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Final

from kvcluster.replies import StreamEntry

SENDER: Final = "from"
TEXT: Final = "text"
LONGEST_TEXT = 4000  # characters
LONGEST_ROOM = 100  # characters
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,32}")
_REPLACED = "\N{REPLACEMENT CHARACTER}"
# Controls, separators of lines and paragraphs, halves of pairs; and what turns the direction of
# writing round: none of it may reach another person's terminal.
_UNSHOWN = frozenset({"Cc", "Cs", "Zl", "Zp"})
_TURNING = frozenset(map(chr, (*range(0x202A, 0x202F), *range(0x2066, 0x206A))))


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message in its place.

    Attributes:
        seq: 1 for the first message of the room, and one more for each.
        sender: the client id of who said it.
        text: one line.
    """

    seq: int
    sender: str
    text: str

    @property
    def line(self) -> str:
        """As every node shows it."""
        return f"[seq={self.seq}] node_{self.sender}: {self.text}"


@dataclass(frozen=True, slots=True)
class Forgotten:
    """Messages that were trimmed before they were read: `first` to `last`."""

    first: int
    last: int

    @property
    def line(self) -> str:
        return f"[seq={self.first}..{self.last}] are no longer kept"


def room_key(room: str) -> str:
    """The stream of a room.

    Raises:
        ValueError: that is no name for one.
    """
    if not room or len(room) > LONGEST_ROOM or room != shown(room) or room != room.strip():
        raise ValueError(
            f"a room has a name of 1 to {LONGEST_ROOM} characters in one line, not {room[:120]!r}"
        )
    return f"chat:{room}"


def client_id(wanted: str) -> str:
    """A name for who talks.

    Raises:
        ValueError: it has other characters than the names of nodes have.
    """
    if _NAME.fullmatch(wanted) is None:
        raise ValueError(
            f"a client id has 1 to 32 letters, digits, dots, dashes or underscores, not {wanted!r}"
        )
    return wanted


def fields_of(sender: str, text: str) -> tuple[str, ...]:
    """Names and values of the stream's entry.

    Raises:
        ValueError: there is nothing to say, or too much.
    """
    said = shown(text.strip())
    if not said:
        raise ValueError("an empty message is not sent")
    if len(said) > LONGEST_TEXT:
        raise ValueError(f"a message has at most {LONGEST_TEXT} characters, not {len(said)}")
    return (SENDER, sender, TEXT, said)


def delivery_of(entry: StreamEntry) -> Delivery:
    """The entry as a message, whoever put it there."""
    sender = entry.fields.get(SENDER.encode(), b"unknown").decode("utf-8", "replace")
    text = entry.fields.get(TEXT.encode(), b"").decode("utf-8", "replace")
    return Delivery(entry.sequence, shown(sender), shown(text))


def shown(text: str) -> str:
    """The text without what would do something to a terminal."""
    return "".join(
        _REPLACED if unicodedata.category(char) in _UNSHOWN or char in _TURNING else char
        for char in text
    )
