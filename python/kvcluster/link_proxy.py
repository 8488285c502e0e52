"""A network between the nodes of a local cluster, with a switch on every link.

Each ordered pair of nodes has a listener; what connects there is passed on to the second node's
peer port. A link that is cut stays open and carries nothing, as packets vanish in a partition:
neither side is told, only timeouts can tell. When it is healed, what was on its way arrives. What
else a link may do to what passes is in `kvcluster.link_faults`.

All of it runs on an event loop in a thread of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections import deque
from collections.abc import AsyncIterator, Coroutine, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias, TypeVar

from kvcluster.directory import Address
from kvcluster.link_faults import PERFECT, Line, LinkQuality

T = TypeVar("T")
Link: TypeAlias = tuple[int, int]
_PIECE_BYTES = 256 * 1024
_CALL_SECONDS = 10.0
# What a slow link may hold, in pieces; its sender waits then.
_PIECES_ON_THE_WAY_MAX = 64
_ARRIVALS_KEPT = 1000


@dataclass(slots=True)
class _Wire:
    """One ordered pair of nodes."""

    target: Address
    listener: socket.socket
    seed: int = 0
    flowing: asyncio.Event = field(default_factory=asyncio.Event)
    quality: LinkQuality = PERFECT
    connections: int = 0
    arrivals: deque[float] = field(default_factory=lambda: deque(maxlen=_ARRIVALS_KEPT))

    def line(self) -> Line:
        """For one direction of a new connection."""
        self.connections += 1
        return Line(hash((self.seed, self.connections)))


class LinkProxy:
    """Links from every node to every other. Use `port` to tell a node where its peer is.

    Args:
        peer_ports: node id -> port of 127.0.0.1 where it takes peers' connections.
        seed: of the chance in the links' qualities.
    """

    def __init__(self, peer_ports: Mapping[int, int], *, seed: int = 0) -> None:
        self._seed = seed
        self._loop = asyncio.new_event_loop()
        self._wires: dict[Link, _Wire] = {}
        self._relays: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(
            target=self._loop.run_forever, name="kvcluster-links", daemon=True
        )
        self._thread.start()
        self._call(self._open(peer_ports))

    def port(self, source: int, target: int) -> int:
        """Where `source` reaches `target`."""
        port: int = self._wires[source, target].listener.getsockname()[1]
        return port

    def cut(self, links: Iterable[Link]) -> None:
        """From now on nothing passes from the first node of each pair to the second."""
        self._call(self._set(links, flowing=False))

    def degrade(self, quality: LinkQuality, links: Iterable[Link] | None = None) -> None:
        """From now on these links, or all, carry so well and no better."""
        self._call(self._grade(list(self._wires) if links is None else links, quality))

    def heal(self) -> None:
        """All links carry again, and well."""
        self._call(self._set(list(self._wires), flowing=True))
        self._call(self._grade(list(self._wires), PERFECT))

    def arrivals(self, source: int, target: int) -> list[float]:
        """When something that the first node said reached the second: the last 1000 times, in
        seconds of the monotonic clock."""
        return list(self._wires[source, target].arrivals)

    def close(self) -> None:
        """Closes all links and ends the thread."""
        if self._thread.is_alive():
            self._call(self._close())
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()

    def _call(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(_CALL_SECONDS)

    async def _open(self, peer_ports: Mapping[int, int]) -> None:
        for source in peer_ports:
            for target, target_port in peer_ports.items():
                if source != target:
                    await self._open_wire((source, target), ("127.0.0.1", target_port))

    async def _open_wire(self, link: Link, target: Address) -> None:
        listener = socket.create_server(("127.0.0.1", 0))
        listener.setblocking(False)
        wire = _Wire(target, listener, seed=hash((self._seed, link)))
        wire.flowing.set()
        self._wires[link] = wire
        # Not asyncio.start_server: its close() leaves a connection open that it is just taking.
        self._loop.add_reader(listener, self._take, wire)

    def _take(self, wire: _Wire) -> None:
        try:
            connection, _ = wire.listener.accept()
        except OSError:
            return  # who connected has gone already
        connection.setblocking(False)
        task = self._loop.create_task(_serve(wire, connection))
        self._relays.add(task)
        task.add_done_callback(self._relays.discard)

    async def _set(self, links: Iterable[Link], *, flowing: bool) -> None:
        for link in links:
            event = self._wires[link].flowing
            if flowing:
                event.set()
            else:
                event.clear()

    async def _grade(self, links: Iterable[Link], quality: LinkQuality) -> None:
        for link in links:
            self._wires[link].quality = quality

    async def _close(self) -> None:
        for wire in self._wires.values():
            self._loop.remove_reader(wire.listener)
            wire.listener.close()
        await asyncio.sleep(0)  # a relay that has not begun would leave its connection open
        relays = list(self._relays)
        for task in relays:
            task.cancel()
        await asyncio.gather(*relays, return_exceptions=True)


async def _serve(wire: _Wire, connection: socket.socket) -> None:
    with contextlib.suppress(OSError, asyncio.CancelledError):
        reader, writer = await asyncio.open_connection(sock=connection)
        async with _ended(writer):
            await _relay(wire, reader, writer)


@contextlib.asynccontextmanager
async def _ended(writer: asyncio.StreamWriter) -> AsyncIterator[None]:
    """Closes the connection after the block, when what it was given has been sent; at once when the
    block fails, or anything here is cancelled."""
    try:
        yield
        writer.close()
        await writer.wait_closed()
    finally:
        writer.transport.abort()


async def _relay(wire: _Wire, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await wire.flowing.wait()
    upstream_reader, upstream_writer = await asyncio.open_connection(*wire.target)
    async with _ended(upstream_writer):
        pumps = [
            asyncio.ensure_future(_pump(wire, reader, upstream_writer, wire.arrivals)),
            asyncio.ensure_future(_pump(wire, upstream_reader, writer, None)),
        ]
        # Each side has a connection of its own for what it says; one that ends, ends whole.
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            await wire.flowing.wait()
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)


async def _pump(
    wire: _Wire,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    arrivals: deque[float] | None,
) -> None:
    """Carries one direction until it ends; what was on its way still arrives."""
    late: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(_PIECES_ON_THE_WAY_MAX)
    halves = [
        asyncio.ensure_future(_take(wire, reader, late, writer)),
        asyncio.ensure_future(_deliver(wire, late, writer, arrivals)),
    ]
    try:
        await asyncio.wait(halves, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for half in halves:
            half.cancel()
        await asyncio.gather(*halves, return_exceptions=True)


async def _take(
    wire: _Wire,
    reader: asyncio.StreamReader,
    late: asyncio.Queue[tuple[float, bytes]],
    writer: asyncio.StreamWriter,
) -> None:
    line = wire.line()
    clock = asyncio.get_running_loop().time
    while data := await reader.read(_PIECE_BYTES):
        if line.loses(wire.quality):
            writer.transport.abort()
            return
        due = line.due(wire.quality, clock(), len(data))
        await late.put((due, line.carry(wire.quality, data)))
    await late.join()


async def _deliver(
    wire: _Wire,
    late: asyncio.Queue[tuple[float, bytes]],
    writer: asyncio.StreamWriter,
    arrivals: deque[float] | None,
) -> None:
    clock = asyncio.get_running_loop().time
    while True:
        due, data = await late.get()
        if (wait := due - clock()) > 0:
            await asyncio.sleep(wait)
        await wire.flowing.wait()
        writer.write(data)
        await writer.drain()
        if arrivals is not None:
            arrivals.append(clock())
        late.task_done()
