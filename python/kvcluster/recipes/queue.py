"""A queue of work between programs, first in, first out."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

from kvcluster.client import Client
from kvcluster.errors import Corruption, KvError
from kvcluster.recipes.waiting import attempt_until, newest
from kvcluster.replies import StreamEntry, Value

_BODY = b"body"
_DONE = b"done"
_LOOKED_AT = 100  # items at once


class QueueFull(KvError):  # noqa: N818 - says what is the case
    """The queue holds as many items as it may. Nothing was added."""


@dataclass(frozen=True, slots=True)
class Item:
    """One item that was taken.

    Attributes:
        number: 1 for the first item that was ever put, and one more for each.
        body: what was put.
        fence: larger than that of everybody who took this item before.
    """

    number: int
    body: bytes
    fence: int
    token: bytes = field(repr=False)


class Queue:
    """Items are taken in the order in which they were put; each is finished once.

    A stream holds the items; a key says up to which number all are finished; whoever takes an item
    has a claim on it, a key that expires after `lease` seconds.

    What happens when something fails:
        A node or the leader dies: a call waits for the new leader; nothing is lost or doubled.
        `put` raises `Timeout`: the item may be in the queue, now or later.
        A consumer dies: its item is taken by another one when its claim has expired. Work may so be
            done twice, or by two at once if the first only hangs; `finish` is True for one of them
            alone. Pass `fence` to what the work changes, or do work that may be repeated.
        `take` raises `Timeout`: an item may be claimed by nobody until the claim expires.
        An item was trimmed by somebody else before it was finished: `take` raises `Corruption`.

    Args:
        client: shared with others if wanted.
        name: of the queue.
        lease: seconds for the work on an item, unless `extend` is called.
        capacity: how many unfinished items there may be. The stream keeps twice as many, so that
            so many producers may add at the same moment.
    """

    def __init__(
        self, client: Client, name: str, *, lease: float = 30.0, capacity: int = 10_000
    ) -> None:
        if capacity < 1:
            raise ValueError("a queue holds at least one item")
        self._client = client
        self._keys = f"queue:{name}:"
        self._items = f"queue:{name}:items"
        self._finished = f"queue:{name}:finished"
        self._claims = f"queue:{name}:claim:"
        self._lease = lease
        self._capacity = capacity

    def put(self, body: Value) -> int:
        """Adds an item at the end; its number.

        Raises:
            QueueFull: there are `capacity` unfinished items.
        """
        if len(self) >= self._capacity:
            raise QueueFull(f"{self._items} holds {self._capacity} unfinished items")
        return self._client.xadd(self._items, {_BODY: body}, maxlen=2 * self._capacity)

    def take(self, timeout: float | None = None) -> Item | None:
        """Waits up to `timeout` seconds for an item (None: without limit); None: there is none."""
        return attempt_until(self._client, self._keys, self._claim_the_first, timeout)

    def extend(self, item: Item) -> bool:
        """Lets the claim begin anew; False: it had expired, and the item may be another's."""
        claim = self._claim(item.number)
        if not self._client.expire(claim, self._lease):
            return False
        return self._revision(item.number, item.token) is not None

    def finish(self, item: Item) -> bool:
        """The work is done; False: the claim had expired, and the item was given to another one."""
        revision = self._revision(item.number, item.token)
        if revision is None:
            return False
        done = self._client.cas(self._claim(item.number), _DONE, revision=revision) is not None
        if done:
            self._advance()
        return done

    def __len__(self) -> int:
        """How many items are not known to be finished."""
        return newest(self._client, self._items) - int(self._client.get(self._finished) or 0)

    def _claim_the_first(self) -> Item | None:
        """The first item without a claim."""
        after = int(self._client.get(self._finished) or 0)
        while entries := self._client.xrange(self._items, after + 1, count=_LOOKED_AT):
            if entries[0].sequence != after + 1:
                raise Corruption(f"{self._items}: item {after + 1} is gone and was not finished")
            after = entries[-1].sequence
            first, last = entries[0].sequence, entries[-1].sequence
            found = self._client.range(self._claim(first), self._claim(last + 1))
            claimed = {record.key.decode() for record in found}
            for entry in entries:
                if self._claim(entry.sequence) in claimed:
                    continue
                item = self._try(entry)
                if item is not None:
                    return item
        return None

    def _try(self, entry: StreamEntry) -> Item | None:
        number, token = entry.sequence, secrets.token_hex(16).encode()
        claim = self._claim(number)
        if not self._client.put(claim, token, ttl=self._lease, if_missing=True):
            return None
        # Claims of finished items are deleted after their number was passed: one that could be made
        # for such an item is seen by that.
        if int(self._client.get(self._finished) or 0) >= number:
            self._client.delete(claim)
            return None
        revision = self._revision(number, token)
        if revision is None:
            return None  # it took so long that the claim has expired
        return Item(number, entry.fields.get(_BODY, b""), revision, token)

    def _revision(self, number: int, token: bytes) -> int | None:
        """Of the claim, if it is still the one with this token."""
        record = self._client.get_versioned(self._claim(number))
        return record.revision if record is not None and record.value == token else None

    def _advance(self) -> None:
        """Passes the items that are finished, and deletes their claims."""
        while True:
            record = self._client.get_versioned(self._finished)
            number = int(record.value) if record is not None else 0
            passed = self._client.range(self._claims, self._claim(number + 1), limit=_LOOKED_AT)
            if passed:  # left behind by somebody who died at this very place
                self._client.delete(*(claim.key for claim in passed))
            if self._client.get(self._claim(number + 1)) != _DONE:
                return
            self._client.cas(
                self._finished, number + 1, revision=record.revision if record is not None else 0
            )

    def _claim(self, number: int) -> str:
        return f"{self._claims}{number:020}"
