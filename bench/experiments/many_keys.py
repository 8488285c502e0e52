"""What many keys cost: memory, disk, and writes while a node that was away gets them all."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bench.load import Load
from bench.process import BenchError, peak_rss_bytes
from bench.systems.ours import Ours
from kvcluster import LocalCluster
from kvcluster.replies import mapping

_RETAINED_BYTES = 1 << 20  # little log is kept, so that whoever was away needs a snapshot
# The default; fewer keys than it takes to get there need checkpoints, too.
_CHECKPOINT_BYTES = 256 << 20
_LOG_BYTES_A_KEY = 150
_REJOIN_TIMEOUT = 600.0


@dataclass(frozen=True, slots=True)
class ManyKeys:
    """Of one node, but for the latency, which a client of the cluster sees.

    Attributes:
        rss_bytes_a_key: the most memory that it ever held.
        disk_bytes_a_key: of its data directory at the end, with log and checkpoints.
        rejoin_p999_ms: p99.9 of writes while the third node was sent the snapshot.
        rejoin_s: until that node had all.
    """

    keys: int
    rss_bytes_a_key: float
    disk_bytes_a_key: float
    rejoin_p999_ms: float
    rejoin_s: float


def disk_bytes(directory: Path) -> int:
    """What the files below take of the disk; a hole takes nothing."""
    return sum(file.stat().st_blocks * 512 for file in directory.rglob("*") if file.is_file())


def measure_many_keys(keys: int, rate: float, duration_s: float, directory: Path) -> ManyKeys:
    """Takes a node away, writes all keys, brings it back.

    Raises:
        BenchError: no snapshot was sent, or a request failed.
    """
    options = {
        "retained-log-bytes": _RETAINED_BYTES,
        "wal-checkpoint-bytes": min(_CHECKPOINT_BYTES, keys * _LOG_BYTES_A_KEY // 4),
    }
    with Ours(options).running(directory) as running:
        cluster = running.cluster
        leader = cluster.wait_for_leader()
        away = next(node for node in cluster.ids if node != leader)
        cluster.kill(away)
        running.drive(Load("set", keys=keys).fill())
        cluster.wait_for(
            lambda: _first_index(cluster, leader) > keys // 2, what="checkpoints", timeout=120
        )
        rss = peak_rss_bytes([cluster.pid(leader)])
        disk = disk_bytes(cluster.data_dir(leader))
        cluster.restart(away)
        # One load after the other until the node is there; the slowest of them counts.
        worst_ms, seconds = 0.0, 0.0
        load = Load("set", 50, 64, keys=keys, rate=rate, warmup_s=0, duration_s=duration_s)
        while not _has_rejoined(cluster, away, leader):
            worst_ms = max(worst_ms, running.drive(load).latency_us["p99.9"] / 1000)
            seconds += duration_s
            if seconds > _REJOIN_TIMEOUT:
                raise BenchError(f"node {away} is not back after {seconds:.0f} s")
        if not _snapshots(cluster, away):
            raise BenchError("the node came back without a snapshot")
    return ManyKeys(keys, rss / keys, disk / keys, worst_ms, seconds)


def _first_index(cluster: LocalCluster, node: int) -> int:
    return cluster.status(node).first_index


def _snapshots(cluster: LocalCluster, node: int) -> int:
    return int(mapping(cluster.status(node).fields["storage"])["snapshots_installed"])


def _has_rejoined(cluster: LocalCluster, node: int, leader: int) -> bool:
    statuses = cluster.statuses()
    if node not in statuses or leader not in statuses or not _snapshots(cluster, node):
        return False
    return statuses[leader].applied_index - statuses[node].applied_index < 1000
