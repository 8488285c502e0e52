"""The recovery demonstration: nodes come back from a kill, from a long absence, and all at once."""

from __future__ import annotations

import secrets

from kvcluster.client import Client
from kvcluster.demo.mode import Mode
from kvcluster.demo.scene import compare_in_full, expect, local_values, see_roles
from kvcluster.demo.script import Plan, Script
from kvcluster.local_cluster import LocalCluster

KEYS = 20
LARGE_WRITES = 120
LARGE_BYTES = 2000
COMPACTION_SECONDS = 30.0

PLAN = [
    Plan(f"Start three nodes and write {KEYS} keys", "one leader, two followers; all acknowledged"),
    Plan(
        f"Kill the leader with SIGKILL and write {KEYS} more keys",
        f"a survivor leads; {KEYS} acknowledged",
    ),
    Plan("Restart the old leader", "it comes back as a follower of the new one"),
    Plan(
        "Read the old leader's own state",
        f"all {2 * KEYS} keys, those too that were written while it was dead",
    ),
    Plan(
        f"Kill a follower and write {LARGE_WRITES} values of {LARGE_BYTES} bytes",
        "all acknowledged; the others no longer keep the part of the log that it lacks",
    ),
    Plan("Restart it", "it gets a snapshot, then the rest of the log"),
    Plan("Kill all three at once and restart them", "a leader; nothing acknowledged is lost"),
    Plan("Compare the hashes of all three", "one hash on all three, also recomputed in full"),
]


def carry_out(cluster: LocalCluster, script: Script) -> None:
    acknowledged: dict[bytes, bytes] = {}
    with cluster.client(timeout=15.0) as client:
        old = _begin(cluster, client, script, acknowledged)
        _kill_the_leader(cluster, client, script, old, acknowledged)
        _restart(cluster, script, old)
        _read(cluster, script, old, acknowledged)
        lagging = _leave_behind(cluster, client, script, acknowledged)
        _catch_up(cluster, script, lagging)
    _kill_all(cluster, script, acknowledged)
    compare_in_full(cluster, script)


def _write(client: Client, acknowledged: dict[bytes, bytes], prefix: str) -> int:
    before = len(acknowledged)
    for number in range(KEYS):
        key, value = f"{prefix}:{number:02}".encode(), f"value-{number}".encode()
        client.put(key, value)
        acknowledged[key] = value
    return len(acknowledged) - before


def _begin(
    cluster: LocalCluster, client: Client, script: Script, acknowledged: dict[bytes, bytes]
) -> int:
    with script.step() as step:
        leader, _ = see_roles(cluster, step)
        written = _write(client, acknowledged, "before")
        step.seen += f"; {written} acknowledged"
        expect(written == KEYS, step.seen)
    return leader


def _kill_the_leader(
    cluster: LocalCluster,
    client: Client,
    script: Script,
    old: int,
    acknowledged: dict[bytes, bytes],
) -> None:
    with script.step() as step:
        cluster.kill(old)
        written = _write(client, acknowledged, "while-dead")
        leader = cluster.wait_for_leader()
        step.seen = f"node {old} killed; node {leader} leads; {written} acknowledged"
        expect(written == KEYS and leader != old, step.seen)


def _restart(cluster: LocalCluster, script: Script, old: int) -> None:
    with script.step() as step:
        cluster.restart(old)
        index = cluster.wait_for_convergence()
        leader = cluster.wait_for_leader()
        status = cluster.status(old)
        step.seen = (
            f"node {old} is a {status.role} of node {status.leader} in term {status.term}, "
            f"at index {index} as all others"
        )
        expect(status.role == "follower" and status.leader == leader, step.seen)


def _read(
    cluster: LocalCluster, script: Script, old: int, acknowledged: dict[bytes, bytes]
) -> None:
    with script.step() as step:
        found = local_values(cluster, old)
        missed = sum(key.startswith(b"while-dead") for key in found)
        step.seen = f"{len(found)} keys on node {old}, {missed} of them from while it was dead"
        expect(found == acknowledged, step.seen)


def _leave_behind(
    cluster: LocalCluster, client: Client, script: Script, acknowledged: dict[bytes, bytes]
) -> int:
    with script.step() as step:
        leader = cluster.wait_for_leader()
        lagging = next(node for node in cluster.ids if node != leader)
        stands = cluster.status(lagging).last_index
        cluster.kill(lagging)
        for number in range(LARGE_WRITES):
            key, value = f"large:{number % 10}".encode(), secrets.token_bytes(LARGE_BYTES)
            client.put(key, value)
            acknowledged[key] = value
        cluster.wait_for(
            lambda: all(s.first_index > stands + 1 for s in cluster.statuses().values()),
            what="waiting for compacted logs",
            timeout=COMPACTION_SECONDS,
        )
        first = min(status.first_index for status in cluster.statuses().values())
        step.seen = (
            f"node {lagging} killed at index {stands}; {LARGE_WRITES} acknowledged; "
            f"the others' logs begin at {first}"
        )
    return lagging


def _catch_up(cluster: LocalCluster, script: Script, lagging: int) -> None:
    with script.step() as step:
        cluster.restart(lagging)
        index = cluster.wait_for_convergence(timeout=COMPACTION_SECONDS)
        told = [event.message for event in cluster.timeline() if event.node == lagging]
        names = {event.name for event in cluster.timeline() if event.node == lagging}
        step.notes += [message for message in told if "snapshot" in message][-2:]
        step.seen = f"node {lagging} at index {index}, snapshot installed: " + (
            "yes" if "snapshot_installed" in names else "no"
        )
        expect("snapshot_installed" in names, step.seen)


def _kill_all(cluster: LocalCluster, script: Script, acknowledged: dict[bytes, bytes]) -> None:
    with script.step() as step:
        cluster.kill_all()
        for node in cluster.ids:
            cluster.restart(node)
        leader = cluster.wait_for_leader(timeout=20.0)
        cluster.wait_for_convergence()
        found = {node: local_values(cluster, node) for node in cluster.ids}
        counts = {node: len(values) for node, values in found.items()}
        step.seen = (
            f"node {leader} leads; {len(acknowledged)} keys were acknowledged; "
            f"keys by node: {counts}"
        )
        expect(all(values == acknowledged for values in found.values()), step.seen)


MODE = Mode(
    name="recovery",
    proves="nodes that were killed come back and hold all that was acknowledged",
    plan=PLAN,
    carry_out=carry_out,
    # Logs that are cut early, so that who was away needs a snapshot.
    options={
        "options": {
            "memtable-bytes": 64 * 1024,
            "wal-checkpoint-bytes": 64 * 1024,
            "retained-log-bytes": 16 * 1024,
        }
    },
)
