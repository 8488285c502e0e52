"""The source distribution holds all that a wheel is built from."""

import subprocess
import sys
import tarfile
from collections.abc import Sequence
from pathlib import Path

import pytest

pytestmark = pytest.mark.timeout(1800)

BUILT_FROM = ("CMakeLists.txt", "LICENSE", "README.md", "pyproject.toml")
BUILT_FROM_FOLDERS = ("bindings", "cmake", "cpp", "python")
MAKE = "import sys, scikit_build_core.build as b; print(b.build_sdist(sys.argv[1]))"


def run(command: Sequence[str | Path], cwd: Path) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def sdist(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sdist")
    return folder / run((sys.executable, "-c", MAKE, folder), repository).split()[-1]


@pytest.fixture(scope="module")
def tree(sdist: Path) -> Path:
    """What somebody has who unpacks it."""
    with tarfile.open(sdist) as archive:
        archive.extractall(sdist.parent, filter="data")
    return sdist.parent / sdist.name.removesuffix(".tar.gz")


def test_every_source_of_the_package_is_in_it(tree: Path, repository: Path) -> None:
    listed = run(("git", "ls-files", "-z", *BUILT_FROM, *BUILT_FROM_FOLDERS), repository)
    sources = [name for name in listed.split("\0") if name and (repository / name).exists()]
    assert set(BUILT_FROM) < set(sources)
    assert [name for name in sources if not (tree / name).is_file()] == []


def test_nothing_that_was_built_is_in_it(tree: Path) -> None:
    built = {".a", ".o", ".pyc", ".so"}
    assert [file for file in tree.rglob("*") if file.suffix in built] == []
    assert not (tree / "build").exists()
    assert not (tree / ".venv").exists()


def test_cmake_finds_every_file_that_it_names(tree: Path, tmp_path: Path) -> None:
    settings = ("-DKVCLUSTER_BUILD_TESTS=OFF", "-DKVCLUSTER_STATIC_LIBRARIES=ON")
    run(("cmake", "-G", "Ninja", "-S", tree, "-B", tmp_path / "build", *settings), tmp_path)


def test_a_wheel_can_be_built_from_it(
    sdist: Path, tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    """By default only its description is made, which takes all of the build but the compiler."""
    command: tuple[str | Path, ...]
    if pytestconfig.getoption("--build-sdist"):
        command = ("wheel", "--no-deps", "--wheel-dir", tmp_path / "wheels", sdist)
    else:
        command = ("install", "--no-deps", "--no-build-isolation", "--dry-run", sdist)
    seen = run((sys.executable, "-m", "pip", *command), tmp_path)
    assert "kvcluster" in seen
    if pytestconfig.getoption("--build-sdist"):
        assert len(list((tmp_path / "wheels").glob("kvcluster-*.whl"))) == 1
