"""Somebody who chats: a process `kvcluster chat` of its own at one node."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from typing import IO

from kvcluster.errors import Timeout

_END_SECONDS = 10.0


class Person:
    """Types lines and keeps what is delivered. Ends with `leave`.

    Args:
        address: `host:port` of the node to be at.
        sender: the client id.
        room: to be in.
    """

    def __init__(self, address: str, sender: str, room: str) -> None:
        host, _, port = address.rpartition(":")
        self.sender = sender
        self._lines: list[str] = []
        self._notes: list[str] = []
        self._changed = threading.Condition()
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-m", "kvcluster", "chat", "--stay"),
                *("--host", host, "--port", port, "--client-id", sender, "--room", room),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self._readers = [
            threading.Thread(target=self._read, args=(self._process.stdout, self._lines)),
            threading.Thread(target=self._read, args=(self._process.stderr, self._notes)),
        ]
        for reader in self._readers:
            reader.start()

    @property
    def lines(self) -> list[str]:
        """What was delivered."""
        with self._changed:
            return list(self._lines)

    @property
    def notes(self) -> list[str]:
        """What was said beside."""
        with self._changed:
            return list(self._notes)

    def say(self, *texts: str) -> None:
        """Types lines; what becomes of them is seen in the deliveries."""
        if self._process.stdin is not None:
            self._process.stdin.write("".join(f"{text}\n" for text in texts))
            self._process.stdin.flush()

    def wait_for(self, seq: int, timeout: float) -> list[str]:
        """Waits for the message with this number; all deliveries by then.

        Raises:
            Timeout: it did not come within `timeout` seconds.
        """
        self._wait(lambda: len(self._lines) >= seq, f"message {seq}", timeout)
        return self.lines

    def wait_for_note(self, begins: str, timeout: float) -> str:
        """Waits for a note that begins so; the last such one.

        Raises:
            Timeout: it did not come within `timeout` seconds.
        """

        def found() -> list[str]:
            return [note for note in self._notes if note.startswith(begins)]

        self._wait(lambda: bool(found()), f"a note {begins!r}", timeout)
        return found()[-1]

    def leave(self) -> None:
        """Ctrl-C."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for reader in self._readers:
            reader.join()
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            if pipe is not None:
                pipe.close()

    def _read(self, pipe: IO[str], into: list[str]) -> None:
        for line in pipe:
            with self._changed:
                into.append(line.rstrip("\n"))
                self._changed.notify_all()

    def _wait(self, condition: Callable[[], bool], what: str, timeout: float) -> None:
        deadline = time.monotonic() + timeout
        with self._changed:
            while not condition():
                left = deadline - time.monotonic()
                if left <= 0 or self._process.poll() is not None:
                    last = [*self._lines[-1:], *self._notes[-1:]]
                    raise Timeout(f"node_{self.sender} waited for {what}; its last lines: {last}")
                self._changed.wait(min(left, 0.2))


def wait_for_all(people: Sequence[Person], seq: int, timeout: float) -> list[str]:
    """Waits until all have the message with this number; what all of them have then.

    Raises:
        AssertionError: they do not have the same.
        Timeout: it did not come within `timeout` seconds.
    """
    seen = [person.wait_for(seq, timeout)[:seq] for person in people]
    for person, lines in zip(people, seen, strict=True):
        assert lines == seen[0], f"node_{person.sender} has {lines}, not {seen[0]}"
    return seen[0]
