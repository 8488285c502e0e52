"""Leaders die, sleep and come back; what was acknowledged stays, and is there once."""

import secrets
import statistics
import subprocess
import time

import pytest

from conftest import StartCluster
from kvcluster import Client, LocalCluster
from kvcluster.binaries import find_binary
from kvcluster.demo.measure import failover_of
from kvcluster.timeline import leaders_by_term


def test_a_killed_leader_is_replaced_and_every_write_is_still_there(
    cluster: LocalCluster, client: Client
) -> None:
    for number in range(50):
        client.put(f"before:{number}", str(number))
    killed = cluster.wait_for_leader()
    cluster.kill(killed)
    for number in range(50):
        client.put(f"after:{number}", str(number))
    assert cluster.wait_for_leader() != killed
    cluster.restart(killed)
    cluster.wait_for_convergence()
    for node in cluster.ids:
        found = cluster.local_range(node)
        assert len(found) == 100, f"node {node}"
    assert cluster.assert_hashes_equal(full=True).keys == 100


def test_an_election_can_be_read_in_the_logs(cluster: LocalCluster) -> None:
    killed = cluster.wait_for_leader()
    cluster.kill(killed)
    leader = cluster.wait_for_leader()
    failover = failover_of(cluster.timeline(), killed)
    assert failover is not None
    assert failover.leader == leader
    told = [event.name for event in cluster.timeline() if event.node == leader]
    for step in ("pre_candidate", "candidate", "vote_received", "became_leader"):
        assert step in told


def test_a_killed_leader_is_replaced_within_300_ms_in_the_median(
    pytestconfig: pytest.Config,
) -> None:
    elected_ms: list[float] = []
    writable_ms: list[float] = []
    with LocalCluster(faults=False) as cluster, cluster.client() as client:
        client.put("count", "0")
        for kill in range(pytestconfig.getoption("--leader-kills")):
            killed = cluster.wait_for_leader()
            began = time.monotonic()
            cluster.kill(killed)
            client.put("count", str(kill))
            writable_ms.append((time.monotonic() - began) * 1000)
            failover = failover_of(cluster.timeline(), killed)
            assert failover is not None
            assert failover.elected_ms < 1000
            elected_ms.append(failover.elected_ms)
            cluster.restart(killed)
            cluster.wait_for_convergence()
    print(
        f"{len(elected_ms)} kills: elected after {statistics.median(elected_ms):.0f} ms in the "
        f"median ({min(elected_ms):.0f}-{max(elected_ms):.0f}), first write acknowledged after "
        f"{statistics.median(writable_ms):.0f} ms ({min(writable_ms):.0f}-{max(writable_ms):.0f})"
    )
    assert statistics.median(elected_ms) < 300


def test_a_leader_that_sleeps_is_replaced_after_an_election_timeout(
    cluster: LocalCluster, client: Client
) -> None:
    client.put("k", "before")
    sleeper = cluster.wait_for_leader()
    cluster.pause(sleeper)
    others = set(cluster.ids) - {sleeper}
    cluster.wait_for_leader(among=others)
    client.put("k", "after")
    cluster.resume(sleeper)
    cluster.wait_for_convergence()
    assert cluster.status(sleeper).role == "follower"
    assert cluster.local_range(sleeper, "k", "l")[0].value == b"after"


def test_no_term_ever_has_two_leaders(cluster: LocalCluster) -> None:
    for _ in range(3):
        leader = cluster.wait_for_leader()
        cluster.restart(leader)
        cluster.wait_for_leader()
    cluster.wait_for_convergence()
    by_term = leaders_by_term(cluster.timeline())
    assert len(by_term) >= 3
    assert all(len(leaders) == 1 for leaders in by_term.values()), by_term


def test_a_leader_that_is_asked_to_stop_hands_over_first(cluster: LocalCluster) -> None:
    leader = cluster.wait_for_leader()
    assert cluster.stop(leader) == 0
    assert cluster.wait_for_leader() != leader
    names = [event.name for event in cluster.timeline() if event.node == leader]
    assert "transfer_started" in names


