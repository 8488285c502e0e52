"""Streams through the clients: contiguous numbers, waiting, exactly once, over a failover."""

import asyncio
import math
import threading
import time
from collections.abc import Iterator

import pytest
import redis

from kvcluster import AsyncClient, Batch, Client, CommandError, LocalCluster, StreamEntry


@pytest.fixture
def kv(calm_cluster: LocalCluster) -> Iterator[Client]:
    """A client of an empty store."""
    with calm_cluster.client() as client:
        client.execute("FLUSHALL")
        yield client


def follow(client: Client, stream: str, count: int, seen: list[StreamEntry]) -> None:
    """Reads on until `count` messages were seen."""
    while len(seen) < count:
        after = seen[-1].sequence if seen else 0
        seen += client.xread({stream: after}, block=20.0).get(stream.encode(), [])


def test_numbers_count_the_messages(kv: Client) -> None:
    assert [kv.xadd("room", {"text": f"m{i}"}) for i in range(3)] == [1, 2, 3]
    assert kv.xlen("room") == 3
    assert kv.xrange("room", 2) == [
        StreamEntry(2, {b"text": b"m1"}),
        StreamEntry(3, {b"text": b"m2"}),
    ]
    assert [entry.id for entry in kv.xrange("room", count=2, reverse=True)] == ["3-0", "2-0"]
    assert kv.xrange("room", 5) == []


def test_a_number_may_be_demanded(kv: Client) -> None:
    assert kv.xadd("room", {"a": "b"}, sequence=1) == 1
    with pytest.raises(CommandError, match="next id of this stream is 2-0"):
        kv.xadd("room", {"a": "b"}, sequence=5)


def test_maxlen_forgets_the_oldest(kv: Client) -> None:
    for i in range(5):
        kv.xadd("room", {"n": i}, maxlen=2)
    assert [entry.sequence for entry in kv.xrange("room")] == [4, 5]
    assert kv.xinfo("room").last_sequence == 5
    assert kv.xinfo("room").length == 2


def test_a_read_that_does_not_wait(kv: Client) -> None:
    assert kv.xread({"room": 0}) == {}
    kv.xadd("room", {"n": 1})
    kv.xadd("room", {"n": 2})
    assert kv.xread({"room": 1, "other": 0}) == {b"room": [StreamEntry(2, {b"n": b"2"})]}
    assert kv.xread({"room": "$"}) == {}


def test_a_wait_ends_with_its_time(kv: Client) -> None:
    began = time.monotonic()
    assert kv.xread({"room": "$"}, block=0.2) == {}
    assert time.monotonic() - began >= 0.2


def test_a_wait_ends_with_a_message(kv: Client, calm_cluster: LocalCluster) -> None:
    with calm_cluster.client() as other:
        seen: list[StreamEntry] = []
        reader = threading.Thread(target=follow, args=(other, "room", 3, seen))
        reader.start()
        for i in range(3):
            kv.xadd("room", {"n": i})
        reader.join(30)
    assert [entry.sequence for entry in seen] == [1, 2, 3]


def test_a_wait_longer_than_an_attempt_misses_nothing(
    kv: Client, calm_cluster: LocalCluster
) -> None:
    with Client(calm_cluster.nodes, attempt_timeout=0.2) as other:
        found: dict[bytes, list[StreamEntry]] = {}

        def wait() -> None:
            found.update(other.xread({"room": "$", "gate": 0}, block=math.inf))

        reader = threading.Thread(target=wait)
        reader.start()
        began = time.monotonic()
        # Longer than several attempts; then the message that ends it.
        assert kv.xread({"silent": 0}, block=0.7) == {}
        assert time.monotonic() - began >= 0.7
        kv.xadd("gate", {"n": 1})
        reader.join(30)
    assert found == {b"gate": [StreamEntry(1, {b"n": b"1"})]}


def test_a_batch_takes_messages(kv: Client) -> None:
    batch = Batch().xadd("room", {"n": 1}).xadd("room", {"n": 2}, maxlen=1).put("k", "v")
    assert kv.transaction(batch) == [1, 2, True]
    assert kv.pipeline(Batch().xadd("room", {"n": 3})) == [3]
    assert kv.xlen("room") == 2


def test_a_stream_is_no_string(kv: Client) -> None:
    kv.xadd("room", {"n": 1})
    with pytest.raises(CommandError, match="WRONGTYPE"):
        kv.get("room")
    kv.put("k", "v")
    with pytest.raises(CommandError, match="WRONGTYPE"):
        kv.xadd("k", {"n": 1})
    assert kv.execute("TYPE", "room", is_write=False) == b"stream"


@pytest.mark.parametrize("protocol", [2, 3])
def test_redis_py_reads_every_shape(calm_cluster: LocalCluster, protocol: int) -> None:
    host, port = calm_cluster.nodes[1].rsplit(":", 1)
    with redis.Redis(host=host, port=int(port), protocol=protocol, decode_responses=True) as r:
        r.flushall()
        assert r.xadd("room", {"a": "1"}) == "1-0"
        assert r.xadd("room", {"a": "2"}, maxlen=10) == "2-0"
        assert r.xlen("room") == 2
        assert r.xrange("room") == [("1-0", {"a": "1"}), ("2-0", {"a": "2"})]
        assert r.xrevrange("room", count=1) == [("2-0", {"a": "2"})]
        read = r.xread({"room": "1-0"}, block=10)
        pairs = list(read.items()) if isinstance(read, dict) else read
        assert pairs[0][0] == "room"
        assert "2-0" in str(pairs[0][1])
        assert r.xread({"room": "$"}, block=10) in ([], {}, None)
        assert r.xinfo_stream("room")["length"] == 2
        assert r.xtrim("room", maxlen=1, approximate=False) == 1
        assert list(r.scan_iter(_type="stream")) == ["room"]


def test_a_reader_on_a_follower_goes_on_when_the_leader_is_killed(cluster: LocalCluster) -> None:
    leader = cluster.wait_for_leader()
    others = [node for number, node in enumerate(cluster.nodes, 1) if number != leader]
    seen: list[StreamEntry] = []
    with cluster.client() as writer, Client(others[:1]) as reader:
        thread = threading.Thread(target=follow, args=(reader, "room", 40, seen))
        thread.start()
        for i in range(20):
            writer.xadd("room", {"n": i})
        cluster.kill(leader)
        for i in range(20, 40):
            writer.xadd("room", {"n": i})
        thread.join(60)
    assert [entry.sequence for entry in seen] == list(range(1, 41))
    assert [int(entry.fields[b"n"]) for entry in seen] == list(range(40)), "each once, in order"


async def test_asyncio_client_reads_and_waits(calm_cluster: LocalCluster) -> None:
    async with AsyncClient(calm_cluster.nodes) as client:
        await client.delete("room")
        assert await client.xadd("room", {"n": 1}) == 1
        waiting = asyncio.create_task(client.xread({"room": "$"}, block=20.0))
        number = 1
        while not waiting.done():  # whenever the wait begins, a message comes after that
            number += 1
            assert await client.xadd("room", {"n": number}) == number
        assert 2 <= (await waiting)[b"room"][0].sequence <= number
        assert await client.xlen("room") == number
        assert [entry.sequence for entry in await client.xrange("room", 1, 2)] == [1, 2]
        assert (await client.xinfo("room")).last_sequence == number
