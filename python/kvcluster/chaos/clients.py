"""Concurrent clients that write, read and remember what they were told."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from kvcluster.aio import AsyncClient
from kvcluster.batch import Batch
from kvcluster.errors import KvError, Timeout

# A key lives that long; then the clients go on with new ones, so that no single history grows
# beyond what can be checked in seconds.
_EPOCH_SECONDS = 20.0
_KEYS = 12
_COUNTERS = 3
_PAIRS = 3
_CALL_SECONDS = 3.0
_ATTEMPT_SECONDS = 0.7
_JOIN_SECONDS = 30.0


class Verb(Enum):
    """What was asked."""

    GET = "get"
    PUT = "put"
    CAS = "cas"
    INCR = "incr"
    DELETE = "delete"
    TRANSACTION = "transaction"


class Outcome(Enum):
    """What the caller may conclude."""

    OK = "ok"
    UNKNOWN = "unknown"
    FAILED = "certainly not applied"


@dataclass(slots=True)
class Step:
    """One command on one key. `revision`: of what was read, or the expected one of a CAS."""

    verb: Verb
    key: str
    value: str | None = None
    revision: int = 0
    # What the client was told.
    result: bytes | int | None = None
    told_revision: int = 0


@dataclass(slots=True)
class Call:
    """One call of one client; several steps are one transaction. Times: `time.monotonic`."""

    client: int
    verb: Verb
    steps: list[Step]
    invoked: float
    returned: float | None = None
    outcome: Outcome = Outcome.UNKNOWN
    why: str = ""

    @property
    def is_write(self) -> bool:
        return any(step.verb is not Verb.GET for step in self.steps)

    def plain(self, began: float) -> dict[str, object]:
        """For a file: times in seconds since `began`."""
        return {
            "client": self.client,
            "invoked": round(self.invoked - began, 6),
            "returned": None if self.returned is None else round(self.returned - began, 6),
            "outcome": self.outcome.value,
            "why": self.why,
            "steps": [
                {
                    "verb": step.verb.value,
                    "key": step.key,
                    "value": step.value,
                    "revision": step.revision,
                    "result": step.result.decode()
                    if isinstance(step.result, bytes)
                    else step.result,
                    "told_revision": step.told_revision,
                }
                for step in self.steps
            ],
        }


class _Worker:
    """One client: one call after the other."""

    def __init__(self, number: int, seed: int, nodes: Sequence[str], began: float) -> None:
        self._number = number
        self._chance = random.Random(f"{seed}/{number}")
        self._client = AsyncClient(nodes, timeout=_CALL_SECONDS, attempt_timeout=_ATTEMPT_SECONDS)
        self._began = began
        self._revisions: dict[str, int] = {}
        self._count = 0
        self.calls: list[Call] = []

    async def run(self, stop: asyncio.Event, pause_seconds: float) -> None:
        try:
            while not stop.is_set():
                await self._carry_out(self._draw())
                await asyncio.sleep(self._chance.uniform(0, 2 * pause_seconds))
        finally:
            await self._client.close()

    async def read(self, key: str) -> None:
        """A last look, when all is calm."""
        await self._carry_out([Step(Verb.GET, key)])

    async def close(self) -> None:
        await self._client.close()

    def _draw(self) -> list[Step]:
        epoch = int((time.monotonic() - self._began) / _EPOCH_SECONDS)
        key = f"{epoch}:k{self._chance.randrange(_KEYS)}"
        self._count += 1
        value = f"{self._number}.{self._count}"
        verb = self._chance.choices(list(Verb), [35, 25, 12, 12, 4, 12])[0]
        if verb is Verb.INCR:
            return [Step(verb, f"{epoch}:c{self._chance.randrange(_COUNTERS)}", value="1")]
        if verb is Verb.CAS:
            return [Step(verb, key, value, revision=self._revisions.get(key, 0))]
        if verb is Verb.TRANSACTION:
            pair = self._chance.randrange(_PAIRS)
            one, other = f"{epoch}:p{pair}a", f"{epoch}:p{pair}b"
            if self._chance.random() < 0.5:
                return [Step(Verb.GET, one), Step(Verb.GET, other)]
            return [Step(Verb.PUT, one, value), Step(Verb.PUT, other, value), Step(Verb.GET, one)]
        return [Step(verb, key, value if verb is Verb.PUT else None)]

    async def _carry_out(self, steps: list[Step]) -> None:
        verb = steps[0].verb if len(steps) == 1 else Verb.TRANSACTION
        call = Call(self._number, verb, steps, time.monotonic())
        self.calls.append(call)
        try:
            if len(steps) == 1:
                await self._one(steps[0])
            else:
                await self._transaction(steps)
        except Timeout as error:
            # A write stays open: applied once, at any time from now, or never.
            call.outcome = Outcome.UNKNOWN if call.is_write else Outcome.FAILED
            call.why = str(error)
        except KvError as error:
            call.outcome, call.why = Outcome.FAILED, str(error)
        else:
            call.outcome = Outcome.OK
        call.returned = time.monotonic()

    async def _one(self, step: Step) -> None:
        client, key = self._client, step.key
        if step.verb is Verb.GET:
            found = await client.get_versioned(key)
            step.result = found.value if found is not None else None
            step.told_revision = found.revision if found is not None else 0
            self._revisions[key] = step.told_revision
        elif step.verb is Verb.PUT:
            await client.put(key, step.value or "")
        elif step.verb is Verb.CAS:
            step.result = await client.cas(key, step.value or "", revision=step.revision)
            step.told_revision = step.result or 0
            if step.result:
                self._revisions[key] = step.told_revision
        elif step.verb is Verb.INCR:
            step.result = await client.incr(key)
        else:
            step.result = await client.delete(key)

    async def _transaction(self, steps: list[Step]) -> None:
        batch = Batch()
        for step in steps:
            if step.verb is Verb.GET:
                batch.get(step.key)
            else:
                batch.put(step.key, step.value or "")
        for step, result in zip(steps, await self._client.transaction(batch), strict=True):
            if step.verb is Verb.GET:
                step.result = result


class Crowd:
    """All clients, on an event loop in a thread of its own.

    Args:
        nodes: where the cluster is.
        clients: how many.
        seed: of their choices.
        pause_seconds: between two calls of one client, on average.
    """

    def __init__(
        self, nodes: Sequence[str], *, clients: int, seed: int, pause_seconds: float = 0.01
    ) -> None:
        self.began = time.monotonic()
        self._nodes = nodes
        self._pause_seconds = pause_seconds
        self._workers = [_Worker(number, seed, nodes, self.began) for number in range(clients)]
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="kvcluster-crowd", daemon=True)
        self._error: BaseException | None = None

    @property
    def calls(self) -> list[Call]:
        """All of them, by the time they were made."""
        calls = [call for worker in self._workers for call in worker.calls]
        return sorted(calls, key=lambda call: call.invoked)

    def count(self) -> int:
        return sum(len(worker.calls) for worker in self._workers)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Lets each finish its call, then ends. Raises what went wrong in a client's own code."""
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(_JOIN_SECONDS)
        if self._error is not None:
            raise self._error

    def look_at_all(self) -> None:
        """After `stop`, in a healed cluster: one client reads every key that was ever used."""
        keys = sorted(
            {step.key for worker in self._workers for call in worker.calls for step in call.steps}
        )
        last = _Worker(len(self._workers), 0, self._nodes, self.began)
        self._workers.append(last)

        async def read() -> None:
            for key in keys:
                await last.read(key)
            await last.close()

        asyncio.run(read())

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._all())
        except BaseException as error:  # shown by stop(); a crowd that died must not pass
            self._error = error
        finally:
            self._loop.close()

    async def _all(self) -> None:
        async with asyncio.TaskGroup() as group:
            for worker in self._workers:
                group.create_task(worker.run(self._stop, self._pause_seconds))
