"""One blocking connection to one node."""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Sequence

from kvcluster.commands import Word
from kvcluster.directory import Address
from kvcluster.errors import ConnectionLost, Corruption, KvError, Unavailable
from kvcluster.replies import Reply
from kvcluster.resp import NOTHING, ReplyReader, check_hello, hello, is_push, pack
from kvcluster.retry import ErrorReply, Outcome

_READ_BYTES = 64 * 1024


class Connection:
    """Commands out, replies in. Used by one thread at a time; after a loss it is closed.

    Args:
        address: host and port.
        timeout: seconds, to connect and, with a password, to authenticate.
        password: sent before anything else.

    Raises:
        Unavailable: nobody answers there.
        CommandError: the password is missing or wrong.
    """

    def __init__(self, address: Address, *, timeout: float, password: str | None = None) -> None:
        self.address = address
        self._name = f"{address[0]}:{address[1]}"
        self._reader = ReplyReader()
        try:
            self._socket = socket.create_connection(address, timeout)
        except OSError as error:
            raise Unavailable(f"{self._name}: cannot connect: {error}") from error
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            check_hello(self._name, self.exchange([hello(password)], timeout))
        except KvError:
            self.close()
            raise

    def exchange(self, commands: Sequence[tuple[Word, ...]], timeout: float) -> Outcome:
        """Sends the commands and reads a reply for each, within `timeout` seconds."""
        deadline = time.monotonic() + timeout
        replies: list[Reply | ErrorReply] = []
        try:
            self._socket.settimeout(timeout)
            self._socket.sendall(pack(commands))
            while len(replies) < len(commands):
                reply = self._reader.next()
                if reply is not NOTHING:
                    if not is_push(reply):
                        replies.append(reply)
                    continue
                self._socket.settimeout(max(deadline - time.monotonic(), 0.0001))
                data = self._socket.recv(_READ_BYTES)
                if not data:
                    return self._lost(replies, "the connection was closed")
                self._reader.feed(data)
        except TimeoutError:
            return self._lost(replies, f"no answer within {timeout:.3g} s")
        except (OSError, Corruption) as error:
            return self._lost(replies, str(error))
        return Outcome(replies)

    def send(self, commands: Sequence[tuple[Word, ...]]) -> None:
        """Sends without waiting for replies; for `receive`.

        Raises:
            ConnectionLost: the connection has ended.
        """
        try:
            self._socket.sendall(pack(commands))
        except OSError as error:
            raise self._ended(str(error)) from error

    def receive(self, timeout: float) -> Reply | ErrorReply:
        """The next reply or push; `NOTHING` when none came within `timeout` seconds.

        Raises:
            ConnectionLost: the connection has ended.
        """
        deadline = time.monotonic() + timeout
        try:
            while (message := self._reader.next()) is NOTHING:
                self._socket.settimeout(max(deadline - time.monotonic(), 0.0001))
                data = self._socket.recv(_READ_BYTES)
                if not data:
                    raise self._ended("the connection was closed")
                self._reader.feed(data)
        except TimeoutError:
            return NOTHING
        except (OSError, Corruption) as error:
            raise self._ended(str(error)) from error
        return message

    def _ended(self, why: str) -> ConnectionLost:
        self.close()
        return ConnectionLost(f"{self._name}: {why}")

    def _lost(self, replies: Sequence[Reply | ErrorReply], why: str) -> Outcome:
        self.close()
        return Outcome(replies, lost=f"{self._name}: {why}")

    @property
    def usable(self) -> bool:
        return self._socket.fileno() >= 0

    @property
    def is_stale(self) -> bool:
        """While nothing is asked: the node has closed it, or has said something by itself."""
        if not self.usable:
            return True
        poller = select.poll()
        poller.register(self._socket, select.POLLIN)
        return bool(poller.poll(0))

    def close(self) -> None:
        self._socket.close()
