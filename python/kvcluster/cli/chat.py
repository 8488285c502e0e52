"""`kvcluster chat`."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import typer

from kvcluster.background import BackgroundCluster
from kvcluster.cli import show
from kvcluster.errors import KvError


def chat(
    host: Annotated[str, typer.Option(help="Of the node to be at.")] = "127.0.0.1",
    port: Annotated[
        int | None,
        typer.Option(
            help="Of the node to be at. Else: a node that kvcluster up started.", min=1, max=65535
        ),
    ] = None,
    client_id: Annotated[
        str, typer.Option("--client-id", help="Who you are: what you say comes from node_ID.")
    ] = "9999",
    room: Annotated[str, typer.Option(help="Each room counts its messages from 1.")] = "lobby",
    history: Annotated[
        int, typer.Option(help="How many earlier messages to show.", min=0, max=1_000_000)
    ] = 100,
    stay: Annotated[
        bool, typer.Option("--stay", help="Without a terminal: go on after the end of the input.")
    ] = False,
    directory: Annotated[
        Path, typer.Option("--dir", help="The cluster that kvcluster up started here.")
    ] = Path("data/cluster"),
    password_file: Annotated[
        Path | None, typer.Option(help="Its first line is the cluster's password.", dir_okay=False)
    ] = None,
) -> None:
    """A chat in which every node delivers the same messages in the same order.

    Be at any node; if it dies, the chat goes on at another one, and no message is lost, doubled or
    out of order. Type a message and Enter; /help lists verbs, Ctrl-D leaves.

    From a pipe each line is a message: `echo Hello | kvcluster chat --port 5001`. Deliveries go to
    standard output, notes to standard error. `--stay < /dev/null` only listens.
    """
    password = password_file.read_text().split("\n", 1)[0] if password_file is not None else None
    nodes = [f"{host}:{port}"] if port is not None else _in_background(directory)
    asyncio.run(_visit(nodes, client_id, room, history, stay, password))


async def _visit(
    nodes: list[str], sender: str, room: str, history: int, stay: bool, password: str | None
) -> None:
    from kvcluster.chat import lines, terminal
    from kvcluster.chat.visit import Visit

    at_terminal = sys.stdin.isatty() and sys.stdout.isatty()
    deliver = terminal.show if at_terminal else lines.show
    tell = terminal.tell if at_terminal else show.note
    async with Visit(
        nodes, sender, deliver=deliver, tell=tell, password=password, history=history
    ) as visit:
        if visit.standing is None:
            tell(f"{visit.address} does not answer; waiting for it")
        await visit.enter(room)
        tell(visit.status_line)
        if at_terminal:
            await visit.attend(terminal.interact(visit, terminal.new_session(visit)))
        else:
            said = lines.lines_of(sys.stdin.fileno())
            await visit.attend(lines.run_lines(visit, said, tell, stay=stay))


def _in_background(directory: Path) -> list[str]:
    nodes = [node.address for node in BackgroundCluster(directory).nodes if node.running]
    if not nodes:
        raise KvError(
            f"no cluster runs in {directory}: name a node with --port, or start a cluster with "
            "kvcluster up"
        )
    return nodes
