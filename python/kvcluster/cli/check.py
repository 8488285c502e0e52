"""`kvcluster check`: a recorded history against one store."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kvcluster.cli import Exit, show


def check(
    file: Annotated[
        Path, typer.Argument(help="JSON lines, as History.save writes them.", dir_okay=False)
    ],
) -> None:
    """Check a recorded history for linearizability, and explain a violation.

    Exit code 1 when it is a violation, 4 when it could not be decided.
    """
    from kvcluster.check import Finding, History, check_by_index
    from kvcluster.check import check as search

    operations = History.load(file).operations()
    for judge in (search, check_by_index):
        verdict = judge(operations)
        if verdict.finding is Finding.VIOLATION:
            show.line(verdict.explanation)
            raise typer.Exit(Exit.FAILED)
        if verdict.finding is Finding.UNDECIDED:
            show.line(verdict.explanation)
            raise typer.Exit(Exit.UNKNOWN)
    show.line(f"linearizable: {len(operations)} operations")
