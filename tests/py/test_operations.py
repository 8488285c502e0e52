"""What the operations page tells people to do works: restarts, backups, the copy of the records."""

import subprocess
import sys
from pathlib import Path

import pytest

from conftest import StartCluster
from desk import Desk, code_blocks

PAGE = Path(__file__).resolve().parents[2] / "docs" / "operations.md"
BLOCKS = code_blocks(PAGE)
VENV = "source .venv/bin/activate\n"

pytestmark = pytest.mark.timeout(300)


def script(mark: str) -> str:
    [found] = [body for language, body in BLOCKS if language == "bash" and mark in body]
    return found


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_every_script_of_the_page_is_tried() -> None:
    scripts = [body for language, body in BLOCKS if language == "bash"]
    assert scripts == [script("kill -TERM"), script("tar -C data -czf")]


def test_a_leader_that_is_restarted_is_missed_by_nobody(desk: Desk) -> None:
    output = desk.tour(VENV + script("kill -TERM"))
    assert "OK" in output.splitlines()
    assert "ended: nodes" in output


def test_a_backup_at_rest_brings_back_what_there_was(desk: Desk) -> None:
    lines = desk.tour(VENV + script("tar -C data -czf")).splitlines()
    assert "before" in lines
    assert "after" not in lines


def test_the_records_of_a_lone_survivor_go_to_a_new_cluster(
    start_cluster: StartCluster, tmp_path: Path
) -> None:
    [program] = [body for language, body in BLOCKS if language == "python"]
    (tmp_path / "copy_records.py").write_text(program)
    old, new = start_cluster(faults=False), start_cluster(faults=False)
    with old.client() as client:
        client.mset({f"key-{number:04}": number for number in range(1200)})
        client.put("soon", "gone", ttl=1000)
    old.wait_for_convergence()
    survivor, *others = old.running
    for node in others:
        old.kill(node)
    done = subprocess.run(
        [sys.executable, tmp_path / "copy_records.py", str(old.port(survivor)), new.nodes[0]],
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (0, "1201 keys\n"), done.stderr
    with new.client() as client:
        assert client.get("key-1199") == b"1199"
        assert 900 < (client.ttl("soon") or 0) <= 1000
        assert len(client.range("key-", "key.", limit=2000)) == 1200
