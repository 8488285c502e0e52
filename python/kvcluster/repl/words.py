"""A typed line as words, by the rules of redis-cli, and JSON documents as they stand.

Blanks part words. A word in quotes may hold them. Double quotes know the escapes \\n \\r \\t \\b
\\a \\xHH and a backslash before any other sign; single quotes only \\'. A word that begins with {
or [ and is a JSON document is one word as it stands: `SET person {"name": "Ada", "no": 12}`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

_ESCAPES = {"n": b"\n", "r": b"\r", "t": b"\t", "b": b"\b", "a": b"\a"}
_DECODER = json.JSONDecoder()


@dataclass(frozen=True, slots=True)
class Word:
    """One word.

    Attributes:
        value: what it stands for.
        start: where it begins in the line.
        fault: why it cannot be sent as it is; empty: it can.
    """

    value: bytes
    start: int
    fault: str = ""


def parse(line: str) -> list[Word]:
    """All words, also one that is not finished: it is the last, and has a fault."""
    found: list[Word] = []
    at = 0
    while True:
        while at < len(line) and line[at].isspace():
            at += 1
        if at == len(line):
            return found
        word, at = _word(line, at)
        found.append(word)
        if word.fault:
            return found


def split(line: str) -> list[bytes]:
    """The words to be sent.

    Raises:
        ValueError: a quote is not closed, or something sticks to it.
    """
    found = parse(line)
    if found and found[-1].fault:
        raise ValueError(found[-1].fault)
    return [word.value for word in found]


def _word(line: str, start: int) -> tuple[Word, int]:
    if line[start] in "{[":
        end = _document_end(line, start)
        if end is not None:
            return Word(line[start:end].encode(), start), end
    value = b""
    at = start
    while at < len(line) and not line[at].isspace():
        if line[at] in "\"'":
            part, end, fault = _quoted(line, at)
            value += part
            if fault:
                return Word(value, start, fault), end
            at = end
        else:
            value += _encode(line[at])
            at += 1
    return Word(value, start), at


def _document_end(line: str, start: int) -> int | None:
    try:
        _, end = _DECODER.raw_decode(line, start)
    except (ValueError, RecursionError):
        return None
    return end if end == len(line) or line[end].isspace() else None


def _quoted(line: str, start: int) -> tuple[bytes, int, str]:
    """What stands between the quotes, where it goes on after them, and what is wrong."""
    quote = line[start]
    value = b""
    at = start + 1
    while at < len(line):
        if line[at] == quote:
            end = at + 1
            if end < len(line) and not line[end].isspace():
                return value, end, f"after the quote at column {end} a blank must follow"
            return value, end, ""
        if line[at] == "\\" and at + 1 < len(line):
            part, at = _escape(line, at, quote)
            value += part
        else:
            value += _encode(line[at])
            at += 1
    return value, at, f"the quote at column {start + 1} is not closed"


def _escape(line: str, at: int, quote: str) -> tuple[bytes, int]:
    """What a backslash and what follows it stand for, and where it goes on."""
    sign = line[at + 1]
    if quote == "'":
        return (b"'", at + 2) if sign == "'" else (b"\\", at + 1)
    if sign == "x":
        digits = line[at + 2 : at + 4]
        if len(digits) == 2 and all(digit in "0123456789abcdefABCDEF" for digit in digits):
            return bytes.fromhex(digits), at + 4
    return _ESCAPES.get(sign, _encode(sign)), at + 2


def _encode(sign: str) -> bytes:
    # A terminal in another encoding hands on what it could not read as lone surrogates.
    return sign.encode("utf-8", "surrogateescape")
