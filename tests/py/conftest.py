"""What every Python test may use."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from kvcluster import Client, LocalCluster


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--power-cuts",
        type=int,
        default=4,
        help="how often all nodes are killed under load (test_power_cut.py)",
    )
    parser.addoption(
        "--leader-kills",
        type=int,
        default=5,
        help="how often a leader is killed for the median of the failover (test_failover.py)",
    )
    parser.addoption(
        "--all-crash-points",
        action="store_true",
        help="end a node at each of its disk operations, not at a sample (test_crash_points.py)",
    )
    parser.addoption(
        "--build-sdist",
        action="store_true",
        help="compile the wheel anew from the source distribution (test_sdist.py)",
    )


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the source tree that holds these tests."""
    return Path(__file__).resolve().parents[2]


StartCluster = Callable[..., LocalCluster]


@pytest.fixture
def start_cluster() -> Iterator[StartCluster]:
    """Starts clusters with the arguments of `LocalCluster`; they end with the test."""
    with ExitStack() as stack:

        def start(**options: Any) -> LocalCluster:
            return stack.enter_context(LocalCluster(**options))

        yield start


@pytest.fixture
def cluster(start_cluster: StartCluster) -> LocalCluster:
    """Three nodes for one test, to be killed and parted at will."""
    return start_cluster()


@pytest.fixture
def client(cluster: LocalCluster) -> Iterator[Client]:
    """A client of `cluster`."""
    with cluster.client() as client:
        yield client


@pytest.fixture(scope="module")
def calm_cluster() -> Iterator[LocalCluster]:
    """Three nodes for a whole module, which no test harms."""
    with LocalCluster(faults=False) as cluster:
        yield cluster
