"""The asyncio client of a cluster."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from types import TracebackType
from typing import Any, TypeVar

from kvcluster import commands
from kvcluster.batch import Batch
from kvcluster.commands import Command
from kvcluster.directory import Address, Sessions, directory_of, parse_address
from kvcluster.errors import CommandError, ConnectionLost, Corruption, Unavailable, raise_first
from kvcluster.replies import (
    Key,
    KeyValue,
    NodeStatus,
    Reply,
    StateHash,
    StreamEntry,
    StreamInfo,
    Value,
    Versioned,
)
from kvcluster.resp import NOTHING, ReplyReader, check_hello, hello, is_push, pack
from kvcluster.retry import Attempt, ErrorReply, Outcome, Pause, Policy, Step, run
from kvcluster.streams import Position, Wait, by_key, is_missing
from kvcluster.watch import AsyncWatch, Pursuit

T = TypeVar("T")
_READ_BYTES = 64 * 1024
_IDLE_CONNECTIONS_MAX = 16


class AsyncConnection:
    """One connection to one node. Used by one task at a time; after a loss it is closed."""

    def __init__(
        self, address: Address, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.address = address
        self.usable = True
        self._name = f"{address[0]}:{address[1]}"
        self._reader = reader
        self._writer = writer
        self._replies = ReplyReader()

    @classmethod
    async def open(
        cls, address: Address, *, timeout: float, password: str | None
    ) -> AsyncConnection:
        """Connects and, with a password, authenticates, within `timeout` seconds.

        Raises:
            Unavailable: nobody answers there.
            CommandError: the password is missing or wrong.
        """
        name = f"{address[0]}:{address[1]}"
        try:
            async with asyncio.timeout(timeout):
                reader, writer = await asyncio.open_connection(*address)
        except OSError as error:  # TimeoutError is one
            raise Unavailable(f"{name}: cannot connect: {error or 'no answer'}") from error
        connection = cls(address, reader, writer)
        try:
            check_hello(name, await connection.exchange([hello(password)], timeout))
        except BaseException:  # a cancelled one must not stay open either
            await connection.close()
            raise
        return connection

    async def exchange(self, batch: Sequence[tuple[str | bytes, ...]], timeout: float) -> Outcome:
        """Sends the commands and reads a reply for each, within `timeout` seconds."""
        replies: list[Reply | ErrorReply] = []
        whole = False
        try:
            async with asyncio.timeout(timeout):
                self._writer.write(pack(batch))
                await self._writer.drain()
                while len(replies) < len(batch):
                    reply = self._replies.next()
                    if reply is not NOTHING:
                        if not is_push(reply):
                            replies.append(reply)
                        continue
                    data = await self._reader.read(_READ_BYTES)
                    if not data:
                        return await self._lost(replies, "the connection was closed")
                    self._replies.feed(data)
            whole = True
        except TimeoutError:
            return await self._lost(replies, f"no answer within {timeout:.3g} s")
        except (OSError, Corruption) as error:
            return await self._lost(replies, str(error))
        finally:
            # A cancelled task leaves replies behind that nobody waits for.
            if not whole:
                self._abandon()
        return Outcome(replies)

    async def send(self, batch: Sequence[tuple[str | bytes, ...]]) -> None:
        """As `Connection.send`."""
        try:
            self._writer.write(pack(batch))
            await self._writer.drain()
        except OSError as error:
            raise await self._ended(str(error)) from error

    async def receive(self, timeout: float) -> Reply | ErrorReply:
        """As `Connection.receive`. A cancelled call leaves the connection as it was."""
        try:
            async with asyncio.timeout(timeout):
                while (message := self._replies.next()) is NOTHING:
                    data = await self._reader.read(_READ_BYTES)
                    if not data:
                        raise await self._ended("the connection was closed")
                    self._replies.feed(data)
        except TimeoutError:
            return NOTHING
        except (OSError, Corruption) as error:
            raise await self._ended(str(error)) from error
        return message

    async def _ended(self, why: str) -> ConnectionLost:
        await self.close()
        return ConnectionLost(f"{self._name}: {why}")

    async def _lost(self, replies: Sequence[Reply | ErrorReply], why: str) -> Outcome:
        await self.close()
        return Outcome(replies, lost=f"{self._name}: {why}")

    def _abandon(self) -> None:
        self.usable = False
        self._writer.close()

    async def close(self) -> None:
        self._abandon()
        with contextlib.suppress(OSError):  # it is lost already; nothing was left to send
            await self._writer.wait_closed()


class AsyncClient:
    """`Client` for asyncio: the same calls, the same promises, awaited. Tasks may share one.

    See `kvcluster.client.Client` for the arguments and for what a call may raise.
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
        self._idle: dict[Address, list[AsyncConnection]] = defaultdict(list)

    @property
    def node(self) -> Address | None:
        """As `Client.node`."""
        return self._directory.leader

    def learn(self, nodes: Iterable[str | Address]) -> None:
        """As `Client.learn`."""
        for node in nodes:
            self._directory.learn(parse_address(node))

    async def get(self, key: Key) -> bytes | None:
        """As `Client.get`."""
        return await self._one(commands.get(key))

    async def get_versioned(self, key: Key) -> Versioned | None:
        """As `Client.get_versioned`."""
        return await self._one(commands.get_versioned(key))

    async def put(
        self,
        key: Key,
        value: Value,
        *,
        ttl: float | None = None,
        if_missing: bool = False,
        if_present: bool = False,
    ) -> bool:
        """As `Client.put`."""
        return await self._one(
            commands.put(key, value, ttl=ttl, if_missing=if_missing, if_present=if_present)
        )

    async def delete(self, *keys: Key) -> int:
        """As `Client.delete`."""
        return await self._one(commands.delete(*keys))

    async def incr(self, key: Key, by: int = 1) -> int:
        """As `Client.incr`."""
        return await self._one(commands.incr(key, by))

    async def cas(self, key: Key, value: Value, *, revision: int) -> int | None:
        """As `Client.cas`."""
        return await self._one(commands.cas(key, value, revision=revision))

    async def range(
        self, start: Key = "", end: Key = "", *, limit: int | None = None
    ) -> list[KeyValue]:
        """As `Client.range`."""
        return await self._one(commands.key_range(start, end, limit))

    async def exists(self, *keys: Key) -> int:
        """As `Client.exists`."""
        return await self._one(commands.exists(*keys))

    async def expire(self, key: Key, ttl: float) -> bool:
        """As `Client.expire`."""
        return await self._one(commands.expire(key, ttl))

    async def ttl(self, key: Key) -> float | None:
        """As `Client.ttl`."""
        return await self._one(commands.ttl(key))

    async def mget(self, *keys: Key) -> list[bytes | None]:
        """As `Client.mget`."""
        return await self._one(commands.mget(keys))

    async def mset(self, items: Mapping[str, Value] | Mapping[bytes, Value]) -> None:
        """As `Client.mset`."""
        await self._one(commands.mset(items))

    async def xadd(
        self,
        key: Key,
        fields: Mapping[str, Value] | Mapping[bytes, Value],
        *,
        sequence: int | None = None,
        maxlen: int | None = None,
    ) -> int:
        """As `Client.xadd`."""
        return await self._one(commands.xadd(key, fields, sequence=sequence, maxlen=maxlen))

    async def xlen(self, key: Key) -> int:
        """As `Client.xlen`."""
        return await self._one(commands.xlen(key))

    async def xrange(
        self,
        key: Key,
        start: int = 1,
        end: int | None = None,
        *,
        count: int | None = None,
        reverse: bool = False,
    ) -> list[StreamEntry]:
        """As `Client.xrange`."""
        return await self._one(commands.xrange(key, start, end, count, reverse))

    async def xread(
        self,
        after: Mapping[Any, Position],
        *,
        count: int | None = None,
        block: float | None = None,
    ) -> dict[bytes, list[StreamEntry]]:
        """As `Client.xread`."""
        wait = Wait(block, self._policy.attempt_timeout, time.monotonic)
        positions = {
            key: position if isinstance(position, int) else await self._newest(key)
            for key, position in by_key(after).items()
        }
        while True:
            found = await self._one(commands.xread(positions, count, wait.next_ms()))
            if found or wait.over:
                return found

    async def xinfo(self, key: Key) -> StreamInfo:
        """As `Client.xinfo`."""
        return await self._one(commands.xinfo(key))

    async def _newest(self, key: bytes) -> int:
        try:
            return (await self.xinfo(key)).last_sequence
        except CommandError as error:
            if is_missing(error):
                return 0
            raise

    def watch(self, prefix: Key = "", *, from_revision: int | None = None) -> AsyncWatch:
        """As `Client.watch`; it begins with `async with`."""
        pursuit = Pursuit(prefix, from_revision, self._directory, self._policy, time.monotonic)
        return AsyncWatch(pursuit, self._password)

    async def transaction(self, batch: Batch) -> list[Any]:
        """As `Client.transaction`."""
        return await self._one(commands.transaction(batch.commands))

    async def pipeline(self, batch: Batch, *, raise_errors: bool = True) -> list[Any]:
        """As `Client.pipeline`."""
        results = await self._drive(batch.commands)
        if raise_errors:
            raise_first(results)
        return results

    async def hash(self) -> StateHash:
        """As `Client.hash`."""
        return await self._one(commands.state_hash())

    async def status(self) -> NodeStatus:
        """As `Client.status`."""
        return await self._one(commands.status())

    async def execute(self, *words: Value, is_write: bool = True) -> Any:
        """As `Client.execute`."""
        return await self._one(commands.raw(words, is_write=is_write))

    async def close(self) -> None:
        """Closes all idle connections."""
        idle = [connection for group in self._idle.values() for connection in group]
        self._idle.clear()
        for connection in idle:
            await connection.close()

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def _one(self, command: Command[T]) -> T:
        results = await self._drive([command])
        raise_first(results)
        value: T = results[0]
        return value

    async def _drive(self, batch: Sequence[Command[Any]]) -> list[Any]:
        steps = run(batch, self._directory, self._sessions, self._policy, time.monotonic)
        try:
            step = next(steps)
            while True:
                step = steps.send(await self._carry_out(step))
        except StopIteration as end:
            results: list[Any] = end.value
            return results
        finally:
            steps.close()  # a cancelled call gives its sessions back

    async def _carry_out(self, step: Step) -> Outcome:
        if isinstance(step, Pause):
            await asyncio.sleep(step.seconds)
            return Outcome()
        return await self._attempt(step)

    async def _attempt(self, attempt: Attempt) -> Outcome:
        idle = self._idle[attempt.address]
        try:
            connection = (
                idle.pop()
                if idle
                else await AsyncConnection.open(
                    attempt.address, timeout=attempt.timeout, password=self._password
                )
            )
        except CommandError as error:
            return Outcome(lost=str(error), sent=False, refused=True)
        except Unavailable as error:
            return Outcome(lost=str(error), sent=False)
        outcome = await connection.exchange(attempt.commands, attempt.timeout)
        if connection.usable:
            if len(idle) < _IDLE_CONNECTIONS_MAX:
                idle.append(connection)
            else:
                await connection.close()
        return outcome
