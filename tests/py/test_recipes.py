"""The recipes, one by one, on nodes that nothing happens to."""

import secrets
import threading
from collections.abc import Iterator

import pytest

from kvcluster import Client, CommandError, Corruption, LocalCluster
from kvcluster.recipes import Counter, Election, Lock, NotHeld, Queue, QueueFull

SECONDS = 60.0
# Of a lease that is to run out while a test waits for that, and of one that is not.
SHORT, LONG = 0.3, 600.0


@pytest.fixture
def kv(calm_cluster: LocalCluster) -> Iterator[Client]:
    with calm_cluster.client(timeout=20.0) as client:
        yield client


@pytest.fixture
def name() -> str:
    """One that nothing has."""
    return secrets.token_hex(4)


def test_a_lock_is_held_by_one_at_a_time_and_its_token_rises(kv: Client, name: str) -> None:
    first, second = Lock(kv, name, ttl=LONG, holder="a"), Lock(kv, name, ttl=LONG, holder="b")
    assert first.acquire(0)
    assert not second.acquire(0)
    assert first.read_holder() == ("a", first.fence)
    assert 0 < first.seconds_left <= LONG
    fence = first.fence
    assert first.release()
    assert first.read_holder() is None
    assert second.acquire(0)
    assert second.fence > fence
    assert second.read_holder() == ("b", second.fence)
    assert second.release()


def test_a_lock_that_is_not_held_has_no_token(kv: Client, name: str) -> None:
    lock = Lock(kv, name)
    with pytest.raises(NotHeld, match="was not acquired"):
        lock.release()
    assert lock.seconds_left == 0
    with lock, pytest.raises(ValueError, match="acquired already"):
        lock.acquire()


def test_a_release_wakes_who_waits(kv: Client, name: str) -> None:
    lock = Lock(kv, name, ttl=LONG)
    assert lock.acquire(0)
    fences: list[int] = []

    def wait() -> None:
        with Lock(kv, name, ttl=LONG) as other:
            fences.append(other.fence)

    waiter = threading.Thread(target=wait)
    waiter.start()
    fence = lock.fence
    assert lock.release()
    waiter.join(SECONDS)
    assert len(fences) == 1
    assert fences[0] > fence


def test_a_lease_that_runs_out_gives_the_lock_to_another(kv: Client, name: str) -> None:
    dead, heir = Lock(kv, name, ttl=SHORT), Lock(kv, name, ttl=LONG)
    assert dead.acquire(0)
    fence = dead.fence
    assert heir.acquire(SECONDS)
    assert heir.fence > fence
    assert dead.seconds_left == 0
    assert not dead.release(), "and the heir keeps the lock"
    heir.renew()
    assert heir.release()


def test_a_renewal_that_comes_too_late_says_so(kv: Client, name: str) -> None:
    dead, heir = Lock(kv, name, ttl=SHORT), Lock(kv, name, ttl=LONG)
    assert dead.acquire(0)
    assert heir.acquire(SECONDS)
    with pytest.raises(NotHeld, match="has run out"):
        dead.renew()
    with pytest.raises(NotHeld, match="was not acquired"):
        dead.renew()
    assert heir.release()
    assert dead.acquire(SECONDS), "it may be acquired again"
    dead.release()


def test_a_candidate_leads_until_it_resigns(kv: Client, name: str) -> None:
    one, two = Election(kv, name, "one", ttl=LONG), Election(kv, name, "two", ttl=LONG)
    assert one.leader() is None
    first = one.campaign(0)
    assert first is not None
    assert first.holds
    assert two.campaign(0) is None
    leader = two.leader()
    assert leader is not None
    assert (leader.candidate, leader.term) == ("one", first.term)
    first.resign()
    assert not first.holds
    second = two.campaign(SECONDS)
    assert second is not None
    with second:
        assert second.term > first.term
    assert two.leader() is None


def test_a_leader_renews_by_itself_and_learns_that_it_lost(kv: Client, name: str) -> None:
    leadership = Election(kv, name, "one", ttl=6.0).campaign(0)
    assert leadership is not None
    left = leadership.seconds_left
    while leadership.seconds_left <= left:  # until a renewal
        left = leadership.seconds_left
        assert not leadership.wait_until_lost(0.05)
    assert leadership.holds
    held = Lock(kv, f"election:{name}").read_holder()
    assert held == ("one", leadership.term)
    lease = kv.range(f"lock:election:{name}:lease:", f"lock:election:{name}:lease;")
    assert kv.delete(*(record.key for record in lease)) == 1, "as if it had run out"
    assert leadership.wait_until_lost(SECONDS)
    assert not leadership.holds
    leadership.resign()


