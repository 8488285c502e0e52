"""What the page is told about the cluster, as JSON values. Nothing here asks or waits."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from kvcluster.replies import NodeStatus, mapping, text

Json: TypeAlias = dict[str, Any]

STRIP_ENTRIES = 24
_HASH_DIGITS = 16


@dataclass(slots=True)
class SeenTerms:
    """The terms of a node's newest entries, as far as its answers tell them.

    An answer names the newest entry only. What came between two answers of one term is of that
    term; between two terms nothing is claimed.
    """

    terms: dict[int, int | None] = field(default_factory=dict)
    last_index: int = 0
    last_term: int = 0

    def note(self, last_index: int, last_term: int, commit_index: int) -> None:
        """Takes the next answer in."""
        if last_term != self.last_term or last_index < self.last_index:
            # What was not committed may have been cut, and replaced.
            self.terms = {index: term for index, term in self.terms.items() if index < commit_index}
            self.last_index = min(self.last_index, commit_index)
        oldest = last_index - STRIP_ENTRIES + 1
        same = last_term if last_term == self.last_term else None
        for index in range(max(self.last_index + 1, oldest), last_index):
            self.terms[index] = same
        self.terms[last_index] = last_term
        self.terms = {index: term for index, term in self.terms.items() if index >= oldest}
        self.last_index, self.last_term = last_index, last_term


@dataclass(slots=True)
class NodeView:
    """What is known of one node.

    Attributes:
        id: its id.
        address: where it serves clients.
        condition: `running`, `paused`, `down`, or `silent` when it runs and does not answer.
        status: its newest answer; None: it has given none since it was started.
    """

    id: int
    address: str
    condition: str = "silent"
    status: NodeStatus | None = None
    seen: SeenTerms = field(default_factory=SeenTerms)

    def take(self, status: NodeStatus) -> None:
        """Its next answer."""
        self.status = status
        last_term = int(mapping(status.fields["raft"])["last_term"])
        self.seen.note(status.last_index, last_term, status.commit_index)

    def json(self, newest: int) -> Json:
        """As the page gets it; the strip ends at `newest`, the newest index of all nodes."""
        told: Json = {"id": self.id, "address": self.address, "condition": self.condition}
        status = self.status
        if status is None:
            return told | {"role": "", "strip": []}
        raft = mapping(status.fields["raft"])
        state = mapping(status.fields["state"])
        return told | {
            "role": status.role if status.phase == "serving" else status.phase,
            "ready": status.ready,
            "term": status.term,
            "leader": status.leader,
            "commit": status.commit_index,
            "applied": status.applied_index,
            "durable": int(raft["durable_index"]),
            "last": status.last_index,
            "keys": status.keys,
            "hash_index": int(state["index"]),
            "hash": text(state["state"])[:_HASH_DIGITS],
            "why": status.why,
            "strip": self._strip(newest, int(raft["durable_index"]), status.commit_index),
        }

    def _strip(self, newest: int, durable: int, commit: int) -> list[Json]:
        indices = range(max(1, newest - STRIP_ENTRIES + 1), newest + 1)
        return [
            {
                "index": index,
                "term": self.seen.terms.get(index),
                "state": _entry_state(index, self.seen.last_index, durable, commit),
            }
            for index in indices
        ]


def _entry_state(index: int, last: int, durable: int, commit: int) -> str:
    if index > last:
        return "missing"
    if index <= commit:
        return "committed"
    return "durable" if index <= durable else "appended"


def links(nodes: Sequence[NodeView], cut: Iterable[tuple[int, int]]) -> list[Json]:
    """Each pair of nodes once; what is on its way is known of a leader's links only.

    Args:
        nodes: all.
        cut: ordered pairs whose link carries nothing.
    """
    lost = set(cut)
    told = []
    for one, other in itertools.combinations(nodes, 2):
        pair = (one.id, other.id)
        answers = [
            connected
            for near, far in ((one, other), (other, one))
            if (connected := _member(near, far.id).get("connected")) is not None
        ]
        link: Json = {
            "nodes": pair,
            "cut": pair in lost or pair[::-1] in lost,
            "connected": bool(answers) and all(answers),
            "from": 0,
            "entries": 0,
            "bytes": 0,
        }
        for near, far in ((one, other), (other, one)):
            peer = _member(near, far.id)
            if near.status is not None and near.status.ready and "match_index" in peer:
                # A node that is away is sent nothing: what it lacks is not on its way.
                flowing = bool(peer["connected"])
                link["from"] = near.id
                link["bytes"] = int(peer["inflight_bytes"]) if flowing else 0
                link["entries"] = (
                    max(0, int(peer["next_index"]) - 1 - int(peer["match_index"])) if flowing else 0
                )
                link["behind"] = max(0, near.status.last_index - int(peer["match_index"]))
        told.append(link)
    return told


def _member(near: NodeView, far: int) -> Mapping[str, Any]:
    if near.status is None or near.condition != "running":
        return {}
    members = [mapping(member) for member in near.status.fields["members"]]
    return next((member for member in members if int(member["id"]) == far), {})


def leader(nodes: Iterable[NodeView]) -> int:
    """The leader of the newest term that may serve; 0: there is none."""
    leading = [
        node.status
        for node in nodes
        if node.condition == "running" and node.status is not None and node.status.ready
    ]
    return max(leading, key=lambda status: status.term).id if leading else 0


def verdict(nodes: Sequence[NodeView]) -> Json:
    """Whether the nodes that answer have one state: `equal`, `apart`, `differ` or `none`."""
    answering = [node for node in nodes if node.condition == "running" and node.status is not None]
    digests = {
        node.id: (int(state["index"]), text(state["state"]))
        for node in answering
        if node.status is not None and (state := mapping(node.status.fields["state"]))
    }
    if not digests:
        return {"kind": "none", "text": "no node answers"}
    indices = {index for index, _ in digests.values()}
    who = "all" if len(digests) == len(nodes) else f"{len(digests)} of"
    if len(set(digests.values())) == 1:
        words = f"{who} {len(nodes)} nodes have one state hash at index {indices.pop()}"
        return {"kind": "equal", "text": words, "nodes": len(digests)}
    if len(indices) < len(digests) and _differ(digests.values()):
        return {"kind": "differ", "text": "two nodes differ at one index: one of them is damaged"}
    return {
        "kind": "apart",
        "text": f"the nodes stand at indices {min(indices)} to {max(indices)}",
    }


def _differ(digests: Iterable[tuple[int, str]]) -> bool:
    """Two digests of one index are not the same."""
    seen: dict[int, str] = {}
    return any(seen.setdefault(index, state) != state for index, state in digests)
