"""How a link between two nodes carries bytes: late, slowly, wrongly, or not for long.

Decisions only, no sockets: `LinkProxy` asks a `Line` what to do with each piece that it has read.
"""

from __future__ import annotations

import random
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LinkQuality:
    """What a link does to what passes. The default does nothing.

    A link is a TCP connection, which the kernel makes reliable: a lost packet is only a delay. So
    `drop_ratio` loses whole connections, with all that is on its way, as a middlebox or a cable
    does; the nodes connect again. A flipped bit gets past TCP here, and must end at the checksum
    of the frame it is in.

    Attributes:
        delay_ms: each piece arrives so much later.
        jitter_ms: and by up to so much more, by chance; the order is kept, as TCP keeps it.
        drop_ratio: of the pieces, those at which the connection is reset; 0 to 1.
        corrupt_ratio: of the pieces, those that get one bit flipped; 0 to 1.
        bytes_per_second: how much passes; None: as much as can.
    """

    delay_ms: float = 0
    jitter_ms: float = 0
    drop_ratio: float = 0
    corrupt_ratio: float = 0
    bytes_per_second: float | None = None

    def __post_init__(self) -> None:
        if not (0 <= self.drop_ratio <= 1 and 0 <= self.corrupt_ratio <= 1):
            raise ValueError("a ratio is between 0 and 1")
        if self.delay_ms < 0 or self.jitter_ms < 0:
            raise ValueError("a delay is not negative")
        if self.bytes_per_second is not None and self.bytes_per_second <= 0:
            raise ValueError("a link that carries nothing is cut, not slow")


PERFECT = LinkQuality()


class Line:
    """One direction of one connection, with its chance and its place in the queue."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)
        self._sent = 0.0
        self._arrived = 0.0

    def loses(self, quality: LinkQuality) -> bool:
        """True: the connection ends here."""
        return quality.drop_ratio > 0 and self._chance.random() < quality.drop_ratio

    def carry(self, quality: LinkQuality, data: bytes) -> bytes:
        """What arrives instead of `data`."""
        if quality.corrupt_ratio == 0 or self._chance.random() >= quality.corrupt_ratio:
            return data
        changed = bytearray(data)
        changed[self._chance.randrange(len(changed))] ^= 1 << self._chance.randrange(8)
        return bytes(changed)

    def due(self, quality: LinkQuality, now: float, size: int) -> float:
        """When a piece that is sent now arrives; never before an earlier one."""
        sent = now
        if quality.bytes_per_second is not None:
            sent = self._sent = max(now, self._sent) + size / quality.bytes_per_second
        late_ms = quality.delay_ms
        if quality.jitter_ms > 0:
            late_ms += self._chance.uniform(0, quality.jitter_ms)
        self._arrived = max(self._arrived, sent + late_ms / 1000)
        return self._arrived
