"""What the README tells people to type works as it stands there."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from kvcluster.background import BackgroundCluster
from kvcluster.binaries import find_binary
from kvcluster.ports import ReservedPort

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# By a line that only this block has.
DEV, TOUR, PYTHON = "./dev demo", "kvcluster up", "from kvcluster"
START, USE = "./build/kvstore", "./build/kv_client"
# Writes as soon as there is a leader.
WAIT = "from kvcluster import Client; Client(['127.0.0.1:9001'], timeout=60).put('ready', 'yes')"


@pytest.fixture(scope="module")
def blocks(repository: Path) -> list[str]:
    return [body for _, body in FENCE.findall((repository / "README.md").read_text())]


def block(blocks: list[str], mark: str) -> str:
    [found] = [body for body in blocks if mark in body]
    return found


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


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_every_block_is_tried(blocks: list[str]) -> None:
    tried = [block(blocks, mark) for mark in (DEV, TOUR, PYTHON, START, USE)]
    assert sorted(tried) == sorted(blocks), "a new block needs a test of its own"


def test_dev_knows_the_commands(blocks: list[str], repository: Path) -> None:
    known = subprocess.run(
        ["./dev"], cwd=repository, capture_output=True, text=True, check=False
    ).stdout
    for command in re.findall(r"^\./dev (\w+)", block(blocks, DEV), re.MULTILINE):
        assert re.search(rf"^\s*{command}\b", known, re.MULTILINE), known


def test_the_tour(blocks: list[str], desk: Desk) -> None:
    script = block(blocks, TOUR)
    # A cluster keeps its ports: the one that the tour starts has those that the kernel chose here.
    desk.run("source .venv/bin/activate; kvcluster up --port 0; kvcluster down")
    for node in BackgroundCluster(desk.folder / "data" / "cluster").nodes:
        script = script.replace(str(9000 + node.id), str(node.port))
    try:
        output = desk.run(script)
    finally:
        desk.run("source .venv/bin/activate; kvcluster down")
    lines = output.splitlines()
    assert "hello" in lines, "what redis-cli reads"
    assert "1" in lines, "what redis-cli counts"
    assert "ended: nodes 1, 2, 3" in lines


def test_the_python_program(blocks: list[str], desk: Desk) -> None:
    program = desk.folder / "program.py"
    program.write_text(block(blocks, PYTHON))
    assert desk.run(f'"{sys.executable}" program.py') == "b'hello again'\n"


def test_three_processes_of_ones_own(blocks: list[str], desk: Desk) -> None:
    # The programs are built: these tests run them.
    start = re.sub("^cmake .*$", "", block(blocks, START), flags=re.MULTILINE)
    ready = f'"{sys.executable}" -c "{WAIT}"'
    script = f"trap 'kill $(jobs -p) && wait' EXIT\n{start}\n{ready}\n{block(blocks, USE)}"
    ports = sorted((ReservedPort() for _ in range(3)), key=lambda port: port.number)
    for written, port in zip((9001, 9002, 9003), ports, strict=True):
        script = script.replace(str(written), str(port.number))
    try:
        output = desk.run(script)
    finally:
        for port in ports:
            port.release()
    assert "testvalue" in output
    assert "PASS" in output
