"""A leader's signs of life: listening for them between the nodes, and what their absence does."""

from __future__ import annotations

import itertools
import statistics

from kvcluster.demo.script import Step
from kvcluster.local_cluster import LocalCluster

_HEARTBEATS = 6
_ONE_MESSAGE_SECONDS = 0.1  # what arrives closer together was sent together
_WAIT_SECONDS = 60.0


def intervals_ms(arrivals: list[float]) -> list[float]:
    """Between bursts of arrivals, in milliseconds.

    Args:
        arrivals: seconds, ascending.
    """
    begun: list[float] = []
    newest = float("-inf")
    for at in arrivals:
        if at - newest > _ONE_MESSAGE_SECONDS:
            begun.append(at)
        newest = at
    return [(later - sooner) * 1000 for sooner, later in itertools.pairwise(begun)]


def see_heartbeats(cluster: LocalCluster, leader: int, expected_ms: int, step: Step) -> float:
    """Listens on the links from the leader while nothing else is said; the median interval in
    milliseconds, the slowest follower's."""
    slowest = 0.0
    for follower in cluster.ids:
        if follower == leader:
            continue
        found = _listen(cluster, leader, follower)
        shown = ", ".join(f"{interval:.0f}" for interval in found)
        step.notes.append(
            f"node {leader} to node {follower}: every {shown} ms; {expected_ms} ms are set"
        )
        slowest = max(slowest, statistics.median(found))
    return slowest


def _listen(cluster: LocalCluster, leader: int, follower: int) -> list[float]:
    """Some intervals from now on."""
    before = max(cluster.arrivals(leader, follower), default=0.0)

    def heard() -> list[float]:
        found = intervals_ms([at for at in cluster.arrivals(leader, follower) if at > before])
        return found if len(found) >= _HEARTBEATS else []

    found: list[float] = cluster.wait_for(
        heard,
        what=f"listening for heartbeats from node {leader} to node {follower}",
        timeout=_WAIT_SECONDS,
    )
    return found


def see_silence(cluster: LocalCluster, leader: int, step: Step) -> int:
    """Pauses the leader until another one leads; for how long the follower that noticed first had
    waited, in milliseconds."""
    known = len(cluster.timeline())
    others = [node for node in cluster.ids if node != leader]
    cluster.pause(leader)
    try:
        cluster.wait_for_leader(among=others, timeout=_WAIT_SECONDS)
    finally:
        cluster.resume(leader)
    told = [event for event in cluster.timeline()[known:] if event.name == "election_timeout"]
    told = [event for event in told if event.node in others]
    assert told, "a node leads, and no follower had an election timeout"
    step.notes += [f"node {event.node}: {event.message}" for event in told]
    return int(told[0].fields["value"])
