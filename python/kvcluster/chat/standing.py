"""Where a client of the chat stands: its node, who leads, and what still waits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from kvcluster.replies import NodeStatus, mapping, text


@dataclass(frozen=True, slots=True)
class Standing:
    """What a node says about itself and about the cluster.

    Attributes:
        node: the id of the node that the client is at.
        leader: the id of the node that leads; 0: none does, as far as the node knows.
        term: of the leader.
    """

    node: int
    leader: int
    term: int

    @classmethod
    def of(cls, status: NodeStatus) -> Standing:
        return cls(status.id, status.leader, status.term)

    @property
    def leads(self) -> str:
        """In words."""
        if self.leader == 0:
            return f"no leader, term {self.term}"
        return f"leader node {self.leader}, term {self.term}"


def client_addresses(status: NodeStatus) -> Iterator[str]:
    """Where the members of the cluster serve clients, as far as the node knows."""
    for member in status.fields.get("members", []):
        address = text(mapping(member).get("client_address", b""))
        if address:
            yield address


def status_line(
    room: str, address: str, standing: Standing | None, *, last: int, waiting: int
) -> str:
    """One line.

    Args:
        address: of the node that the client is at.
        standing: what it said last; None: it does not answer.
        last: the number of the newest message that was delivered.
        waiting: how many messages are not stored yet.
    """
    if standing is None:
        where = f"{address} does not answer"
    else:
        where = f"node {standing.node} at {address} | {standing.leads}"
    held = f" | {waiting} waiting to be stored" if waiting else ""
    return f"room {room} | {where} | seq {last}{held}"
