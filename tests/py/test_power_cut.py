"""All nodes are killed at once under load: nothing that was acknowledged may be lost."""

import threading
from dataclasses import dataclass, field

import pytest

from kvcluster import Client, KvError, LocalCluster

WRITERS = 4


@dataclass
class Writer:
    """Counts up in a key of its own, and remembers the last number that was acknowledged."""

    name: str
    acknowledged: int = 0
    tried: int = 0
    errors: list[str] = field(default_factory=list)

    def run(self, cluster: LocalCluster, stop: threading.Event, progress: threading.Event) -> None:
        with Client(cluster.nodes, timeout=1.0, attempt_timeout=0.5) as client:
            while not stop.is_set():
                self.tried += 1
                try:
                    client.put(self.name, str(self.tried))
                except KvError as error:
                    self.errors.append(str(error))
                else:
                    self.acknowledged = self.tried
                    progress.set()


def write_until_killed(cluster: LocalCluster, writers: list[Writer]) -> None:
    stop = threading.Event()
    progress = [threading.Event() for _ in writers]
    threads = [
        threading.Thread(target=writer.run, args=(cluster, stop, event))
        for writer, event in zip(writers, progress, strict=True)
    ]
    for thread in threads:
        thread.start()
    try:
        for event in progress:
            assert event.wait(20), "no write was acknowledged"
        cluster.kill_all()
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def test_no_acknowledged_write_is_lost(
    cluster: LocalCluster, client: Client, pytestconfig: pytest.Config
) -> None:
    writers = [Writer(f"writer-{number}") for number in range(WRITERS)]
    for cut in range(pytestconfig.getoption("--power-cuts")):
        write_until_killed(cluster, writers)
        for node in cluster.ids:
            cluster.restart(node)
        cluster.wait_for_leader()
        for writer in writers:
            found = int(client.get(writer.name) or 0)
            assert writer.acknowledged <= found <= writer.tried, f"cut {cut}, {writer.name}"
        cluster.assert_hashes_equal(full=True)
