"""The one rule of delivery: each message once, in its place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from kvcluster.chat.message import Delivery, Forgotten, delivery_of
from kvcluster.replies import StreamEntry


class Order:
    """What was delivered last, and what may come next.

    Args:
        last: the number of the last message that was delivered; 0: none was.
    """

    def __init__(self, last: int = 0) -> None:
        self.last = last

    def take(self, entries: Iterable[StreamEntry]) -> Iterator[Delivery | Forgotten]:
        """What is to be shown of the entries, which are in the order of their stream.

        One that was delivered before is passed over. Numbers without a gap are the stream's
        promise, so a gap means that messages were trimmed; it is said, never hidden.
        """
        for entry in entries:
            if entry.sequence <= self.last:
                continue
            if entry.sequence > self.last + 1:
                yield Forgotten(self.last + 1, entry.sequence - 1)
            self.last = entry.sequence
            yield delivery_of(entry)
