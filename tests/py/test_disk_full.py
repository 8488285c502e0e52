"""Real file systems that fill up: each node has a small one of its own, which a ballast file fills
to the last byte."""

import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import StartCluster
from kvcluster import Client, KvError, LocalCluster, StorageError, Timeout
from kvcluster.binaries import find_binary

DISK_BYTES = 24 << 20
PAYLOAD = b"x" * 2000
# Small files; writes are refused below 2 MiB of room.
SMALL: dict[str, str | int] = {
    "wal-segment-bytes": 1 << 20,
    "memtable-bytes": 1 << 20,
    "min-free-disk-bytes": 2 << 20,
}

# A mount namespace of the node's own, so that nothing is left when the node ends: as anybody where
# users may make namespaces, else as root.
WAYS = (["unshare", "--user", "--map-root-user", "--mount"], ["unshare", "--mount"])
MOUNT = f'mount -t tmpfs -o size={DISK_BYTES},mode=700 small "$0" && exec "$@"'
WRAPPER = """#!/bin/sh
for word; do
  if [ "$previous" = --data-dir ]; then directory=$word; fi
  previous=$word
done
mkdir -p "$directory"
exec {way} sh -c '{mount}' "$directory" {program} "$@"
"""


class Ballast:
    """Takes all the room that a node's file system has."""

    def __init__(self, cluster: LocalCluster) -> None:
        self._cluster = cluster

    def _path(self, node: int) -> Path:
        inside = Path(f"/proc/{self._cluster.pid(node)}/root")
        return inside / self._cluster.data_dir(node).relative_to("/") / "ballast"

    def fill(self, node: int) -> None:
        with self._path(node).open("wb", buffering=0) as file:
            for size in (1 << 20, 4096):
                try:
                    while True:
                        file.write(bytes(size))
                except OSError:
                    continue

    def free(self, node: int) -> None:
        self._path(node).unlink()


class PretendedBallast:
    """The same by the library that makes disks fail, where nobody may mount."""

    def __init__(self, cluster: LocalCluster) -> None:
        self.fill = cluster.fill_disk
        self.free = cluster.free_disk


def way_to_mount(folder: Path) -> list[str] | None:
    for way in WAYS:
        done = subprocess.run(
            [*way, "sh", "-c", MOUNT, str(folder), "true"], capture_output=True, check=False
        )
        if done.returncode == 0:
            return way
    return None


StartSmall = Callable[..., tuple[LocalCluster, Ballast | PretendedBallast]]


@pytest.fixture
def start_small(start_cluster: StartCluster, tmp_path: Path) -> StartSmall:
    """Three nodes on small file systems, with more flags."""

    def start(**flags: int) -> tuple[LocalCluster, Ballast | PretendedBallast]:
        options = SMALL | {name.replace("_", "-"): value for name, value in flags.items()}
        way = way_to_mount(tmp_path)
        if way is None:
            cluster = start_cluster(options=options)
            return cluster, PretendedBallast(cluster)
        program = find_binary("kvstore")
        wrapper = tmp_path / "bin" / "kvstore"
        wrapper.parent.mkdir()
        wrapper.write_text(
            WRAPPER.format(way=shlex.join(way), mount=MOUNT, program=shlex.quote(str(program)))
        )
        wrapper.chmod(0o700)
        cluster = start_cluster(options=options, bin_dir=wrapper.parent, faults=False)
        return cluster, Ballast(cluster)

    return start


class Writer:
    """Puts one new key after the other, and knows which were acknowledged."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.acknowledged: list[str] = []
        self.tried = 0

    def put(self) -> None:
        self.tried += 1
        key = f"key-{self.tried:05}"
        self.client.put(key, PAYLOAD)
        self.acknowledged.append(key)

    def put_until_refused(self) -> KvError:
        for _ in range(20_000):
            try:
                self.put()
            except KvError as error:
                return error
        raise AssertionError("40 MB went to a full disk")

    def taken(self) -> bool:
        try:
            self.put()
        except KvError:
            return False
        return True

    def assert_all_there(self) -> None:
        lost = [key for key in self.acknowledged if self.client.get(key) != PAYLOAD]
        assert lost == []


def go_on(cluster: LocalCluster, writer: Writer) -> None:
    """There is room again: writes are taken, and nothing that was acknowledged is lost."""
    cluster.wait_for(writer.taken, what="taking writes again", timeout=30)
    for _ in range(100):
        writer.put()
    writer.assert_all_there()
    cluster.assert_hashes_equal(full=True)


def test_a_leader_without_room_refuses_writes_and_serves_reads(start_small: StartSmall) -> None:
    cluster, ballast = start_small()
    with cluster.client(timeout=5.0) as client:
        writer = Writer(client)
        for _ in range(100):
            writer.put()
        leader = cluster.wait_for_leader()
        ballast.fill(leader)
        refused = writer.put_until_refused()
        # The write that found the disk full may wait in the log: then its outcome is unknown.
        assert isinstance(refused, (StorageError, Timeout)), refused
        told = f"disk full on node {leader}" in str(refused)
        assert told or isinstance(refused, Timeout), refused
        writer.assert_all_there()
        ballast.free(leader)
        go_on(cluster, writer)


def test_three_nodes_without_room_lose_nothing(start_small: StartSmall) -> None:
    cluster, ballast = start_small()
    with cluster.client(timeout=5.0) as client:
        writer = Writer(client)
        for _ in range(100):
            writer.put()
        for node in cluster.ids:
            ballast.fill(node)
        # The write that found the disk full may wait in the log: then its outcome is unknown. Those
        # after it are told why they are refused.
        refusals = [writer.put_until_refused() for _ in range(3)]
        assert all(isinstance(each, (StorageError, Timeout)) for each in refusals), refusals
        assert isinstance(refusals[-1], StorageError), refusals
        assert "disk full" in str(refusals[-1])
        writer.assert_all_there()
        for node in cluster.ids:
            ballast.free(node)
        go_on(cluster, writer)


def test_a_log_that_runs_into_the_end_of_the_disk_goes_on_when_there_is_room(
    start_small: StartSmall,
) -> None:
    """Nobody looked at the room in time: the log itself finds none."""
    cluster, ballast = start_small(min_free_disk_bytes=0, request_timeout_ms=500)
    with cluster.client(timeout=2.0) as client:
        writer = Writer(client)
        for _ in range(100):
            writer.put()
        for node in cluster.ids:
            ballast.fill(node)
        writer.put_until_refused()
        assert cluster.running == cluster.ids, "no node ends for want of room"
        for node in cluster.ids:
            found = {pair.key for pair in cluster.local_range(node, "key-", "key-00100")}
            assert len(found) == 99, "a node's own state is served all the time"
        for node in cluster.ids:
            ballast.free(node)
        cluster.wait_for_leader()
        go_on(cluster, writer)
