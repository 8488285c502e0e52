"""One room as one person has it: what is said there comes in order, what is sent comes once."""

from __future__ import annotations

import asyncio
import math
import secrets
from collections.abc import Callable
from typing import TypeAlias

from kvcluster.aio import AsyncClient
from kvcluster.chat.message import Delivery, Forgotten, client_id, fields_of, room_key
from kvcluster.chat.order import Order
from kvcluster.errors import CommandError, KvError
from kvcluster.replies import sequence
from kvcluster.streams import is_missing

Deliver: TypeAlias = Callable[[Delivery | Forgotten], None]
Tell: TypeAlias = Callable[[str], None]
_PAGE = 500  # messages read at once
_PAUSE_SECONDS = 0.2


class Room:
    """Reading and writing in one room.

    Args:
        client: kept to one node, or to the leader; another one is taken when its node is lost.
        name: of the room.
        sender: the client id.
        deliver: is given each message, in order and once.
        tell: is given a sentence when something hinders, and when it no longer does.

    Raises:
        ValueError: the name or the client id cannot be used.
    """

    def __init__(
        self, client: AsyncClient, name: str, sender: str, *, deliver: Deliver, tell: Tell
    ) -> None:
        self.name = name
        self.waiting = 0
        self._key = room_key(name)
        self._sender = client_id(sender)
        self._client = client
        self._deliver = deliver
        self._tell = tell
        self._order = Order()
        self._hindered = False
        self._delivered = asyncio.Condition()
        self._sending = asyncio.Lock()  # what one person says stays in the order of saying
        self._session = f"chat-{sender}-{secrets.token_hex(8)}"
        self._requests = 0
        self._stored = 0  # the number of what was said last

    @property
    def last(self) -> int:
        """The number of the newest message that was delivered."""
        return self._order.last

    async def join(self, history: int) -> None:
        """Delivers the last `history` messages; then `follow` goes on behind them."""
        while True:
            try:
                newest = (await self._client.xinfo(self._key)).last_sequence
            except CommandError as error:
                if not is_missing(error):
                    raise
                newest = 0
            except KvError as error:
                await self._hinder(error)
                continue
            break
        self._free()
        self._order = Order(max(newest - history, 0))
        while self.last < newest:
            if await self._read(block=None) == 0:
                return  # somebody has deleted the stream

    async def follow(self) -> None:
        """Delivers what comes, for ever."""
        while True:
            await self._read(block=math.inf)

    async def send(self, text: str) -> int:
        """Says it; the number that it has got. Waits for as long as the cluster has no majority.

        It is stored once, however often it has to be sent: all attempts are one request of one
        session, and the cluster remembers the reply with it.

        Raises:
            ValueError: it is empty or too long.
            CommandError: the cluster refuses it.
        """
        said = fields_of(self._sender, text)
        self.waiting += 1
        try:
            async with self._sending:
                self._requests += 1
                once = ("KV.ONCE", self._session, self._requests)
                self._stored = await self._store(*once, "XADD", self._key, "*", *said)
                return self._stored
        finally:
            self.waiting -= 1

    async def delivered(self, seq: int) -> None:
        """Waits until the message with this number was delivered."""
        async with self._delivered:
            await self._delivered.wait_for(lambda: self.last >= seq)

    async def settled(self) -> None:
        """Waits until all that was said here was delivered here, too."""
        await self.delivered(self._stored)

    async def _store(self, *words: str | int) -> int:
        while True:
            try:
                reply = await self._client.execute(*words)
            except CommandError:
                raise
            except KvError as error:  # unknown, or not applied: the same request again
                await self._hinder(error)
                continue
            self._free()
            return sequence(reply)

    async def _read(self, block: float | None) -> int | None:
        """Delivers what there is; how much. None: the cluster did not answer."""
        try:
            found = await self._client.xread({self._key: self.last}, count=_PAGE, block=block)
        except CommandError:
            raise
        except KvError as error:
            await self._hinder(error)
            return None
        self._free()
        entries = found.get(self._key.encode(), [])
        for delivery in self._order.take(entries):
            self._deliver(delivery)
        async with self._delivered:
            self._delivered.notify_all()
        return len(entries)

    async def _hinder(self, error: KvError) -> None:
        if not self._hindered:
            self._hindered = True
            self._tell(f"waiting for the cluster: {error}")
        await asyncio.sleep(_PAUSE_SECONDS)

    def _free(self) -> None:
        if self._hindered:
            self._hindered = False
            self._tell("the cluster answers again")
