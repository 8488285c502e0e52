"""Where the shell sends a command.

Without a place of its own it uses a `Client`: that finds the leader, and applies each write once.
What only makes sense on one connection (MULTI, WATCH, READONLY, ...) goes over a connection that is
kept as long as it holds such a state; so does everything once the shell is bound to one node.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from typing import TypeVar

from kvcluster import commands
from kvcluster.client import Client
from kvcluster.commands import Command, Word
from kvcluster.connection import Connection
from kvcluster.directory import Address, parse_address
from kvcluster.errors import CommandError, KvError, Timeout, Unavailable
from kvcluster.repl.book import Book, read_book
from kvcluster.replies import NodeStatus, Reply, StateHash, text
from kvcluster.retry import ErrorReply
from kvcluster.watch import Watch

T = TypeVar("T")
_PROBE_SECONDS = 1.0
_FOR_EVER_SECONDS = 7 * 86400.0  # a socket takes no more than 24 days
_ON_ONE_CONNECTION = frozenset(
    {
        "CLIENT",
        "DISCARD",
        "EXEC",
        "HELLO",
        "KV.MININDEX",
        "MULTI",
        "READONLY",
        "READWRITE",
        "RESET",
        "SELECT",
        "UNWATCH",
        "WATCH",
    }
)
_SIGNS = {"MULTI": "tx", "WATCH": "watching", "READONLY": "readonly", "KV.MININDEX": "minindex"}
_ENDS = {
    "EXEC": {"tx", "watching"},
    "DISCARD": {"tx", "watching"},
    "UNWATCH": {"watching"},
    "READWRITE": {"readonly"},
}


class Route:
    """Carries commands to the cluster.

    Args:
        nodes: `host:port` of some of its nodes; the others are learned.
        bound: the node that gets all commands, whoever leads; None: the leader.
        timeout: seconds for one command.
        password: of the nodes.
    """

    def __init__(
        self,
        nodes: Sequence[str],
        *,
        bound: str | None = None,
        timeout: float = 5.0,
        password: str | None = None,
    ) -> None:
        self._known = [parse_address(node) for node in nodes]
        self._timeout = timeout
        self._password = password
        self._client = self._new_client()
        self._connection: Connection | None = None
        self._bound = parse_address(bound) if bound is not None else None
        self.book = Book()
        self.state: set[str] = set()  # what the kept connection holds, see _SIGNS

    # --- what it knows ---

    @property
    def bound(self) -> str | None:
        return None if self._bound is None else f"{self._bound[0]}:{self._bound[1]}"

    def learn(self) -> None:
        """Asks for the commands if they are not known; `book` is empty while no node answers."""
        if self.book.entries:
            return
        for address in self.nodes():
            with suppress(KvError):
                self.book = read_book(lambda *words, at=address: self._reply_of(at, *words))
                return

    def nodes(self) -> list[Address]:
        """All nodes that were named, or that one of them ever told of."""
        for slots in _ask_each(self._known, self._slots).values():
            for node in slots[0][2:] if isinstance(slots, list) and slots else ():
                address = (text(node[0]), int(node[1]))
                if address not in self._known:
                    self._known.append(address)
        return [*self._known]

    def leader(self) -> Address | None:
        """The node that says of itself that it leads and may serve."""
        leaders = [
            (status.term, address)
            for address, status in self.statuses().items()
            if isinstance(status, NodeStatus) and status.ready
        ]
        return max(leaders)[1] if leaders else None

    def statuses(self) -> dict[Address, NodeStatus | KvError]:
        """What each node says of itself, or why it does not."""
        return self._each(commands.status())

    def hashes(self) -> dict[Address, StateHash | KvError]:
        """The digests of each node."""
        return self._each(commands.state_hash())

    # --- what it does ---

    def bind(self, node: str | None) -> None:
        """Sends all that follows to this node; None: to whoever leads."""
        self._drop()
        self._bound = parse_address(node) if node is not None else None

    def authenticate(self, password: str) -> None:
        """Uses the password from now on.

        Raises:
            KvError: no node takes it; the one before stays.
        """
        before, self._password = self._password, password
        answers = _ask_each(self._known, lambda at: self._reply_of(at, "PING"))
        refusals = [answer for answer in answers.values() if isinstance(answer, KvError)]
        if len(refusals) == len(answers):
            self._password = before
            raise refusals[0]
        self._drop()
        self._client.close()
        self._client = self._new_client()

    def send(self, words: Sequence[bytes]) -> Reply | ErrorReply:
        """One command; its reply, or the error that a node answered.

        Raises:
            Timeout: the outcome is unknown.
            KvError: certainly not applied.
        """
        name = words[0].decode("ascii", "replace").upper()
        words = [words[0].upper(), *words[1:]]
        if (
            self._bound is not None
            or self.state
            or name in _ON_ONE_CONNECTION
            or _block_ms(words) is not None
        ):
            return self._send_on_one_connection(name, words)
        self.learn()
        entry = self.book.find(name)
        if entry is None or entry.is_local:
            node = self._any_node()
            if not self.book.entries:
                raise Unavailable("no node has told its commands yet: try again")
            return self.send_to(node, *words)
        try:
            return self._client.execute(*words, is_write=entry.is_write)
        except CommandError as refused:
            return ErrorReply(str(refused))

    def send_to(
        self, address: Address, *words: Word, timeout: float | None = None
    ) -> Reply | ErrorReply:
        """One command to this node, whoever leads.

        Args:
            timeout: seconds; by default those of the shell.

        Raises:
            Unavailable: it cannot be reached.
            Timeout: it was sent and not answered.
            CommandError: the password is missing or wrong.
        """
        connection = Connection(address, timeout=_PROBE_SECONDS, password=self._password)
        try:
            outcome = connection.exchange([words], timeout or self._timeout)
        finally:
            connection.close()
        if outcome.lost is not None:
            raise Timeout(f"no answer came: {outcome.lost}")
        return outcome.replies[0]

    @contextmanager
    def watch(self, prefix: str, from_revision: int | None) -> Iterator[Watch]:
        """Every change of keys with the prefix, from this revision on; None: from now on.

        Raises:
            Compacted: the revision is older than what the nodes keep.
        """
        with ExitStack() as held:
            client = self._client
            if self._bound is not None:
                client = held.enter_context(
                    Client([self._bound], timeout=self._timeout, password=self._password)
                )
            yield held.enter_context(client.watch(prefix, from_revision=from_revision))

    def abandon(self) -> None:
        """After an interrupt: a reply may still be on its way over the kept connection."""
        self._drop()

    def close(self) -> None:
        self._drop()
        self._client.close()

    # --- inside ---

    def _new_client(self) -> Client:
        return Client(self._known, timeout=self._timeout, password=self._password)

    def _each(self, command: Command[T]) -> dict[Address, T | KvError]:
        words = [text(word) for word in command.words]
        return _ask_each(self.nodes(), lambda at: command.read(self._reply_of(at, *words)))

    def _any_node(self) -> Address:
        """The leader if there is one, else a node that answers."""
        statuses = self.statuses()
        able = {at: status for at, status in statuses.items() if isinstance(status, NodeStatus)}
        if not able:
            raise next(error for error in statuses.values() if isinstance(error, KvError))
        return max(able, key=lambda at: (able[at].ready, able[at].term))

    def _slots(self, address: Address) -> Reply:
        return self._reply_of(address, "CLUSTER", "SLOTS")

    def _reply_of(self, address: Address, *words: str) -> Reply:
        reply = self.send_to(address, *words, timeout=_PROBE_SECONDS)
        if isinstance(reply, ErrorReply):
            raise CommandError(reply.message)
        return reply

    def _send_on_one_connection(self, name: str, words: Sequence[bytes]) -> Reply | ErrorReply:
        connection = self._kept()
        block_ms = _block_ms(words)
        patience = _FOR_EVER_SECONDS if block_ms == 0 else self._timeout + (block_ms or 0) / 1000
        outcome = connection.exchange([tuple(words)], patience)
        if outcome.lost is not None:
            queued = "tx" in self.state and name != "EXEC"
            self._drop()
            if queued:
                raise Unavailable(f"the transaction is gone, not applied: {outcome.lost}")
            entry = self.book.find(name)
            if name != "EXEC" and entry is not None and not entry.is_write:
                raise Unavailable(outcome.lost)
            raise Timeout(f"the outcome is unknown: {outcome.lost}")
        reply = outcome.replies[0]
        if not isinstance(reply, ErrorReply) or name == "EXEC":
            self.state -= _ENDS.get(name, set())
            if not isinstance(reply, ErrorReply) and name in _SIGNS:
                self.state.add(_SIGNS[name])
        if name == "RESET":
            self._drop()  # it speaks RESP2 from here on, and has forgotten the password
        return reply

    def _kept(self) -> Connection:
        """The connection in use, or a new one where it may be: what it held is lost with it."""
        if self._connection is not None and self._connection.is_stale:
            had = bool(self.state)
            self._drop()
            if had:
                raise Unavailable(
                    "the connection was lost with its state (MULTI, WATCH, READONLY): begin again"
                )
        if self.state and self._connection is not None:
            return self._connection
        address = self._bound or self._any_node()
        if self._connection is not None and self._connection.address != address:
            self._drop()  # it leads no more
        if self._connection is None:
            self._connection = Connection(address, timeout=self._timeout, password=self._password)
        return self._connection

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None
        self.state.clear()


def _ask_each(
    addresses: Sequence[Address], ask: Callable[[Address], T]
) -> dict[Address, T | KvError]:
    """What each answers, or why it does not; all are asked at once."""

    def safely(address: Address) -> T | KvError:
        try:
            return ask(address)
        except KvError as error:
            return error

    with ThreadPoolExecutor(len(addresses)) as pool:
        return dict(zip(addresses, pool.map(safely, addresses), strict=True))


def _block_ms(words: Sequence[bytes]) -> int | None:
    """How long an XREAD asks to wait; 0: for ever; None: not at all."""
    upper = [word.upper() for word in words]
    if upper[0] != b"XREAD" or b"BLOCK" not in upper[:-1]:
        return None
    wait = upper[upper.index(b"BLOCK") + 1]
    return int(wait) if wait.isdigit() else None
