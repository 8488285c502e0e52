"""`kvcluster demo`, `kvcluster gate` and `kvcluster report`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Protocol

import typer

from kvcluster.cli import Exit, show
from kvcluster.demo.failover import PLAN, run_failover
from kvcluster.demo.report import report_text
from kvcluster.demo.script import new_evidence_directory
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


@app.callback()
def demo() -> None:
    """Show the cluster at work, on real processes that come and go with the demo."""


@app.command()
def failover(
    evidence: Evidence = None,
    plan: Annotated[bool, typer.Option("--plan", help="Only print the steps.")] = False,
) -> None:
    """Three nodes, 50 keys, the leader killed, 50 more, the old leader back: 100 keys, one hash.

    Ends with PASS, or with FAIL and exit code 1.
    """
    if plan:
        for number, step in enumerate(PLAN, start=1):
            show.line(f"{number}. {step.title}\n   expected: {step.expected}")
        return
    directory = _directory(evidence, "failover")
    run = run_failover(directory, show.step)
    (directory / "report.md").write_text(report_text(run))
    show.line(f"evidence: {directory}")
    if not run.passed:
        show.line("FAIL: the failover demonstration")
        raise typer.Exit(Exit.FAILED)
    show.line("PASS: writes survived the leader, and all nodes hold the same state")


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
