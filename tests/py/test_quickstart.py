"""What the quick start and the guide tell people to type works as it stands there."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from desk import Desk, code_blocks

PAGES = Path(__file__).resolve().parents[2] / "docs"
QUICKSTART = code_blocks(PAGES / "quickstart.md")
GUIDE = code_blocks(PAGES / "guide.md")
BUILD, WHEEL = "./dev build\n", "pip wheel"


def programs_and_outputs() -> Iterator[tuple[str, str]]:
    """Each program of the guide with the text that stands below it."""
    for (language, body), (following, output) in zip(GUIDE, [*GUIDE[1:], ("", "")], strict=True):
        if language == "python":
            assert following == "text", f"a program without its output: {body}"
            yield body, output


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


@pytest.mark.timeout(300)
def test_the_quick_start_from_top_to_bottom(desk: Desk) -> None:
    # ./dev build made what these tests run with; what it and the wheel do has tests of its own.
    scripts = [body for language, body in QUICKSTART if language == "bash"]
    assert [script for script in scripts if script == BUILD] != []
    tour = "".join(script for script in scripts if script != BUILD and WHEEL not in script)
    output = desk.tour(tour)
    lines = [line.strip('"') for line in output.splitlines()]
    assert "hello" in lines, "the greeting"
    assert lines.count("42") == 2, "visits, as redis-cli and kv_client see them"
    assert "43" in lines, "visits, counted on after the leader was killed"
    hashes = re.findall(r"^index: (\d+)$", output, re.MULTILINE)
    assert len(hashes) == 3, output
    assert "ended: nodes 1, 2, 3" in lines


def test_the_program_of_the_quick_start(desk: Desk) -> None:
    [program] = [body for language, body in QUICKSTART if language == "python"]
    assert desk.python(program) == "b'9' True\n"


@pytest.mark.parametrize(("program", "output"), list(programs_and_outputs()))
def test_a_program_of_the_guide_prints_what_the_guide_says(
    program: str, output: str, desk: Desk
) -> None:
    assert desk.python(program) == output


def test_the_reads_of_the_guide_that_may_be_older(desk: Desk) -> None:
    [script] = [body for language, body in GUIDE if language == "bash"]
    start = "source .venv/bin/activate\nkvcluster up\nkvcluster put greeting hello\n"
    output = desk.tour(f"{start}{script}kvcluster down\n")
    assert "OK\nOK\nhello\n" in output.replace('"', ""), output
