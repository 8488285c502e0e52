"""`kvcluster lab`."""

from __future__ import annotations

import webbrowser
from typing import Annotated

import typer

from kvcluster.cli import Exit, show


def lab(
    nodes: Annotated[int, typer.Option(help="How many.", min=1, max=9)] = 3,
    port: Annotated[int, typer.Option(help="Of this machine; 0: a free one.", max=65535)] = 0,
    open_browser: Annotated[
        bool, typer.Option("--open", help="Open the page in the browser.")
    ] = False,
) -> None:
    """A page in the browser: a cluster at work, with buttons to write to it and to harm it.

    Open the address that is printed; it has a token, and works on this machine only. Ctrl-C ends
    the page and the cluster, whose data is not kept.
    """
    try:
        from kvcluster.lab.serve import serve
    except ImportError as error:
        show.note(f"kvcluster lab needs {error.name}: pip install 'kvcluster[lab]'")
        raise typer.Exit(Exit.USAGE) from error

    def tell(address: str) -> None:
        show.line(f"lab: {address}")
        show.note("Ctrl-C ends it and its cluster")
        if open_browser:
            webbrowser.open(address)

    show.note(f"starting {nodes} nodes")
    serve(nodes=nodes, port=port, tell=tell)
    show.line("ended")
