"""Keeps habits that no compiler checks: file sizes, tests that run, tests that do not sleep."""

import re
from collections.abc import Iterable
from pathlib import Path

import pytest

MAX_LINES = 500

# Spelled in pieces, so that this file does not find itself.
SWITCHED_OFF = re.compile(r"GTEST_" + r"SKIP|DISABLED" + r"_|pytest\.(?:mark\.)?(?:skip|xfail)")
SLEEP = "sle" + "ep"
SLEEPING = re.compile(rf"\b(?:u|nano)?{SLEEP}\(|\b{SLEEP}_(?:for|until)\(|import .*\b{SLEEP}\b")


def files_below(folder: Path, *suffixes: str) -> list[Path]:
    return sorted(file for file in folder.rglob("*") if file.suffix in suffixes)


def lines_matching(files: Iterable[Path], pattern: re.Pattern[str]) -> list[str]:
    return [
        f"{file}:{number}: {line.strip()}"
        for file in files
        for number, line in enumerate(file.read_text().splitlines(), start=1)
        if pattern.search(line)
    ]


def not_in_any_target(tests: Path) -> list[Path]:
    """C++ test sources that the CMakeLists.txt of their folder does not name: they never run."""
    stray = []
    for file in files_below(tests, ".cpp"):
        listing = file.parent / "CMakeLists.txt"
        named = listing.read_text().split() if listing.exists() else []
        if not any(word.strip("()") == file.name for word in named):
            stray.append(file)
    return stray


def test_no_source_file_is_longer_than_its_bound(repository: Path) -> None:
    files = files_below(repository / "cpp", ".hpp", ".cpp")
    files += files_below(repository / "python", ".py", ".pyi")
    assert [file for file in files if len(file.read_text().splitlines()) > MAX_LINES] == []


def test_no_test_is_switched_off(repository: Path) -> None:
    files = files_below(repository / "tests", ".cpp", ".hpp", ".py")
    assert lines_matching(files, SWITCHED_OFF) == []


def test_no_test_sleeps(repository: Path) -> None:
    files = files_below(repository / "tests", ".cpp", ".hpp", ".py")
    assert lines_matching(files, SLEEPING) == []


def test_every_test_source_belongs_to_a_target(repository: Path) -> None:
    assert not_in_any_target(repository / "tests/cpp") == []


def test_a_test_source_outside_any_target_is_found(tmp_path: Path) -> None:
    (tmp_path / "CMakeLists.txt").write_text("kv_test(base SOURCES ids_test.cpp)\n")
    (tmp_path / "ids_test.cpp").write_text("")
    (tmp_path / "lost_test.cpp").write_text("")
    assert not_in_any_target(tmp_path) == [tmp_path / "lost_test.cpp"]


@pytest.mark.parametrize(
    "line",
    ["  GTEST_" + "SKIP();", "TEST(Core, DISABLED" + "_Votes) {}", "@pytest.mark." + "skip"],
)
def test_a_switched_off_test_is_found(tmp_path: Path, line: str) -> None:
    file = tmp_path / "core_test.cpp"
    file.write_text(f"\n{line}\n")
    assert lines_matching([file], SWITCHED_OFF) == [f"{file}:2: {line.strip()}"]


@pytest.mark.parametrize(
    "line",
    [f"time.{SLEEP}(1)", f"await asyncio.{SLEEP}(0.1)", f"std::this_thread::{SLEEP}_for(ms);"],
)
def test_a_sleeping_test_is_found(tmp_path: Path, line: str) -> None:
    file = tmp_path / "core_test.cpp"
    file.write_text(line)
    assert lines_matching([file], SLEEPING) == [f"{file}:1: {line}"]
