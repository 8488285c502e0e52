"""Many messages at once, and whether every node delivered all of them in one order."""

from __future__ import annotations

import asyncio
import secrets
import statistics
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass

from kvcluster.aio import AsyncClient
from kvcluster.chat.message import Delivery, Forgotten
from kvcluster.chat.room import Room
from kvcluster.chat.visit import Visit
from kvcluster.errors import KvError

DELIVERY_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Load:
    """What is sent.

    Attributes:
        messages: how many in all.
        per_second: how many a second; None: as fast as it goes.
        senders: how many say them in turn; each waits for its message before it says the next one.
    """

    messages: int
    per_second: float | None = None
    senders: int = 8

    @property
    def title(self) -> str:
        pace = "as fast as it goes" if self.per_second is None else f"{self.per_second:g} a second"
        return f"{self.messages} messages, {pace}, {self.senders} senders"


@dataclass(frozen=True, slots=True)
class LoadRun:
    """How it went.

    Attributes:
        seconds: from the first message to the last one stored.
        latencies_ms: from when a message was due to when it was stored, each.
        faults: what is not as it must be; empty: all was delivered in one order everywhere.
    """

    load: Load
    seconds: float
    latencies_ms: Sequence[float]
    faults: Sequence[str]

    @property
    def passed(self) -> bool:
        return not self.faults

    @property
    def told(self) -> str:
        """One line."""
        ordered = sorted(self.latencies_ms)
        tail = ordered[min(int(len(ordered) * 0.99), len(ordered) - 1)]
        return (
            f"{self.load.messages} stored in {self.seconds:.2f} s, "
            f"{self.load.messages / self.seconds:.0f} a second; "
            f"median {statistics.median(ordered):.1f} ms, 99 % within {tail:.1f} ms"
        )


def faults_of(
    delivered: Mapping[str, Sequence[Delivery | Forgotten]], sent: Mapping[str, Sequence[str]]
) -> list[str]:
    """What is not as it must be.

    Args:
        delivered: what each node delivered.
        sent: what each sender said, in its order.
    """
    found = []
    expected = Counter((who, text) for who, texts in sent.items() for text in texts)
    nodes = list(delivered)
    for node in nodes:
        messages = [item for item in delivered[node] if isinstance(item, Delivery)]
        numbers = [message.seq for message in messages]
        if numbers != list(range(1, len(numbers) + 1)) or len(messages) < len(delivered[node]):
            found.append(f"{node}: the numbers have a gap or are out of order")
        seen = Counter((message.sender, message.text) for message in messages)
        if lost := expected - seen:
            found.append(f"{node}: {lost.total()} lost, {next(iter(lost))} for one")
        if more := seen - expected:
            found.append(f"{node}: {more.total()} too many, {next(iter(more))} for one")
        for who, texts in sent.items():
            if [message.text for message in messages if message.sender == who] != list(texts):
                found.append(f"{node}: the messages of {who} are not in the order of saying")
        if list(delivered[node]) != list(delivered[nodes[0]]):
            found.append(f"{node} and {nodes[0]} did not deliver alike")
    return found


async def run_load(nodes: Sequence[str], load: Load, *, password: str | None = None) -> LoadRun:
    """Sends the load into a room of its own and listens at every node.

    Args:
        nodes: `host:port` of each node to listen at; the senders are spread over them.
    """
    room = f"load-{secrets.token_hex(6)}"
    delivered: dict[str, list[Delivery | Forgotten]] = {node: [] for node in nodes}
    sent: dict[str, list[str]] = {}
    troubles: list[str] = []
    async with AsyncExitStack() as stack:
        listeners = []
        for node, heard in delivered.items():
            at = [node, *(other for other in nodes if other != node)]
            listener = Visit(
                at, "listener", deliver=heard.append, tell=troubles.append, password=password
            )
            listeners.append(await stack.enter_async_context(listener))
            await listener.enter(room)
        senders = []
        for number in range(load.senders):
            sender = str(100 + number)
            home = nodes[number % len(nodes)]
            client = AsyncClient(nodes, home=home, password=password)
            await stack.enter_async_context(client)
            # It speaks and does not listen.
            speaker = Room(client, room, sender, deliver=_pass_over, tell=troubles.append)
            sent[sender] = []
            senders.append(_say(speaker, sent[sender], load, number))
        began = time.perf_counter()
        latencies = await asyncio.gather(*senders)
        seconds = time.perf_counter() - began
        faults = []
        for node, listener in zip(nodes, listeners, strict=True):
            try:
                async with asyncio.timeout(DELIVERY_SECONDS):
                    await listener.room.delivered(load.messages)
            except TimeoutError:
                faults.append(f"{node} delivered {listener.room.last} of {load.messages}")
    faults += faults_of(delivered, sent)
    return LoadRun(load, seconds, [latency for each in latencies for latency in each], faults)


def _pass_over(delivery: Delivery | Forgotten) -> None:
    """Somebody else listens."""


async def _say(speaker: Room, said: list[str], load: Load, number: int) -> list[float]:
    """Every `senders`-th message, from the `number`-th; how long each took, in milliseconds."""
    latencies = []
    began = time.perf_counter()
    for message in range(number, load.messages, load.senders):
        due = time.perf_counter()
        if load.per_second is not None:
            due = began + message / load.per_second
            await asyncio.sleep(max(due - time.perf_counter(), 0))
        text = f"load test message {message}"
        said.append(text)
        try:
            await speaker.send(text)
        except KvError as error:
            raise KvError(f"message {message} was not stored: {error}") from error
        latencies.append((time.perf_counter() - due) * 1000)
    return latencies
