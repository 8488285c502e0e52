"""What the demonstrations look at alike: roles, hashes, single nodes."""

from __future__ import annotations

from pathlib import Path

from kvcluster.commands import Word
from kvcluster.connection import Connection
from kvcluster.demo.script import Script, Step
from kvcluster.directory import parse_address
from kvcluster.errors import Unavailable
from kvcluster.local_cluster import LocalCluster
from kvcluster.replies import Reply, StateHash
from kvcluster.retry import ErrorReply
from kvcluster.timeline import timeline_text

_ANSWER_SECONDS = 10.0


def expect(condition: bool, seen: str) -> None:
    """Fails the step with what was seen."""
    if not condition:
        raise AssertionError(seen)


def ask(cluster: LocalCluster, node: int, *words: Word) -> Reply | ErrorReply:
    """What this node answers, whoever leads: its error too, as it came.

    Raises:
        Unavailable: it does not answer.
    """
    address = parse_address(cluster.address(node))
    connection = Connection(address, timeout=_ANSWER_SECONDS)
    try:
        outcome = connection.exchange([words], _ANSWER_SECONDS)
    finally:
        connection.close()
    if outcome.lost is not None:
        raise Unavailable(outcome.lost)
    return outcome.replies[0]


def local_values(cluster: LocalCluster, node: int) -> dict[bytes, bytes]:
    """All keys and values of the node's own state."""
    return {record.key: record.value for record in cluster.local_range(node)}


def see_roles(cluster: LocalCluster, step: Step) -> tuple[int, int]:
    """Leader and term of a whole cluster, in the step; one node leads and the others follow it."""
    leader = cluster.wait_for_leader()
    cluster.wait_for_convergence()
    statuses = cluster.statuses()
    step.notes += [
        f"node {status.id} on {cluster.address(status.id)}: {status.role} in term {status.term}"
        for status in statuses.values()
    ]
    roles = sorted(status.role for status in statuses.values())
    terms = {status.term for status in statuses.values()}
    step.seen = f"node {leader} leads; roles {', '.join(roles)}; terms {sorted(terms)}"
    followers = ["follower"] * (len(cluster.ids) - 1)
    expect(roles == [*followers, "leader"] and len(terms) == 1, step.seen)
    return leader, terms.pop()


def see_one_hash(cluster: LocalCluster, step: Step) -> StateHash:
    """The digests that all running nodes share, in the step."""
    found = cluster.assert_hashes_equal()
    step.seen = f"nodes {cluster.running} at index {found.index}: state {found.state[:16]}..."
    step.notes.append(f"state   {found.state}")
    step.notes.append(f"history {found.history}")
    return found


def compare_in_full(cluster: LocalCluster, script: Script) -> None:
    """The last step of most demonstrations."""
    with script.step() as step:
        see_one_hash(cluster, step)
        cluster.assert_hashes_equal(full=True)
        _, digest = cluster.full_hash(cluster.running[0])
        step.notes.append(f"full    {digest}")


def write_timeline(cluster: LocalCluster, evidence: Path) -> None:
    """`timeline.txt` in the evidence: all that the nodes logged and that was done to them."""
    events = cluster.timeline()
    began = events[0].time if events else 0.0
    (evidence / "timeline.txt").write_text(timeline_text(events, began))