def test_a_counter_counts(kv: Client, name: str) -> None:
    counter = Counter(kv, name)
    assert counter.value() == 0
    assert [counter.add(), counter.add(4), counter.add(-2)] == [1, 5, 3]
    assert counter.reset() == 3
    assert (counter.value(), counter.reset(), counter.add()) == (0, 0, 1)
    counter.add(2**63 - 2)
    with pytest.raises(CommandError, match="overflow"):
        counter.add()


def test_items_are_taken_in_the_order_in_which_they_were_put(kv: Client, name: str) -> None:
    queue = Queue(kv, name)
    assert queue.take(0) is None
    assert [queue.put(f"work {n}") for n in range(3)] == [1, 2, 3]
    assert len(queue) == 3
    items = [queue.take(0) for _ in range(3)]
    assert [item.body for item in items if item] == [b"work 0", b"work 1", b"work 2"]
    assert queue.take(0) is None, "all are claimed"
    assert [queue.finish(item) for item in reversed(items) if item] == [True] * 3
    assert len(queue) == 0
    assert kv.range(f"queue:{name}:claim:", f"queue:{name}:claim;") == [], "no claim is left"


def test_an_item_is_finished_once(kv: Client, name: str) -> None:
    queue = Queue(kv, name)
    queue.put("work")
    item = queue.take(0)
    assert item is not None
    assert queue.extend(item)
    assert queue.finish(item)
    assert not queue.finish(item)
    assert not queue.extend(item)
    assert queue.take(0) is None


def test_an_item_of_a_consumer_that_died_is_given_to_another(kv: Client, name: str) -> None:
    dies, works = Queue(kv, name, lease=SHORT), Queue(kv, name)
    dies.put("work")
    lost = dies.take(SECONDS)
    assert lost is not None
    item = works.take(SECONDS)
    assert item is not None
    assert (item.number, item.body) == (lost.number, lost.body)
    assert item.fence > lost.fence
    assert not dies.finish(lost), "it is another's now"
    assert works.finish(item)


def test_a_consumer_waits_for_an_item(kv: Client, name: str) -> None:
    queue, taken = Queue(kv, name), []
    consumer = threading.Thread(target=lambda: taken.append(queue.take(SECONDS)))
    consumer.start()
    queue.put("late")
    consumer.join(SECONDS)
    assert [item.body for item in taken if item] == [b"late"]


def test_a_full_queue_takes_nothing_until_an_item_is_finished(kv: Client, name: str) -> None:
    queue = Queue(kv, name, capacity=2)
    for round_trip in range(5):
        queue.put(f"a {round_trip}")
        queue.put(f"b {round_trip}")
        with pytest.raises(QueueFull, match="holds 2 unfinished items"):
            queue.put("too much")
        for letter in ("a", "b"):
            item = queue.take(0)
            assert item is not None
            assert item.body.decode() == f"{letter} {round_trip}"
            assert queue.finish(item)
    assert kv.xlen(f"queue:{name}:items") <= 4


def test_an_item_that_was_trimmed_by_others_is_not_passed_over(kv: Client, name: str) -> None:
    queue = Queue(kv, name)
    for n in range(3):
        queue.put(f"work {n}")
    kv.execute("XTRIM", f"queue:{name}:items", "MAXLEN", 1)
    with pytest.raises(Corruption, match="item 1 is gone"):
        queue.take(0)


def test_what_a_consumer_left_that_died_while_finishing_is_cleared(kv: Client, name: str) -> None:
    queue = Queue(kv, name)
    for n in range(3):
        queue.put(f"work {n}")
    items = [queue.take(0) for _ in range(3)]
    first, second, third = (item for item in items if item is not None)
    # It died after its claim was marked, before the number was passed.
    claim = f"queue:{name}:claim:{first.number:020}"
    record = kv.get_versioned(claim)
    assert record is not None
    assert kv.cas(claim, "done", revision=record.revision)
    assert queue.finish(second)
    assert len(queue) == 1
    # It died after the number was passed, before the claim was deleted.
    kv.put(claim, "done")
    assert queue.finish(third)
    assert len(queue) == 0
    assert kv.range(f"queue:{name}:claim:", f"queue:{name}:claim;") == []
