"""KV.WATCH through the clients: in order, without a gap, over the loss of nodes."""

import asyncio
import itertools
import threading
import time
from collections import defaultdict
from collections.abc import Iterator

import pytest

from conftest import StartCluster
from kvcluster import (
    AsyncClient,
    Batch,
    Change,
    Client,
    CommandError,
    Compacted,
    LocalCluster,
    Unavailable,
    Watch,
)
from kvcluster.directory import Directory
from kvcluster.errors import ConnectionLost
from kvcluster.retry import ErrorReply, Policy
from kvcluster.watch import Pursuit


@pytest.fixture
def kv(calm_cluster: LocalCluster) -> Iterator[Client]:
    """A client of an empty store."""
    with calm_cluster.client() as client:
        client.execute("FLUSHALL")
        yield client


def take(watch: Watch, count: int) -> list[Change]:
    return list(itertools.islice(watch, count))


def told(changes: list[Change]) -> list[tuple[str, bytes, bytes | None]]:
    return [(change.kind, change.key, change.value) for change in changes]


def test_a_poll_ends_with_a_change_or_with_its_time(kv: Client) -> None:
    with kv.watch("a:") as watch:
        began = time.monotonic()
        assert watch.poll(0.1) is None
        assert time.monotonic() - began >= 0.1
        kv.put("a:1", "x")
        change = watch.poll(20.0)
        assert change is not None
        assert change.key == b"a:1"
        assert watch.poll(0) is None


def test_a_poll_longer_than_patience_goes_on_waiting(calm_cluster: LocalCluster) -> None:
    with (
        Client(calm_cluster.nodes, attempt_timeout=0.1, timeout=20.0) as client,
        client.watch("silent:") as watch,
    ):
        assert watch.poll(0.5) is None
        client.put("silent:1", "x")
        assert watch.poll(20.0) is not None


def test_every_kind_of_change_is_seen_in_order(kv: Client) -> None:
    with kv.watch("a:") as watch:
        kv.put("a:1", "x")
        kv.put("b:1", "unseen")
        kv.incr("a:n", 5)
        kv.delete("a:1")
        kv.xadd("a:room", {"n": 1})
        kv.put("a:soon", "y", ttl=0.01)
        seen = take(watch, 6)
    assert told(seen) == [
        ("put", b"a:1", b"x"),
        ("put", b"a:n", b"5"),
        ("delete", b"a:1", None),
        ("stream", b"a:room", b"1-0"),
        ("put", b"a:soon", b"y"),
        ("expire", b"a:soon", None),
    ]
    revisions = [change.revision for change in seen]
    assert revisions == sorted(set(revisions))


def test_changes_of_one_entry_share_a_revision(kv: Client) -> None:
    with kv.watch() as watch:
        kv.transaction(Batch().put("t:1", "1").put("t:2", "2").delete("t:1"))
        seen = take(watch, 3)
    assert told(seen) == [("put", b"t:1", b"1"), ("put", b"t:2", b"2"), ("delete", b"t:1", None)]
    assert len({change.revision for change in seen}) == 1


def test_a_revision_is_that_of_the_write(kv: Client) -> None:
    with kv.watch("k") as watch:
        revision = kv.cas("k", "1", revision=0)
        [change] = take(watch, 1)
    assert change.revision == revision
    assert watch.revision == revision


def test_a_watch_may_begin_in_the_past(kv: Client) -> None:
    first = kv.cas("k", "1", revision=0)
    assert first is not None
    second = kv.cas("k", "2", revision=first)
    with kv.watch("k", from_revision=first) as watch:
        assert [change.revision for change in take(watch, 2)] == [first, second]
    with kv.watch("k", from_revision=second) as watch:
        assert [change.value for change in take(watch, 1)] == [b"2"]


def test_progress_moves_the_revision_without_a_change(kv: Client) -> None:
    with kv.watch("nothing:") as watch:
        kv.put("other", "1")
        revision = kv.get_versioned("other")
        assert revision is not None
        done = threading.Event()

        def look() -> None:
            take(watch, 1)
            done.set()

        reader = threading.Thread(target=look)
        reader.start()
        deadline = time.monotonic() + 30
        while watch.revision < revision.revision and time.monotonic() < deadline:
            done.wait(0.01)
        assert watch.revision >= revision.revision
        kv.put("nothing:now", "1")
        reader.join(30)


def test_a_watch_that_cannot_be_is_refused(kv: Client) -> None:
    with pytest.raises(CommandError, match="use the client's watch"):
        kv.execute("kv.watch", "x")
    with pytest.raises(CommandError, match="ERR a prefix of 600 bytes"):
        kv.watch("x" * 600)
    with pytest.raises(ValueError, match="a revision is 1 or more"):
        kv.watch("x", from_revision=0)


def test_what_is_no_longer_kept_is_compacted(start_cluster: StartCluster) -> None:
    cluster = start_cluster(nodes=1, faults=False, options={"watch-buffer-bytes": 65536})
    with cluster.client() as client:
        first = client.cas("k", "1", revision=0)
        with client.watch("k") as slow:
            for _ in range(30):
                client.put("k", "v" * 10_000)
            with pytest.raises(Compacted) as caught:
                client.watch("k", from_revision=first)
            newest = client.get_versioned("k")
            assert newest is not None and first is not None
            assert first < caught.value.oldest <= newest.revision
            with client.watch("k", from_revision=caught.value.oldest) as watch:
                assert take(watch, 1)[0].revision == caught.value.oldest
            # It was told of all that it could take while it was kept.
            assert take(slow, 1)[0].revision == first + 1


