"""The network is parted: at most one side serves, and nobody ever answers with the past."""

import pytest

from conftest import StartCluster
from kvcluster import Client, LocalCluster
from kvcluster.connection import Connection
from kvcluster.retry import ErrorReply, Outcome


def minority_of(cluster: LocalCluster) -> tuple[int, list[int]]:
    """The leader, and the others."""
    leader = cluster.wait_for_leader()
    return leader, [node for node in cluster.ids if node != leader]


def ask_one_node(cluster: LocalCluster, node: int, *words: str) -> Outcome:
    """Asks this node and no other: a client would go on to the majority by itself."""
    connection = Connection(("127.0.0.1", cluster.port(node)), timeout=5)
    try:
        return connection.exchange([words], timeout=3)
    finally:
        connection.close()


def assert_not_answered(outcome: Outcome) -> None:
    assert outcome.lost is not None or isinstance(outcome.replies[0], ErrorReply), outcome


def test_a_leader_without_a_majority_serves_nothing_stale(
    cluster: LocalCluster, client: Client
) -> None:
    client.put("k", "old")
    leader, others = minority_of(cluster)
    cluster.partition([leader], others)
    cluster.wait_for_leader(among=others)
    with Client([cluster.address(others[0])]) as majority:
        majority.put("k", "new")
    assert_not_answered(ask_one_node(cluster, leader, "GET", "k"))


def test_a_leader_without_a_majority_acknowledges_nothing(cluster: LocalCluster) -> None:
    leader, others = minority_of(cluster)
    cluster.partition([leader], others)
    assert_not_answered(ask_one_node(cluster, leader, "SET", "k", "lost"))
    cluster.wait_for_leader(among=others)


def test_a_leader_without_a_majority_steps_down(cluster: LocalCluster) -> None:
    leader, others = minority_of(cluster)
    cluster.partition([leader], others)
    cluster.wait_for(
        lambda: cluster.status(leader).role != "leader", what="stepping down", timeout=5
    )
    names = [event.name for event in cluster.timeline() if event.node == leader]
    assert "stepped_down" in names


def test_the_majority_goes_on_and_the_minority_catches_up_when_healed(
    cluster: LocalCluster,
) -> None:
    leader, others = minority_of(cluster)
    cluster.partition([leader], others)
    cluster.wait_for_leader(among=others)
    with Client([cluster.address(node) for node in others]) as majority:
        for number in range(100):
            majority.put(f"k{number}", str(number))
    cluster.heal()
    cluster.wait_for_convergence()
    assert cluster.assert_hashes_equal(full=True).keys == 100


def test_a_node_back_from_isolation_does_not_disturb_the_leader(cluster: LocalCluster) -> None:
    leader, others = minority_of(cluster)
    lonely, other = others
    cluster.partition([lonely], [leader, other])
    cluster.wait_for(
        lambda: cluster.status(lonely).role != "follower", what="campaigning", timeout=5
    )
    term = cluster.status(leader).term
    cluster.heal()
    cluster.wait_for_convergence()
    assert cluster.status(leader).role == "leader"
    assert cluster.status(lonely).term == term


def test_one_broken_link_does_not_make_the_terms_climb(cluster: LocalCluster) -> None:
    leader, others = minority_of(cluster)
    cluster.cut(others[0], others[1])
    cluster.cut(others[1], others[0])
    term = cluster.status(leader).term
    with cluster.client() as client:
        for number in range(50):
            client.put(f"k{number}", str(number))
    assert cluster.status(leader).term == term


def test_with_every_node_alone_nobody_leads_and_all_recover(cluster: LocalCluster) -> None:
    cluster.partition([1], [2], [3])
    cluster.wait_for(
        lambda: all(status.role != "leader" for status in cluster.statuses().values()),
        what="everyone stepping down",
        timeout=5,
    )
    cluster.heal()
    cluster.wait_for_leader()
    with cluster.client() as client:
        client.put("k", "v")


def test_five_nodes_survive_two(start_cluster: StartCluster) -> None:
    cluster = start_cluster(nodes=5)
    leader = cluster.wait_for_leader()
    also = next(node for node in cluster.ids if node != leader)
    with cluster.client() as client:
        client.put("k", "before")
        cluster.kill(leader)
        cluster.kill(also)
        client.put("k", "after")
        assert client.get("k") == b"after"


def test_parting_a_cluster_without_switches_is_refused(start_cluster: StartCluster) -> None:
    cluster = start_cluster(faults=False)
    with pytest.raises(ValueError, match="faults=True"):
        cluster.partition([1], [2, 3])
