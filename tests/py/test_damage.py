"""Bytes on a real node's disk are damaged: it says so, and comes back whole by itself."""

from pathlib import Path

import pytest

from conftest import StartCluster
from kvcluster import Client, LocalCluster


def flip(path: Path, offset: int) -> None:
    """Changes one bit of a file."""
    with path.open("r+b") as file:
        file.seek(offset)
        byte = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([byte ^ 0x10]))


def fill(client: Client, count: int = 50) -> None:
    for number in range(count):
        client.put(f"key{number}", f"value {number}")


def wait_until_whole(cluster: LocalCluster, node: int) -> None:
    """Until a node that was damaged serves again, and all are equal."""

    def serves() -> bool:
        status = cluster.statuses().get(node)  # nothing while it just starts
        return status is not None and status.phase == "serving"

    cluster.wait_for(serves, what="waiting for the repair", timeout=20)
    cluster.assert_hashes_equal(full=True)


def follower_of(cluster: LocalCluster) -> int:
    leader = cluster.wait_for_leader()
    return next(node for node in cluster.ids if node != leader)


@pytest.mark.parametrize("offset", [16, 600, 1500, 3000])
def test_a_damaged_log_is_repaired_without_a_person(
    cluster: LocalCluster, client: Client, offset: int
) -> None:
    fill(client)
    cluster.wait_for_convergence()
    victim = follower_of(cluster)
    cluster.kill(victim)
    flip(cluster.data_dir(victim) / "wal" / "segment-0000000001", offset)
    cluster.restart(victim)
    wait_until_whole(cluster, victim)
    log = cluster.log(victim).read_text()
    assert "damaged: wal/segment-0000000001, offset" in log or "segment header (offset 0)" in log
    assert client.get("key7") == b"value 7"


@pytest.mark.parametrize("page", [1, 2, 3, 5, 8])
def test_a_damaged_checkpoint_is_repaired_without_a_person(
    start_cluster: StartCluster, page: int
) -> None:
    cluster = start_cluster(options={"memtable-bytes": 1 << 20})
    with cluster.client() as client:
        for number in range(60):
            client.put(f"large{number}", b"v" * 65536)
        cluster.wait_for_convergence()
        victim = follower_of(cluster)
        cluster.stop(victim)
        pages = next(cluster.data_dir(victim).glob("checkpoint-*/data.mdb"))
        flip(pages, page * 4096 + 20)
        cluster.restart(victim)
        wait_until_whole(cluster, victim)
        assert client.get("large7") == b"v" * 65536


def test_a_damaged_identity_is_refused_by_its_name(cluster: LocalCluster, client: Client) -> None:
    fill(client, 5)
    victim = follower_of(cluster)
    cluster.kill(victim)
    flip(cluster.data_dir(victim) / "identity", 30)
    cluster.restart(victim)
    assert cluster.wait_until_ended(victim) > 0
    assert "identity" in cluster.log(victim).read_text()
    client.put("the others", "go on")
