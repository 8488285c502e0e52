"""How fast the lab's own writes were in the last seconds."""

from __future__ import annotations

import math
from collections import deque
from typing import Any

WINDOW_SECONDS = 5.0


class Meter:
    """A sliding window over acknowledged writes, and counts of all. Times are seconds."""

    def __init__(self) -> None:
        self.acknowledged = 0
        self.not_applied = 0
        self.unknown = 0
        self._window: deque[tuple[float, float]] = deque()

    def acknowledge(self, now: float, took: float) -> None:
        """A write was acknowledged at `now` after `took`."""
        self.acknowledged += 1
        self._window.append((now, took))

    def json(self, now: float) -> dict[str, Any]:
        """The counts, and of the window writes a second and latencies in ms, None without any."""
        while self._window and self._window[0][0] < now - WINDOW_SECONDS:
            self._window.popleft()
        times = sorted(took for _, took in self._window)
        return {
            "acknowledged": self.acknowledged,
            "not_applied": self.not_applied,
            "unknown": self.unknown,
            "per_second": round(len(times) / WINDOW_SECONDS, 1),
            "p50_ms": _percentile_ms(times, 0.5),
            "p99_ms": _percentile_ms(times, 0.99),
        }


def _percentile_ms(ordered: list[float], share: float) -> float | None:
    if not ordered:
        return None
    return round(ordered[max(0, math.ceil(share * len(ordered)) - 1)] * 1000, 2)
