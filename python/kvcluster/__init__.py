"""A Raft-replicated, durable, linearizable key-value store: clients, clusters and tools.

>>> from kvcluster import LocalCluster
>>> with LocalCluster(nodes=3) as cluster:  # doctest: +SKIP
...     with cluster.client() as client:
...         client.put("greeting", "hello")

`Node`, and the modules `raft`, `state`, `wal` and `digest`, need the native module; the clients and
`LocalCluster` do not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kvcluster.aio import AsyncClient
from kvcluster.batch import Batch
from kvcluster.client import Client
from kvcluster.errors import (
    CommandError,
    Compacted,
    Corruption,
    KvError,
    NodeFailed,
    NotLeader,
    StorageError,
    Timeout,
    Unavailable,
)
from kvcluster.local_cluster import LocalCluster
from kvcluster.replies import (
    Change,
    KeyValue,
    NodeStatus,
    StateHash,
    StreamEntry,
    StreamInfo,
    Versioned,
)
from kvcluster.timeline import Event
from kvcluster.watch import AsyncWatch, Watch

if TYPE_CHECKING:
    from kvcluster.node import Node

__all__ = [
    "AsyncClient",
    "AsyncWatch",
    "Batch",
    "Change",
    "Client",
    "CommandError",
    "Compacted",
    "Corruption",
    "Event",
    "KeyValue",
    "KvError",
    "LocalCluster",
    "Node",
    "NodeFailed",
    "NodeStatus",
    "NotLeader",
    "StateHash",
    "StorageError",
    "StreamEntry",
    "StreamInfo",
    "Timeout",
    "Unavailable",
    "Versioned",
    "Watch",
]


def __getattr__(name: str) -> object:
    """`Node` on its first use, so that a source tree without a build has its clients."""
    if name != "Node":
        raise AttributeError(f"module 'kvcluster' has no attribute {name!r}")
    try:
        from kvcluster.node import Node
    except ImportError as error:
        raise ImportError(
            f"kvcluster.Node needs the native module, which is not built here ({error}): "
            "install the package with pip install ."
        ) from error
    return Node
