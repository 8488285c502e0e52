"""What the nodes of a cluster say about themselves, asked again and again while it lives.

`follow_node` asks one node for as long as it is awaited; `Sampler` does that for all nodes of a
cluster in a thread of its own, and keeps what it hears:

>>> with LocalCluster() as cluster, Sampler(cluster) as sampler:  # doctest: +SKIP
...     cluster.kill(cluster.wait_for_leader())
...     cluster.wait_for_leader()
>>> sampler.samples[-1].status.commit_index  # doctest: +SKIP
3
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from kvcluster import commands
from kvcluster.aio import AsyncConnection
from kvcluster.cluster_view import ClusterView
from kvcluster.directory import parse_address
from kvcluster.errors import KvError
from kvcluster.replies import NodeStatus
from kvcluster.retry import ErrorReply

INTERVAL_SECONDS = 0.05
# A node that is silent for so long is said not to answer.
PATIENCE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Sample:
    """One answer, or the lack of one.

    Attributes:
        at: seconds since the epoch.
        node: the id of the node that was asked.
        status: what it said; None: nothing.
        why: then: why not.
    """

    at: float
    node: int
    status: NodeStatus | None
    why: str = ""


async def follow_node(
    node: int,
    address: str,
    take: Callable[[Sample], None],
    *,
    interval: float = INTERVAL_SECONDS,
    patience: float = PATIENCE_SECONDS,
    password: str | None = None,
) -> None:
    """Asks the node at `address` (`host:port`) every `interval` seconds, until it is cancelled.

    A node that does not answer within `patience` seconds gives a sample without a status. The
    connection is kept, and made again when it was lost.
    """
    connection: AsyncConnection | None = None
    asked = commands.status()
    try:
        while True:
            status, why = None, ""
            try:
                if connection is None:
                    where = parse_address(address)
                    connection = await AsyncConnection.open(
                        where, timeout=patience, password=password
                    )
                outcome = await connection.exchange(asked.frames, patience)
                if outcome.lost is not None:
                    connection, why = None, outcome.lost
                elif isinstance(reply := outcome.replies[-1], ErrorReply):
                    why = reply.message
                else:
                    status = asked.read(reply)
            except KvError as error:
                why = str(error)
            take(Sample(time.time(), node, status, why))
            await asyncio.sleep(interval)
    finally:
        if connection is not None:
            await connection.close()


class Sampler:
    """Keeps the samples of all nodes of a started cluster. A context manager; see the module.

    Args:
        cluster: its addresses are read once, at the start.
        interval: seconds between two questions to one node.

    Attributes:
        samples: oldest first; complete when the sampler is closed.
    """

    def __init__(self, cluster: ClusterView, *, interval: float = INTERVAL_SECONDS) -> None:
        self.samples: list[Sample] = []
        self._addresses = {node: cluster.address(node) for node in cluster.ids}
        self._password = cluster.password
        self._interval = interval
        self._loop = asyncio.new_event_loop()
        self._followers: asyncio.Future[Any] | None = None
        self._thread = threading.Thread(target=self._follow, name="kvcluster-samples", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Asks no more. Again: nothing."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._cancel)
            self._thread.join()
            self._loop.close()

    def _follow(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._followers = asyncio.gather(
            *(
                follow_node(
                    node,
                    address,
                    self.samples.append,
                    interval=self._interval,
                    password=self._password,
                )
                for node, address in self._addresses.items()
            ),
            return_exceptions=True,
        )
        try:
            self._loop.run_until_complete(self._followers)
        except asyncio.CancelledError:
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())

    def _cancel(self) -> None:
        if self._followers is not None:
            self._followers.cancel()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
