"""The basic demonstration: one leader, two followers, and what each answers to whom."""

from __future__ import annotations

import json

from kvcluster.client import Client
from kvcluster.demo.mode import Mode
from kvcluster.demo.scene import ask, compare_in_full, expect, see_roles
from kvcluster.demo.script import Plan, Script
from kvcluster.local_cluster import LocalCluster
from kvcluster.retry import ErrorReply

LEADER, REJECTING, FORWARDING = 1, 2, 3
PERSON = {"name": "Ada", "langs": ["C++", "Python"], "address": {"city": "London", "no": 12}}

PLAN = [
    Plan("Start three nodes", "node 1 leads, nodes 2 and 3 follow, all in one term"),
    Plan(
        "Write, read, overwrite and delete on the leader",
        "OK, the value, OK, the new value, 1 deleted, then no value",
    ),
    Plan("Store a JSON document", "read back byte for byte, and equal when parsed"),
    Plan(
        "Write to and read from a follower that rejects (node 2)",
        "both refused by an error that names the leader; nothing is stored",
    ),
    Plan(
        "Write to and read from a follower that forwards (node 3)",
        "the leader's answers: OK and the value",
    ),
    Plan("Compare the hashes of all three", "one hash on all three, also recomputed in full"),
]


def carry_out(cluster: LocalCluster, script: Script) -> None:
    _nodes_are_up(cluster, script)
    with Client([cluster.address(LEADER)]) as client:
        _basic_operations(client, script)
        _document(client, script)
        _a_follower_that_rejects(cluster, client, script)
    _a_follower_that_forwards(cluster, script)
    compare_in_full(cluster, script)


def _nodes_are_up(cluster: LocalCluster, script: Script) -> None:
    with script.step() as step:
        cluster.wait_for_leader(among=[LEADER])  # it has the highest priority
        leader, _ = see_roles(cluster, step)
        expect(leader == LEADER, step.seen)


def _basic_operations(client: Client, script: Script) -> None:
    with script.step() as step:
        stored = client.put("greeting", "hello")
        first = client.get("greeting")
        again = client.put("greeting", "hello again")
        second = client.get("greeting")
        deleted = client.delete("greeting")
        third = client.get("greeting")
        step.seen = (
            f"SET {_ok(stored)}, GET {first!r}, SET {_ok(again)}, GET {second!r}, DEL {deleted}, "
            f"GET {third!r}"
        )
        found = (stored, first, again, second, deleted, third)
        expect(found == (True, b"hello", True, b"hello again", 1, None), step.seen)


def _document(client: Client, script: Script) -> None:
    with script.step() as step:
        written = json.dumps(PERSON)
        client.put("person:1", written)
        found = client.get("person:1") or b""
        step.seen = f"{len(found)} bytes: {found.decode(errors='replace')}"
        expect(found.decode() == written and json.loads(found) == PERSON, step.seen)


def _a_follower_that_rejects(cluster: LocalCluster, client: Client, script: Script) -> None:
    with script.step() as step:
        answers = {
            "SET": ask(cluster, REJECTING, "SET", "refused", "1"),
            "GET": ask(cluster, REJECTING, "GET", "person:1"),
        }
        stored = client.get("refused")
        step.seen = (
            "; ".join(f"{name}: {_told(answer)}" for name, answer in answers.items())
            + f"; on the leader: {stored!r}"
        )
        address = cluster.address(LEADER)
        refused = all(
            isinstance(answer, ErrorReply) and address in answer.message
            for answer in answers.values()
        )
        expect(refused and stored is None, step.seen)


def _a_follower_that_forwards(cluster: LocalCluster, script: Script) -> None:
    with script.step() as step:
        stored = ask(cluster, FORWARDING, "SET", "forwarded", "by node 3")
        found = ask(cluster, FORWARDING, "GET", "forwarded")
        step.seen = f"SET: {_told(stored)}; GET: {_told(found)}"
        expect((stored, found) == (b"OK", b"by node 3"), step.seen)


def _ok(stored: bool) -> str:
    return "OK" if stored else "refused"


def _told(answer: object) -> str:
    return answer.message if isinstance(answer, ErrorReply) else repr(answer)


MODE = Mode(
    name="basic",
    proves="the leader serves reads and writes, and followers reject or forward them as told",
    plan=PLAN,
    carry_out=carry_out,
    options={
        "node_options": {
            LEADER: {"priority": 10},
            REJECTING: {"follower-mode": "reject"},
            FORWARDING: {"follower-mode": "proxy"},
        }
    },
)
