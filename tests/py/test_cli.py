"""The command `kvcluster`, run as a user runs it."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from kvcluster.demo.failover import PLAN
from kvcluster.gate.points import Point, PointFailed, check_points, require, tag


class Shell:
    """Runs `kvcluster` in a directory of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def run(
        self, *words: str, typed: str = "", timeout: float = 90
    ) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "kvcluster", *words],
            input=typed,
            capture_output=True,
            text=True,
            timeout=timeout,
            cwd=self.folder,
        )


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    shell = Shell(tmp_path)
    yield shell
    shell.run("down")


def test_a_cluster_comes_up_serves_and_goes_down(shell: Shell) -> None:
    up = shell.run("up", "--port", "0")
    assert up.returncode == 0, up.stderr
    assert shell.run("put", "greeting", "hello").stdout == "OK\n"
    assert shell.run("get", "greeting").stdout == "hello\n"
    assert shell.run("repl", typed="GET greeting\n").stdout == '"hello"\n'
    status = shell.run("status")
    assert status.returncode == 0
    assert status.stdout.count("follower") == 2
    assert shell.run("del", "greeting").stdout == "1\n"
    assert shell.run("get", "greeting").returncode == 1
    down = shell.run("down")
    assert down.stdout == "ended: nodes 1, 2, 3\n"
    assert shell.run("down").stdout == "no node was running\n"
    assert shell.run("status").returncode == 1


def test_up_again_starts_what_does_not_run_on_its_data(shell: Shell) -> None:
    shell.run("up", "--port", "0", "--nodes", "1")
    shell.run("put", "k", "v")
    shell.run("down")
    assert shell.run("up", "--nodes", "1").returncode == 0
    assert shell.run("get", "k").stdout == "v\n"


def test_up_with_another_size_is_refused(shell: Shell) -> None:
    shell.run("up", "--port", "0", "--nodes", "1")
    again = shell.run("up", "--nodes", "3")
    assert again.returncode == 2
    assert "cluster of 1 nodes" in again.stderr


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("get", "k"), 1, "kvcluster up"),
        (("status",), 1, "kvcluster up"),
        (("get", "k", "--nodes", "nowhere"), 2, "nowhere"),
        (("get", "k", "--nodes", "127.0.0.1:1", "--timeout", "0.2"), 3, "refused"),
        (("frobnicate",), 2, "frobnicate"),
        (("gate", "week13"), 2, "week13"),
        (("up", "--nodes", "0"), 2, "--nodes"),
    ],
)
def test_a_wrong_call_is_told_clearly(
    words: tuple[str, ...], code: int, says: str, shell: Shell
) -> None:
    done = shell.run(*words)
    assert done.returncode == code, (done.returncode, done.stderr)
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_a_damaged_state_file_is_told(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "data/cluster").mkdir(parents=True)
    (tmp_path / "data/cluster/cluster.json").write_text("{")
    done = shell.run("status")
    assert done.returncode == 1
    assert "cluster.json is damaged" in done.stderr


def test_the_failover_demonstration_passes_and_keeps_its_evidence(
    shell: Shell, tmp_path: Path
) -> None:
    done = shell.run("demo", "failover", "--evidence", "kept")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1].startswith("PASS")
    steps = json.loads((tmp_path / "kept/steps.json").read_text())
    assert [step["passed"] for step in steps] == [True] * len(PLAN)
    report = (tmp_path / "kept/report.md").read_text()
    assert "election time" in report
    for name in ("node-1.log", "node-2.log", "node-3.log", "timeline.txt", "run.json"):
        assert (tmp_path / "kept" / name).stat().st_size > 0


def test_the_written_plan_has_the_steps_of_the_demonstration(repository: Path) -> None:
    page = (repository / "demo/failover.md").read_text()
    for number, step in enumerate(PLAN, start=1):
        assert f"## {number}. {step.title}\n" in page


def test_a_gate_tells_every_point_also_after_a_failed_one() -> None:
    def fails() -> str:
        raise PointFailed("found nothing")

    points = [Point("first", fails), Point("second", lambda: "found it")]
    told: list[bool] = []
    verdicts = check_points(points, lambda verdict: told.append(verdict.passed))
    assert told == [False, True]
    assert verdicts[0].evidence == "found nothing"


def test_require_says_what_was_found() -> None:
    with pytest.raises(PointFailed, match="nothing"):
        require(False, "nothing")


def test_a_tag_is_made_once_and_then_left_alone(tmp_path: Path) -> None:
    def git(*words: str) -> str:
        identity = ["-c", "user.name=Tester", "-c", "user.email=tester@example.com"]
        done = subprocess.run(
            ["git", "-C", str(tmp_path), *identity, *words], capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    git("init", "--quiet")
    git("config", "user.name", "Tester")
    git("config", "user.email", "tester@example.com")
    git("commit", "--quiet", "--allow-empty", "-m", "First")
    assert tag(tmp_path, "v0.0-test", "a test") == "tag v0.0-test made"
    assert git("cat-file", "-t", "v0.0-test") == "tag"
    assert "exists already" in tag(tmp_path, "v0.0-test", "a test")


def test_outside_of_a_repository_no_tag_is_made(tmp_path: Path) -> None:
    assert tag(tmp_path, "v0.0-test", "a test").startswith("no tag")
