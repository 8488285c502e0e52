"""Waiting for another program: a stream that rings, and a time that ends."""

from __future__ import annotations

import math
import time

from kvcluster.client import Client
from kvcluster.errors import CommandError
from kvcluster.streams import is_missing

_SHORTEST_SECONDS = 0.01
# So long at most a bell is waited for before the state is looked at again: what rings no bell, as a
# lease that runs out, is noticed then.
LONGEST_SECONDS = 1.0


class Bell:
    """A stream of which only the newest entry is kept: who waits is woken, whoever rings.

    Look at `position` before the state that is waited for; `wait` then misses no ring.
    """

    def __init__(self, client: Client, key: str) -> None:
        self._client = client
        self._key = key

    def ring(self) -> None:
        """Wakes all who wait."""
        self._client.xadd(self._key, {"rung": ""}, maxlen=1)

    def position(self) -> int:
        """How often it was rung."""
        return newest(self._client, self._key)

    def wait(self, position: int, seconds: float) -> None:
        """Until it is rung once more than `position` times, or the time is over."""
        seconds = max(min(seconds, LONGEST_SECONDS), _SHORTEST_SECONDS)
        self._client.xread({self._key: position}, block=seconds)


class Deadline:
    """`seconds` from now; None: never."""

    def __init__(self, seconds: float | None) -> None:
        self._at = math.inf if seconds is None else time.monotonic() + seconds

    @property
    def left(self) -> float:
        """Seconds; 0 when it is over."""
        return max(self._at - time.monotonic(), 0.0)


def newest(client: Client, stream: str) -> int:
    """The number of the newest entry; 0 when there was none."""
    try:
        return client.xinfo(stream).last_sequence
    except CommandError as error:
        if is_missing(error):
            return 0
        raise
