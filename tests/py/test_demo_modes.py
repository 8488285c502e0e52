"""The demonstrations, each on a cluster of its own, and what is said of one that fails."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from kvcluster.cli.app import app
from kvcluster.demo import basic, chat, concurrent, modes, recovery, replication
from kvcluster.demo.mode import Mode, ModeRun, run_mode
from kvcluster.demo.scene import expect
from kvcluster.demo.script import Plan, Script, Step, Teller
from kvcluster.errors import NodeFailed
from kvcluster.local_cluster import LocalCluster

MODES = [basic.MODE, replication.MODE, recovery.MODE, concurrent.MODE, chat.MODE]


@pytest.mark.timeout(300)
@pytest.mark.parametrize("mode", MODES, ids=lambda mode: str(mode.name))
def test_a_demonstration_shows_what_it_expects_and_keeps_its_evidence(
    mode: Mode, tmp_path: Path
) -> None:
    told: list[Step] = []
    run = run_mode(mode, tmp_path, told.append)
    failed = [f"{step.title}: {step.seen}" for step in told if not step.passed]
    assert run.passed, failed
    assert [step.title for step in told] == [planned.title for planned in mode.plan]
    assert len(json.loads((tmp_path / "steps.json").read_text())) == len(mode.plan)
    for name in ("node-1.log", "node-2.log", "node-3.log", "timeline.txt", "transcript.txt"):
        assert (tmp_path / name).stat().st_size > 0, name


def test_a_demonstration_ends_with_the_step_that_saw_something_else(tmp_path: Path) -> None:
    def carry_out(cluster: LocalCluster, script: Script) -> None:
        with script.step():
            expect(cluster.leader() == 0, f"node {cluster.wait_for_leader()} leads")
        with script.step():
            raise AssertionError("a step after a failed one")

    mode = Mode("odd", "nothing", [Plan("one", "none"), Plan("two", "none")], carry_out)
    run = run_mode(mode, tmp_path, lambda step: None)
    assert not run.passed
    assert [step.seen.split(" ", 2)[-1] for step in run.steps] == ["leads"]
    assert "FAIL" in (tmp_path / "transcript.txt").read_text()


def runner_with(seen: dict[str, bool]) -> dict[str, modes.Runner]:
    """Demonstrations of one step, that pass or fail as told."""

    def runner(name: str, passes: bool) -> modes.Runner:
        def run(evidence: Path, tell: Teller) -> ModeRun:
            step = Step(1, "look", "something", seen=name, passed=passes)
            tell(step)
            return ModeRun(name, f"{name} works", [step], 1, 0.25)

        return run

    return {name: runner(name, passes) for name, passes in seen.items()}


def test_all_of_them_end_in_one_table_and_one_verdict(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kvcluster.cli.demo.RUNNERS", runner_with({"a": True, "b": True}))
    done = CliRunner().invoke(app, ["demo", "all", "--evidence", str(tmp_path)])
    assert done.exit_code == 0
    assert done.stdout.splitlines()[-1] == "PASS: all 2 demonstrations"
    assert done.stdout.count("1 of 1") == 2


def test_all_of_them_go_on_after_one_that_fails_and_then_fail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kvcluster.cli.demo.RUNNERS", runner_with({"a": False, "b": True}))
    done = CliRunner().invoke(app, ["demo", "all", "--evidence", str(tmp_path)])
    assert done.exit_code == 1
    assert done.stdout.splitlines()[-1] == "FAIL: 1 of 2 demonstrations pass"
    assert "0 of 1" in done.stdout


def test_one_that_fails_is_told_with_its_exit_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kvcluster.cli.demo.RUNNERS", runner_with({"basic": False}))
    done = CliRunner().invoke(app, ["demo", "basic", "--evidence", str(tmp_path)])
    assert done.exit_code == 1
    assert done.stdout.splitlines()[-1] == "FAIL: the basic demonstration"


def test_a_cluster_that_does_not_start_fails_its_demonstration_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(evidence: Path, tell: Teller) -> ModeRun:
        raise NodeFailed("node 1 ended")

    runners = {"basic": fails, **runner_with({"recovery": True})}
    monkeypatch.setattr("kvcluster.cli.demo.RUNNERS", runners)
    done = CliRunner().invoke(app, ["demo", "all", "--evidence", str(tmp_path)])
    assert done.exit_code == 1
    assert "basic could not be carried out: node 1 ended" in done.stdout
    assert done.stdout.splitlines()[-1] == "FAIL: 1 of 2 demonstrations pass"


def test_the_page_has_the_steps_of_all_demonstrations(repository: Path) -> None:
    page = (repository / "docs/demonstrations.md").read_text()
    for name, plan in modes.PLANS.items():
        section = page.split(f"\n## {name}\n")[1].split("\n## ")[0]
        lines = [line for line in section.splitlines() if line[:1].isdigit()]
        expected = [f"{n}. {step.title}: {step.expected}." for n, step in enumerate(plan, start=1)]
        assert lines == expected


def test_every_demonstration_has_its_command_and_its_plan() -> None:
    for name, plan in modes.PLANS.items():
        done = CliRunner().invoke(app, ["demo", name, "--plan"])
        assert done.exit_code == 0
        assert f"{len(plan)}. {plan[-1].title}" in done.stdout
    assert modes.PLANS.keys() == modes.RUNNERS.keys()
