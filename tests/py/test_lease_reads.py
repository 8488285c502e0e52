"""Reads under a lease on real processes: served without the others for a while, and never stale."""

import pytest

from conftest import StartCluster
from kvcluster import Client, KvError, LocalCluster

# Long enough for a slow machine to answer within a lease, which is nine tenths of the shortest.
ELECTION_MS = (2000, 2400)


@pytest.fixture
def leased(start_cluster: StartCluster) -> LocalCluster:
    return start_cluster(options={"lease-reads": True}, election_timeout_ms=ELECTION_MS)


def followers(cluster: LocalCluster) -> list[int]:
    leader = cluster.wait_for_leader()
    return [node for node in cluster.ids if node != leader]


def only(cluster: LocalCluster, node: int, timeout: float) -> Client:
    """A client that asks this node, and no other, once."""
    return Client([cluster.address(node)], timeout=timeout, attempt_timeout=timeout)


def lease_left_ms(client: Client) -> int:
    lines = client.execute("INFO", "kvcluster", is_write=False).decode().split("\r\n")
    return int(next(line for line in lines if line.startswith("lease_left_ms:")).split(":")[1])


def test_a_leader_reads_for_a_while_without_its_followers(leased: LocalCluster) -> None:
    leader = leased.wait_for_leader()
    with only(leased, leader, 1.0) as client:
        client.put("k", "v")
        leased.wait_for(lambda: lease_left_ms(client) > 1500, what="a fresh lease", timeout=10)
        for node in followers(leased):
            leased.pause(node)
        assert client.get("k") == b"v", "no round can end now"
        leased.wait_for(lambda: lease_left_ms(client) == 0, what="its end", timeout=10)
        with pytest.raises(KvError):
            client.get("k")
    for node in leased.ids:
        if node != leader:
            leased.resume(node)
    leased.wait_for_leader()
    leased.assert_hashes_equal()


def test_without_the_option_a_leader_asks_its_followers(start_cluster: StartCluster) -> None:
    cluster = start_cluster(election_timeout_ms=ELECTION_MS)
    leader = cluster.wait_for_leader()
    with only(cluster, leader, 0.5) as client:
        client.put("k", "v")
        assert lease_left_ms(client) == 0
        for node in followers(cluster):
            cluster.pause(node)
        with pytest.raises(KvError):
            client.get("k")


def test_a_parted_leader_with_a_lease_serves_nothing_stale(start_cluster: StartCluster) -> None:
    cluster = start_cluster(options={"lease-reads": True})
    leader = cluster.wait_for_leader()
    others = followers(cluster)
    with only(cluster, leader, 0.3) as parted, cluster.client() as client:
        client.put("k", "old")
        cluster.partition([leader], others)
        cluster.wait_for_leader(among=others)
        with Client([cluster.address(node) for node in others]) as majority:
            majority.put("k", "new")
        with pytest.raises(KvError):
            parted.get("k")
        cluster.heal()
        cluster.assert_hashes_equal()
        assert client.get("k") == b"new"
