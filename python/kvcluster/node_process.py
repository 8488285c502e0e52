"""One `kvstore` process: started, watched, signalled and ended by its process id."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kvcluster.directory import Address
from kvcluster.errors import NodeFailed

_POLL_SECONDS = 0.01


@dataclass(frozen=True, slots=True)
class NodeSpec:
    """How a node is started.

    Attributes:
        id: 1 or more.
        host: where it is reached.
        port: where it serves clients.
        program: the `kvstore` binary.
        arguments: all flags.
        data_dir: where it keeps its state.
        log: the file that gets its output.
        prefix: a command that starts it, and becomes it.
    """

    id: int
    port: int
    program: Path
    arguments: tuple[str, ...]
    data_dir: Path
    log: Path
    host: str = "127.0.0.1"
    prefix: tuple[str, ...] = ()

    @property
    def address(self) -> tuple[str, int]:
        return (self.host, self.port)

    @property
    def command(self) -> list[str]:
        return [*self.prefix, str(self.program), *self.arguments]


def plan_node(
    node: int,
    *,
    program: Path,
    directory: Path,
    port: int,
    peers: Mapping[int, Address],
    host: str = "127.0.0.1",
    prefix: Sequence[str] = (),
    flags: Mapping[str, str | int],
) -> NodeSpec:
    """A node with its data and log in `directory`.

    Args:
        peers: where this node reaches each other one, by id.
        host: where it listens and is reached.
        prefix: a command that starts it, and becomes it.
        flags: more flags, without their dashes; True: one that takes no value.
    """
    data_dir = directory / f"node-{node}"
    words: dict[str, str | int] = {"id": node, "port": port, "data-dir": str(data_dir)}
    if host != "127.0.0.1":
        words["host"] = host
    if peers:
        words["peers"] = ",".join(
            f"{peer}@{peer_host}:{peer_port}"
            for peer, (peer_host, peer_port) in sorted(peers.items())
        )
    words |= flags
    return NodeSpec(
        id=node,
        port=port,
        program=program,
        arguments=tuple(
            word
            for name, value in words.items()
            for word in ((f"--{name}",) if value is True else (f"--{name}", str(value)))
        ),
        data_dir=data_dir,
        log=directory / f"node-{node}.log",
        host=host,
        prefix=tuple(prefix),
    )


class NodeProcess:
    """A node that was started. It may have ended since."""

    def __init__(
        self,
        spec: NodeSpec,
        *,
        detached: bool = False,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.spec = spec
        self.paused = False
        with spec.log.open("ab") as log:
            self._process = subprocess.Popen(
                spec.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=detached,
                env={**os.environ, **environment} if environment else None,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    @property
    def exit_code(self) -> int | None:
        """None while it runs; a negative number is the signal that ended it."""
        return self._process.poll()

    def send_signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def kill(self) -> None:
        """SIGKILL, and waits until it is gone."""
        self._process.kill()
        self._process.wait()

    def terminate(self, timeout: float) -> int:
        """SIGTERM: it hands its leadership over and ends. Its exit code.

        Raises:
            NodeFailed: it did not end within `timeout` seconds; it was killed then.
        """
        self.resume()
        self._process.terminate()
        try:
            return self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise NodeFailed(
                f"node {self.spec.id} did not end within {timeout} s of SIGTERM and was killed"
            ) from None

    def pause(self) -> None:
        """SIGSTOP: it keeps its connections and does nothing."""
        self.send_signal(signal.SIGSTOP)
        self.paused = True

    def resume(self) -> None:
        if self.paused:
            self.send_signal(signal.SIGCONT)
            self.paused = False

    def last_words(self) -> str:
        """The last lines of its log, for an error message."""
        return tail(self.spec.log)


def tail(log: Path, lines: int = 3) -> str:
    """The last lines of a file; empty when there is none."""
    if not log.exists():
        return ""
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])


def wait_until_gone(processes: Sequence[NodeProcess], timeout: float) -> bool:
    """True when all have ended within `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while any(process.running for process in processes):
        if time.monotonic() >= deadline:
            return False
        time.sleep(_POLL_SECONDS)
    return True
