"""Ends what a process leaves behind when it dies without a chance to clean up.

A guard is a small process that reads from a pipe which only its owner holds open. The owner tells
it which processes it has started (`+pid`), which have ended (`-pid`), which directory to remove
(`dir PATH`), and which network namespaces and interfaces (`netns NAME`, `link NAME`). When the pipe
closes, for whatever reason, SIGKILL included, the guard ends the processes and removes the rest. It
holds each process by a pidfd, so it never hits a stranger that was given the same number.
"""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import signal
import subprocess
import sys
from pathlib import Path


class Guard:
    """The owner's end. `close` makes the guard do its work at once, and waits for it."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(Path(__file__).resolve())],
            stdin=subprocess.PIPE,
            # An interrupt from the terminal ends the owner; the guard must outlive it.
            start_new_session=True,
        )

    def watch(self, pid: int) -> None:
        self._say(f"+{pid}")

    def forget(self, pid: int) -> None:
        self._say(f"-{pid}")

    def remove(self, directory: Path) -> None:
        self._say(f"dir {directory}")

    def remove_namespace(self, name: str) -> None:
        self._say(f"netns {name}")

    def remove_interface(self, name: str) -> None:
        self._say(f"link {name}")

    def close(self) -> None:
        if self._process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.close()
        self._process.wait()

    def _say(self, line: str) -> None:
        if self._process.stdin is not None:
            # A guard that was killed can protect nobody, and is no reason to stop a cluster.
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.write(os.fsencode(line) + b"\n")
                self._process.stdin.flush()


def _end(pidfd: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        signal.pidfd_send_signal(pidfd, signal.SIGKILL)
    poller = select.poll()
    poller.register(pidfd, select.POLLIN)
    poller.poll(10_000)  # until it is gone, so that it writes no more into the directory


def main() -> None:
    processes: dict[int, int] = {}
    directory: str | None = None
    networks: list[list[str]] = []
    for raw in sys.stdin.buffer:
        line = os.fsdecode(raw).rstrip("\n")
        if line.startswith("+"):
            with contextlib.suppress(ProcessLookupError):
                processes[int(line[1:])] = os.pidfd_open(int(line[1:]))
        elif line.startswith("-"):
            pidfd = processes.pop(int(line[1:]), None)
            if pidfd is not None:
                os.close(pidfd)
        elif line.startswith("dir "):
            directory = line[4:]
        elif line.startswith(("netns ", "link ")):
            kind, _, name = line.partition(" ")
            networks.append(["ip", kind, "del", name])
    for pidfd in processes.values():
        _end(pidfd)
    for words in networks:
        subprocess.run(words, capture_output=True, check=False)  # it may be gone already
    if directory is not None:
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main()
