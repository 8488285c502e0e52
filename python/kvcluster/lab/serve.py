"""Serves the lab on loopback until it is interrupted."""

from __future__ import annotations

import contextlib
import secrets
import socket
from collections.abc import Callable
from types import FrameType

import uvicorn

from kvcluster.lab.desk import Desk
from kvcluster.lab.pages import Pages

HOST = "127.0.0.1"
_TOKEN_BYTES = 16
_GRACE_SECONDS = 5


class _Server(uvicorn.Server):
    """Ends its streams of events when it is told to end."""

    def __init__(self, config: uvicorn.Config, pages: Pages) -> None:
        super().__init__(config)
        self._pages = pages

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        super().handle_exit(sig, frame)
        self._pages.end_events()


def serve(*, nodes: int, port: int, tell: Callable[[str], None]) -> None:
    """Starts a cluster and its page; returns when it was interrupted (SIGINT), all ended.

    Args:
        nodes: how many.
        port: of loopback; 0: a free one.
        tell: is called with the page's address when the cluster is ready.

    Raises:
        OSError: the port is taken.
        KvError: the cluster does not start.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, port))
        except OSError as error:
            raise OSError(
                f"port {port} of {HOST} is taken ({error.strerror}): give another --port"
            ) from None
        bound = listener.getsockname()[1]
        token = secrets.token_urlsafe(_TOKEN_BYTES)
        pages = Pages(
            Desk(nodes),
            token=token,
            port=lambda: int(bound),
            told=lambda: tell(f"http://{HOST}:{bound}/{token}/"),
        )
        config = uvicorn.Config(
            pages.app,
            log_level="critical",
            lifespan="on",
            timeout_graceful_shutdown=_GRACE_SECONDS,
            server_header=False,
        )
        server = _Server(config, pages)
        with contextlib.suppress(KeyboardInterrupt):  # it is how the lab ends
            server.run(sockets=[listener])
        if pages.failure is not None:
            raise pages.failure
