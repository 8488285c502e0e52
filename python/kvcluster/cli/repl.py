"""`kvcluster repl`."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from kvcluster.background import BackgroundCluster
from kvcluster.cli import Exit, show
from kvcluster.errors import KvError
from kvcluster.local_cluster import LocalCluster


def repl(
    cluster: Annotated[
        int | None,
        typer.Option(help="Start so many nodes for this shell, to use and to harm.", min=1, max=9),
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(help="Bind the shell to the node on this port of this machine.", max=65535),
    ] = None,
    nodes: Annotated[
        str | None, typer.Option("--nodes", help="host:port,... of a cluster elsewhere.")
    ] = None,
    directory: Annotated[
        Path, typer.Option("--dir", help="Else: the cluster that kvcluster up started here.")
    ] = Path("data/cluster"),
    password_file: Annotated[
        Path | None, typer.Option(help="Its first line is the cluster's password.", dir_okay=False)
    ] = None,
    timeout: Annotated[float, typer.Option(help="Seconds for one command.", min=0.1)] = 5.0,
    history: Annotated[
        Path | None, typer.Option(help="Keep typed lines there, instead of in ~/.local/state.")
    ] = None,
) -> None:
    """An interactive shell: every command of the server, completion, history, hints.

    Besides: status, hash, use, transfer; with --cluster also kill, restart, pause, resume,
    partition 1 | 2 3 and heal. Type help. Lines may also come from a pipe or a file; the exit code
    is 1 then when one of them failed.
    """
    from kvcluster.repl.prompt import LineHistory, history_file, interact, new_session, run_lines
    from kvcluster.repl.route import Route
    from kvcluster.repl.shell import Shell

    if sum(choice is not None for choice in (cluster, port, nodes)) > 1:
        raise ValueError("--cluster, --port and --nodes exclude each other")
    password = _first_line(password_file) if password_file is not None else None
    with ExitStack() as stack:
        own = None
        if cluster is not None:
            show.note(f"starting {cluster} nodes; they end with this shell")
            own = stack.enter_context(LocalCluster(nodes=cluster, detached=True))
            named = own.nodes
        elif port is not None:
            named = [f"127.0.0.1:{port}"]
        else:
            named = nodes.split(",") if nodes is not None else _in_background(directory)
        route = Route(
            named,
            bound=named[0] if port is not None else None,
            timeout=timeout,
            password=password,
        )
        stack.callback(route.close)
        shell = Shell(route, show.console(), own)
        if sys.stdin.isatty():
            interact(shell, new_session(shell, LineHistory(history or history_file())))
        elif not run_lines(shell, sys.stdin):
            raise typer.Exit(Exit.FAILED)


def _in_background(directory: Path) -> list[str]:
    cluster = BackgroundCluster(directory)
    if not any(node.running for node in cluster.nodes):
        raise KvError(
            f"no cluster runs in {cluster.directory}: start one with kvcluster up, give --nodes or "
            "--port, or let the shell start its own: kvcluster repl --cluster 3"
        )
    return [node.address for node in cluster.nodes]


def _first_line(file: Path) -> str:
    return file.read_text().split("\n", 1)[0]
