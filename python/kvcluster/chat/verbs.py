"""What a line means: something to say, or a verb after a slash."""

from __future__ import annotations

from collections.abc import Callable

from kvcluster.chat.visit import Visit
from kvcluster.errors import CommandError

HELP = (
    "type a message and Enter; it is stored once and shown alike on every node",
    "/room NAME  leave this room and enter another one",
    "/status     the room, the node, who leads, the newest number",
    "/help       this",
    "/quit       leave (Ctrl-D too)",
    "//text      a message that begins with a slash",
)


class Leave(Exception):  # noqa: N818 - what a person does
    """The visit ends."""


async def carry_out(visit: Visit, line: str, tell: Callable[[str], None]) -> None:
    """Says the line or does what it asks for.

    What cannot be sent is told and is no error of the visit.

    Raises:
        Leave: the person leaves.
    """
    words = line.strip()
    if words.startswith("/") and not words.startswith("//"):
        verb, _, argument = words[1:].partition(" ")
        await _verb(visit, verb, argument.strip(), tell)
        return
    if not words:
        return
    try:
        await visit.room.send(words[1:] if words.startswith("//") else words)
    except (ValueError, CommandError) as error:
        tell(f"not sent: {error}")


async def _verb(visit: Visit, verb: str, argument: str, tell: Callable[[str], None]) -> None:
    match verb:
        case "room" if argument:
            await visit.room.settled()
            try:
                await visit.enter(argument)
            except ValueError as error:
                tell(str(error))
            else:
                tell(f"in room {visit.room.name}")
        case "status":
            await visit.look()
            tell(visit.status_line)
        case "help":
            for words in HELP:
                tell(words)
        case "quit":
            raise Leave
        case _:
            tell(f"/{verb}: no such verb, or something is missing; /help lists them")
