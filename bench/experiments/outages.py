"""How long writes stand still when the leader is lost, under load.

An open loop writes through all nodes all the time. Once per trial something happens to the leader;
the outage is the longest time without an acknowledged write that touches the moments after it, from
the last acknowledgement before to the first one after. A paused or cut off leader comes back when
the moment is over, so that no request can wait much longer than that.
"""

from __future__ import annotations

import json
import math
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from bench.goals import Outage
from bench.process import BenchError
from kvcluster import LocalCluster
from kvcluster.binaries import find_binary

# Many connections with a request now and then: one whose request was passed on to a lost leader
# waits for its outcome, and must not keep those of others from being seen.
RATE = 1000
CONNECTIONS = 1000
_GAP_MS = 4.0
_CALM_SECONDS = 0.5
WINDOW_SECONDS = 1.5
_SETTLE_TIMEOUT = 30.0
_LAG_ENTRIES = 1000

Happening = Callable[[LocalCluster, int], None]


def _kill(cluster: LocalCluster, leader: int) -> None:
    cluster.kill(leader)


def _terminate(cluster: LocalCluster, leader: int) -> None:
    cluster.stop(leader)


def _pause(cluster: LocalCluster, leader: int) -> None:
    cluster.pause(leader)


def _isolate(cluster: LocalCluster, leader: int) -> None:
    cluster.partition([leader], [node for node in cluster.ids if node != leader])


def _restart(cluster: LocalCluster, node: int) -> None:
    cluster.restart(node)


def _resume(cluster: LocalCluster, node: int) -> None:
    cluster.resume(node)


def _heal(cluster: LocalCluster, node: int) -> None:
    cluster.heal_links()


HAPPENINGS: dict[str, tuple[Happening, Happening]] = {
    "SIGKILL": (_kill, _restart),
    "SIGTERM": (_terminate, _restart),
    "SIGSTOP": (_pause, _resume),
    "cut link": (_isolate, _heal),
}


def nearest_rank(values: Sequence[float], percent: float) -> float:
    """The least value that `percent` of all do not exceed. Requires: values is not empty."""
    ordered = sorted(values)
    rank = math.ceil(percent / 100 * len(ordered) * (1 - 1e-12))
    return ordered[min(max(rank, 1), len(ordered)) - 1]


def outages_ms(
    moments_ns: Sequence[tuple[int, int]], gaps_ns: Sequence[tuple[int, int]]
) -> list[float]:
    """Of each moment, from its begin to its end, the longest gap that touches it; 0: there was none
    long enough to be noted. All times are of the monotonic clock."""
    return [
        max((to - begin for begin, to in gaps_ns if begin < last and to > first), default=0) / 1e6
        for first, last in moments_ns
    ]


def measure_outages(how: str, trials: int, directory: Path) -> Outage:
    """Loses the leader `trials` times.

    Raises:
        BenchError: the load generator failed, or the nodes did not come to rest.
    """
    happen, undo = HAPPENINGS[how]
    # Only a cut link needs the proxies between the nodes; they cost speed.
    with LocalCluster(directory=directory, faults=how == "cut link") as cluster:
        cluster.wait_for_convergence()
        figures = directory / "gaps.json"
        words = [str(find_binary("kv_bench")), "--nodes", ",".join(cluster.nodes)]
        words += ["--target", "all", "--command", "set", "-c", str(CONNECTIONS), "-P", "1"]
        words += ["--rate", str(RATE), "--keys", "10000", "--warmup", "0", "--duration", "86000"]
        words += ["--gap-ms", str(_GAP_MS), "--tolerant", "--json", str(figures)]
        generator = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        try:
            moments = [_lose_leader(cluster, happen, undo) for _ in range(trials)]
        finally:
            generator.send_signal(signal.SIGINT)
            said, _ = generator.communicate(timeout=60)
        if generator.returncode != 0:
            raise BenchError(f"kv_bench: {said.decode(errors='replace')}")
        told = json.loads(figures.read_text())
        gaps = [(gap["from_ns"], gap["to_ns"]) for gap in told["gaps"]]
    found = outages_ms(moments, gaps)
    return Outage(
        p50=nearest_rank(found, 50),
        p99=nearest_rank(found, 99),
        most=max(found),
        times=len(found),
        longest_wait_ms=told["latency_us"]["max"] / 1000,
    )


def _lose_leader(cluster: LocalCluster, happen: Happening, undo: Happening) -> tuple[int, int]:
    leader = _wait_until_settled(cluster)
    time.sleep(_CALM_SECONDS)
    began = time.monotonic_ns()
    happen(cluster, leader)
    time.sleep(WINDOW_SECONDS)
    ended = time.monotonic_ns()
    undo(cluster, leader)
    return began, ended


def _wait_until_settled(cluster: LocalCluster) -> int:
    """Waits until all nodes follow one leader closely; its id."""

    def settled() -> int | None:
        statuses = list(cluster.statuses().values())
        if len(statuses) < len(cluster.ids) or len({status.leader for status in statuses}) != 1:
            return None
        applied = [status.applied_index for status in statuses]
        leader = statuses[0].leader
        return leader if leader and max(applied) - min(applied) < _LAG_ENTRIES else None

    return int(cluster.wait_for(settled, what="waiting until all follow", timeout=_SETTLE_TIMEOUT))
