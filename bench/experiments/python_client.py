"""What the Python client makes of the cluster: one at a time, pipelined, and with asyncio."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from bench.systems.ours import Ours
from kvcluster import Batch, LocalCluster

_PIPELINE = 64
_TASKS = 50
_VALUE = b"v" * 100


def measure_python_client(duration_s: float, directory: Path) -> dict[str, float]:
    """Writes a second, by how they are sent."""
    with Ours().running(directory) as running:
        cluster = running.cluster
        return {
            "sync, one after the other": _sync(cluster, duration_s),
            f"sync, pipelines of {_PIPELINE}": _pipelined(cluster, duration_s),
            f"asyncio, {_TASKS} tasks": asyncio.run(_asynchronous(cluster, duration_s)),
        }


def _sync(cluster: LocalCluster, duration_s: float) -> float:
    done, began = 0, time.monotonic()
    with cluster.client() as client:
        while time.monotonic() < began + duration_s:
            client.put(f"key:{done:012d}", _VALUE)
            done += 1
    return done / (time.monotonic() - began)


def _pipelined(cluster: LocalCluster, duration_s: float) -> float:
    done, began = 0, time.monotonic()
    with cluster.client() as client:
        while time.monotonic() < began + duration_s:
            batch = Batch()
            for number in range(done, done + _PIPELINE):
                batch.put(f"key:{number:012d}", _VALUE)
            client.pipeline(batch)
            done += _PIPELINE
    return done / (time.monotonic() - began)


async def _asynchronous(cluster: LocalCluster, duration_s: float) -> float:
    began = time.monotonic()

    async with cluster.async_client() as client:

        async def write(task: int) -> int:
            done = 0
            while time.monotonic() < began + duration_s:
                await client.put(f"key:{task:04d}{done:08d}", _VALUE)
                done += 1
            return done

        counts = await asyncio.gather(*(write(task) for task in range(_TASKS)))
    return sum(counts) / (time.monotonic() - began)
