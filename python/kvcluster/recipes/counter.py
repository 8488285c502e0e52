"""A number that many programs count up together."""

from __future__ import annotations

from kvcluster.client import Client


class Counter:
    """Each `add` is counted once, and no two callers are told the same sum.

    What happens when something fails:
        A node or the leader dies during `add`: the call is repeated inside its session and counted
            once.
        `add` raises `Timeout`: it may be counted, now or later; adding again may count twice.
        The program dies during `add`: it is counted or not.

    Args:
        client: with `exactly_once`, as it is by default; shared with others if wanted.
        name: of the counter; its value is the key `counter:NAME`, an integer of 64 bits.
    """

    def __init__(self, client: Client, name: str) -> None:
        self._client = client
        self._key = f"counter:{name}"

    def add(self, amount: int = 1) -> int:
        """Adds, or subtracts what is negative; the sum. Starting from 0, `add()` hands out tickets:
        1, 2, 3, each once.

        Raises:
            CommandError: the sum would not fit into 64 bits.
        """
        return self._client.incr(self._key, amount)

    def value(self) -> int:
        """As of now: every `add` that has returned is in it."""
        return int(self._client.get(self._key) or 0)

    def reset(self) -> int:
        """Begins at 0 again; what was counted until then. No `add` is lost in between."""
        return int(self._client.execute("GETDEL", self._key) or 0)
