"""Watching keys: every change under a prefix, in the order of the log, over the loss of nodes.

A watch is served by any node, from the state that it has applied. It remembers the revision up to
which it knows everything; when its node is lost, cut off or stopped, it goes on at another one from
the next revision: nothing is left out, nothing comes twice. Where that revision is no longer kept
it raises `Compacted`.

`Pursuit` decides, without sockets, clock reads of its own or sleeping; `Watch` and `AsyncWatch`
carry its decisions out.
"""

from __future__ import annotations

import asyncio
import math
import random
import time
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final

from kvcluster.commands import Word
from kvcluster.connection import Connection
from kvcluster.directory import Address, Directory
from kvcluster.errors import (
    CommandError,
    Compacted,
    ConnectionLost,
    Corruption,
    KvError,
    Unavailable,
)
from kvcluster.replies import Change, Key, text
from kvcluster.resp import NOTHING, is_push
from kvcluster.retry import FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS, ErrorReply, Policy

if TYPE_CHECKING:
    from kvcluster.aio import AsyncConnection

_SLOTS: Final = "slots"
_WATCH: Final = "watch"
_PROBE: Final = "probe"
_HAS_A_LEADER: Final = frozenset({"MOVED", "READONLY"})
_ELSEWHERE: Final = frozenset({"LOADING", "CLUSTERDOWN", "TRYAGAIN", "UNCERTAIN"})


class Pursuit:
    """Where a watch stands, and what it asks next.

    Args:
        prefix: of the keys.
        from_revision: of the first change that is wanted; None: the next one.
        policy: seconds without a sign of life before a node is asked for one, and before the watch
            gives up.
        clock: seconds, monotonic.
    """

    def __init__(
        self,
        prefix: Key,
        from_revision: int | None,
        directory: Directory,
        policy: Policy,
        clock: Callable[[], float],
    ) -> None:
        if from_revision is not None and from_revision < 1:
            raise ValueError(f"a revision is 1 or more, not {from_revision}")
        self.patience = policy.attempt_timeout
        self._prefix = prefix
        self._next = from_revision
        self._directory = directory
        self._policy = policy
        self._clock = clock
        self._deadline = clock() + policy.timeout
        self._address: Address | None = None
        self._established = False
        self._failures = 0
        self._due: deque[str] = deque()  # what the replies to come will answer

    @property
    def revision(self) -> int:
        """Everything up to it has been handed out; 0: nothing is known yet."""
        return 0 if self._next is None else self._next - 1

    @property
    def established(self) -> bool:
        return self._established

    def begin(self) -> Address:
        """The node to connect to."""
        self._address = self._directory.choose(self._address)
        self._established = False
        self._due.clear()
        return self._address

    def opening(self) -> list[tuple[Word, ...]]:
        """What to send there: who else is there, for when this node is lost; then the watch."""
        words: tuple[Word, ...] = ("KV.WATCH", self._prefix)
        if self._next is not None:
            words = (*words, "FROM", str(self._next))
        self._due.extend((_SLOTS, _WATCH))
        return [("CLUSTER", "SLOTS"), words]

    def silence(self) -> list[tuple[Word, ...]]:
        """Nothing came for `patience` seconds: what to send.

        Raises:
            ConnectionLost: the node has been asked already.
        """
        if self._due:
            raise ConnectionLost(f"no answer within {self.patience:.3g} s")
        self._due.append(_PROBE)
        # Answered by a node that can reach its leader, whoever that is; the key need not exist.
        return [("EXISTS", "kvcluster:probe")]

    def take(self, message: Any) -> list[Change]:
        """What a message of the node says.

        Raises:
            Compacted: changes that are wanted are no longer kept.
            CommandError: the node does not take the command.
            ConnectionLost: another node must be asked.
        """
        if is_push(message):
            return self._push(message)
        if not self._due:
            raise Corruption(f"the node answers what it was not asked: {message!r}")
        due = self._due.popleft()
        if isinstance(message, ErrorReply):
            self._error(due, message)
        elif due == _SLOTS:
            self._learn(message)
        elif due == _WATCH:
            self._established = True
            self._next = int(message)
        if due != _SLOTS:
            self._alive()
        return []

    def lost(self, reason: str) -> float:
        """Seconds to wait before the next node is asked.

        Raises:
            Unavailable: for the policy's whole time no node has served this watch.
        """
        if self._clock() >= self._deadline:
            raise Unavailable(f"no node serves the watch within {self._policy.timeout} s: {reason}")
        seconds = min(FIRST_PAUSE_SECONDS * 2**self._failures, LONGEST_PAUSE_SECONDS)
        self._failures = min(self._failures + 1, 16)
        return float(seconds * random.uniform(0.5, 1.0))

    def _alive(self) -> None:
        self._deadline = self._clock() + self._policy.timeout
        self._failures = 0

    def _learn(self, slots: Any) -> None:
        for node in slots[0][2:] if slots else ():
            self._directory.learn((text(node[0]), int(node[1])))

    def _error(self, due: str, error: ErrorReply) -> None:
        if due == _SLOTS or (due == _PROBE and error.code in _HAS_A_LEADER):
            return
        if error.code in _ELSEWHERE:
            raise ConnectionLost(error.message)
        if error.code == "COMPACTED":
            raise Compacted(error.message, int(error.message.split(" ", 2)[1]))
        raise CommandError(error.message)

    def _push(self, message: list[Any]) -> list[Change]:
        if message[0] == b"kv.unwatch":
            raise Compacted(text(message[3]), int(message[2]))
        revision = int(message[2])
        self._alive()
        if self._next is not None and revision < self._next:
            return []
        self._next = revision + 1
        return [
            Change(revision, text(kind), bytes(key), None if value is None else bytes(value))
            for kind, key, value in message[3]
        ]


