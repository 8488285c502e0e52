"""The chat without a terminal: a message a line from a pipe or a file, a delivery a line."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Callable

from kvcluster.chat.message import Delivery, Forgotten
from kvcluster.chat.verbs import Leave, carry_out
from kvcluster.chat.visit import Visit

_PIECE_BYTES = 64 * 1024
_LINES_AHEAD = 100


def show(delivery: Delivery | Forgotten) -> None:
    """A line of standard output, at once."""
    print(delivery.line, flush=True)


async def lines_of(descriptor: int) -> AsyncIterator[str]:
    """The lines of an open file, pipe or device as they come; it ends with the file.

    A thread reads them: not every file can be waited for by an event loop. It is a daemon, so a
    silent pipe holds nobody up at the end.
    """
    loop = asyncio.get_running_loop()
    queue: asyncio.Queue[str | None] = asyncio.Queue(_LINES_AHEAD)

    def put(line: str | None) -> None:
        asyncio.run_coroutine_threadsafe(queue.put(line), loop).result()

    def read() -> None:
        rest = b""
        try:
            while data := os.read(descriptor, _PIECE_BYTES):
                *whole, rest = (rest + data).split(b"\n")
                for line in whole:
                    put(line.decode("utf-8", "replace"))
            if rest:
                put(rest.decode("utf-8", "replace"))
            put(None)
        except RuntimeError:
            return  # the loop has ended; nobody reads on

    threading.Thread(target=read, name="kvcluster-chat-lines", daemon=True).start()
    while (line := await queue.get()) is not None:
        yield line


async def run_lines(
    visit: Visit, lines: AsyncIterator[str], tell: Callable[[str], None], *, stay: bool
) -> None:
    """Says the lines one after another; then waits until all were delivered.

    Args:
        stay: go on delivering after the last line, until interrupted.
    """
    try:
        async for line in lines:
            await carry_out(visit, line, tell)
    except Leave:
        stay = False
    if stay:
        await asyncio.get_running_loop().create_future()
    await visit.room.settled()
