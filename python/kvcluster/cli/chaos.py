"""`kvcluster chaos`."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from kvcluster.chaos import ChaosOptions, run_chaos
from kvcluster.chaos import run as chaos_run
from kvcluster.cli import Exit, show


def chaos(
    minutes: Annotated[float, typer.Option(help="How long faults go on.", min=0.05)] = 1.0,
    seed: Annotated[
        int | None, typer.Option(help="Of the faults and the clients' choices; else by chance.")
    ] = None,
    clients: Annotated[int, typer.Option(help="How many at once.", min=1, max=100)] = 8,
    nodes: Annotated[int, typer.Option(help="How many.", min=3, max=9)] = 3,
    html: Annotated[Path | None, typer.Option(help="Write a page with the timeline there.")] = None,
    artifacts: Annotated[
        Path | None,
        typer.Option(help="Keep logs, history, timeline and summary in this folder."),
    ] = None,
) -> None:
    """Harm real nodes under concurrent clients, then check that nothing was lost or doubled.

    Kills, pauses, partitions, bad links, failing disks, about one fault in 1.5 s. Ends with a
    verdict; exit code 1 when it is FAIL.
    """
    chosen = random.randrange(2**31) if seed is None else seed
    options = ChaosOptions(
        seed=chosen,
        seconds=minutes * 60,
        nodes=nodes,
        clients=clients,
        html=html,
        artifacts=artifacts,
    )
    columns = (
        TextColumn("chaos"),
        BarColumn(),
        TextColumn("{task.fields[calls]} operations, {task.fields[faults]} faults"),
        TextColumn("{task.description}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=options.seconds, calls=0, faults=0)

        def show_progress(now: chaos_run.Progress) -> None:
            bar.update(task, completed=now.seconds, calls=now.calls, faults=now.faults)
            if now.what:
                bar.update(task, description=now.what)

        report = run_chaos(options, show_progress)
    show.line(report.text())
    if html is not None:
        show.line(f"page: {html}")
    if artifacts is not None:
        show.line(f"artifacts: {artifacts}")
    if not report.passed:
        show.line(f"again: kvcluster chaos --seed {chosen} --minutes {minutes:g}")
        raise typer.Exit(Exit.FAILED)