class Watch:
    """The changes of the keys with a prefix, as an iterator that waits for them.

    Made by `Client.watch`. Used by one thread at a time; `close` ends it, and so does `with`.

    Iterating raises:
        Compacted: the next changes are no longer kept: read the keys anew, then watch on.
        Unavailable: no node has served the watch for the client's `timeout`.
    """

    def __init__(self, pursuit: Pursuit, password: str | None) -> None:
        self._pursuit = pursuit
        self._password = password
        self._ready: deque[Change] = deque()
        self._link: Connection | None = None
        while not pursuit.established:
            self._step()

    @property
    def revision(self) -> int:
        """Everything up to it has been received; it also moves when nothing here changes."""
        return self._pursuit.revision

    def __iter__(self) -> Watch:
        return self

    def __next__(self) -> Change:
        while not self._ready:
            self._step()
        return self._ready.popleft()

    def poll(self, timeout: float) -> Change | None:
        """The next change; None when none came within `timeout` seconds."""
        deadline = time.monotonic() + timeout
        while not self._ready:
            left = deadline - time.monotonic()
            if left <= 0:
                return None
            self._step(left)
        return self._ready.popleft()

    def close(self) -> None:
        """Ends the watch. Iterating again would begin it anew where it stood."""
        if self._link is not None:
            self._link.close()
            self._link = None

    def __enter__(self) -> Watch:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _step(self, seconds: float = math.inf) -> None:
        """Receives one message, or waits for `seconds` at most."""
        pursuit = self._pursuit
        try:
            if self._link is None:
                self._link = Connection(
                    pursuit.begin(), timeout=pursuit.patience, password=self._password
                )
                self._link.send(pursuit.opening())
            message = self._link.receive(min(seconds, pursuit.patience))
            if message is NOTHING:
                if seconds >= pursuit.patience:
                    self._link.send(pursuit.silence())
            else:
                self._ready.extend(pursuit.take(message))
        except (ConnectionLost, Unavailable) as error:
            self.close()
            time.sleep(pursuit.lost(str(error)))
        except KvError:
            self.close()
            raise


class AsyncWatch:
    """`Watch` for asyncio, made by `AsyncClient.watch`.

    `async with` begins it, so that what changes from then on is seen; `async for` alone begins it
    with the first step.
    """

    def __init__(self, pursuit: Pursuit, password: str | None) -> None:
        self._pursuit = pursuit
        self._password = password
        self._ready: deque[Change] = deque()
        self._link: AsyncConnection | None = None

    @property
    def revision(self) -> int:
        """As `Watch.revision`."""
        return self._pursuit.revision

    def __aiter__(self) -> AsyncWatch:
        return self

    async def __anext__(self) -> Change:
        while not self._ready:
            await self._step()
        return self._ready.popleft()

    async def close(self) -> None:
        """As `Watch.close`."""
        if self._link is not None:
            link, self._link = self._link, None
            await link.close()

    async def __aenter__(self) -> AsyncWatch:
        while not self._pursuit.established:
            await self._step()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def _step(self) -> None:
        from kvcluster.aio import AsyncConnection

        pursuit = self._pursuit
        try:
            if self._link is None:
                self._link = await AsyncConnection.open(
                    pursuit.begin(), timeout=pursuit.patience, password=self._password
                )
                await self._link.send(pursuit.opening())
            message = await self._link.receive(pursuit.patience)
            if message is NOTHING:
                await self._link.send(pursuit.silence())
            else:
                self._ready.extend(pursuit.take(message))
        except (ConnectionLost, Unavailable) as error:
            await self.close()
            await asyncio.sleep(pursuit.lost(str(error)))
        except KvError:
            await self.close()
            raise
