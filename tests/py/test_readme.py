"""What the README tells people to type works as it stands there."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from desk import Desk, code_blocks
from kvcluster.ports import ReservedPort

# By a line that only this block has.
DEV, TOUR, PYTHON = "./dev demo", "kvcluster up", "from kvcluster"
START, USE = "./build/kvstore", "./build/kv_client"
# Writes as soon as there is a leader.
WAIT = "from kvcluster import Client; Client(['127.0.0.1:9001'], timeout=60).put('ready', 'yes')"


@pytest.fixture(scope="module")
def blocks(repository: Path) -> list[str]:
    return [body for _, body in code_blocks(repository / "README.md")]


def block(blocks: list[str], mark: str) -> str:
    [found] = [body for body in blocks if mark in body]
    return found


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
    lines = desk.tour(block(blocks, TOUR)).splitlines()
    assert "hello" in lines, "what redis-cli reads"
    assert "1" in lines, "what redis-cli counts"
    assert "ended: nodes 1, 2, 3" in lines


def test_the_python_program(blocks: list[str], desk: Desk) -> None:
    assert desk.python(block(blocks, PYTHON)) == "b'hello again'\n"


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
