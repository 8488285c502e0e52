"""Replies as redis-cli shows them, in colours."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from kvcluster.replies import Change, Reply
from kvcluster.retry import ErrorReply

# What is text of many lines, not a value.
_PLAIN = frozenset({"INFO", "CLUSTER INFO", "CLUSTER NODES", "CLIENT INFO", "KV.WHY"})
# These answer with words of a client's own, which are shown as values whatever they are.
_VALUES = frozenset(
    {"ECHO", "GET", "GETDEL", "GETEX", "GETRANGE", "GETSET", "KV.GET", "KV.RANGE", "MGET"}
)
_STATUSES = frozenset({b"OK", b"QUEUED", b"PONG", b"RESET"})
_ESCAPED = {
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    "\a": "\\a",
    "\b": "\\b",
    '"': '\\"',
    "\\": "\\\\",
}

VALUE, NUMBER, NOTHING, STATUS, LABEL, ERROR = (
    "green",
    "cyan",
    "dim",
    "bold green",
    "dim",
    "bold red",
)


def quoted(value: bytes) -> str:
    """In double quotes; what cannot be printed is escaped, so that it can be typed again."""
    shown = ""
    for sign in value.decode("utf-8", "surrogateescape"):
        if sign in _ESCAPED:
            shown += _ESCAPED[sign]
        elif sign.isprintable():
            shown += sign
        else:
            shown += "".join(f"\\x{byte:02x}" for byte in sign.encode("utf-8", "surrogateescape"))
    return f'"{shown}"'


def error(message: str) -> Text:
    return Text(f"(error) {message}", ERROR)


def shown(reply: Reply | ErrorReply, words: Sequence[str]) -> Text:
    """The reply to a command.

    Args:
        words: of the command; some replies are plain text or a mere status.
    """
    return Text("\n").join(_reply_lines(reply, words))


def shown_change(change: Change) -> Text:
    """One change of a watch, in a line."""
    head = Text.assemble((f"{change.revision:>8} ", LABEL), (f"{change.kind:<6} ", NUMBER))
    line = head + Text(quoted(change.key), VALUE)
    return line if change.value is None else line + Text(" => ", LABEL) + Text(quoted(change.value))


def shown_each(replies: Sequence[Reply | ErrorReply], commands: Sequence[Sequence[str]]) -> Text:
    """The replies of a transaction to its commands."""
    each = [_reply_lines(reply, words) for reply, words in zip(replies, commands, strict=True)]
    return Text("\n").join(_numbered(each))


def _reply_lines(reply: Reply | ErrorReply, words: Sequence[str]) -> list[Text]:
    name = words[0].upper() if words else ""
    both = " ".join(words[:2]).upper()
    if isinstance(reply, bytes) and (name in _PLAIN or both in _PLAIN):
        plain = reply.decode("utf-8", "replace").replace("\r\n", "\n").rstrip("\n")
        return [Text(line) for line in plain.split("\n")]
    is_status = name not in _VALUES and isinstance(reply, bytes) and reply in _STATUSES
    if isinstance(reply, bytes) and (is_status or name == "TYPE"):
        return [Text(reply.decode(), STATUS)]
    return _lines(reply)


def _lines(reply: Reply | ErrorReply) -> list[Text]:
    if isinstance(reply, (ErrorReply, Exception)):
        return [error(reply.message if isinstance(reply, ErrorReply) else str(reply))]
    if reply is None:
        return [Text("(nil)", NOTHING)]
    if isinstance(reply, bool):
        return [Text("(true)" if reply else "(false)", NUMBER)]
    if isinstance(reply, int):
        return [Text(f"(integer) {reply}", NUMBER)]
    if isinstance(reply, float):
        return [Text(f"(double) {reply:g}", NUMBER)]
    if isinstance(reply, dict):
        return _map_lines(reply)
    if isinstance(reply, (list, tuple, set, frozenset)):
        return _array_lines(list(reply))
    return [Text(quoted(reply if isinstance(reply, bytes) else str(reply).encode()), VALUE)]


def _array_lines(replies: list[Reply]) -> list[Text]:
    if not replies:
        return [Text("(empty array)", NOTHING)]
    return _numbered([_lines(item) for item in replies])


def _numbered(items: Sequence[list[Text]]) -> list[Text]:
    width = len(str(len(items)))
    found: list[Text] = []
    for number, lines in enumerate(items, start=1):
        found += _labelled(Text(f"{number:>{width}}) ", LABEL), lines)
    return found


def _map_lines(replies: dict[Reply, Reply]) -> list[Text]:
    if not replies:
        return [Text("(empty hash)", NOTHING)]
    width = len(str(len(replies)))
    found: list[Text] = []
    for number, (name, value) in enumerate(replies.items(), start=1):
        label = Text(f"{number:>{width}}# ", LABEL)
        key, lines = _lines(name)[0], _lines(value)
        head = Text.assemble(key, (" => ", LABEL))
        if isinstance(value, (dict, list)) and value:
            found += _labelled(label, [head, *(Text("   ") + line for line in lines)])
        else:
            found += _labelled(label, [head + lines[0]])
    return found


def _labelled(label: Text, lines: list[Text]) -> list[Text]:
    indent = Text(" " * len(label))
    return [(label if place == 0 else indent) + line for place, line in enumerate(lines)]