def test_all_nodes_restarted_hold_what_they_held(cluster: LocalCluster, client: Client) -> None:
    client.mset({f"k{number}": str(number) for number in range(200)})
    before = cluster.assert_hashes_equal()
    cluster.kill_all()
    for node in cluster.ids:
        cluster.restart(node)
    cluster.wait_for_leader()
    after = cluster.assert_hashes_equal(full=True)
    assert after.keys == before.keys == 200
    assert client.get("k199") == b"199"


def test_a_lagging_node_catches_up_by_the_log(cluster: LocalCluster, client: Client) -> None:
    lagging = next(node for node in cluster.ids if node != cluster.wait_for_leader())
    cluster.kill(lagging)
    for number in range(500):
        client.put(f"k{number % 50}", str(number))
    cluster.restart(lagging)
    cluster.wait_for_convergence()
    cluster.assert_hashes_equal(full=True)
    names = {event.name for event in cluster.timeline() if event.node == lagging}
    assert "snapshot_installed" not in names


def test_a_node_too_far_behind_catches_up_by_a_snapshot(start_cluster: StartCluster) -> None:
    cluster = start_cluster(
        options={
            "memtable-bytes": 64 * 1024,
            "wal-checkpoint-bytes": 64 * 1024,
            "retained-log-bytes": 16 * 1024,
        }
    )
    lagging = next(node for node in cluster.ids if node != cluster.wait_for_leader())
    cluster.kill(lagging)
    with cluster.client() as client:
        for number in range(300):
            client.put(f"k{number % 50}", secrets.token_bytes(2000))
    cluster.wait_for(
        lambda: all(status.first_index > 100 for status in cluster.statuses().values()),
        what="waiting for compacted logs",
        timeout=15,
    )
    cluster.restart(lagging)
    cluster.wait_for_convergence()
    cluster.assert_hashes_equal(full=True)
    names = {event.name for event in cluster.timeline() if event.node == lagging}
    assert "snapshot_installed" in names


def test_a_repeated_write_is_answered_again_and_applied_once_over_a_failover(
    cluster: LocalCluster, client: Client
) -> None:
    first = client.execute("KV.ONCE", "till-7", 1, "INCR", "sold")
    killed = cluster.wait_for_leader()
    cluster.kill(killed)
    cluster.wait_for_leader()
    with Client([cluster.address(cluster.wait_for_leader())], exactly_once=False) as next_leader:
        second = next_leader.execute("KV.ONCE", "till-7", 1, "INCR", "sold")
    assert first == second == 1
    assert client.get("sold") == b"1"


def test_kv_client_sends_a_session_that_outlives_the_leader(cluster: LocalCluster) -> None:
    def incr_once() -> subprocess.CompletedProcess[str]:
        words = [str(find_binary("kv_client")), "--nodes", ",".join(cluster.nodes)]
        words += ["--client-id", "till-7", "--seq", "42", "incr", "sold"]
        return subprocess.run(words, capture_output=True, text=True, timeout=30)

    first = incr_once()
    cluster.kill(cluster.wait_for_leader())
    cluster.wait_for_leader()
    second = incr_once()
    assert (first.returncode, first.stdout) == (0, "1\n"), first.stderr
    assert (second.returncode, second.stdout) == (0, "1\n"), second.stderr


def test_an_older_number_of_a_session_is_refused(client: Client) -> None:
    client.execute("KV.ONCE", "till-7", 2, "INCR", "sold")
    with pytest.raises(Exception, match="older than the last one"):
        client.execute("KV.ONCE", "till-7", 1, "INCR", "sold")


def test_retries_of_the_client_over_three_failovers_apply_every_increment_once(
    cluster: LocalCluster, client: Client
) -> None:
    for _ in range(3):
        for _ in range(20):
            client.incr("counter")
        killed = cluster.wait_for_leader()
        cluster.kill(killed)
        for _ in range(20):
            client.incr("counter")
        cluster.restart(killed)
    assert client.get("counter") == b"120"


def test_the_election_test_passes() -> None:
    done = subprocess.run(
        [str(find_binary("election_test"))], capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == "PASS"
