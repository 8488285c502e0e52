"""The clients of the package against real nodes."""

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from conftest import StartCluster
from kvcluster import (
    AsyncClient,
    Batch,
    Client,
    CommandError,
    KeyValue,
    LocalCluster,
    Timeout,
    Unavailable,
)
from kvcluster.directory import parse_address
from kvcluster.ports import ReservedPort


@pytest.fixture
def kv(calm_cluster: LocalCluster) -> Iterator[Client]:
    """A client of an empty store."""
    with calm_cluster.client() as client:
        client.execute("FLUSHALL")
        yield client


def test_a_value_comes_back_byte_for_byte(kv: Client) -> None:
    value = bytes(range(256)) + b"\r\n$-1\r\n"
    kv.put(b"\x00\xff", value)
    assert kv.get(b"\x00\xff") == value


def test_a_missing_key_is_none(kv: Client) -> None:
    assert kv.get("missing") is None


def test_put_may_ask_for_a_missing_or_a_present_key(kv: Client) -> None:
    assert kv.put("k", "1", if_present=True) is False
    assert kv.put("k", "1", if_missing=True) is True
    assert kv.put("k", "2", if_missing=True) is False
    assert kv.put("k", "2", if_present=True) is True
    assert kv.get("k") == b"2"


def test_delete_counts_what_was_there(kv: Client) -> None:
    kv.mset({"a": "1", "b": "2"})
    assert kv.delete("a", "b", "c") == 2


def test_incr_starts_at_zero(kv: Client) -> None:
    assert [kv.incr("n"), kv.incr("n", 41), kv.incr("n", -2)] == [1, 42, 40]


def test_incr_of_a_word_is_an_error_of_the_command(kv: Client) -> None:
    kv.put("k", "word")
    with pytest.raises(CommandError, match="not an integer"):
        kv.incr("k")


def test_cas_needs_the_revision_that_was_read(kv: Client) -> None:
    first = kv.cas("k", "1", revision=0)
    assert first is not None
    found = kv.get_versioned("k")
    assert found is not None
    assert (found.value, found.revision) == (b"1", first)
    second = kv.cas("k", "2", revision=first)
    assert second is not None and second > first
    assert kv.cas("k", "3", revision=first) is None
    assert kv.get("k") == b"2"


def test_range_is_sorted_and_ends_before_its_end(kv: Client) -> None:
    kv.mset({key: key.upper() for key in "dbca"})
    assert [item.key for item in kv.range("a", "d")] == [b"a", b"b", b"c"]
    assert [item.key for item in kv.range("b")] == [b"b", b"c", b"d"]
    first = kv.range(limit=1)
    assert first == [KeyValue(b"a", b"A", first[0].revision)]


def test_a_key_expires(kv: Client, calm_cluster: LocalCluster) -> None:
    kv.put("k", "v", ttl=0.05)
    assert kv.ttl("k") is not None
    calm_cluster.wait_for(lambda: kv.get("k") is None, what="expiry", timeout=5)


def test_a_time_to_live_can_be_set_later(kv: Client) -> None:
    kv.put("k", "v")
    assert kv.ttl("k") is None
    assert kv.expire("k", 100) is True
    left = kv.ttl("k")
    assert left is not None and 90 < left <= 100
    assert kv.expire("missing", 100) is False


def test_several_values_are_of_one_moment(kv: Client) -> None:
    kv.mset({"a": 1, "b": 2})
    assert kv.mget("a", "missing", "b") == [b"1", None, b"2"]
    assert kv.exists("a", "missing", "b") == 2


def test_a_transaction_is_one_entry(kv: Client) -> None:
    assert kv.transaction(Batch().put("a", 1).incr("a", 41).get("a")) == [True, 42, b"42"]
    revisions = {item.revision for item in kv.range()}
    kv.transaction(Batch().put("x", 1).put("y", 2))
    assert len({item.revision for item in kv.range("x")}) == 1
    assert revisions


def test_a_command_that_fails_inside_a_transaction_leaves_the_others(kv: Client) -> None:
    kv.put("word", "w")
    failed, stored = kv.transaction(Batch().incr("word").put("k", "v"))
    assert isinstance(failed, CommandError)
    assert stored is True
    assert kv.get("k") == b"v"


def test_a_pipeline_of_a_thousand_writes_keeps_their_order(kv: Client) -> None:
    batch = Batch()
    for _ in range(1000):
        batch.incr("n")
    assert kv.pipeline(batch) == list(range(1, 1001))


def test_a_pipeline_raises_the_first_error_or_yields_it(kv: Client) -> None:
    kv.put("word", "w")
    batch = Batch().incr("word").incr("n")
    with pytest.raises(CommandError):
        kv.pipeline(batch)
    failed, counted = kv.pipeline(batch, raise_errors=False)
    assert isinstance(failed, CommandError)
    assert counted == 2


