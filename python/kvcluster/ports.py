"""TCP ports for processes that are yet to start."""

from __future__ import annotations

import socket


class ReservedPort:
    """A port of 127.0.0.1, picked by the kernel and held by a socket that does not listen.

    A process that sets SO_REUSEADDR may listen on it, as often as it is restarted; nobody else is
    handed it meanwhile.
    """

    def __init__(self, number: int = 0) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._socket.bind(("127.0.0.1", number))
        except OSError:
            self._socket.close()
            raise
        self.number: int = self._socket.getsockname()[1]

    def release(self) -> None:
        self._socket.close()
