"""The replication demonstration: every operation reaches every node, in one order."""

from __future__ import annotations

import json
import time

from kvcluster.client import Client
from kvcluster.demo.mode import Mode
from kvcluster.demo.scene import compare_in_full, expect, local_values, see_roles
from kvcluster.demo.script import Plan, Script
from kvcluster.local_cluster import LocalCluster

KEYS = 30
SILENT_WRITES = 20
CATCH_UP_SECONDS = 10.0

PLAN = [
    Plan("Start three nodes", "one leader, two followers, all in one term"),
    Plan(
        f"Write {KEYS} keys to the leader",
        f"{KEYS} acknowledged, each when a majority has it on disk",
    ),
    Plan(
        "Read the followers' own state",
        f"all {KEYS} keys with their values on each, without asking the leader",
    ),
    Plan(
        "Overwrite 10 keys and delete 10",
        f"both arrive: {KEYS - 10} keys on each node, 10 of them new",
    ),
    Plan(
        "Replicate every kind of value",
        "text, JSON, bytes, an empty value, a counter: alike on all three",
    ),
    Plan("Follow the log", "every write is one entry: all logs grew by 5 and end at one index"),
    Plan(
        f"Pause a follower and write {SILENT_WRITES} more",
        f"{SILENT_WRITES} acknowledged by the other two; the paused one has none of them",
    ),
    Plan("Let it go on", "it catches up by itself and has all of them"),
    Plan("Compare the hashes of all three", "one hash on all three, also recomputed in full"),
]

KINDS: dict[bytes, bytes] = {
    b"kind:text": "Grüße".encode(),
    b"kind:json": json.dumps({"a": [1, None, {"b": True}]}).encode(),
    b"kind:bytes": bytes(range(256)),
    b"kind:empty": b"",
}


def carry_out(cluster: LocalCluster, script: Script) -> None:
    with script.step() as step:
        leader, _ = see_roles(cluster, step)
    with cluster.client(timeout=10.0) as client:
        expected = _write(cluster, client, script, leader)
        _read_followers(cluster, script, expected, leader)
        _overwrite_and_delete(cluster, client, script, expected)
        _kinds(cluster, client, script)
        _follow_the_log(cluster, client, script)
        paused = next(node for node in cluster.ids if node != cluster.wait_for_leader())
        _pause(cluster, client, script, paused)
        _resume(cluster, script, paused)
    compare_in_full(cluster, script)


def _write(
    cluster: LocalCluster, client: Client, script: Script, leader: int
) -> dict[bytes, bytes]:
    with script.step() as step:
        values = {f"key:{n:02}".encode(): f"value-{n}".encode() for n in range(KEYS)}
        began = time.perf_counter()
        acknowledged = sum(client.put(key, value) for key, value in values.items())
        took_ms = (time.perf_counter() - began) * 1000
        step.seen = (
            f"{acknowledged} acknowledged by node {leader} in {took_ms:.1f} ms, "
            f"{took_ms / KEYS:.2f} ms each"
        )
        expect(acknowledged == KEYS, step.seen)
    return values


def _read_followers(
    cluster: LocalCluster, script: Script, expected: dict[bytes, bytes], leader: int
) -> None:
    with script.step() as step:
        began = time.perf_counter()
        cluster.wait_for(
            lambda: all(local_values(cluster, node) == expected for node in cluster.ids),
            what="waiting for all keys on all nodes",
            timeout=CATCH_UP_SECONDS,
        )
        took_ms = (time.perf_counter() - began) * 1000
        followers = [node for node in cluster.ids if node != leader]
        step.seen = f"{len(expected)} keys on nodes {followers}, seen {took_ms:.1f} ms later"


def _overwrite_and_delete(
    cluster: LocalCluster, client: Client, script: Script, expected: dict[bytes, bytes]
) -> None:
    with script.step() as step:
        keys = sorted(expected)
        for key in keys[:10]:
            client.put(key, b"new")
            expected[key] = b"new"
        for key in keys[10:20]:
            client.delete(key)
            del expected[key]
        cluster.wait_for_convergence()
        found = {node: local_values(cluster, node) for node in cluster.ids}
        counts = {node: (len(v), [*v.values()].count(b"new")) for node, v in found.items()}
        step.seen = "; ".join(
            f"node {node}: {keys} keys, {new} of them new" for node, (keys, new) in counts.items()
        )
        expect(all(values == expected for values in found.values()), step.seen)


def _kinds(cluster: LocalCluster, client: Client, script: Script) -> None:
    with script.step() as step:
        for key, value in KINDS.items():
            client.put(key, value)
        for _ in range(7):
            client.incr("kind:counter", 6)
        expected = {**KINDS, b"kind:counter": b"42"}
        cluster.wait_for_convergence()
        for node in cluster.ids:
            found = {k: v for k, v in local_values(cluster, node).items() if k[:5] == b"kind:"}
            expect(found == expected, f"node {node} has {found}")
        step.seen = f"{len(expected)} values alike on nodes {cluster.ids}; the counter is 42"


def _follow_the_log(cluster: LocalCluster, client: Client, script: Script) -> None:
    with script.step() as step:
        before, term = cluster.wait_for_convergence(), _term(cluster)
        for number in range(5):
            client.put("log", str(number))
        after = cluster.wait_for_convergence()
        step.notes += [
            f"node {status.id}: last {status.last_index}, committed {status.commit_index}, "
            f"applied {status.applied_index}"
            for status in cluster.statuses().values()
        ]
        step.seen = f"index {before} before, {after} after, on nodes {cluster.running}"
        # A new leader begins its term with an entry of its own.
        elections = _term(cluster) - term
        expect(5 <= after - before <= 5 + elections, step.seen)


def _term(cluster: LocalCluster) -> int:
    return max(status.term for status in cluster.statuses().values())


def _pause(cluster: LocalCluster, client: Client, script: Script, paused: int) -> None:
    with script.step() as step:
        before = cluster.status(paused).applied_index
        cluster.pause(paused)
        written = sum(client.put(f"silent:{n:02}", str(n)) for n in range(SILENT_WRITES))
        others = [node for node in cluster.ids if node != paused]
        ahead = max(cluster.status(node).applied_index for node in others)
        step.seen = (
            f"{written} acknowledged without node {paused}; it stands at index {before}, "
            f"the others at {ahead}"
        )
        expect(written == SILENT_WRITES and ahead >= before + SILENT_WRITES, step.seen)


def _resume(cluster: LocalCluster, script: Script, paused: int) -> None:
    with script.step() as step:
        cluster.resume(paused)
        began = time.perf_counter()
        index = cluster.wait_for_convergence(timeout=CATCH_UP_SECONDS)
        took_ms = (time.perf_counter() - began) * 1000
        found = sum(key.startswith(b"silent:") for key in local_values(cluster, paused))
        step.seen = f"node {paused} at index {index} after {took_ms:.1f} ms, with {found} of them"
        expect(found == SILENT_WRITES, step.seen)


MODE = Mode(
    name="replication",
    proves="every write, overwrite and delete is on all nodes, in one order",
    plan=PLAN,
    carry_out=carry_out,
)
