"""A Raft-replicated, durable, linearizable key-value store: clients, clusters and tools.

>>> from kvcluster import LocalCluster
>>> with LocalCluster(nodes=3) as cluster:  # doctest: +SKIP
...     with cluster.client() as client:
...         client.put("greeting", "hello")
"""

from kvcluster.aio import AsyncClient
from kvcluster.batch import Batch
from kvcluster.client import Client
from kvcluster.errors import (
    CommandError,
    Corruption,
    KvError,
    NodeFailed,
    NotLeader,
    StorageError,
    Timeout,
    Unavailable,
)
from kvcluster.local_cluster import LocalCluster
from kvcluster.replies import KeyValue, NodeStatus, StateHash, Versioned
from kvcluster.timeline import Event

__all__ = [
    "AsyncClient",
    "Batch",
    "Client",
    "CommandError",
    "Corruption",
    "Event",
    "KeyValue",
    "KvError",
    "LocalCluster",
    "NodeFailed",
    "NodeStatus",
    "NotLeader",
    "StateHash",
    "StorageError",
    "Timeout",
    "Unavailable",
    "Versioned",
]
