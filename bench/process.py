"""Server processes: started, watched, ended; what they used of the machine."""

from __future__ import annotations

import os
import resource
import socket
import subprocess
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from kvcluster.guard import Guard

_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
_POLL_SECONDS = 0.01
_STOP_SECONDS = 10.0


class BenchError(Exception):
    """A system or a load generator did not do what it should; the message says what."""


class Processes:
    """Some processes of one system; they end together, also when this process dies."""

    def __init__(self) -> None:
        self._guard = Guard()
        self._processes: list[subprocess.Popen[bytes]] = []

    def start(
        self, command: Sequence[str | Path], log: Path, *, talks: bool = False
    ) -> subprocess.Popen[bytes]:
        """Starts one; what it says goes to `log`, or, if it `talks`, only its errors do."""
        with log.open("ab") as output:
            process = subprocess.Popen(
                [str(word) for word in command],
                stdin=subprocess.PIPE if talks else subprocess.DEVNULL,
                stdout=subprocess.PIPE if talks else output,
                stderr=output,
                cwd=log.parent,
            )
        self._guard.watch(process.pid)
        self._processes.append(process)
        return process

    @property
    def pids(self) -> list[int]:
        return [process.pid for process in self._processes]

    def close(self) -> None:
        for process in self._processes:
            process.kill()
        for process in self._processes:
            process.wait(_STOP_SECONDS)
            for stream in (process.stdin, process.stdout):
                if stream is not None:
                    stream.close()
        self._guard.close()


def cpu_seconds(pids: Iterable[int]) -> float:
    """Processor time of these processes so far, all threads, user and system."""
    ticks = 0
    for pid in pids:
        # The name of the program, in brackets, may hold spaces.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / _TICKS_PER_SECOND


def machine_busy_seconds() -> float:
    """Processor time that the whole machine has spent on anything, or lost to its host, so far."""
    fields = [int(word) for word in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    idle, waiting = fields[3], fields[4]
    return (sum(fields) - idle - waiting) / _TICKS_PER_SECOND


def children_cpu_seconds() -> float:
    """Processor time of this process's children that have ended so far."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def peak_rss_bytes(pids: Iterable[int]) -> int:
    """The most memory that each of these processes ever held, added up."""
    total = 0
    for pid in pids:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                total += int(line.split()[1]) * 1024
    return total


def file_system(path: Path) -> str:
    """The type of the file system that holds `path`."""
    device = path.stat().st_dev
    wanted = f"{os.major(device)}:{os.minor(device)}"
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        mount, _, source = line.partition(" - ")
        if mount.split()[2] == wanted:
            return source.split()[0]
    return "unknown"


def wait_until(condition: Callable[[], bool], what: str, timeout: float = 20.0) -> None:
    """Polls until `condition` is true.

    Raises:
        BenchError: it did not become true in time.
    """
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            raise BenchError(f"{what}: not within {timeout:.0f} s")
        time.sleep(_POLL_SECONDS)


def ask(port: int, *words: str) -> str:
    """One inline command to a RESP server; what it answers, empty when it does not."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=2) as connection:
            connection.sendall(" ".join(words).encode() + b"\r\n")
            return connection.recv(65536).decode(errors="replace")
    except OSError:
        return ""
