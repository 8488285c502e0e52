"""`kvcluster demo`, `kvcluster gate` and `kvcluster report`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Protocol

import typer

from kvcluster.cli import Exit, show
from kvcluster.demo.failover import run_failover
from kvcluster.demo.mode import ModeRun
from kvcluster.demo.modes import PLANS, RUNNERS
from kvcluster.demo.report import report_text
from kvcluster.demo.script import new_evidence_directory
from kvcluster.errors import KvError
from kvcluster.gate import week11, week12
from kvcluster.gate.points import Point, check_points, source_tree, tag, write_verdicts

app = typer.Typer(
    help="Show the cluster at work, on real processes that come and go with the demo.",
    no_args_is_help=True,
)

Evidence = Annotated[
    Path | None,
    typer.Option(help="Keep logs and results here, instead of evidence/NAME-TIME."),
]
OnlyPlan = Annotated[bool, typer.Option("--plan", help="Only print the steps.")]


@app.callback()
def demo() -> None:
    """Show the cluster at work, on real processes that come and go with the demo."""


@app.command()
def basic(evidence: Evidence = None, plan: OnlyPlan = False) -> None:
    """One leader, two followers: reads, writes and deletes; what a follower does with a command.

    Ends with PASS, or with FAIL and exit code 1.
    """
    _show("basic", evidence, plan)


@app.command()
def replication(evidence: Evidence = None, plan: OnlyPlan = False) -> None:
    """Every write, overwrite and delete on all nodes, while one of them sleeps, too.

    Ends with PASS, or with FAIL and exit code 1.
    """
    _show("replication", evidence, plan)


@app.command()
def failover(evidence: Evidence = None, plan: OnlyPlan = False) -> None:
    """Three nodes, 50 keys, the leader killed, 50 more, the old leader back: 100 keys, one hash.

    Ends with PASS, or with FAIL and exit code 1.
    """
    _show("failover", evidence, plan)


@app.command()
def recovery(evidence: Evidence = None, plan: OnlyPlan = False) -> None:
    """Nodes come back: after a kill, after a long absence by a snapshot, and all three at once.

    Ends with PASS, or with FAIL and exit code 1.
    """
    _show("recovery", evidence, plan)


@app.command()
def concurrent(evidence: Evidence = None, plan: OnlyPlan = False) -> None:
    """Eight clients at once, a leader killed under them; what they were told is judged.

    Ends with PASS, or with FAIL and exit code 1.
    """
    _show("concurrent", evidence, plan)


@app.command()
def chat(evidence: Evidence = None, plan: OnlyPlan = False) -> None:
    """A chat at three nodes: one order of messages, over killed, slow and restarted nodes.

    Ends with PASS, or with FAIL and exit code 1.
    """
    _show("chat", evidence, plan)


@app.command("all")
def every(evidence: Evidence = None, plan: OnlyPlan = False) -> None:
    """All six, one after another, each on a cluster of its own; one table and one verdict.

    Exit code 1 when one of them fails.
    """
    if plan:
        for name in RUNNERS:
            show.line(f"{name}:")
            _tell_plan(name)
        return
    directory = _directory(evidence, "all")
    runs = []
    for name in RUNNERS:
        show.line(f"--- {name} ---")
        runs.append(_run(name, directory / name))
    show.demo_table(runs)
    show.line(f"evidence: {directory}")
    passed = sum(run.passed for run in runs)
    if passed < len(runs):
        show.line(f"FAIL: {passed} of {len(runs)} demonstrations pass")
        raise typer.Exit(Exit.FAILED)
    show.line(f"PASS: all {len(runs)} demonstrations")


def _show(name: str, evidence: Path | None, plan: bool) -> None:
    if plan:
        _tell_plan(name)
        return
    directory = _directory(evidence, name)
    run = _run(name, directory)
    show.line(f"evidence: {directory}")
    if not run.passed:
        show.line(f"FAIL: the {name} demonstration")
        raise typer.Exit(Exit.FAILED)
    show.line(f"PASS: {run.proves}")


def _run(name: str, directory: Path) -> ModeRun:
    directory.mkdir(parents=True, exist_ok=True)
    try:
        return RUNNERS[name](directory, show.step)
    except KvError as error:
        show.line(f"{name} could not be carried out: {error}")
        return ModeRun(name, "nothing: it could not be carried out", [], len(PLANS[name]), 0.0)


def _tell_plan(name: str) -> None:
    for number, step in enumerate(PLANS[name], start=1):
        show.line(f"{number}. {step.title}\n   expected: {step.expected}")


class Week(StrEnum):
    """Which gate."""

    WEEK11 = "week11"
    WEEK12 = "week12"


class Gate(Protocol):
    """Eight points, and what they need while they are checked."""

    def open(self) -> None: ...
    def points(self) -> list[Point]: ...
    def close(self) -> None: ...


def gate(
    week: Annotated[Week, typer.Argument(help="week11: elections. week12: the whole cluster.")],
    evidence: Evidence = None,
    make_tag: Annotated[
        bool, typer.Option("--tag/--no-tag", help="Make the annotated tag when all points pass.")
    ] = True,
) -> None:
    """Check the eight points of a week for real: PASS or FAIL each, with evidence.

    Run it in the project's source tree: two points look at its pages, and it is what is tagged.
    """
    directory = _directory(evidence, f"gate-{week}")
    checked: Gate
    if week is Week.WEEK11:
        checked = week11.Week11(directory)
        name, message = week11.TAG, week11.TAG_MESSAGE
    else:
        checked = week12.Week12(directory, lambda step: None)
        name, message = week12.TAG, week12.TAG_MESSAGE
    try:
        checked.open()
        verdicts = check_points(checked.points(), show.verdict)
    finally:
        checked.close()
    write_verdicts(verdicts, directory)
    show.line(f"evidence: {directory}")
    passed = sum(verdict.passed for verdict in verdicts)
    if passed < len(verdicts):
        show.line(f"FAIL: {week}, {passed} of {len(verdicts)} points pass")
        raise typer.Exit(Exit.FAILED)
    if make_tag:
        show.line(tag(source_tree(), name, message))
    show.line(f"PASS: {week}, all {len(verdicts)} points")


def report(
    output: Annotated[Path, typer.Option(help="The file to write.")] = Path("report.md"),
    evidence: Evidence = None,
) -> None:
    """Run the failover demonstration, measure, and write the one-page report."""
    directory = _directory(evidence, "report")
    run = run_failover(directory, show.step, measure_throughput=True)
    output.write_text(report_text(run))
    show.line(f"report: {output}; evidence: {directory}")
    if not run.passed:
        raise typer.Exit(Exit.FAILED)


def _directory(wanted: Path | None, name: str) -> Path:
    if wanted is None:
        return new_evidence_directory(name)
    wanted.mkdir(parents=True, exist_ok=True)
    return wanted
