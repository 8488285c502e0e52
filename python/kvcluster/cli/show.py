"""What the commands print."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.live import Live
from rich.table import Table

from kvcluster.background import BackgroundCluster, BackgroundNode
from kvcluster.client import Client
from kvcluster.demo.mode import ModeRun
from kvcluster.demo.script import Step, transcript
from kvcluster.gate.points import Verdict
from kvcluster.replies import NodeStatus, mapping, text

_WATCH_SECONDS = 0.25

_WIDTH_WITHOUT_TERMINAL = 120

# A pipe or a file has no width of its own, and must not get a table that is cut.
_console = Console(highlight=False, width=None if sys.stdout.isatty() else _WIDTH_WITHOUT_TERMINAL)


def console() -> Console:
    """Where all of this goes."""
    return _console


def line(words: str) -> None:
    _console.print(words, markup=False, soft_wrap=True)


def note(words: str) -> None:
    """To the user, beside the output."""
    print(words, file=sys.stderr)


def raw(value: bytes) -> None:
    """The bytes as they are, and a line break."""
    sys.stdout.buffer.write(value + b"\n")
    sys.stdout.buffer.flush()


def client(directory: Path, nodes: str | None, timeout: float) -> Client:
    """Of the nodes named, else of the cluster in the directory."""
    if nodes is not None:
        return Client(nodes.split(","), timeout=timeout)
    return BackgroundCluster(directory).client(timeout=timeout)


def step(done: Step) -> None:
    """One step of a demonstration, as it ended."""
    *lines, mark = transcript(done)
    for words in lines:
        line(words)
    _console.print(f"[{'green' if done.passed else 'bold red'}]{mark}[/]")


def verdict(done: Verdict) -> None:
    """One point of a gate, as it ended."""
    style = "green" if done.passed else "bold red"
    mark = "PASS" if done.passed else "FAIL"
    _console.print(f"{done.number}. {done.title}: [{style}]{mark}[/]", soft_wrap=True)
    line(f"   {done.evidence}")


def demo_table(runs: Sequence[ModeRun]) -> None:
    """Each demonstration, and how it went."""
    table = Table()
    for heading in ("demonstration", "steps", "seconds", "verdict", "shows that"):
        table.add_column(heading, no_wrap=heading != "shows that")
    for run in runs:
        passed = sum(step.passed for step in run.steps)
        mark = "[green]PASS[/]" if run.passed else "[bold red]FAIL[/]"
        steps = f"{passed} of {run.planned}"
        table.add_row(run.name, steps, f"{run.seconds:.1f}", mark, run.proves)
    _console.print(table)


def cluster_table(cluster: BackgroundCluster) -> bool:
    """Prints the table once; whether a node leads."""
    table, leads = _table(cluster)
    _console.print(table)
    return leads


def watch_cluster(cluster: BackgroundCluster) -> bool:
    """Keeps the table up to date until it is interrupted; whether a node led at the end."""
    table, leads = _table(cluster)
    with Live(table, console=_console, refresh_per_second=10) as live:
        try:
            while True:
                time.sleep(_WATCH_SECONDS)
                table, leads = _table(cluster)
                live.update(table)
        except KeyboardInterrupt:
            return leads


def _table(cluster: BackgroundCluster) -> tuple[Table, bool]:
    table = Table(title=str(cluster.directory), title_style="dim")
    for heading in ("node", "address", "pid", "role", "term", "applied", "keys"):
        table.add_column(heading, no_wrap=True, min_width=len(heading))
    table.add_column("state hash", no_wrap=True)  # the one that may be cut
    leads = False
    for node in cluster.nodes:
        status = cluster.status(node)
        leads = leads or (status is not None and status.ready)
        table.add_row(*_row(node, status), style=_style(status))
    return table, leads


def _style(status: NodeStatus | None) -> str:
    if status is None:
        return "red"
    return "bold green" if status.ready else ""


def _row(node: BackgroundNode, status: NodeStatus | None) -> list[str]:
    if status is None:
        state = "no answer" if node.running else "down"
        return [str(node.id), node.address, str(node.pid), state, "", "", "", ""]
    role = status.role if status.phase == "serving" else status.phase
    digest = text(mapping(status.fields["state"])["state"])
    numbers = [str(status.term), str(status.applied_index), str(status.keys), digest[:12]]
    return [str(node.id), node.address, str(node.pid), role, *numbers]
