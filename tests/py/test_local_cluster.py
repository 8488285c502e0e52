"""A local cluster leaves nothing behind, however it ends."""

import os
import select
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import StartCluster
from kvcluster import Client, LocalCluster, NodeFailed, Unavailable

OWNER = """
import sys
from kvcluster import LocalCluster
cluster = LocalCluster(nodes=3).start()
print(cluster.directory, *(cluster.pid(node) for node in cluster.ids), flush=True)
{ending}
"""


def own_a_cluster(ending: str) -> "subprocess.Popen[str]":
    """Another process that starts a cluster, and then does what `ending` says."""
    return subprocess.Popen(
        [sys.executable, "-c", OWNER.format(ending=ending)], stdout=subprocess.PIPE, text=True
    )


def wait_until_gone(pids: list[int]) -> None:
    for pid in pids:
        try:
            handle = os.pidfd_open(pid)
        except ProcessLookupError:
            continue
        assert select.select([handle], [], [], 20)[0], f"process {pid} still runs"
        os.close(handle)


@pytest.mark.parametrize(
    "ending",
    [
        "cluster.close()",
        "sys.exit(3)",
        "raise RuntimeError",
        "import os; os._exit(1)",
        "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
    ],
)
def test_no_process_and_no_file_is_left(ending: str, cluster: LocalCluster) -> None:
    owner = own_a_cluster(ending)
    with owner:
        assert owner.stdout is not None
        directory, *pids = owner.stdout.readline().split()
    wait_until_gone([int(pid) for pid in pids])
    cluster.wait_for(
        lambda: not Path(directory).exists(), what="removal of the directory", timeout=20
    )


def test_a_directory_of_ones_own_is_kept(start_cluster: StartCluster, tmp_path: Path) -> None:
    with LocalCluster(nodes=1, directory=tmp_path / "mine") as cluster, cluster.client() as client:
        client.put("k", "v")
    again = start_cluster(nodes=1, directory=tmp_path / "mine")
    with again.client() as client:
        assert client.get("k") == b"v"


def test_logs_can_be_kept(tmp_path: Path) -> None:
    with LocalCluster(nodes=1, keep_logs=tmp_path / "logs"):
        pass
    assert (tmp_path / "logs/node-1.log").read_text().count("became_leader") == 1


def test_a_node_that_cannot_start_is_told_with_its_last_words() -> None:
    with pytest.raises(NodeFailed, match="frobnicate"):
        LocalCluster(nodes=1, options={"frobnicate": "1"}).start()


def test_a_missing_program_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KVCLUSTER_BIN_DIR", str(tmp_path))
    with pytest.raises(NodeFailed, match="KVCLUSTER_BIN_DIR"):
        LocalCluster()


def test_a_single_node_is_a_cluster(start_cluster: StartCluster) -> None:
    cluster = start_cluster(nodes=1)
    assert cluster.leader() == 1
    with cluster.client() as client:
        client.put("k", "v")
    assert cluster.assert_hashes_equal(full=True).keys == 1


def test_the_timeline_holds_what_was_done_and_what_came_of_it(cluster: LocalCluster) -> None:
    killed = cluster.wait_for_leader()
    cluster.kill(killed)
    leader = cluster.wait_for_leader()
    told = [(event.node, event.name) for event in cluster.timeline()]
    assert told.index((0, "killed")) < told.index(
        (leader, "became_leader"), told.index((0, "killed"))
    )


def test_a_paused_node_does_not_answer_until_it_is_resumed(cluster: LocalCluster) -> None:
    follower = next(node for node in cluster.ids if node != cluster.wait_for_leader())
    cluster.pause(follower)
    assert follower not in cluster.statuses()
    cluster.resume(follower)
    cluster.wait_for_convergence()
    assert follower in cluster.statuses()


def test_the_leader_has_the_highest_priority(start_cluster: StartCluster) -> None:
    cluster = start_cluster(node_options={3: {"priority": 10}})
    cluster.wait_for_leader(among=[3], timeout=15)


def test_election_timeouts_may_be_seconds(start_cluster: StartCluster) -> None:
    cluster = start_cluster(election_timeout_ms=(1000, 2000), heartbeat_ms=300)
    status = cluster.status(1).fields
    assert (status["election_timeout_min_ms"], status["heartbeat_ms"]) == (1000, 300)
    with Client(cluster.nodes) as client:
        assert client.put("k", "v")


def test_sigterm_ends_a_node_with_exit_code_zero(start_cluster: StartCluster) -> None:
    cluster = start_cluster(nodes=1)
    assert cluster.stop(1) == 0


def test_each_node_is_asked_about_itself(cluster: LocalCluster, client: Client) -> None:
    client.put("k", "v")
    leader = cluster.wait_for_leader()
    follower = next(node for node in cluster.ids if node != leader)
    cluster.wait_for_convergence()
    cluster.partition([follower], [node for node in cluster.ids if node != follower])
    client.put("k", "w")
    behind, ahead = cluster.full_hash(follower), cluster.full_hash(leader)
    assert behind[0] < ahead[0]
    assert behind[1] != ahead[1]
    cluster.kill(follower)
    with pytest.raises(Unavailable):
        cluster.status(follower)
    with pytest.raises(Unavailable):
        cluster.full_hash(follower)
