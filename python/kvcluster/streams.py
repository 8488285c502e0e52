"""Waiting for the messages of streams, as both clients do it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from kvcluster.errors import CommandError
from kvcluster.replies import Key

# Stands for the newest message at the time of asking.
NEWEST: Final = "$"
Position: TypeAlias = int | str


def is_missing(error: CommandError) -> bool:
    """XINFO found no stream under the key: it will begin with message 1."""
    return "no such key" in str(error)


def by_key(after: Mapping[Any, Position]) -> dict[bytes, Position]:
    """The positions under the keys as replies have them.

    Raises:
        ValueError: a position is neither a number nor `NEWEST`.
    """
    for position in after.values():
        if isinstance(position, str) and position != NEWEST:
            raise ValueError(f'a position is a number or "{NEWEST}", not {position!r}')
    return {_bytes(key): position for key, position in after.items()}


def _bytes(key: Key) -> bytes:
    return key.encode() if isinstance(key, str) else key


class Wait:
    """The time of one `xread`, cut into waits that are shorter than an attempt may take.

    So a node that hangs is left for another one, and nothing is missed: each wait begins after the
    same messages.

    Args:
        block: seconds; None does not wait at all, `math.inf` does for ever.
        attempt_timeout: seconds that one attempt may take.
        clock: seconds, monotonic.
    """

    def __init__(
        self, block: float | None, attempt_timeout: float, clock: Callable[[], float]
    ) -> None:
        if block is not None and block < 0:
            raise ValueError(f"block is a time in seconds, not {block}")
        self._clock = clock
        self._slice = attempt_timeout / 2
        self._deadline = None if block is None else clock() + block

    def next_ms(self) -> int | None:
        """How long the next attempt may wait at the node; None: not at all."""
        if self._deadline is None:
            return None
        left = min(self._deadline - self._clock(), self._slice)
        return round(left * 1000) if left >= 0.001 else None

    @property
    def over(self) -> bool:
        return self._deadline is None or self._clock() >= self._deadline
