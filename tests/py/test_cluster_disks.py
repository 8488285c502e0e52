"""Disks of real nodes fail: the cluster goes on, and the node says so or ends, never lies."""

import pytest

from conftest import StartCluster
from kvcluster import Client, LocalCluster, StorageError, Timeout
from kvcluster.disk_faults import Operation, When

# The write that found the disk full waits in the log, and has an unknown outcome; later ones are
# refused.
FULL = (StorageError, Timeout)


def follower_of(cluster: LocalCluster) -> int:
    leader = cluster.wait_for_leader()
    return next(node for node in cluster.ids if node != leader)


@pytest.mark.parametrize("operation", [Operation.SYNC, Operation.WRITE])
def test_a_leader_whose_disk_breaks_ends_and_loses_nothing(
    cluster: LocalCluster, client: Client, operation: Operation
) -> None:
    client.put("k", "before")
    leader = cluster.wait_for_leader()
    cluster.break_disk(leader, operations=operation)
    client.put("k", "after")
    assert cluster.wait_until_ended(leader) > 0, "it must end by itself, with an error"
    assert "Input/output error" in cluster.log(leader).read_text()
    cluster.wait_for_leader()
    cluster.restart(leader)
    cluster.wait_for_convergence()
    cluster.assert_hashes_equal(full=True)
    assert client.get("k") == b"after"


def test_a_follower_whose_disk_breaks_ends_and_comes_back(
    cluster: LocalCluster, client: Client
) -> None:
    follower = follower_of(cluster)
    cluster.break_disk(follower)
    client.put("k", "v")
    assert cluster.wait_until_ended(follower) > 0
    cluster.restart(follower)
    cluster.wait_for_convergence()
    cluster.assert_hashes_equal(full=True)


def test_a_leader_whose_syncs_hang_is_replaced(cluster: LocalCluster, client: Client) -> None:
    client.put("k", "before")
    leader = cluster.wait_for_leader()
    cluster.hang_disk(leader)
    others = [node for node in cluster.ids if node != leader]
    with Client([cluster.address(node) for node in others], timeout=20) as patient:
        patient.put("k", "after")
    cluster.heal_disk(leader)
    cluster.wait_for_convergence()
    assert client.get("k") == b"after"
    cluster.assert_hashes_equal(full=True)


def test_a_slow_follower_does_not_slow_the_others(cluster: LocalCluster, client: Client) -> None:
    cluster.slow_disk(follower_of(cluster), 500)
    for number in range(100):
        client.put(f"k{number}", "v")
    cluster.heal()
    cluster.assert_hashes_equal(full=True)


def test_a_full_leader_refuses_writes_serves_reads_and_recovers(
    start_cluster: StartCluster,
) -> None:
    cluster = start_cluster(nodes=1)
    with cluster.client() as client:
        client.put("k", "v")
        cluster.fill_disk(1)
        # The node asks for its free space now and then: until it knows, it may still take some.
        with pytest.raises(FULL):
            while True:
                client.put("fill", b"x" * 100_000)
        assert client.get("k") == b"v"
        cluster.free_disk(1)
        cluster.wait_for(lambda: accepts(client), what="taking writes again", timeout=15)
        cluster.restart(1)
        cluster.wait_for_leader()
        assert client.get("k") == b"v"


def accepts(client: Client) -> bool:
    try:
        return client.put("accepted", "v")
    except FULL:
        return False


def test_a_cluster_with_one_full_disk_takes_writes(cluster: LocalCluster, client: Client) -> None:
    full = follower_of(cluster)
    cluster.fill_disk(full)
    for number in range(50):
        client.put(f"k{number}", b"x" * 10_000)
    cluster.free_disk(full)
    if full not in cluster.running:
        cluster.restart(full)
    cluster.wait_for_convergence(timeout=30)
    cluster.assert_hashes_equal(full=True)


def test_nobody_notices_short_writes(cluster: LocalCluster, client: Client) -> None:
    for node in cluster.ids:
        cluster.shorten_writes(node, every=2)
    for number in range(50):
        client.put(f"k{number}", b"x" * 1000)
    cluster.assert_hashes_equal(full=True)
    assert all(cluster.disk_counters(node).injected > 0 for node in cluster.ids)


@pytest.mark.parametrize("when", list(When))
def test_a_leader_that_dies_at_a_write_loses_nothing(
    cluster: LocalCluster, client: Client, when: When
) -> None:
    leader = cluster.wait_for_leader()
    cluster.crash_at(leader, 5, operations=Operation.WRITE, when=when)
    for number in range(20):
        client.put(f"k{number}", "v")
    assert cluster.wait_until_ended(leader) == -9
    cluster.restart(leader)
    cluster.wait_for_convergence()
    assert cluster.assert_hashes_equal(full=True).keys == 20


def test_healing_ends_all_faults_of_all_disks(cluster: LocalCluster, client: Client) -> None:
    for node in cluster.ids:
        cluster.hang_disk(node)
        cluster.fill_disk(node)
    cluster.heal()
    cluster.wait_for_leader()
    client.put("k", "v")
    cluster.assert_hashes_equal()


def test_a_cluster_without_faults_refuses_to_break_a_disk(start_cluster: StartCluster) -> None:
    cluster = start_cluster(nodes=1, faults=False)
    with pytest.raises(ValueError, match="faults=True"):
        cluster.break_disk(1)
    with pytest.raises(ValueError, match="faults=True"):
        cluster.heal()


@pytest.mark.parametrize("left_bytes", [3, 20_000, 60_000, 150_000])
def test_a_disk_that_fills_during_a_checkpoint_ends_nobody(
    start_cluster: StartCluster, left_bytes: int
) -> None:
    cluster = start_cluster(
        nodes=1, options={"memtable-bytes": 64 * 1024, "wal-checkpoint-bytes": 64 * 1024}
    )
    stored = 0
    with cluster.client() as client:
        client.put("first", "v")
        cluster.fill_disk(1, left_bytes=left_bytes)
        with pytest.raises(FULL):
            while True:
                client.put(f"k{stored}", b"x" * 5000)
                stored += 1
        assert client.get("first") == b"v"
        cluster.restart(1)
        cluster.wait_for_leader()
        assert client.get("first") == b"v"
        cluster.free_disk(1)
        cluster.wait_for(lambda: accepts(client), what="taking writes again", timeout=15)
        # The write of unknown outcome may be there.
        assert len(cluster.local_range(1, "k0", "k9999")) in (stored, stored + 1)
