"""The cluster of the lab: watched all the time, loaded as wanted, harmed by verbs."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from kvcluster.aio import AsyncClient
from kvcluster.errors import KvError, Timeout
from kvcluster.lab import view
from kvcluster.lab.meter import Meter
from kvcluster.lab.tail import LogTail
from kvcluster.local_cluster import LocalCluster
from kvcluster.samples import Sample, follow_node
from kvcluster.timeline import Event

T = TypeVar("T")
RATES = (0, 10, 100, 500)
_LOOK_SECONDS = 0.05
_LOG_SECONDS = 0.2
_WRITES_AT_ONCE_MAX = 64
_EVENTS_KEPT = 60
_LOAD_KEYS = 100
_KEY_BYTES_MAX = 511
_VALUE_BYTES_MAX = 64 * 1024


class Desk:
    """One cluster for all who look. `start` and `close` it on one event loop.

    All that is done to the cluster runs in one thread, because `LocalCluster` is not safe between
    threads; what the nodes say comes over connections of its own.

    Args:
        nodes: how many.
    """

    def __init__(self, nodes: int) -> None:
        self._cluster = LocalCluster(nodes=nodes, detached=True)
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="kvcluster-lab")
        self._nodes: dict[int, view.NodeView] = {}
        self._paused: set[int] = set()
        self._cut: list[tuple[int, int]] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._writes: set[asyncio.Task[None]] = set()
        self._client: AsyncClient | None = None
        self._meter = Meter()
        self._rate = 0
        self._rate_changed = asyncio.Event()
        self._numbers = itertools.count()
        self._events: deque[dict[str, Any]] = deque(maxlen=_EVENTS_KEPT)
        self._began = time.time()

    @property
    def cluster(self) -> LocalCluster:
        return self._cluster

    # --- life ---

    async def start(self) -> None:
        """Starts the nodes and waits until one leads.

        Raises:
            KvError: they do not start; nothing is left behind.
        """
        self._began = time.time()
        await self._work(self._cluster.start)
        self._client = self._cluster.async_client()
        for node in self._cluster.ids:
            address = self._cluster.address(node)
            self._nodes[node] = view.NodeView(node, address)
            follower = follow_node(node, address, self._take, interval=_LOOK_SECONDS)
            self._tasks.append(asyncio.create_task(follower))
        self._tasks.append(asyncio.create_task(self._follow_logs()))
        self._tasks.append(asyncio.create_task(self._load()))

    async def close(self) -> None:
        """Ends the load, and the cluster with all its files. Again: nothing."""
        tasks = [*self._tasks, *self._writes]
        self._tasks.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._client is not None:
            await self._client.close()
            self._client = None
        await asyncio.get_running_loop().run_in_executor(None, self._end_cluster)

    def _end_cluster(self) -> None:
        self._worker.shutdown()
        self._cluster.close()

    # --- what is seen ---

    def json(self) -> view.Json:
        """All that the page shows, now."""
        nodes = list(self._nodes.values())
        for node in nodes:
            node.condition = self._condition(node)
        newest = max((node.seen.last_index for node in nodes), default=0)
        return {
            "nodes": [node.json(newest) for node in nodes],
            "leader": view.leader(nodes),
            "links": view.links(nodes, self._cut),
            "verdict": view.verdict(nodes),
            "load": {"rate": self._rate, **self._meter.json(time.monotonic())},
            "events": list(self._events),
        }

    def _condition(self, node: view.NodeView) -> str:
        if self._cluster.exit_code(node.id) is not None:
            node.status = None
            return "down"
        if node.id in self._paused:
            return "paused"
        return node.condition if node.condition in ("running", "silent") else "silent"

    def _take(self, sample: Sample) -> None:
        node = self._nodes[sample.node]
        if sample.status is None:
            node.condition = "silent"
        elif sample.node not in self._paused and self._cluster.exit_code(sample.node) is None:
            node.take(sample.status)
            node.condition = "running"

    async def _follow_logs(self) -> None:
        tails = [LogTail(self._cluster.log(node)) for node in self._cluster.ids]
        while True:
            for event in sorted(itertools.chain.from_iterable(tail.events() for tail in tails)):
                self._note(event)
            await asyncio.sleep(_LOG_SECONDS)

    def _note(self, event: Event) -> None:
        self._events.append(
            {
                "number": next(self._numbers),
                "at": round(event.time - self._began, 3),
                "node": event.node,
                "text": event.message,
            }
        )

    # --- verbs: each says in a sentence what it has done ---

    async def write(self, key: str, value: str) -> str:
        """Stores a value, exactly once.

        Raises:
            ValueError: key or value are too long or empty.
            KvError: as `AsyncClient.put`.
        """
        if not 1 <= len(key.encode()) <= _KEY_BYTES_MAX:
            raise ValueError(f"a key has 1 to {_KEY_BYTES_MAX} bytes")
        if len(value.encode()) > _VALUE_BYTES_MAX:
            raise ValueError(f"a value has at most {_VALUE_BYTES_MAX} bytes here")
        took = await self._put(key, value)
        return f"{key} is stored, after {took * 1000:.1f} ms"

    async def read(self, key: str) -> str:
        """Reads a value, linearizably."""
        if self._client is None:
            raise ValueError("the lab is closed")
        value = await self._client.get(key)
        return (
            f"{key} has no value" if value is None else f"{key} = {value.decode(errors='replace')}"
        )

    async def load(self, rate: int) -> str:
        """Writes so many values a second from now on; 0: none."""
        if rate not in RATES:
            raise ValueError(f"the rate is one of {', '.join(map(str, RATES))} writes a second")
        self._rate = rate
        self._rate_changed.set()
        return f"{rate} writes a second from now on" if rate else "the load has ended"

    async def kill(self, node: int | str) -> str:
        """SIGKILL to a node, or to whoever leads (`leader`)."""
        chosen = self._running(self._leader() if node == "leader" else node)
        await self._work(lambda: self._cluster.kill(chosen))
        self._paused.discard(chosen)
        return self._done(chosen, f"node {chosen} is killed")

    async def restart(self, node: int) -> str:
        """Starts a dead node on its data."""
        if self._cluster.exit_code(self._known(node)) is None:
            raise ValueError(f"node {node} runs: kill it first")
        await self._work(lambda: self._cluster.restart(node))
        return self._done(node, f"node {node} is started again")

    async def pause(self, node: int) -> str:
        """SIGSTOP: the node keeps its connections and does nothing."""
        chosen = self._running(node)
        await self._work(lambda: self._cluster.pause(chosen))
        self._paused.add(chosen)
        return self._done(chosen, f"node {chosen} is paused")

    async def resume(self, node: int) -> str:
        """Ends `pause`."""
        if self._known(node) not in self._paused:
            raise ValueError(f"node {node} is not paused")
        await self._work(lambda: self._cluster.resume(node))
        self._paused.discard(node)
        return self._done(node, f"node {node} goes on")

    async def partition(self, groups: Sequence[Sequence[int]]) -> str:
        """Cuts the links between groups of nodes, instead of what was cut before. A node in no
        group is alone."""
        named = [self._known(node) for group in groups for node in group]
        if len(named) != len(set(named)) or not named:
            raise ValueError("name each node in one group only, like 1 | 2 3")
        side = {node: number for number, group in enumerate(groups) for node in group}
        side |= {node: -node for node in self._cluster.ids if node not in side}
        cut = [
            (one, other)
            for one, other in itertools.permutations(self._cluster.ids, 2)
            if side[one] != side[other]
        ]

        def part() -> None:
            self._cluster.heal_links()
            self._cluster.partition(*groups)

        await self._work(part)
        self._cut = cut
        sides = sorted(set(side.values()))
        parts = [sorted(node for node in side if side[node] == number) for number in sides]
        return self._done(0, "parted: " + " | ".join(" ".join(map(str, part)) for part in parts))

    async def heal(self) -> str:
        """Makes the network whole. Nodes that are dead or paused stay so."""
        await self._work(self._cluster.heal_links)
        self._cut = []
        return self._done(0, "the network is whole")

    # --- inside ---

    def _known(self, node: int | str) -> int:
        if not isinstance(node, int) or isinstance(node, bool) or node not in self._cluster.ids:
            raise ValueError(f"there is no node {node}")
        return node

    def _running(self, node: int | str) -> int:
        known = self._known(node)
        if self._cluster.exit_code(known) is not None:
            raise ValueError(f"node {known} is down: restart it first")
        return known

    def _leader(self) -> int:
        leader = view.leader(self._nodes.values())
        if not leader:
            raise ValueError("nobody leads now: wait for an election")
        return leader

    def _done(self, node: int, words: str) -> str:
        self._note(Event(time.time(), 0, "done", words, {"peer": node}))
        return words

    async def _work(self, verb: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._worker, verb)

    async def _put(self, key: str, value: str) -> float:
        if self._client is None:
            raise ValueError("the lab is closed")
        began = time.monotonic()
        try:
            await self._client.put(key, value)
        except Timeout:
            self._meter.unknown += 1
            raise
        except KvError:
            self._meter.not_applied += 1
            raise
        now = time.monotonic()
        self._meter.acknowledge(now, now - began)
        return now - began

    async def _load(self) -> None:
        """Writes at the wanted rate, whether earlier writes are answered or not, up to a bound."""
        due = time.monotonic()
        for number in itertools.count():
            while not self._rate:
                self._rate_changed.clear()
                await self._rate_changed.wait()
                due = time.monotonic()
            due = max(due + 1 / self._rate, time.monotonic() - 1)
            await asyncio.sleep(max(0, due - time.monotonic()))
            if len(self._writes) < _WRITES_AT_ONCE_MAX:
                task = asyncio.create_task(self._write_one(number))
                self._writes.add(task)
                task.add_done_callback(self._writes.discard)

    async def _write_one(self, number: int) -> None:
        with contextlib.suppress(KvError):  # it is counted
            await self._put(f"load-{number % _LOAD_KEYS:02}", str(number))
