"""The commands as a node tells them (COMMAND, COMMAND DOCS), with the syntax of their arguments."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from kvcluster.repl.syntax import SYNTAX, arguments_of
from kvcluster.replies import Reply, mapping, text

# Names that people type, and the commands they mean.
ALIASES = {"DELETE": "DEL"}


@dataclass(frozen=True, slots=True)
class Entry:
    """One command.

    Attributes:
        name: in capitals.
        summary: a sentence.
        group: `string`, `transactions`, ...
        syntax: of its arguments, see `kvcluster.repl.syntax`.
        is_write: it changes something.
        is_local: a node answers it by itself, also while nobody leads.
        keys: first, last and step of the arguments that are keys; 0: it has none. A negative last
            counts from the end.
    """

    name: str
    summary: str
    group: str
    syntax: str
    is_write: bool
    is_local: bool = False
    keys: tuple[int, int, int] = (0, 0, 0)

    def is_key(self, place: int) -> bool:
        """Whether the argument at this place (the first is 1) may be a key."""
        first, last, step = self.keys
        if first == 0 or place < first or (0 < last < place):
            return False
        return (place - first) % max(step, 1) == 0


class Book:
    """All commands, by name."""

    def __init__(self, entries: Sequence[Entry] = ()) -> None:
        self.entries: Mapping[str, Entry] = {entry.name: entry for entry in entries}

    def find(self, name: str) -> Entry | None:
        """In any case, and by its alias, too."""
        return self.entries.get(ALIASES.get(name.upper(), name.upper()))

    @property
    def names(self) -> list[str]:
        return sorted(self.entries)


def read_book(ask: Callable[..., Reply]) -> Book:
    """Asks a node for its commands.

    Args:
        ask: sends the words of one command and returns its reply.
    """
    docs = {text(name): mapping(about) for name, about in mapping(ask("COMMAND", "DOCS")).items()}
    entries = []
    for info in ask("COMMAND"):
        name, arity, flags, first, last, step = info[:6]
        about = docs.get(text(name), {})
        upper = text(name).upper()
        words = {text(flag) for flag in flags}
        entries.append(
            Entry(
                name=upper,
                summary=text(about.get("summary", "")),
                group=text(about.get("group", "")),
                syntax=SYNTAX.get(upper, arguments_of(int(arity), int(first))),
                is_write="write" in words,
                is_local="stale" in words,
                keys=(int(first), int(last), int(step)),
            )
        )
    return Book(entries)
