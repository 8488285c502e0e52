"""What can go wrong, told apart by what the caller may conclude from it.

The one question that matters after a failed write is whether it was applied:

=================  ======================================================
`NotLeader`        certainly not applied
`Unavailable`      certainly not applied
`CommandError`     certainly not applied: the command itself is wrong
`StorageError`     certainly not applied: the node cannot write
`Timeout`          **unknown**: it may be applied, now or later
=================  ======================================================
"""

from collections.abc import Iterable

# ruff: noqa: N818 - the names say what happened, in the words of the field.


class KvError(Exception):
    """Everything that this package raises about a cluster, a node or a command."""


class NotLeader(KvError):
    """The nodes that answered do not lead and named nobody who does. Certainly not applied."""


class Timeout(KvError):
    """The outcome is unknown: the write may be applied, now or later."""


class ConnectionLost(KvError):
    """A connection has ended, or its node can serve no longer what was asked over it."""


class Unavailable(KvError):
    """No node could take the command in time: no quorum, no leader, no route. Not applied."""


class CommandError(KvError):
    """The command was refused for what it says: arity, type, range. Not applied.

    `code` is the first word of the node's answer, `ERR` or `WRONGTYPE` for instance.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.code = message.split(" ", 1)[0]


class Compacted(KvError):
    """Changes that a watch wants are no longer kept: read the keys anew, then watch on.

    `oldest` is the oldest revision from which on the node that answered still has them.
    """

    def __init__(self, message: str, oldest: int) -> None:
        super().__init__(message)
        self.oldest = oldest


class StorageError(KvError):
    """A node cannot store: its disk is full or failing. Certainly not applied."""


class NodeFailed(KvError):
    """A node has ended by itself, or never started. The message has its reason."""


class Corruption(KvError):
    """Bytes, or the states of two nodes, are not what they must be."""


def raise_first(results: Iterable[object]) -> None:
    """Raises the first `KvError` among the results of a batch."""
    for result in results:
        if isinstance(result, KvError):
            raise result
