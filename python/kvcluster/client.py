"""The blocking client of a cluster."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from types import TracebackType
from typing import Any, TypeVar

from kvcluster import commands
from kvcluster.batch import Batch
from kvcluster.commands import Command
from kvcluster.connection import Connection
from kvcluster.directory import Address, Sessions, directory_of, parse_address
from kvcluster.errors import CommandError, Unavailable, raise_first
from kvcluster.replies import (
    Key,
    KeyValue,
    NodeStatus,
    StateHash,
    StreamEntry,
    StreamInfo,
    Value,
    Versioned,
)
from kvcluster.retry import Attempt, Outcome, Pause, Policy, Step, run
from kvcluster.streams import Position, Wait, by_key, is_missing
from kvcluster.watch import Pursuit, Watch

T = TypeVar("T")
_IDLE_CONNECTIONS_MAX = 16


class Client:
    """Talks to a cluster: finds the leader, follows it over elections, applies each write once.

    A write goes out inside a session of this client, so that it is sent again after a lost
    connection without being applied twice. Threads may share one client.

    Args:
        nodes: `"host:port"` each; one is enough, the others are learned from it.
        timeout: seconds for a whole call, all its attempts together.
        attempt_timeout: seconds for one attempt, before another node is asked.
        password: sent as AUTH on every connection.
        exactly_once: False sends plain writes, which are never repeated once sent.
        home: the node to keep to for as long as it answers, instead of the leader; it passes
            commands on. When it is lost the client moves to another one.

    Every call may raise, besides what it lists itself:
        Timeout: the outcome is unknown.
        Unavailable, NotLeader, StorageError: certainly not applied.
        CommandError: the command or the password is wrong, or the value is of another type.

    >>> with Client(nodes=["127.0.0.1:9001"]) as client:  # doctest: +SKIP
    ...     client.put("greeting", "hello")
    ...     client.get("greeting")
    b'hello'
    """

    def __init__(
        self,
        nodes: Sequence[str | Address],
        *,
        timeout: float = 5.0,
        attempt_timeout: float = 1.0,
        password: str | None = None,
        exactly_once: bool = True,
        home: str | Address | None = None,
    ) -> None:
        self._directory = directory_of(nodes, home)
        self._policy = Policy(timeout, attempt_timeout)
        self._sessions = Sessions() if exactly_once else None
        self._password = password
        self._lock = threading.Lock()
        self._idle: dict[Address, list[Connection]] = defaultdict(list)

    @property
    def node(self) -> Address | None:
        """The node that commands go to now; None: the leader is looked for."""
        return self._directory.leader

    def learn(self, nodes: Iterable[str | Address]) -> None:
        """More nodes of the same cluster, to go to when others fail."""
        for node in nodes:
            self._directory.learn(parse_address(node))

    def get(self, key: Key) -> bytes | None:
        """The value, as of now: no older state is ever shown. None: there is none."""
        return self._one(commands.get(key))

    def get_versioned(self, key: Key) -> Versioned | None:
        """The value with its revision, for `cas`."""
        return self._one(commands.get_versioned(key))

    def put(
        self,
        key: Key,
        value: Value,
        *,
        ttl: float | None = None,
        if_missing: bool = False,
        if_present: bool = False,
    ) -> bool:
        """Stores. `ttl` in seconds. False: the condition did not hold, nothing was stored."""
        return self._one(
            commands.put(key, value, ttl=ttl, if_missing=if_missing, if_present=if_present)
        )

    def delete(self, *keys: Key) -> int:
        """Deletes; how many there were."""
        return self._one(commands.delete(*keys))

    def incr(self, key: Key, by: int = 1) -> int:
        """Adds to an integer (a missing one is 0); the sum."""
        return self._one(commands.incr(key, by))

    def cas(self, key: Key, value: Value, *, revision: int) -> int | None:
        """Stores if `key` is at `revision` (0: is missing); the new revision, or None."""
        return self._one(commands.cas(key, value, revision=revision))

    def range(self, start: Key = "", end: Key = "", *, limit: int | None = None) -> list[KeyValue]:
        """Records with `start` <= key < `end`, by key; an empty `end` is beyond the last."""
        return self._one(commands.key_range(start, end, limit))

    def exists(self, *keys: Key) -> int:
        """How many of the keys there are."""
        return self._one(commands.exists(*keys))

    def expire(self, key: Key, ttl: float) -> bool:
        """Forgets `key` after `ttl` seconds of the cluster's time. False: there is no such key."""
        return self._one(commands.expire(key, ttl))

    def ttl(self, key: Key) -> float | None:
        """Seconds to live; None: for ever, or missing."""
        return self._one(commands.ttl(key))

    def mget(self, *keys: Key) -> list[bytes | None]:
        """Several values of one moment."""
        return self._one(commands.mget(keys))

    def mset(self, items: Mapping[str, Value] | Mapping[bytes, Value]) -> None:
        """Stores several values at one moment."""
        self._one(commands.mset(items))

    def xadd(
        self,
        key: Key,
        fields: Mapping[str, Value] | Mapping[bytes, Value],
        *,
        sequence: int | None = None,
        maxlen: int | None = None,
    ) -> int:
        """Adds a message to the stream `key`; its number, 1 for the first one ever.

        Args:
            fields: what the message says, one at least.
            sequence: the number that it must get; with any other the node refuses it.
            maxlen: how many messages are kept; the oldest are forgotten.
        """
        return self._one(commands.xadd(key, fields, sequence=sequence, maxlen=maxlen))

    def xlen(self, key: Key) -> int:
        """How many messages the stream holds; 0 when there is none."""
        return self._one(commands.xlen(key))

    def xrange(
        self,
        key: Key,
        start: int = 1,
        end: int | None = None,
        *,
        count: int | None = None,
        reverse: bool = False,
    ) -> list[StreamEntry]:
        """The messages `start` to `end`, both included, at most `count`; the last ones first."""
        return self._one(commands.xrange(key, start, end, count, reverse))

    def xread(
        self,
        after: Mapping[Any, Position],
        *,
        count: int | None = None,
        block: float | None = None,
    ) -> dict[bytes, list[StreamEntry]]:
        """The messages that come after a number in each of some streams; empty: there are none.

        Args:
            after: by stream: the last number that was seen, or "$" for whatever is newest now.
            count: at most so many a stream.
            block: seconds to wait for a message when there is none; None does not wait,
                `math.inf` does for ever.

        A wait goes on at another node when its node is lost; nothing is skipped and nothing comes
        twice.
        """
        wait = Wait(block, self._policy.attempt_timeout, time.monotonic)
        positions = {
            key: position if isinstance(position, int) else self._newest(key)
            for key, position in by_key(after).items()
        }
        while True:
            found = self._one(commands.xread(positions, count, wait.next_ms()))
            if found or wait.over:
                return found

    def xinfo(self, key: Key) -> StreamInfo:
        """The length of a stream and the number of its newest message.

        Raises:
            CommandError: there is no such stream.
        """
        return self._one(commands.xinfo(key))

    def _newest(self, key: bytes) -> int:
        try:
            return self.xinfo(key).last_sequence
        except CommandError as error:
            if is_missing(error):
                return 0
            raise

    def watch(self, prefix: Key = "", *, from_revision: int | None = None) -> Watch:
        """Every change of the keys with a prefix, in the order of the log, without a gap.

        Args:
            prefix: empty: all keys.
            from_revision: of the first change that is wanted; None: the next one. What nodes keep
                is bounded by their `--watch-buffer-bytes`.

        The watch has begun when this returns, and has a connection of its own.

        Raises:
            Compacted: the changes from there on are no longer kept.

        >>> with client.watch("job:") as changes:  # doctest: +SKIP
        ...     for change in changes:
        ...         print(change.revision, change.kind, change.key)
        """
        pursuit = Pursuit(prefix, from_revision, self._directory, self._policy, time.monotonic)
        return Watch(pursuit, self._password)

    def transaction(self, batch: Batch) -> list[Any]:
        """Applies the batch as one entry of the log; one value a command.

        It has no session: when its connection is lost it raises `Timeout`, and is never repeated.
        A command that fails while it is applied yields its `CommandError`; the others stand.
        """
        return self._one(commands.transaction(batch.commands))

    def pipeline(self, batch: Batch, *, raise_errors: bool = True) -> list[Any]:
        """Sends the batch without waiting in between; one value a command.

        Args:
            raise_errors: raise the first error, after all commands had their turn. Otherwise a
                command that failed yields its error.
        """
        results = self._drive(batch.commands)
        if raise_errors:
            raise_first(results)
        return results

    def hash(self) -> StateHash:
        """The digests of the node that answers."""
        return self._one(commands.state_hash())

    def status(self) -> NodeStatus:
        """What the node that answers says about itself."""
        return self._one(commands.status())

    def execute(self, *words: Value, is_write: bool = True) -> Any:
        """Any command by its name; the bare reply. `is_write=False` lets a read be repeated."""
        return self._one(commands.raw(words, is_write=is_write))

    def close(self) -> None:
        """Closes all connections. The client may be used again; it then opens new ones."""
        with self._lock:
            idle = [connection for group in self._idle.values() for connection in group]
            self._idle.clear()
        for connection in idle:
            connection.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _one(self, command: Command[T]) -> T:
        results = self._drive([command])
        raise_first(results)
        value: T = results[0]
        return value

    def _drive(self, batch: Sequence[Command[Any]]) -> list[Any]:
        steps = run(batch, self._directory, self._sessions, self._policy, time.monotonic)
        try:
            step = next(steps)
            while True:
                step = steps.send(self._carry_out(step))
        except StopIteration as end:
            results: list[Any] = end.value
            return results

    def _carry_out(self, step: Step) -> Outcome:
        if isinstance(step, Pause):
            time.sleep(step.seconds)
            return Outcome()
        return self._attempt(step)

    def _attempt(self, attempt: Attempt) -> Outcome:
        try:
            connection = self._take(attempt)
        except CommandError as error:
            return Outcome(lost=str(error), sent=False, refused=True)
        except Unavailable as error:
            return Outcome(lost=str(error), sent=False)
        outcome = connection.exchange(attempt.commands, attempt.timeout)
        self._give_back(connection)
        return outcome

    def _take(self, attempt: Attempt) -> Connection:
        with self._lock:
            idle = self._idle[attempt.address]
            if idle:
                return idle.pop()
        return Connection(attempt.address, timeout=attempt.timeout, password=self._password)

    def _give_back(self, connection: Connection) -> None:
        with self._lock:
            idle = self._idle[connection.address]
            if connection.usable and len(idle) < _IDLE_CONNECTIONS_MAX:
                idle.append(connection)
                return
        connection.close()
