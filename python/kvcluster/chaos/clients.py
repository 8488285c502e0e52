"""Concurrent clients that write, read and have it all recorded."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence

from kvcluster import history
from kvcluster.aio import AsyncClient
from kvcluster.batch import Batch
from kvcluster.errors import KvError, Timeout
from kvcluster.history import Action, History, Kind

# A key lives that long; then the clients go on with new ones, so that the history of one key does
# not grow beyond what can be checked in seconds.
_EPOCH_SECONDS = 20.0
_KEYS = 12
_COUNTERS = 3
_PAIRS = 3
_CALL_SECONDS = 3.0
_ATTEMPT_SECONDS = 0.7
_JOIN_SECONDS = 30.0

Send = Callable[[], Awaitable[Sequence[object]]]


def is_write(actions: Sequence[Action]) -> bool:
    """True when they may change something."""
    return any(action.kind is not Kind.GET for action in actions)


class _Worker:
    """One client: one call after the other."""

    def __init__(self, crowd: Crowd, number: int, seed: int) -> None:
        self._crowd = crowd
        self._number = number
        self._chance = random.Random(f"{seed}/{number}")
        self._client = AsyncClient(
            crowd.nodes, timeout=_CALL_SECONDS, attempt_timeout=_ATTEMPT_SECONDS
        )
        # What it last saw of a key, for its next CAS.
        self._revisions: dict[str, int] = {}
        self._values = 0

    async def run(self, stop: asyncio.Event, pause_seconds: float) -> None:
        try:
            while not stop.is_set():
                await self._one_call()
                await asyncio.sleep(self._chance.uniform(0, 2 * pause_seconds))
        finally:
            await self.close()

    async def read(self, key: bytes) -> None:
        """A last look, when all is calm."""
        await self._carry_out([history.get(key)], lambda: self._get(key.decode()))

    async def close(self) -> None:
        await self._client.close()

    async def _one_call(self) -> None:
        epoch = int((time.monotonic() - self._crowd.began) / _EPOCH_SECONDS)
        key = f"{epoch}:k{self._chance.randrange(_KEYS)}"
        counter = f"{epoch}:c{self._chance.randrange(_COUNTERS)}"
        self._values += 1
        value = f"{self._number}.{self._values}"  # nobody writes it twice
        revision = self._revisions.get(key, 0)
        client = self._client
        calls: list[tuple[int, list[Action], Send]] = [
            (35, [history.get(key)], lambda: self._get(key)),
            (25, [history.put(key, value)], lambda: _listed(client.put(key, value))),
            (12, [history.cas_revision(key, value, revision=revision)],
             lambda: self._cas(key, value, revision)),
            (12, [history.incr(counter)], lambda: _listed(client.incr(counter))),
            (4, [history.delete(key)], lambda: _listed(client.delete(key))),
            (12, *self._transaction(epoch, value)),
        ]  # fmt: skip
        _, actions, send = self._chance.choices(calls, [weight for weight, *_ in calls])[0]
        await self._carry_out(actions, send)

    async def _carry_out(self, actions: Sequence[Action], send: Send) -> None:
        call = self._crowd.history.invoke(self._number, *actions)
        try:
            answers = await send()
        except Timeout as error:
            # A write stays open: applied once, at any time from now, or never.
            if is_write(actions):
                call.unknown()
            else:
                call.fail()
            self._crowd.troubles[type(error).__name__] += 1
        except KvError as error:
            call.fail()
            self._crowd.troubles[type(error).__name__] += 1
        else:
            call.ok(*answers)

    async def _get(self, key: str) -> Sequence[object]:
        found = await self._client.get_versioned(key)
        self._revisions[key] = found.revision if found is not None else 0
        return [found]

    async def _cas(self, key: str, value: str, revision: int) -> Sequence[object]:
        written = await self._client.cas(key, value, revision=revision)
        if written is not None:
            self._revisions[key] = written
        return [written]

    def _transaction(self, epoch: int, value: str) -> tuple[list[Action], Send]:
        """Over a pair of keys that only transactions touch."""
        pair = self._chance.randrange(_PAIRS)
        one, other = f"{epoch}:p{pair}a", f"{epoch}:p{pair}b"
        if self._chance.random() < 0.5:
            actions = [history.get(one), history.get(other)]
            batch = Batch().get(one).get(other)
        else:
            actions = [history.put(one, value), history.put(other, value), history.get(one)]
            batch = Batch().put(one, value).put(other, value).get(one)
        return actions, lambda: self._client.transaction(batch)


async def _listed(answer: Awaitable[object]) -> Sequence[object]:
    return [await answer]


class Crowd:
    """All clients, on an event loop in a thread of its own.

    Args:
        nodes: where the cluster is.
        clients: how many.
        seed: of their choices.
        pause_seconds: between two calls of one client, on average.

    Attributes:
        history: all they did; its clock is `time.monotonic_ns`.
        troubles: how many calls ended with which error.
    """

    def __init__(
        self, nodes: Sequence[str], *, clients: int, seed: int, pause_seconds: float = 0.01
    ) -> None:
        self.began = time.monotonic()
        self.nodes = nodes
        self.history = History()
        self.troubles: Counter[str] = Counter()
        self._pause_seconds = pause_seconds
        self._workers = [_Worker(self, number, seed) for number in range(1, clients + 1)]
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="kvcluster-crowd", daemon=True)
        self._error: BaseException | None = None

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Lets each finish its call, then ends. Raises what went wrong in a client's own code."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(_JOIN_SECONDS)
        if self._error is not None:
            raise self._error

    def look_at_all(self) -> None:
        """After `stop`, in a healed cluster: one client reads every key that was ever used."""
        keys = sorted({action.key for call in self.history for action in call.actions})

        async def read() -> None:
            last = _Worker(self, len(self._workers) + 1, 0)
            for key in keys:
                await last.read(key)
            await last.close()

        asyncio.run(read())

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._all())
        except BaseException as error:  # shown by stop(): a crowd that died must not pass
            self._error = error
        finally:
            self._loop.close()

    async def _all(self) -> None:
        async with asyncio.TaskGroup() as group:
            for worker in self._workers:
                group.create_task(worker.run(self._stop, self._pause_seconds))