def test_threads_share_a_client(kv: Client) -> None:
    def count() -> None:
        for _ in range(50):
            kv.incr("n")

    threads = [threading.Thread(target=count) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert kv.get("n") == b"400"


def test_one_node_is_enough_to_know_all(calm_cluster: LocalCluster) -> None:
    follower = next(n for n in calm_cluster.ids if n != calm_cluster.wait_for_leader())
    with Client([calm_cluster.address(follower)]) as client:
        client.put("one", "1")
        assert client.status().id == calm_cluster.wait_for_leader()


def test_hash_and_status_describe_one_node(kv: Client) -> None:
    kv.put("k", "v")
    found = kv.hash()
    assert found.keys == 1
    assert len(found.state) == len(found.history) == 64
    assert kv.status().applied_index >= found.index


def test_a_value_over_the_limit_is_refused_and_nothing_else(kv: Client) -> None:
    with pytest.raises(CommandError):
        kv.put("k", b"v" * (2 << 20))
    assert kv.get("k") is None


def test_a_key_over_the_limit_is_refused(kv: Client) -> None:
    with pytest.raises(CommandError, match="511"):
        kv.put("k" * 512, "v")


def test_nobody_there_is_unavailable() -> None:
    unused = ReservedPort()
    with (
        Client([f"127.0.0.1:{unused.number}"], timeout=0.3) as client,
        pytest.raises(Unavailable, match="refused"),
    ):
        client.put("k", "v")
    unused.release()


def test_a_silent_node_makes_a_plain_write_unknown(start_cluster: StartCluster) -> None:
    cluster = start_cluster(nodes=1)
    with cluster.client(timeout=0.5, exactly_once=False) as client:
        client.put("k", "v")
        cluster.pause(1)
        with pytest.raises(Timeout, match="unknown"):
            client.put("k", "w")
        cluster.resume(1)


def test_a_password_is_needed_and_sent(start_cluster: StartCluster, tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.touch(mode=0o600)
    secret.write_text("swordfish\n")
    cluster = start_cluster(nodes=1, options={"requirepass-file": str(secret)})
    with cluster.client(password="swordfish") as client:
        assert client.put("k", "v")
    with cluster.client() as client:  # the cluster knows its password
        assert client.get("k") == b"v"
    with cluster.client(password=None) as client, pytest.raises(CommandError, match="NOAUTH"):
        client.get("k")
    with (
        cluster.client(password="wrong") as client,
        pytest.raises(CommandError, match="WRONGPASS"),
    ):
        client.get("k")


async def test_asyncio_client_does_the_same(calm_cluster: LocalCluster) -> None:
    async with AsyncClient(calm_cluster.nodes) as client:
        await client.execute("FLUSHALL")
        assert await client.put("k", "v")
        assert await client.get("k") == b"v"
        assert await client.incr("n", 2) == 2
        assert await client.transaction(Batch().incr("n").get("n")) == [3, b"3"]
        assert await client.pipeline(Batch().get("k").get("missing")) == [b"v", None]
        assert [item.key for item in await client.range()] == [b"k", b"n"]
        assert await client.delete("k", "n") == 2


async def test_asyncio_tasks_share_a_client(calm_cluster: LocalCluster) -> None:
    async with AsyncClient(calm_cluster.nodes) as client:
        await client.delete("tasks")
        await asyncio.gather(*(client.incr("tasks") for _ in range(200)))
        assert await client.get("tasks") == b"200"


async def test_a_cancelled_call_leaves_the_client_usable(calm_cluster: LocalCluster) -> None:
    async with AsyncClient(calm_cluster.nodes) as client:
        await client.put("k", "v")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0):
                await client.get("k")
        assert await client.get("k") == b"v"


async def test_asyncio_client_applies_every_increment_once_over_a_failover(
    cluster: LocalCluster,
) -> None:
    async with cluster.async_client() as client:
        first = asyncio.gather(*(client.incr("n") for _ in range(50)))
        await first
        second = asyncio.gather(*(client.incr("n") for _ in range(50)))
        await asyncio.to_thread(cluster.kill, cluster.wait_for_leader())
        await second
        assert await client.get("n") == b"100"


def test_a_client_with_a_home_keeps_to_it_and_leaves_it_when_it_dies(cluster: LocalCluster) -> None:
    leader = cluster.wait_for_leader()
    follower = next(node for node in cluster.ids if node != leader)
    home = cluster.address(follower)
    with Client([home], home=home, timeout=20.0) as client:
        client.learn(cluster.nodes)
        client.put("k", "passed on")
        assert client.get("k") == b"passed on"
        assert client.node == parse_address(home)
        assert client.status().id == follower
        cluster.kill(follower)
        client.put("k", "at another node")
        assert client.node != parse_address(home)
        assert client.get("k") == b"at another node"
