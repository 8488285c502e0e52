"""What a client remembers between its calls: where the nodes are, who leads, its sessions."""

from __future__ import annotations

import random
import secrets
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

Address: TypeAlias = tuple[str, int]

_KNOWN_NODES_MAX = 64


def parse_address(node: str | Address) -> Address:
    """`"host:port"`, `"[::1]:port"` or a pair.

    Raises:
        ValueError: it is neither.
    """
    if isinstance(node, tuple):
        return node
    host, colon, port = node.rpartition(":")
    if not colon or not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise ValueError(f"{node!r} is no address: give host:port")
    return host.strip("[]"), int(port)


class Directory:
    """The nodes that are known, and which of them is believed to lead.

    Updates are single assignments and list appends, so threads may share one.
    """

    def __init__(self, nodes: Sequence[str | Address]) -> None:
        if not nodes:
            raise ValueError("a client needs at least one node to begin with")
        self.nodes: list[Address] = [parse_address(node) for node in nodes]
        self.leader: Address | None = None
        self._next = random.randrange(len(self.nodes))

    def choose(self, avoid: Address | None) -> Address:
        """The leader if one is known, else the nodes in turn; not `avoid` if there is another."""
        leader = self.leader
        if leader is not None and leader != avoid:
            return leader
        for _ in self.nodes:
            self._next = (self._next + 1) % len(self.nodes)
            if self.nodes[self._next] != avoid:
                break
        return self.nodes[self._next]

    def learn(self, address: Address) -> None:
        if address not in self.nodes and len(self.nodes) < _KNOWN_NODES_MAX:
            self.nodes.append(address)

    def follow(self, address: Address) -> None:
        self.learn(address)
        self.leader = address

    def failed(self, address: Address) -> None:
        if self.leader == address:
            self.leader = None


class HomeDirectory(Directory):
    """Keeps to one node for as long as it answers, whoever leads; then to the next one.

    So a client sees the cluster as that node does. The node must pass commands on to the leader
    (`--follower-mode proxy`); one that names the leader instead is left for it.
    """

    def __init__(self, nodes: Sequence[str | Address], home: str | Address) -> None:
        super().__init__(nodes)
        self.follow(parse_address(home))

    def failed(self, address: Address) -> None:
        if self.leader == address:
            self.leader = None
            self.leader = self.choose(avoid=address)


def directory_of(nodes: Sequence[str | Address], home: str | Address | None) -> Directory:
    """For a client that follows the leader, or keeps to a node."""
    return Directory(nodes) if home is None else HomeDirectory(nodes, home)


@dataclass(slots=True)
class Session:
    """A client id with the number of its last request. Used by one command at a time."""

    client_id: str = field(default_factory=lambda: secrets.token_hex(16))
    sequence: int = 0


class Sessions:
    """Sessions that are free. Taking and giving back is safe between threads."""

    def __init__(self) -> None:
        self._free: deque[Session] = deque()

    def take(self) -> Session:
        try:
            return self._free.pop()
        except IndexError:
            return Session()

    def give_back(self, session: Session) -> None:
        self._free.append(session)
