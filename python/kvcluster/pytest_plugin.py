"""Fixtures for tests of programs that use a cluster: real nodes, faults, a checked history.

Installed with the package and found by pytest by itself:

    def test_my_queue_survives_its_leader(kv_cluster, kv_history):
        with kv_cluster.client() as plain:
            client = RecordedClient(kv_history, plain, process=1)
            client.put("job", "1")
            kv_cluster.kill(kv_cluster.leader())
            assert client.get("job") == b"1"

`kv_cluster` has three nodes, or `@pytest.mark.kv_nodes(5)`; `@pytest.mark.kv_options(...)` passes
arguments to `LocalCluster`. What is in `kv_history` must be linearizable at the end of the test.
A test that fails leaves the nodes' logs, the timeline, the history and the seed in one folder, and
its report names it.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from kvcluster.history import History
    from kvcluster.local_cluster import LocalCluster

    ClusterFactory = Callable[..., LocalCluster]

_SECTION = "kvcluster"


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("kvcluster", "clusters of kvstore nodes")
    group.addoption(
        "--kv-artifacts",
        type=Path,
        metavar="DIR",
        help="where a failing test leaves logs, timeline, history and seed; by default in "
        "pytest's own temporary directory",
    )
    group.addoption(
        "--kv-keep", action="store_true", help="keep the artifacts of passing tests, too"
    )
    group.addoption(
        "--kv-seed", type=int, metavar="N", help="of the chance in bad links; else by chance"
    )


def pytest_configure(config: pytest.Config) -> None:
    for marker in (
        "kv_nodes(count): how many nodes `kv_cluster` has",
        "kv_options(**arguments): arguments of LocalCluster for this test's clusters",
    ):
        config.addinivalue_line("markers", marker)


class Stage:
    """All that one test made: its clusters, its history, its seed."""

    def __init__(self, item: pytest.Item, folder: Callable[[], Path]) -> None:
        self._folder = folder
        self._arguments: dict[str, Any] = {}
        for marker in reversed(list(item.iter_markers("kv_options"))):
            self._arguments |= marker.kwargs
        chosen = item.config.getoption("--kv-seed")
        self.seed: int = random.randrange(2**31) if chosen is None else chosen
        self.history: History | None = None
        self.kept: Path | None = None
        self._clusters: list[LocalCluster] = []
        self._stack = ExitStack()

    def start(self, **arguments: Any) -> LocalCluster:
        """A cluster that ends with the test."""
        from kvcluster.local_cluster import LocalCluster

        wanted = {"seed": self.seed, **self._arguments, **arguments}
        cluster = LocalCluster(**wanted)
        self._clusters.append(cluster)  # its logs are of interest even when it does not start
        return self._stack.enter_context(cluster)

    def keep(self) -> Path:
        """Writes the artifacts, while the clusters still have their files; the folder."""
        if self.kept is None:
            self.kept = self._folder()
        for number, cluster in enumerate(self._clusters, start=1):
            name = "cluster" if len(self._clusters) == 1 else f"cluster-{number}"
            cluster.save_evidence(self.kept / name)
        if self.history is not None:
            self.history.save(self.kept / "history.jsonl")
        (self.kept / "seed.txt").write_text(f"{self.seed}\n")
        return self.kept

    def close(self) -> None:
        self._stack.close()


_STAGE = pytest.StashKey[Stage]()


def _name_of_folder(item: pytest.Item) -> str:
    return re.sub(r"[^\w.-]+", "_", item.nodeid).strip("_")[-100:]


@pytest.fixture
def _kv_stage(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stage]:
    item: pytest.Item = request.node
    name = _name_of_folder(item)

    def folder() -> Path:
        wanted: Path | None = item.config.getoption("--kv-artifacts")
        if wanted is None:
            return tmp_path_factory.mktemp(f"kv-{name[-40:]}")
        made = wanted.resolve() / name
        made.mkdir(parents=True, exist_ok=True)
        return made

    stage = Stage(item, folder)
    item.stash[_STAGE] = stage
    try:
        yield stage
        if stage.history is not None:
            from kvcluster.check import NotLinearizable, assert_linearizable

            try:
                assert_linearizable(stage.history)
            except NotLinearizable as error:
                stage.keep()
                pytest.fail(f"the history is not linearizable\n{error}", pytrace=False)
        if item.config.getoption("--kv-keep"):
            stage.keep()
    finally:
        stage.close()


@pytest.fixture
def kv_cluster_factory(_kv_stage: Stage) -> ClusterFactory:
    """Starts clusters with the arguments of `LocalCluster`; they end with the test."""
    return _kv_stage.start


@pytest.fixture
def kv_cluster(_kv_stage: Stage, request: pytest.FixtureRequest) -> LocalCluster:
    """A cluster of this test's own: three nodes, or as many as `kv_nodes` says."""
    marker = request.node.get_closest_marker("kv_nodes")
    return _kv_stage.start(nodes=marker.args[0]) if marker is not None else _kv_stage.start()


@pytest.fixture
def kv_history(_kv_stage: Stage) -> History:
    """A history to record calls in (`kvcluster.check.RecordedClient`); checked when the test ends.

    A violation fails the test, and so does a history that could not be decided.
    """
    from kvcluster.history import History

    _kv_stage.history = History()
    return _kv_stage.history


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    stage = item.stash.get(_STAGE, None)
    if stage is not None and report.failed:
        # After the teardown the clusters have no files left; what there was is kept already.
        folder = stage.kept if report.when == "teardown" else stage.keep()
        if folder is not None:
            words = f"logs, timeline, history and seed ({stage.seed}) are in {folder}"
            report.sections.append((_SECTION, words))
    return report
