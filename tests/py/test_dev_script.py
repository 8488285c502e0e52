"""The face of ./dev: its list, its refusals. What the commands do is seen when they run."""

import re
import subprocess
from pathlib import Path

import pytest


def run_dev(repository: Path, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [repository / "dev", *arguments], cwd=cwd, capture_output=True, text=True, timeout=60
    )


@pytest.mark.parametrize("arguments", [(), ("--help",), ("-h",)])
def test_bare_or_asked_for_help_it_lists_its_commands(
    repository: Path, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    done = run_dev(repository, *arguments, cwd=tmp_path)
    assert done.returncode == 0
    assert done.stderr == ""
    for command in ("demo", "test", "fuzz", "bench", "build", "lint", "fmt", "docs", "gate"):
        assert re.search(rf"^  {command} +\S", done.stdout, re.MULTILINE), command


def test_every_listed_command_exists(repository: Path, tmp_path: Path) -> None:
    listed = re.findall(r"^  ([a-z]+) +\S", run_dev(repository, cwd=tmp_path).stdout, re.MULTILINE)
    written = re.findall(r"^command_([a-z]+)\(\)", (repository / "dev").read_text(), re.MULTILINE)
    assert sorted(listed) == sorted(written)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("tset",), "unknown command tset"),
        (("test", "--fast"), "unknown option --fast"),
        (("build", "release"), "unknown option release"),
        (("fuzz", "resp", "soon"), "unknown option soon"),
    ],
)
def test_what_it_does_not_know_it_refuses_with_the_usage(
    repository: Path, tmp_path: Path, arguments: tuple[str, ...], complaint: str
) -> None:
    done = run_dev(repository, *arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith(f"dev: {complaint}\n")
    assert "usage: ./dev" in done.stderr
    assert done.stdout == ""


def test_a_fuzz_target_that_is_none_is_refused_with_those_that_are(
    repository: Path, tmp_path: Path
) -> None:
    done = run_dev(repository, "fuzz", "rspe", cwd=tmp_path)
    assert done.returncode == 1
    complaint = done.stderr.splitlines()[-1]
    assert complaint.startswith("FAIL: there is no fuzz target rspe; there are: ")
    for target in ("resp", "peer_frame", "wal", "snapshot", "command"):
        assert target in complaint.split(), target
