"""The arguments of commands, written as Redis's documentation does, and what is still to come.

`name` must be given, `[...]` may be, `a|b` is a choice, `[name ...]` may be repeated. Words in
capitals are typed as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

_EXPIRY = "EX seconds|PX milliseconds|EXAT unix-seconds|PXAT unix-milliseconds"

SYNTAX: dict[str, str] = {
    "APPEND": "key value",
    "AUTH": "[username] password",
    "CLIENT": "GETNAME|ID|INFO|SETINFO|SETNAME [value ...]",
    "CLUSTER": "SLOTS|SHARDS|NODES|INFO|KEYSLOT|MYID [key]",
    "COMMAND": "[COUNT|DOCS|INFO|GETKEYS] [name ...]",
    "CONFIG": "GET pattern [pattern ...]",
    "DBSIZE": "",
    "DECR": "key",
    "DECRBY": "key decrement",
    "DEL": "key [key ...]",
    "DISCARD": "",
    "ECHO": "message",
    "EXEC": "",
    "EXISTS": "key [key ...]",
    "EXPIRE": "key seconds [NX|XX|GT|LT]",
    "EXPIREAT": "key unix-seconds [NX|XX|GT|LT]",
    "EXPIRETIME": "key",
    "FLUSHALL": "[SYNC|ASYNC]",
    "FLUSHDB": "[SYNC|ASYNC]",
    "GET": "key",
    "GETDEL": "key",
    "GETEX": f"key [{_EXPIRY}|PERSIST]",
    "GETRANGE": "key start end",
    "GETSET": "key value",
    "HELLO": "[2|3] [AUTH username password] [SETNAME name]",
    "INCR": "key",
    "INCRBY": "key increment",
    "INFO": "[section]",
    "KEYS": "pattern",
    "KV.CAS": "key revision value",
    "KV.GET": "key",
    "KV.HASH": "[FULL]",
    "KV.MININDEX": "index",
    "KV.ONCE": "client seq command [argument ...]",
    "KV.RANGE": "start end [LIMIT count]",
    "KV.STATUS": "",
    "KV.TRANSFER": "[node]",
    "KV.UNWATCH": "[prefix]",
    "KV.WATCH": "prefix [FROM revision]",
    "KV.WHY": "",
    "MGET": "key [key ...]",
    "MSET": "key value [key value ...]",
    "MSETNX": "key value [key value ...]",
    "MULTI": "",
    "PERSIST": "key",
    "PEXPIRE": "key milliseconds [NX|XX|GT|LT]",
    "PEXPIREAT": "key unix-milliseconds [NX|XX|GT|LT]",
    "PEXPIRETIME": "key",
    "PING": "[message]",
    "PSETEX": "key milliseconds value",
    "PTTL": "key",
    "QUIT": "",
    "READONLY": "",
    "READWRITE": "",
    "RESET": "",
    "ROLE": "",
    "SCAN": "cursor [MATCH pattern] [COUNT count] [TYPE type]",
    "SELECT": "0",
    "SENTINEL": "MASTERS|GET-MASTER-ADDR-BY-NAME|REPLICAS [name]",
    "SET": f"key value [NX|XX] [GET] [{_EXPIRY}|KEEPTTL]",
    "SETEX": "key seconds value",
    "SETNX": "key value",
    "SETRANGE": "key offset value",
    "STRLEN": "key",
    "TIME": "",
    "TOUCH": "key [key ...]",
    "TTL": "key",
    "TYPE": "key",
    "UNLINK": "key [key ...]",
    "UNWATCH": "",
    "WATCH": "key [key ...]",
    "XADD": "key [NOMKSTREAM] [MAXLEN count] *|id field value [field value ...]",
    "XINFO": "STREAM key",
    "XLEN": "key",
    "XRANGE": "key start end [COUNT count]",
    "XREAD": "[COUNT count] [BLOCK milliseconds] STREAMS key [key ...] id [id ...]",
    "XREVRANGE": "key end start [COUNT count]",
    "XTRIM": "key MAXLEN count",
}


@dataclass(frozen=True, slots=True)
class Item:
    """One piece of a syntax: a name, a choice or something in brackets."""

    text: str  # as it is written, brackets included

    @property
    def is_optional(self) -> bool:
        return self.text.startswith("[")

    @property
    def alternatives(self) -> list[list[str]]:
        """The words of each choice."""
        inner = self.text.strip("[]")
        return [choice.split() for choice in inner.split("|")]

    @property
    def repeats(self) -> bool:
        return self.text.endswith("...]")

    @property
    def cycle(self) -> list[str]:
        """The words of one repetition."""
        return self.alternatives[0][:-1]

    @property
    def keywords(self) -> list[str]:
        """The words that may be typed as they stand here."""
        return [choice[0] for choice in self.alternatives if choice and is_keyword(choice[0])]

    @property
    def is_literal(self) -> bool:
        """It must be typed as it stands."""
        return self.text == "|" or (is_keyword(self.text) and "|" not in self.text)


def is_keyword(word: str) -> bool:
    return word.isupper() and word[0].isalpha()


def items(syntax: str) -> list[Item]:
    """The pieces, at the blanks that stand in no bracket."""
    found: list[str] = []
    depth = 0
    for part in syntax.split():
        if depth:
            found[-1] += " " + part
        else:
            found.append(part)
        depth += part.count("[") - part.count("]")
    return [Item(text) for text in found]


def arguments_of(arity: int, first_key: int) -> str:
    """A syntax made of what COMMAND tells, for a command that has no entry above."""
    names = ["key" if place == first_key else "argument" for place in range(1, abs(arity))]
    return " ".join([*names, "[argument ...]"] if arity < 0 else names)


def remaining(syntax: str, arguments: Sequence[str]) -> list[Item]:
    """What may or must still come after these arguments, in order."""
    pieces = items(syntax)
    pending: list[str] = []  # words that an argument asks for behind it
    for argument in arguments:
        if pending:
            pending.pop(0)
            continue
        option = next((piece for piece in pieces if argument.upper() in piece.keywords), None)
        if option is not None and option.is_optional:
            pending = next(c for c in option.alternatives if c[0] == argument.upper())[1:]
            pieces.remove(option)
        elif pieces and pieces[0].repeats and _all_optional(pieces):
            pending = pieces[0].cycle[1:]
        else:
            pieces = _after_next_required(pieces, argument)
    return [*map(Item, pending), *pieces]


def _all_optional(pieces: Sequence[Item]) -> bool:
    return all(piece.is_optional for piece in pieces)


def _after_next_required(pieces: list[Item], argument: str) -> list[Item]:
    """What is left when an argument took the place of the next piece that must be given."""
    for place, piece in enumerate(pieces):
        if not piece.is_optional:
            fits = not piece.is_literal or piece.text == argument.upper()
            return pieces[place + 1 :] if fits else pieces
    # Nothing must be given: a name that may be given, and was.
    return [piece for piece in pieces if piece.keywords]


def hint(syntax: str, arguments: Sequence[str]) -> str:
    """`remaining` as it is shown behind the cursor."""
    return " ".join(piece.text for piece in remaining(syntax, arguments))
