"""A place to do what a page tells people to type."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

from kvcluster.background import BackgroundCluster
from kvcluster.binaries import find_binary

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PROGRAMS = ("kv_bench", "kv_client", "kv_sim", "kvstore", "election_test")


def code_blocks(page: Path) -> list[tuple[str, str]]:
    """The language and the body of each, in order."""
    return [(language, body) for language, body in FENCE.findall(page.read_text())]


class Desk:
    """A folder in which somebody follows the README, with the programs where it says they are."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        programs = folder / "programs"
        activate = folder / ".venv" / "bin" / "activate"
        programs.mkdir()
        activate.parent.mkdir(parents=True)
        activate.write_text(f'PATH="{programs}:$PATH"\n')
        command = programs / "kvcluster"
        command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m kvcluster "$@"\n')
        command.chmod(0o700)
        for name in PROGRAMS:
            (programs / name).symlink_to(find_binary(name))
        (folder / "build").symlink_to(find_binary("kvstore").parent)

    def run(self, script: str) -> str:
        """What it prints; it must succeed, and leaves no process behind."""
        with subprocess.Popen(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        ) as shell:
            try:
                output, errors = shell.communicate(timeout=100)
            finally:
                if shell.poll() is None:
                    os.killpg(shell.pid, signal.SIGKILL)
        assert shell.returncode == 0, f"{script}\n{output}\n{errors}"
        return output

    def tour(self, script: str) -> str:
        """What a script prints that starts a cluster at ports 9001 to 9003, and ends it."""
        # A cluster keeps its ports: the one that the tour starts has those that the kernel chose.
        self.run("source .venv/bin/activate; kvcluster up --port 0; kvcluster down")
        for node in BackgroundCluster(self.folder / "data" / "cluster").nodes:
            script = script.replace(str(9000 + node.id), str(node.port))
        try:
            return self.run(script)
        finally:
            self.run("source .venv/bin/activate; kvcluster down")

    def python(self, program: str) -> str:
        """What a program prints."""
        (self.folder / "program.py").write_text(program)
        return self.run(f'"{sys.executable}" program.py')
