"""A real node is ended at each disk operation of its life: before it, in the middle of a write,
after it. Whatever the point, the next start has all that was acknowledged, and nothing else.

What was written and not synced survives here, for the machine goes on; a power cut is simulated
elsewhere. So these points show torn writes and every order of files half made.
"""

import secrets
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from kvcluster import Client, KvError, LocalCluster
from kvcluster.disk_faults import Operation, When

# Small, so that a life of a few dozen writes has checkpoints, new and recycled segments.
SMALL = {
    "memtable-bytes": 64 * 1024,
    "wal-checkpoint-bytes": 64 * 1024,
    "wal-segment-bytes": 128 * 1024,
    "retained-log-bytes": 16 * 1024,
}


def alone() -> LocalCluster:
    """One node that starts quickly."""
    return LocalCluster(1, options=SMALL, election_timeout_ms=(20, 40), heartbeat_ms=5)


@dataclass
class Promises:
    """What a client was told, and what else may be true."""

    acknowledged: dict[str, bytes] = field(default_factory=dict)
    unknown: dict[str, list[bytes]] = field(default_factory=dict)

    def write(self, client: Client, key: str) -> bool:
        """False: the outcome is unknown, or there was none to ask."""
        value = secrets.token_hex(1500).encode()
        try:
            client.put(key, value)
        except KvError:
            self.unknown.setdefault(key, []).append(value)
            return False
        self.acknowledged[key] = value
        self.unknown.pop(key, None)
        return True

    def check(self, found: dict[str, bytes], where: str) -> None:
        for key, value in self.acknowledged.items():
            allowed = [value, *self.unknown.get(key, [])]
            assert found.get(key) in allowed, f"{where}: {key} is not what was acknowledged"
        strangers = found.keys() - self.acknowledged.keys() - self.unknown.keys()
        assert not strangers, f"{where}: {strangers} were never written"


def is_up_or_dead(cluster: LocalCluster, node: int) -> bool:
    return cluster.exit_code(node) is not None or cluster.leader() is not None


def live(cluster: LocalCluster, promises: Promises, writes: int = 60) -> None:
    """Node 1 starts, takes writes, makes checkpoints; it may die at any time."""
    cluster.restart(1)
    cluster.wait_for(lambda: is_up_or_dead(cluster, 1), what="a start", timeout=10)
    with Client(cluster.nodes, timeout=0.3, attempt_timeout=0.3, exactly_once=False) as client:
        for number in range(writes):
            if cluster.exit_code(1) is not None:
                return
            promises.write(client, f"k{number % 10}")


def records(cluster: LocalCluster, node: int) -> dict[str, bytes]:
    return {record.key.decode(): record.value for record in cluster.local_range(node)}


def points(last: int, sample: int, everything: bool) -> Iterator[tuple[int, When]]:
    """Each operation up to `last` in every way, or about `sample` of these, evenly spread."""
    every = [(number, when) for number in range(1, last + 1) for when in When]
    if everything or len(every) <= sample:
        yield from every
        return
    # A stride that shares no factor with the number of ways goes through all of these.
    stride = len(every) // sample
    stride += 1 if stride % len(When) == 0 else 0
    yield from every[::stride]


@pytest.fixture
def all_points(pytestconfig: pytest.Config) -> bool:
    return bool(pytestconfig.getoption("--all-crash-points"))


@pytest.mark.timeout(3600)
def test_a_node_that_dies_anywhere_in_its_life_keeps_what_it_acknowledged(
    all_points: bool,
) -> None:
    with alone() as cluster:
        promises = Promises()
        before = cluster.disk_counters(1).operations
        live(cluster, promises)
        operations = cluster.disk_counters(1).operations - before
        assert operations > 100, "a life has writes, syncs, checkpoints and segments"
        deaths = 0
        for number, when in points(operations, 40, all_points):
            cluster.crash_at(1, number, when=when)
            live(cluster, promises)
            deaths += cluster.exit_code(1) is not None
            cluster.heal_disk(1)
            cluster.restart(1)
            cluster.wait_for_leader()
            promises.check(records(cluster, 1), f"operation {number}, {when.name}")
        assert deaths > 25


@pytest.mark.timeout(3600)
def test_a_first_start_that_dies_anywhere_can_be_repeated(all_points: bool) -> None:
    with alone() as cluster, cluster.client() as client:
        operations = cluster.disk_counters(1).operations
        assert operations > 20
        for number, when in points(operations, 15, all_points):
            cluster.kill(1)
            shutil.rmtree(cluster.data_dir(1))
            cluster.data_dir(1).mkdir()
            cluster.crash_at(1, number, when=when)
            cluster.restart(1)
            cluster.wait_for(lambda: is_up_or_dead(cluster, 1), what="a start", timeout=10)
            cluster.heal_disk(1)
            cluster.restart(1)
            cluster.wait_for_leader()
            client.put("k", f"{number} {when.name}")


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("kinds", [Operation.WRITE, Operation.RENAME | Operation.DIRECTORY_SYNC])
def test_a_node_that_dies_while_a_snapshot_is_installed_gets_it_again(
    all_points: bool, kinds: Operation
) -> None:
    with LocalCluster(3, options=SMALL) as cluster, cluster.client() as client:
        promises = Promises()
        sample = range(1, 40) if all_points else (1, 3, 6, 12)
        for number in sample:
            behind = next(node for node in cluster.ids if node != cluster.wait_for_leader())
            cluster.kill(behind)
            for count in range(60):
                assert promises.write(client, f"k{count % 10}")
            when = list(When)[number % len(When)]
            cluster.crash_at(behind, number, operations=kinds, when=when)
            cluster.restart(behind)
            await_death_or_end(cluster, behind)
            cluster.heal_disk(behind)
            if cluster.exit_code(behind) is not None:
                cluster.restart(behind)
            cluster.wait_for_convergence()
            cluster.assert_hashes_equal(full=True)
            promises.check(records(cluster, behind), f"operation {number}, {when.name}")
        told = {event.name for event in cluster.timeline()}
        assert "snapshot_installed" in told


def await_death_or_end(cluster: LocalCluster, node: int) -> None:
    cluster.wait_for(
        lambda: cluster.exit_code(node) is not None or caught_up(cluster, node),
        what="a death or an end",
        timeout=20,
    )


def caught_up(cluster: LocalCluster, node: int) -> bool:
    statuses = cluster.statuses()
    newest = max((status.commit_index for status in statuses.values()), default=0)
    return node in statuses and statuses[node].applied_index >= newest > 0
