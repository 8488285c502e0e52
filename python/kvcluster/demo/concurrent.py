"""The concurrent demonstration: many clients at once, and an order that explains all they saw."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from kvcluster.client import Client
from kvcluster.demo.mode import Mode
from kvcluster.demo.scene import compare_in_full, expect, see_roles
from kvcluster.demo.script import Plan, Script
from kvcluster.history import History
from kvcluster.local_cluster import LocalCluster
from kvcluster.recorded_client import RecordedClient

T = TypeVar("T")
CLIENTS = 8
OWN_KEYS = 25
ADDITIONS = 25
RACES = 10
RECORDED_CALLS = 20

PLAN = [
    Plan("Start three nodes", "one leader, two followers, all in one term"),
    Plan(
        f"{CLIENTS} clients write {OWN_KEYS} keys of their own each, at once",
        f"{CLIENTS * OWN_KEYS} acknowledged; each client reads back what it wrote",
    ),
    Plan(
        f"{CLIENTS} clients add 1 to one counter, {ADDITIONS} times each",
        f"the counter is {CLIENTS * ADDITIONS}, and no two clients were told the same number",
    ),
    Plan(
        f"{CLIENTS} clients race to create one key, {RACES} times",
        "exactly one wins each race, and its name is what all then read",
    ),
    Plan(
        f"Kill the leader while {CLIENTS} clients add, {ADDITIONS} times each",
        f"all acknowledged; the counter is {2 * CLIENTS * ADDITIONS}: none lost, none doubled",
    ),
    Plan(
        "Restart it while clients read, write, add and compare, and judge what they were told",
        "linearizable: one order of all calls explains every answer",
    ),
    Plan("Compare the hashes of all three", "one hash on all three, also recomputed in full"),
]


def carry_out(cluster: LocalCluster, script: Script) -> None:
    with script.step() as step:
        see_roles(cluster, step)
    with cluster.client(timeout=20.0) as client:
        _own_keys(client, script)
        _one_counter(client, script)
        _races(client, script)
        killed = _kill_the_leader(cluster, client, script)
        _recorded(cluster, client, script, killed)
    compare_in_full(cluster, script)


def _at_once(work: Callable[[int], T]) -> list[T]:
    """The work of each client, in threads of their own that begin together; results by client."""
    start = threading.Barrier(CLIENTS)

    def begin(who: int) -> T:
        start.wait()
        return work(who)

    with ThreadPoolExecutor(CLIENTS) as pool:
        return list(pool.map(begin, range(CLIENTS)))


def _own_keys(client: Client, script: Script) -> None:
    def work(who: int) -> bool:
        keys = [f"client-{who}:{number:02}" for number in range(OWN_KEYS)]
        for key in keys:
            client.put(key, key)
        return client.mget(*keys) == [key.encode() for key in keys]

    with script.step() as step:
        began = time.perf_counter()
        own = _at_once(work)
        took = time.perf_counter() - began
        step.seen = (
            f"{len(client.range('client-', 'client.'))} keys in {took:.2f} s; "
            f"{sum(own)} of {CLIENTS} clients read back their own"
        )
        expect(all(own), step.seen)


def _add(client: Client) -> list[int]:
    told = _at_once(lambda _: [client.incr("counter") for _ in range(ADDITIONS)])
    return [number for numbers in told for number in numbers]


def _one_counter(client: Client, script: Script) -> None:
    with script.step() as step:
        told = _add(client)
        total = client.get("counter") or b""
        step.seen = f"the counter is {total.decode()}; {len(set(told))} different numbers told"
        expect(sorted(told) == list(range(1, CLIENTS * ADDITIONS + 1)), step.seen)
        expect(int(total) == CLIENTS * ADDITIONS, step.seen)


def _races(client: Client, script: Script) -> None:
    with script.step() as step:
        winners = [_race(client, f"race:{race}") for race in range(RACES)]
        step.seen = f"{RACES} races, {len(winners)} winners: clients {winners}"


def _race(client: Client, key: str) -> int:
    """Who won; the value that all read is the winner's."""
    won = _at_once(lambda who: client.put(key, f"client-{who}", if_missing=True))
    winners = [who for who, did in enumerate(won) if did]
    read = client.get(key)
    expect([f"client-{who}".encode() for who in winners] == [read], f"{winners} won, {read!r} read")
    return winners[0]


def _kill_the_leader(cluster: LocalCluster, client: Client, script: Script) -> int:
    with script.step() as step:
        old = cluster.wait_for_leader()

        def work(who: int) -> int:
            for number in range(ADDITIONS):
                if who == 0 and number == ADDITIONS // 3:
                    cluster.kill(old)  # the cluster is touched by this thread alone meanwhile
                client.incr("counter")
            return ADDITIONS

        acknowledged = sum(_at_once(work))
        leader = cluster.wait_for_leader()
        total = int(client.get("counter") or 0)
        step.seen = (
            f"node {old} killed, node {leader} leads; {acknowledged} acknowledged; "
            f"the counter is {total}"
        )
        expect(total == 2 * CLIENTS * ADDITIONS and leader != old, step.seen)
    return old


def _recorded(cluster: LocalCluster, client: Client, script: Script, killed: int) -> None:
    # Needs the native module, which the other demonstrations do without.
    from kvcluster.check import Finding, check, check_by_index

    history = History()

    def work(who: int) -> None:
        recorded = RecordedClient(history, client, process=who)
        for number in range(RECORDED_CALLS):
            if who == 0 and number == RECORDED_CALLS // 3:
                cluster.restart(killed)
            key = f"shared:{number % 2}"
            match (who + number) % 4:
                case 0:
                    recorded.put(key, f"{who}.{number}")
                case 1:
                    recorded.get(key)
                case 2:
                    recorded.incr("shared:sum")
                case _:
                    seen = recorded.get_versioned(key)
                    revision = seen.revision if seen is not None else 0
                    recorded.cas(key, f"{who}.{number}", revision=revision)

    with script.step() as step:
        _at_once(work)
        operations = history.operations()
        verdicts = [judge(operations) for judge in (check, check_by_index)]
        for verdict in verdicts:
            expect(verdict.finding is Finding.LINEARIZABLE, verdict.explanation)
        step.seen = f"linearizable: {len(operations)} calls of {CLIENTS} clients"


MODE = Mode(
    name="concurrent",
    proves="clients at once lose nothing, double nothing, and see one order",
    plan=PLAN,
    carry_out=carry_out,
)
