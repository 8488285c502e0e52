"""A person's visit: a client at a node, the room it is in, and what runs beside."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine, Sequence
from types import TracebackType

from kvcluster.aio import AsyncClient
from kvcluster.chat.room import Deliver, Room, Tell
from kvcluster.chat.standing import Standing, client_addresses, status_line
from kvcluster.directory import Address
from kvcluster.errors import CommandError, KvError

_LOOK_SECONDS = 0.5


class Visit:
    """Use it as an asynchronous context; it leaves at the end.

    Args:
        nodes: of the cluster, the one to be at first; one is enough, it names the others.
        sender: the client id.
        deliver, tell: as those of `Room`.
        password: of the cluster.
        history: how many earlier messages are delivered on entering a room.
    """

    def __init__(
        self,
        nodes: Sequence[str | Address],
        sender: str,
        *,
        deliver: Deliver,
        tell: Tell,
        password: str | None = None,
        history: int = 100,
    ) -> None:
        self._client = AsyncClient(nodes, home=nodes[0], password=password)
        self._sender = sender
        self._deliver = deliver
        self._tell = tell
        self._history = history
        self._at = self._client.node
        self._standing: Standing | None = None
        self._room: Room | None = None
        self._following: asyncio.Task[None] | None = None
        self._looking: asyncio.Task[None] | None = None
        self._failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @property
    def room(self) -> Room:
        """The one that was entered last."""
        if self._room is None:
            raise ValueError("no room was entered yet")
        return self._room

    @property
    def address(self) -> str:
        """Of the node that the visit is at."""
        node = self._client.node
        return f"{node[0]}:{node[1]}" if node is not None else "no node"

    @property
    def standing(self) -> Standing | None:
        """What the node said last; None: it does not answer."""
        return self._standing

    @property
    def status_line(self) -> str:
        room = self.room
        return status_line(
            room.name, self.address, self._standing, last=room.last, waiting=room.waiting
        )

    async def enter(self, name: str) -> None:
        """Leaves the room, if any, and enters this one: its history, then what comes.

        Raises:
            ValueError: that is no name for a room.
        """
        room = Room(self._client, name, self._sender, deliver=self._deliver, tell=self._tell_moving)
        await _end(self._following)
        self._room = room
        await room.join(self._history)
        self._following = asyncio.create_task(self._follow(room))

    async def look(self) -> None:
        """Asks the node who leads, and learns the other nodes from it.

        Raises:
            CommandError: the password is missing or wrong.
        """
        try:
            status = await self._client.status()
        except CommandError:
            raise
        except KvError:
            self._standing = None
            return
        self._client.learn(client_addresses(status))
        self._standing = Standing.of(status)
        self._notice_move()

    async def attend(self, work: Coroutine[None, None, None]) -> None:
        """Carries out the work of the person; reading that fails for good ends it.

        Raises:
            KvError: why it failed.
        """
        task = asyncio.ensure_future(work)
        try:
            await asyncio.wait([task, self._failed], return_when=asyncio.FIRST_COMPLETED)
            if self._failed.done():
                self._failed.result()
            await task
        finally:
            await _end(task)

    async def __aenter__(self) -> Visit:
        await self.look()
        self._looking = asyncio.create_task(self._keep_looking())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await _end(self._looking)
        await _end(self._following)
        self._failed.cancel()
        await self._client.close()

    async def _follow(self, room: Room) -> None:
        try:
            await room.follow()
        except Exception as error:
            if not self._failed.done():
                self._failed.set_exception(error)

    async def _keep_looking(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            with contextlib.suppress(CommandError):  # the next call of the person says so
                await self.look()

    def _tell_moving(self, words: str) -> None:
        self._tell(words)
        self._notice_move()

    def _notice_move(self) -> None:
        if self._client.node != self._at:
            self._at = self._client.node
            self._tell(f"moved to the node at {self.address}")


async def _end(task: asyncio.Task[None] | None) -> None:
    if task is not None and task.cancel():
        with contextlib.suppress(asyncio.CancelledError):
            await task
