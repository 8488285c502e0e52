"""A lock that one program holds at a time, with a fencing token."""

from __future__ import annotations

import secrets
import time
from types import TracebackType

from kvcluster.client import Client
from kvcluster.errors import KvError
from kvcluster.recipes.waiting import attempt_until

# A lease counts as over this much earlier here than in the cluster, for clocks that run apart.
_MARGIN = 0.1


class NotHeld(KvError):  # noqa: N818 - says what is the case
    """The lock is not held: it was never acquired, or the lease ran out and it may be another's."""


class Lock:
    """Mutual exclusion between programs, for as long as the holder renews its lease.

    Two keys: `lock:NAME:holder` names the holder and is changed by compare-and-set only; the
    lease is a key of its own that expires after `ttl` seconds and that only the holder renews. Who
    finds the lease gone may take the lock over. A lease that is gone never comes back, so a renewal
    that succeeds proves that nobody else had the lock meanwhile.

    What happens when something fails:
        A node or the leader dies: nothing; a call waits for the new leader. Lease time goes on.
        The holder dies: the lock is free when its lease has run out, at most `ttl` seconds later.
        The holder hangs, or is cut off, for longer than its lease: another one may hold the lock
            while the first still believes that it does. No lock can prevent that. Pass `fence` to
            what the lock protects, and let that refuse a smaller number than it has seen.
        The clocks of the nodes differ by more than a tenth of `ttl`: with a new leader of the
            cluster a lease may end early, as if the holder had hung.
        A call raises `Timeout`: the lock may be held by this program; `release`, or let the lease
            run out.

    Args:
        client: shared with others if wanted.
        name: of the lock.
        ttl: seconds that the lease lasts after `acquire` and after each `renew`; longer than the
            longest time between two renewals, an election of the cluster included.
        holder: who is named as the holder, for people to read.

    Used by one thread at a time. As a context it waits for the lock without limit.
    """

    def __init__(self, client: Client, name: str, *, ttl: float = 10.0, holder: str = "") -> None:
        self._client = client
        self._key = f"lock:{name}:holder"
        self._leases = f"lock:{name}:lease:"
        self._both = f"lock:{name}:"
        self._ttl = ttl
        self._holder = holder
        self._token = ""
        self._fence = 0
        self._until = 0.0

    @property
    def fence(self) -> int:
        """The fencing token: larger than that of every earlier holder.

        Raises:
            NotHeld: the lock was not acquired.
        """
        if self._fence == 0:
            raise NotHeld(f"{self._key} was not acquired")
        return self._fence

    @property
    def seconds_left(self) -> float:
        """For how long this program may still rely on the lock, by its own clock; 0: no longer."""
        return max(self._until - time.monotonic(), 0.0)

    def acquire(self, timeout: float | None = None) -> bool:
        """Waits up to `timeout` seconds for the lock (None: without limit); whether it is held."""
        if self._fence:
            raise ValueError(f"{self._key} was acquired already; release it first")
        return attempt_until(self._client, self._both, self._try, timeout) is not None

    def renew(self) -> None:
        """Lets the lease begin anew.

        Raises:
            NotHeld: it had run out; the lock may be another's. `acquire` again.
        """
        fence, began = self.fence, time.monotonic()
        if not self._client.put(self._lease(self._token), "", ttl=self._ttl, if_present=True):
            self._forget()
            raise NotHeld(f"the lease of {self._key} with fencing token {fence} has run out")
        self._until = began + self._ttl * (1 - _MARGIN)

    def release(self) -> bool:
        """Gives the lock up; False: it had been taken over, and nothing was done to the other."""
        fence, token = self.fence, self._token
        released = self._client.cas(self._key, "", revision=fence) is not None
        self._forget()
        self._client.delete(self._lease(token))
        return released

    def read_holder(self) -> tuple[str, int] | None:
        """Who holds the lock now, and the fencing token; None: nobody does."""
        record = self._client.get_versioned(self._key)
        if record is None or not record.value:
            return None
        token = record.value.decode("utf-8", "replace")
        if not self._client.exists(self._lease(token)):
            return None
        return token.rpartition("/")[0], record.revision

    def __enter__(self) -> Lock:
        self.acquire()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._fence:
            self.release()

    def _try(self) -> int | None:
        """The fencing token, if the lock could be had."""
        record = self._client.get_versioned(self._key)
        if record is not None and record.value:
            lease = self._lease(record.value.decode("utf-8", "replace"))
            if self._client.exists(lease):
                return None
        token = f"{self._holder}/{secrets.token_hex(16)}"
        began = time.monotonic()
        self._client.put(self._lease(token), "", ttl=self._ttl)
        fence = self._client.cas(
            self._key, token, revision=record.revision if record is not None else 0
        )
        if fence is None:  # another one was quicker
            self._client.delete(self._lease(token))
            return None
        self._token, self._fence = token, fence
        self._until = began + self._ttl * (1 - _MARGIN)
        return fence

    def _lease(self, token: str) -> str:
        return f"{self._leases}{token}"

    def _forget(self) -> None:
        self._token, self._fence, self._until = "", 0, 0.0
