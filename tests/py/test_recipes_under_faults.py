"""The recipes while the leader of the cluster is killed under load."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from kvcluster import LocalCluster
from kvcluster.recipes import Counter, Election, Item, Lock, Queue

T = TypeVar("T")
SECONDS = 60.0
LONG = 600.0  # a lease that does not run out in a test
WORKERS = 3


class Storm:
    """Kills the leader when so much work was done, and restarts it when more was."""

    def __init__(self, cluster: LocalCluster, kill_at: int, restart_at: int) -> None:
        self._cluster = cluster
        self._at = {kill_at: self._kill, restart_at: self._restart}
        self._lock = threading.Lock()
        self._done = 0
        self._killed = 0
        self.happened: list[str] = []

    def worked(self) -> None:
        with self._lock:  # the cluster is touched by one thread at a time
            self._done += 1
            self._at.get(self._done, lambda: None)()

    def _kill(self) -> None:
        self._killed = self._cluster.wait_for_leader()
        self._cluster.kill(self._killed)
        self.happened.append("killed")

    def _restart(self) -> None:
        self._cluster.restart(self._killed)
        self.happened.append("restarted")


def at_once(work: Callable[[int], T]) -> list[T]:
    with ThreadPoolExecutor(WORKERS) as pool:
        return list(pool.map(work, range(WORKERS)))


def test_a_lock_protects_what_is_not_atomic_while_the_leader_is_killed(
    cluster: LocalCluster,
) -> None:
    rounds = 10
    storm = Storm(cluster, kill_at=8, restart_at=20)
    with cluster.client(timeout=SECONDS) as client:

        def work(_: int) -> list[int]:
            fences = []
            for _ in range(rounds):
                with Lock(client, "sum", ttl=LONG) as lock:
                    fences.append(lock.fence)
                    found = int(client.get("sum") or 0)
                    storm.worked()
                    client.put("sum", found + 1)
                    client.xadd("fences", {"fence": lock.fence})
            return fences

        fences = [fence for worker in at_once(work) for fence in worker]
        in_order = [int(entry.fields[b"fence"]) for entry in client.xrange("fences")]
        assert client.get("sum") == str(WORKERS * rounds).encode()
    assert in_order == sorted(fences), "each holder had a larger token than all before it"
    assert len(set(fences)) == WORKERS * rounds
    assert storm.happened == ["killed", "restarted"]


def test_one_candidate_leads_at_a_time_while_the_leader_of_the_cluster_is_killed(
    cluster: LocalCluster,
) -> None:
    rounds = 6
    storm = Storm(cluster, kill_at=5, restart_at=12)
    acting: set[int] = set()
    with cluster.client(timeout=SECONDS) as client:

        def work(who: int) -> list[int]:
            terms = []
            for _ in range(rounds):
                leadership = Election(client, "office", f"worker {who}", ttl=LONG).campaign()
                assert leadership is not None
                with leadership:
                    assert leadership.holds
                    acting.add(who)
                    storm.worked()
                    assert acting == {who}
                    acting.remove(who)
                    terms.append(leadership.term)
            return terms

        terms = [term for worker in at_once(work) for term in worker]
    assert len(set(terms)) == WORKERS * rounds
    assert storm.happened == ["killed", "restarted"]


def test_a_leader_keeps_its_office_over_the_death_of_the_clusters_leader(
    cluster: LocalCluster,
) -> None:
    with cluster.client(timeout=SECONDS) as client:
        leadership = Election(client, "office", "one", ttl=30.0).campaign()
        assert leadership is not None
        with leadership:
            cluster.kill(cluster.wait_for_leader())
            client.put("a new leader", "serves")
            found = Election(client, "office", "two").leader()
            assert found is not None
            assert (found.candidate, found.term) == ("one", leadership.term)
            assert leadership.holds


def test_a_counter_counts_each_addition_once_while_the_leader_is_killed(
    cluster: LocalCluster,
) -> None:
    each = 60
    storm = Storm(cluster, kill_at=30, restart_at=120)
    with cluster.client(timeout=SECONDS) as client:
        counter = Counter(client, "tickets")

        def work(_: int) -> list[int]:
            told = []
            for _ in range(each):
                told.append(counter.add())
                storm.worked()
            return told

        told = [number for worker in at_once(work) for number in worker]
        assert counter.value() == WORKERS * each
    assert sorted(told) == list(range(1, WORKERS * each + 1)), "each ticket once"
    assert storm.happened == ["killed", "restarted"]


def test_a_queue_loses_and_doubles_nothing_while_the_leader_is_killed(
    cluster: LocalCluster,
) -> None:
    each = 15
    storm = Storm(cluster, kill_at=10, restart_at=60)
    finished: list[Item] = []
    with cluster.client(timeout=SECONDS) as client:
        queue = Queue(client, "work", lease=LONG)

        def work(who: int) -> None:
            """Puts its items, and takes as many of whomever's."""
            for number in range(each):
                queue.put(f"{who}.{number}")
                storm.worked()
            for _ in range(each):
                item = queue.take(SECONDS)
                assert item is not None
                storm.worked()
                assert queue.finish(item)
                finished.append(item)

        at_once(work)
        assert queue.take(0) is None
        assert len(queue) == 0
    bodies = sorted(item.body.decode() for item in finished)
    assert bodies == sorted(f"{who}.{n}" for who in range(WORKERS) for n in range(each))
    for who in range(WORKERS):
        own = sorted(
            (item.number, int(item.body.decode().split(".")[1]))
            for item in finished
            if item.body.decode().startswith(f"{who}.")
        )
        assert [number for _, number in own] == list(range(each)), "in the order of putting"
    assert storm.happened == ["killed", "restarted"]
