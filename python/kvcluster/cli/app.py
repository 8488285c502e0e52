"""The commands of `kvcluster` and their help."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kvcluster.background import BackgroundCluster
from kvcluster.cli import Exit, show
from kvcluster.cli import chaos as chaos_command
from kvcluster.cli import chat as chat_command
from kvcluster.cli import check as check_command
from kvcluster.cli import demo as demo_commands
from kvcluster.cli import lab as lab_command
from kvcluster.cli import repl as repl_command
from kvcluster.errors import KvError

app = typer.Typer(
    name="kvcluster",
    help="A replicated key-value store on this machine: start it, use it, break it, check it.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    epilog="Exit codes: 0 done, 1 a check failed or a key was not found, 2 wrong usage, "
    "3 certainly not applied, 4 outcome unknown.",
)
app.add_typer(demo_commands.app, name="demo")
app.command("chat")(chat_command.chat)
app.command("check")(check_command.check)
app.command("gate")(demo_commands.gate)
app.command("lab")(lab_command.lab)
app.command("repl")(repl_command.repl)
app.command("report")(demo_commands.report)
app.command("chaos")(chaos_command.chaos)

Directory = Annotated[
    Path, typer.Option("--dir", help="Where the cluster keeps data, logs and its state file.")
]
Nodes = Annotated[
    str | None,
    typer.Option("--nodes", help="host:port,... of a cluster elsewhere, instead of --dir."),
]
Timeout = Annotated[float, typer.Option(help="Seconds for the whole call.", min=0.001)]
DEFAULT_DIRECTORY = Path("data/cluster")


@app.command()
def up(
    nodes: Annotated[int, typer.Option(help="How many.", min=1, max=31)] = 3,
    directory: Directory = DEFAULT_DIRECTORY,
    port: Annotated[
        int, typer.Option(help="Of node 1, the others count up; 0 picks free ones.", max=65505)
    ] = 9001,
    follower_mode: Annotated[
        str, typer.Option(help="What a follower does with a command: proxy, redirect or reject.")
    ] = "proxy",
) -> None:
    """Start a cluster in the background, or what of it does not run.

    Its nodes keep running until `kvcluster down`; their data outlives them.
    """
    flags = {"follower-mode": follower_mode, "log-format": "json"}
    cluster = BackgroundCluster(directory)
    cluster.up(nodes=nodes, first_port=port, flags=flags)
    show.cluster_table(cluster)
    show.line(
        f"try: kvcluster put greeting hello; redis-cli -p {cluster.nodes[0].port} get greeting"
    )


@app.command()
def status(
    directory: Directory = DEFAULT_DIRECTORY,
    watch: Annotated[bool, typer.Option("--watch", help="Keep it up to date until ^C.")] = False,
) -> None:
    """Show each node's role, term, indices and state hash.

    Exit code 1 when no node leads.
    """
    cluster = BackgroundCluster(directory)
    if not cluster.nodes:
        raise KvError(f"there is no cluster in {cluster.directory}: start one with kvcluster up")
    leads = show.watch_cluster(cluster) if watch else show.cluster_table(cluster)
    if not leads:
        raise typer.Exit(Exit.FAILED)


@app.command()
def down(directory: Directory = DEFAULT_DIRECTORY) -> None:
    """End the cluster; its data stays for the next `kvcluster up`."""
    ended = BackgroundCluster(directory).down()
    show.line(f"ended: nodes {', '.join(map(str, ended))}" if ended else "no node was running")


@app.command()
def put(
    key: str,
    value: str,
    directory: Directory = DEFAULT_DIRECTORY,
    nodes: Nodes = None,
    timeout: Timeout = 5.0,
) -> None:
    """Store VALUE under KEY. It is applied once, whatever happens to the leader meanwhile."""
    with show.client(directory, nodes, timeout) as client:
        client.put(key, value)
    show.line("OK")


@app.command()
def get(
    key: str,
    directory: Directory = DEFAULT_DIRECTORY,
    nodes: Nodes = None,
    timeout: Timeout = 5.0,
) -> None:
    """Print the value under KEY. Exit code 1 when there is none."""
    with show.client(directory, nodes, timeout) as client:
        value = client.get(key)
    if value is None:
        raise typer.Exit(Exit.FAILED)
    show.raw(value)


@app.command("del")
def delete(
    keys: list[str],
    directory: Directory = DEFAULT_DIRECTORY,
    nodes: Nodes = None,
    timeout: Timeout = 5.0,
) -> None:
    """Delete keys; print how many there were. Exit code 1 when there were none."""
    with show.client(directory, nodes, timeout) as client:
        count = client.delete(*keys)
    show.line(str(count))
    if count == 0:
        raise typer.Exit(Exit.FAILED)