def test_a_restart_reaches_back_as_far_as_the_log(cluster: LocalCluster) -> None:
    with cluster.client() as client:
        first = client.cas("k", "1", revision=0)
        assert first is not None
        for value in range(2, 30):
            client.put("k", value)
        cluster.kill_all()
        for node in range(1, 4):
            cluster.restart(node)
        cluster.wait_for_leader()
        with client.watch("k", from_revision=first) as watch:
            seen = take(watch, 29)
    assert [change.value for change in seen] == [b"%d" % value for value in range(1, 30)]


def test_a_watch_outlives_its_node_without_a_gap(cluster: LocalCluster) -> None:
    """Several writers, all nodes killed in turn: the watch sees the whole history, once."""
    writes = 150
    keys = ["w:a", "w:b", "w:c"]
    seen: list[Change] = []
    with cluster.client(timeout=60) as client, client.watch("w:") as watch:

        def write(key: str) -> None:
            for _ in range(writes):
                client.incr(key)

        def look() -> None:
            seen.extend(take(watch, writes * len(keys)))

        threads = [threading.Thread(target=write, args=(key,)) for key in keys]
        threads.append(threading.Thread(target=look))
        for thread in threads:
            thread.start()
        for node in range(1, 4):
            cluster.wait_for_leader()
            cluster.kill(node)
            cluster.restart(node)
        for thread in threads:
            thread.join(120)
        assert not any(thread.is_alive() for thread in threads)
    by_key: dict[bytes, list[int]] = defaultdict(list)
    for change in seen:
        assert change.value is not None
        by_key[change.key].append(int(change.value))
    assert by_key == {key.encode(): list(range(1, writes + 1)) for key in keys}
    revisions = [change.revision for change in seen]
    assert revisions == sorted(set(revisions))


def test_a_node_that_is_cut_off_is_left(cluster: LocalCluster) -> None:
    with cluster.client() as client:
        leader = cluster.wait_for_leader()
        lonely = next(node for node in (1, 2, 3) if node != leader)
        with (
            Client([cluster.nodes[lonely - 1]], timeout=60, attempt_timeout=0.3) as other,
            other.watch("k") as watch,
        ):
            cluster.partition([lonely], [node for node in (1, 2, 3) if node != lonely])
            client.put("k", "1")
            assert [change.value for change in take(watch, 1)] == [b"1"]
            cluster.heal()


def test_without_any_node_it_gives_up(cluster: LocalCluster) -> None:
    with cluster.client(timeout=1.0) as client, client.watch("k") as watch:
        cluster.kill_all()
        with pytest.raises(Unavailable, match="no node serves the watch"):
            take(watch, 1)


async def test_asyncio_watch_sees_what_follows(calm_cluster: LocalCluster) -> None:
    async with AsyncClient(calm_cluster.nodes) as client, client.watch("async:") as watch:
        await client.put("async:1", "x")
        await client.put("async:2", "y")
        seen = [await anext(watch), await anext(watch)]
        assert [(change.key, change.value) for change in seen] == [
            (b"async:1", b"x"),
            (b"async:2", b"y"),
        ]
        async with client.watch("async:", from_revision=seen[1].revision) as again:
            assert await anext(again) == seen[1]


async def test_asyncio_watch_outlives_its_node(cluster: LocalCluster) -> None:
    async with cluster.async_client() as client, client.watch("n") as watch:
        for _ in range(20):
            await client.incr("n")
        await asyncio.to_thread(cluster.kill, cluster.wait_for_leader())
        for _ in range(20):
            await client.incr("n")
        values = [int((await anext(watch)).value or 0) for _ in range(40)]
    assert values == list(range(1, 41))


class Steps:
    """A `Pursuit` at a clock that the test moves."""

    def __init__(self, from_revision: int | None = None) -> None:
        self.now = 0.0
        self.directory = Directory(["a:1"])
        self.pursuit = Pursuit(
            "p", from_revision, self.directory, Policy(5.0, 1.0), lambda: self.now
        )

    def establish(self, revision: int) -> None:
        self.pursuit.begin()
        self.pursuit.opening()
        self.pursuit.take([[0, 16383, [b"a", 1], [b"b", 2]]])
        self.pursuit.take(revision)


def test_a_pursuit_learns_of_the_other_nodes() -> None:
    steps = Steps()
    steps.establish(7)
    assert steps.directory.nodes == [("a", 1), ("b", 2)]
    assert steps.pursuit.revision == 6
    assert steps.pursuit.begin() == ("b", 2)
    assert steps.pursuit.opening()[1] == ("KV.WATCH", "p", "FROM", "7")


def test_a_pursuit_asks_a_silent_node_once() -> None:
    steps = Steps()
    steps.establish(7)
    assert steps.pursuit.silence() == [("EXISTS", "kvcluster:probe")]
    with pytest.raises(ConnectionLost, match="no answer within 1 s"):
        steps.pursuit.silence()


def test_a_pursuit_leaves_a_node_without_a_leader() -> None:
    steps = Steps()
    steps.establish(7)
    steps.pursuit.silence()
    assert steps.pursuit.take(ErrorReply("MOVED 5 b:2")) == []
    steps.pursuit.silence()
    with pytest.raises(ConnectionLost, match="CLUSTERDOWN"):
        steps.pursuit.take(ErrorReply("CLUSTERDOWN no leader"))


def test_a_pursuit_gives_up_after_its_time() -> None:
    steps = Steps()
    steps.establish(7)
    steps.now = 4.0
    assert 0 < steps.pursuit.lost("gone") <= 0.2
    steps.now = 5.0
    with pytest.raises(Unavailable, match=r"within 5\.0 s: gone"):
        steps.pursuit.lost("gone")
