"""Waiting for what another program does: a watch of the keys, and a time that ends."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from kvcluster.client import Client
from kvcluster.errors import CommandError, Compacted
from kvcluster.replies import Key
from kvcluster.streams import is_missing

T = TypeVar("T")
# The state is looked at again after so long even if no change was told.
_LOOK_SECONDS = 10.0


class Deadline:
    """`seconds` from now; None: never."""

    def __init__(self, seconds: float | None) -> None:
        self._at = math.inf if seconds is None else time.monotonic() + seconds

    @property
    def left(self) -> float:
        """Seconds; 0 when it is over."""
        return max(self._at - time.monotonic(), 0.0)


def attempt_until(
    client: Client, prefix: Key, attempt: Callable[[], T | None], timeout: float | None
) -> T | None:
    """Tries, and tries again after each change of a key with the prefix; None: time is over.

    Args:
        attempt: yields None as long as there is nothing.
        timeout: seconds; 0 tries once; None waits without limit.
    """
    deadline = Deadline(timeout)
    found = attempt()
    while found is None and deadline.left > 0:
        # Too many changes at once (Compacted) are a reason to look, too.
        with suppress(Compacted), client.watch(prefix) as changes:
            # What changed before the watch began is seen by the attempt.
            while (found := attempt()) is None and deadline.left > 0:
                changes.poll(min(deadline.left, _LOOK_SECONDS))
                while changes.poll(0) is not None:
                    pass  # one attempt sees all of them
    return found


def newest(client: Client, stream: str) -> int:
    """The number of the stream's newest entry; 0 when there was none."""
    try:
        return client.xinfo(stream).last_sequence
    except CommandError as error:
        if is_missing(error):
            return 0
        raise
