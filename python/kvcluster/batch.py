"""Commands gathered first and sent together, as a pipeline or as a transaction."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kvcluster import commands
from kvcluster.commands import Command
from kvcluster.replies import Key, Value


class Batch:
    """A list of commands in the making. Each method appends one and returns the batch itself.

    As a **pipeline** it saves round trips and promises nothing else: each command stands for
    itself. As a **transaction** it is one entry of the log: all of it is applied, or nothing.

    >>> batch = Batch().put("a", 1).incr("a", 41).get("a")
    >>> len(batch)
    3
    """

    def __init__(self) -> None:
        self.commands: list[Command[Any]] = []

    def __len__(self) -> int:
        return len(self.commands)

    def add(self, command: Command[Any]) -> Batch:
        """Any command of `kvcluster.commands`."""
        self.commands.append(command)
        return self

    def get(self, key: Key) -> Batch:
        """Yields the value, or None."""
        return self.add(commands.get(key))

    def put(self, key: Key, value: Value, *, ttl: float | None = None) -> Batch:
        """Yields True. `ttl` in seconds."""
        return self.add(commands.put(key, value, ttl=ttl))

    def delete(self, *keys: Key) -> Batch:
        """Yields how many there were."""
        return self.add(commands.delete(*keys))

    def incr(self, key: Key, by: int = 1) -> Batch:
        """Yields the sum."""
        return self.add(commands.incr(key, by))

    def cas(self, key: Key, value: Value, *, revision: int) -> Batch:
        """Yields the new revision, or None when `key` is not at `revision`."""
        return self.add(commands.cas(key, value, revision=revision))

    def xadd(
        self, key: Key, fields: Mapping[str, Value] | Mapping[bytes, Value], **options: int
    ) -> Batch:
        """Yields the message's number. `options` as those of `Client.xadd`."""
        return self.add(commands.xadd(key, fields, **options))
