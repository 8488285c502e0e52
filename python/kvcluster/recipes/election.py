"""One leader among several programs."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from types import TracebackType

from kvcluster.client import Client
from kvcluster.errors import KvError
from kvcluster.recipes.lock import Lock, NotHeld


@dataclass(frozen=True, slots=True)
class Leader:
    """Who leads.

    Attributes:
        candidate: the name that it campaigned with.
        term: rises with every leader; the fencing token of its lock.
    """

    candidate: str
    term: int


class Leadership:
    """Held from winning an election until it is resigned or lost; renewed by a thread of its own.

    As a context it resigns at the end.
    """

    def __init__(self, lock: Lock, ttl: float) -> None:
        self.term = lock.fence
        self._lock = lock
        self._renewal_seconds = ttl / 3
        self._ended = threading.Event()
        self._thread = threading.Thread(
            target=self._keep, name=f"kvcluster-leadership-{self.term}", daemon=True
        )
        self._thread.start()

    @property
    def holds(self) -> bool:
        """Whether this program may still act as the leader, by its own clock. Ask before every
        act, and pass `term` along: what is acted upon refuses a smaller one than it has seen."""
        return not self._ended.is_set() and self._lock.seconds_left > 0

    @property
    def seconds_left(self) -> float:
        """Until it is lost, if no renewal succeeds."""
        return self._lock.seconds_left

    def wait_until_lost(self, timeout: float | None = None) -> bool:
        """Waits up to `timeout` seconds; whether the leadership is lost or resigned."""
        return self._ended.wait(timeout)

    def resign(self) -> None:
        """Lets another candidate lead at once. Again: nothing."""
        self._ended.set()
        if self._thread is not threading.current_thread():
            self._thread.join()
        try:
            self._lock.release()
        except NotHeld:
            return  # it was lost before

    def __enter__(self) -> Leadership:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.resign()

    def _keep(self) -> None:
        while not self._ended.wait(self._renewal_seconds):
            try:
                self._lock.renew()
            except NotHeld:
                self._ended.set()
            except KvError:
                # Perhaps renewed, perhaps not: the next one tells, or the time runs out.
                if self._lock.seconds_left <= 0:
                    self._ended.set()


class Election:
    """Candidates of one name; one of them leads, as long as it lives.

    What happens when something fails:
        A node or the leader of the cluster dies: nothing, if `ttl` is longer than its election.
        The leading program dies: another candidate leads at most `ttl` seconds later.
        It hangs, or is cut off: `Leadership.holds` becomes false by its own clock before another
            candidate can win. A program that is stopped between asking `holds` and acting acts
            late; `term` tells its acts from those of its successor.

    Args:
        client: shared with others if wanted.
        name: of the office.
        candidate: who campaigns, for all to read.
        ttl: seconds without a renewal after which another candidate may win; renewals are tried
            three times as often.
    """

    def __init__(self, client: Client, name: str, candidate: str, *, ttl: float = 6.0) -> None:
        self._client = client
        self._name = f"election:{name}"
        self._candidate = candidate
        self._ttl = ttl

    def campaign(self, timeout: float | None = None) -> Leadership | None:
        """Waits up to `timeout` seconds to be elected (None: without limit); None: was not."""
        lock = self._lock()
        return Leadership(lock, self._ttl) if lock.acquire(timeout) else None

    def leader(self) -> Leader | None:
        """Who leads now; None: nobody does."""
        held = self._lock().read_holder()
        return Leader(*held) if held is not None else None

    def _lock(self) -> Lock:
        return Lock(self._client, self._name, ttl=self._ttl, holder=self._candidate)
