"""Values that commands answer with, and how they are read out of RESP replies.

Sizes are bytes, times are seconds unless a name ends in `_ms`. All values are immutable.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from kvcluster.errors import Corruption

# What the parser makes of RESP2 and RESP3. Errors never get here; they are raised.
Reply: TypeAlias = Any
Key: TypeAlias = str | bytes
Value: TypeAlias = str | bytes | int


@dataclass(frozen=True, slots=True)
class Versioned:
    """A value with the revision of the write that made it: that write's index in the log."""

    value: bytes
    revision: int


@dataclass(frozen=True, slots=True)
class KeyValue:
    """One record of a range."""

    key: bytes
    value: bytes
    revision: int


@dataclass(frozen=True, slots=True)
class StreamEntry:
    """A message of a stream.

    Attributes:
        sequence: 1 for the first message that was ever added, and one more for each; a gap means
            that messages were trimmed.
        fields: what it says, by name.
    """

    sequence: int
    fields: Mapping[bytes, bytes]

    @property
    def id(self) -> str:
        """As Redis writes it."""
        return f"{self.sequence}-0"


@dataclass(frozen=True, slots=True)
class StreamInfo:
    """What a stream holds: `length` messages, the newest of which is, or was, `last_sequence`."""

    length: int
    last_sequence: int


@dataclass(frozen=True, slots=True)
class Change:
    """A change of a key, as a watch sees it.

    Attributes:
        revision: of the entry of the log that made it; changes of one entry share it.
        kind: `put`: it was written, or its expiry changed. `delete`. `expire`: its time was over.
            `stream`: a message was added to the stream, or the stream was trimmed.
        key: the whole key.
        value: what was put; of a stream the id of its newest message; otherwise None.
    """

    revision: int
    kind: str
    key: bytes
    value: bytes | None


@dataclass(frozen=True, slots=True)
class StateHash:
    """A node's digests after it has applied the entry at `index`.

    Two nodes are equal when all four fields are; at different indices nothing can be said.

    Attributes:
        index: of the newest applied entry.
        history: hex BLAKE2b-256 chain over all entries.
        state: hex BLAKE2b-256 root of the incremental multiset hash over all records.
        keys: how many keys there are.
    """

    index: int
    history: str
    state: str
    keys: int


@dataclass(frozen=True, slots=True)
class NodeStatus:
    """What a node says about itself, and what it sees of the others.

    Attributes:
        id: of the node.
        phase: `serving`, or why it does not: `bootstrapping`, `repairing`, `stopping`, `failed`.
        role: `leader`, `pre-candidate`, `candidate` or `follower`.
        ready: it leads and may serve: its first entry is committed.
        leader: the id of the leader it follows; 0 when it knows none.
        term: its current term.
        commit_index: entries up to here are committed, as far as it knows.
        applied_index: entries up to here are in its state.
        first_index: of its log in memory; what was before is in its checkpoint.
        last_index: of its log.
        keys: how many keys it holds.
        why: in plain words, why there is no leader or why a write waits; may be empty.
        fields: everything the node said, by name.
    """

    id: int
    phase: str
    role: str
    ready: bool
    leader: int
    term: int
    commit_index: int
    applied_index: int
    first_index: int
    last_index: int
    keys: int
    why: str
    fields: Mapping[str, Reply] = field(repr=False, compare=False)


def text(reply: Reply) -> str:
    """A string, simple or bulk."""
    if isinstance(reply, bytes):
        return reply.decode("utf-8", "replace")
    return str(reply)


def mapping(reply: Reply) -> dict[str, Reply]:
    """A map: RESP3 has a type for it, RESP2 sends names and values in turn."""
    if isinstance(reply, dict):
        return {text(name): value for name, value in reply.items()}
    if isinstance(reply, list) and len(reply) % 2 == 0:
        names = [text(name) for name in reply[::2]]
        return dict(zip(names, reply[1::2], strict=True))
    raise Corruption(f"a map was expected, the node answered {reply!r}")


def state_hash(reply: Reply) -> StateHash:
    """The answer to KV.HASH."""
    fields = mapping(reply)
    return StateHash(
        index=int(fields["index"]),
        history=text(fields["history"]),
        state=text(fields["state"]),
        keys=int(fields["keys"]),
    )


def node_status(reply: Reply) -> NodeStatus:
    """The answer to KV.STATUS."""
    fields = mapping(reply)
    raft = mapping(fields["raft"])
    return NodeStatus(
        id=int(fields["id"]),
        phase=text(fields["phase"]),
        role=text(fields["role"]),
        ready=bool(fields["ready"]),
        leader=int(fields["leader"]),
        term=int(raft["term"]),
        commit_index=int(raft["commit_index"]),
        applied_index=int(raft["applied_index"]),
        first_index=int(raft["first_index"]),
        last_index=int(raft["last_index"]),
        keys=int(mapping(fields["state"])["keys"]),
        why=text(fields["why"]),
        fields=fields,
    )


def key_values(reply: Reply) -> list[KeyValue]:
    """The answer to KV.RANGE."""
    return [KeyValue(bytes(key), bytes(value), int(revision)) for key, value, revision in reply]


def versioned(reply: Reply) -> Versioned | None:
    """The answer to KV.GET."""
    if reply is None:
        return None
    value, revision = reply
    return Versioned(bytes(value), int(revision))


def sequence(reply: Reply) -> int:
    """Of an id `n-0`."""
    return int(text(reply).split("-", 1)[0])


def stream_entries(reply: Reply) -> list[StreamEntry]:
    """The answer to XRANGE."""
    return [
        StreamEntry(sequence(entry), dict(zip(fields[::2], fields[1::2], strict=True)))
        for entry, fields in reply
    ]


def streams(reply: Reply) -> dict[bytes, list[StreamEntry]]:
    """The answer to XREAD: a map in RESP3, pairs in RESP2, nil when there is nothing new."""
    if reply is None:
        return {}
    pairs = reply.items() if isinstance(reply, dict) else reply
    return {bytes(key): stream_entries(entries) for key, entries in pairs}


def stream_info(reply: Reply) -> StreamInfo:
    """The answer to XINFO STREAM."""
    fields = mapping(reply)
    return StreamInfo(int(fields["length"]), sequence(fields["last-generated-id"]))
