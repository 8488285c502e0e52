"""The plugin for users' tests, on inner tests that pass and that fail on purpose."""

from importlib.metadata import entry_points
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

# An installed package brings its plugin by itself; a source tree must name it.
INSTALLED = any(point.name == "kvcluster" for point in entry_points(group="pytest11"))
LOAD = [] if INSTALLED else ["-p", "kvcluster.pytest_plugin"]


def run(pytester: pytest.Pytester, source: str, *options: str) -> pytest.RunResult:
    pytester.makepyfile(source)
    words = ["-p", "no:cacheprovider", "--strict-markers", *LOAD, *options]
    return pytester.runpytest_subprocess(*words)


FAILS = """
from kvcluster.check import RecordedClient

def test_it_fails(kv_cluster, kv_history):
    with kv_cluster.client() as plain:
        client = RecordedClient(kv_history, plain, process=1)
        client.put("k", "v")
        kv_cluster.kill(kv_cluster.leader())
        assert client.get("k") == b"something else"
"""


def test_a_failing_test_leaves_its_evidence_and_says_where(pytester: pytest.Pytester) -> None:
    result = run(pytester, FAILS, "--kv-artifacts", "kept", "--kv-seed", "77")
    result.assert_outcomes(failed=1)
    folders = list((pytester.path / "kept").iterdir())
    assert len(folders) == 1
    assert str(folders[0]) in result.stdout.str()
    found = {str(file.relative_to(folders[0])) for file in folders[0].rglob("*") if file.is_file()}
    assert {f"cluster/node-{node}.log" for node in (1, 2, 3)} <= found
    assert "killed with SIGKILL" in (folders[0] / "cluster" / "timeline.txt").read_text()
    assert len((folders[0] / "history.jsonl").read_text().splitlines()) == 2
    assert (folders[0] / "seed.txt").read_text() == "77\n"


def test_a_passing_test_leaves_nothing(pytester: pytest.Pytester) -> None:
    source = """
    import pytest

    @pytest.mark.kv_nodes(1)
    @pytest.mark.kv_options(follower_mode="redirect")
    def test_it_passes(kv_cluster):
        assert kv_cluster.ids == [1]
        assert kv_cluster.status(1).fields["follower_mode"] == b"redirect"
    """
    run(pytester, source, "--kv-artifacts", "kept").assert_outcomes(passed=1)
    assert not (pytester.path / "kept").exists()


def test_a_passing_test_leaves_its_evidence_when_asked(pytester: pytest.Pytester) -> None:
    source = """
    def test_two_clusters(kv_cluster_factory):
        assert kv_cluster_factory(nodes=1).port(1) != kv_cluster_factory(nodes=1).port(1)
    """
    run(pytester, source, "--kv-artifacts", "kept", "--kv-keep").assert_outcomes(passed=1)
    logs = {str(Path(*log.parts[-2:])) for log in (pytester.path / "kept").rglob("*.log")}
    assert logs == {"cluster-1/node-1.log", "cluster-2/node-1.log"}


def test_a_history_that_is_not_linearizable_fails_the_test(pytester: pytest.Pytester) -> None:
    source = """
    from kvcluster.check import get, put

    def test_it_reads_the_past(kv_history):
        kv_history.invoke(1, put("k", "old")).ok()
        kv_history.invoke(1, put("k", "new")).ok()
        kv_history.invoke(2, get("k")).ok(b"old")
    """
    result = run(pytester, source, "--kv-artifacts", "kept")
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*the history is not linearizable*"])
    histories = list((pytester.path / "kept").rglob("history.jsonl"))
    assert len(histories) == 1
    assert str(histories[0].parent) in result.stdout.str()


def test_without_a_folder_of_its_own_the_evidence_is_in_pytests(pytester: pytest.Pytester) -> None:
    source = """
    def test_it_fails(kv_history):
        assert False
    """
    result = run(pytester, source, f"--basetemp={pytester.path / 'base'}")
    result.assert_outcomes(failed=1)
    assert len(list((pytester.path / "base").rglob("seed.txt"))) == 1
