"""Links that delay, lose and corrupt: first their decisions, then real nodes behind them."""

import socket

import pytest

from conftest import StartCluster
from kvcluster import Client, LocalCluster
from kvcluster.link_faults import PERFECT, Line, LinkQuality
from kvcluster.link_proxy import LinkProxy


def test_a_perfect_line_changes_nothing() -> None:
    line = Line(seed=1)
    assert line.carry(PERFECT, b"data") == b"data"
    assert not line.loses(PERFECT)
    assert line.due(PERFECT, 5.0, 100) == 5.0


def test_jitter_never_changes_the_order() -> None:
    line = Line(seed=1)
    quality = LinkQuality(delay_ms=10, jitter_ms=100)
    arrivals = [line.due(quality, number / 1000, 10) for number in range(100)]
    assert arrivals == sorted(arrivals)
    assert all(0.01 <= arrival - number / 1000 <= 0.2 for number, arrival in enumerate(arrivals))


def test_a_narrow_line_spreads_what_passes() -> None:
    line = Line(seed=1)
    quality = LinkQuality(bytes_per_second=1000, delay_ms=500)
    assert [line.due(quality, 0.0, 100) for _ in range(3)] == pytest.approx([0.6, 0.7, 0.8])


def test_a_corrupted_piece_differs_in_one_bit() -> None:
    data = bytes(range(100))
    changed = Line(seed=1).carry(LinkQuality(corrupt_ratio=1), data)
    bits = sum((one ^ other).bit_count() for one, other in zip(data, changed, strict=True))
    assert (len(changed), bits) == (100, 1)


def test_chance_comes_from_the_seed() -> None:
    quality = LinkQuality(drop_ratio=0.5)
    runs = [[line.loses(quality) for _ in range(50)] for line in (Line(7), Line(7), Line(8))]
    assert runs[0] == runs[1] != runs[2]


@pytest.mark.parametrize(
    "wrong", [{"drop_ratio": 1.5}, {"corrupt_ratio": -1}, {"delay_ms": -1}, {"bytes_per_second": 0}]
)
def test_a_quality_that_means_nothing_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError):
        LinkQuality(**wrong)


def ends(connection: socket.socket) -> bool:
    """Whether the other side lets go of it."""
    connection.settimeout(10.0)
    try:
        while connection.recv(65536):
            pass
    except ConnectionError:
        return True
    except TimeoutError:
        return False
    return True


def test_closing_lets_go_of_connections_whose_target_does_not_read() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        proxy = LinkProxy({1: silent.getsockname()[1], 2: silent.getsockname()[1]})
        with socket.create_connection(("127.0.0.1", proxy.port(1, 2))) as sender:
            sender.settimeout(0.2)
            with pytest.raises(TimeoutError):
                while True:
                    sender.sendall(bytes(1 << 20))
            taken, _ = silent.accept()
            with taken:
                proxy.close()
                assert ends(sender)
                assert ends(taken)


def test_closing_lets_go_of_a_connection_that_was_just_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        proxy = LinkProxy({1: silent.getsockname()[1], 2: silent.getsockname()[1]})
        with socket.create_connection(("127.0.0.1", proxy.port(2, 1))) as sender:
            proxy.close()
            assert ends(sender)


def write_some(client: Client, name: str, count: int = 50) -> None:
    for number in range(count):
        client.put(f"{name}{number}", b"x" * 500)


def test_writes_go_on_over_links_with_delay_and_jitter(
    cluster: LocalCluster, client: Client
) -> None:
    cluster.delay(5, 20)
    write_some(client, "k", 20)
    cluster.heal()
    assert cluster.assert_hashes_equal(full=True).keys == 20


def test_links_that_flip_bits_lose_and_change_nothing(
    cluster: LocalCluster, client: Client
) -> None:
    cluster.corrupt(0.05)
    write_some(client, "k")
    cluster.heal()
    cluster.wait_for_leader()
    assert cluster.assert_hashes_equal(full=True).keys == 50
    assert [client.get(f"k{number}") for number in range(50)] == [b"x" * 500] * 50


def test_links_that_break_again_and_again_lose_nothing(
    cluster: LocalCluster, client: Client
) -> None:
    cluster.drop(0.02)
    write_some(client, "k")
    cluster.heal()
    cluster.wait_for_leader()
    assert cluster.assert_hashes_equal(full=True).keys == 50


def test_a_link_tells_when_something_arrived(cluster: LocalCluster, client: Client) -> None:
    leader = cluster.wait_for_leader()
    follower = next(node for node in cluster.ids if node != leader)
    before = len(cluster.arrivals(leader, follower))
    client.put("k", "v")
    cluster.wait_for(
        lambda: len(cluster.arrivals(leader, follower)) > before,
        what="waiting for an arrival",
        timeout=20.0,
    )
    arrivals = cluster.arrivals(leader, follower)
    assert arrivals == sorted(arrivals)


def test_a_narrow_link_carries_a_large_value(cluster: LocalCluster, client: Client) -> None:
    cluster.bandwidth(1_000_000)
    client.put("k", b"x" * 200_000)
    cluster.heal()
    cluster.assert_hashes_equal(full=True)


def test_a_ring_of_five_agrees_again_when_healed(start_cluster: StartCluster) -> None:
    cluster = start_cluster(nodes=5)
    cluster.ring()
    cluster.wait_for(
        lambda: {status.role for status in cluster.statuses().values()} != {"leader", "follower"},
        what="the ring to be felt",
        timeout=10,
    )
    cluster.heal()
    cluster.wait_for_leader()
    with cluster.client() as client:
        client.put("k", "v")
    cluster.assert_hashes_equal(full=True)
