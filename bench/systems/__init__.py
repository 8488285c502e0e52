"""The systems that are compared, each started and driven by its own module."""

from __future__ import annotations

from bench.systems.base import Running, System
from bench.systems.etcd import Etcd
from bench.systems.ours import Ours
from bench.systems.pysyncobj import PySyncObj
from bench.systems.redis import Redis

OURS = "kvcluster"
REDIS_ALWAYS = "Redis, fsync always"
REDIS_NONE = "Redis, no persistence"
REDIS_WAIT = "Redis, 2 replicas, WAIT 1"
ETCD = "etcd"
PYSYNCOBJ = "PySyncObj"


def all_systems() -> dict[str, System]:
    """Every system by its name."""
    return {
        OURS: Ours(),
        REDIS_ALWAYS: Redis(fsync=True),
        REDIS_NONE: Redis(fsync=False),
        REDIS_WAIT: Redis(fsync=False, replicas=2),
        ETCD: Etcd(),
        PYSYNCOBJ: PySyncObj(),
    }


__all__ = [
    "ETCD",
    "OURS",
    "PYSYNCOBJ",
    "REDIS_ALWAYS",
    "REDIS_NONE",
    "REDIS_WAIT",
    "Running",
    "System",
    "all_systems",
]
