"""The wheel stands alone: built, audited, installed into an empty environment and used there."""

import fcntl
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from elftools.elf.dynamic import DynamicSection
from elftools.elf.elffile import ELFFile

# A wheel is compiled by the first test here when nobody has installed the package before.
pytestmark = pytest.mark.timeout(1200)

# What every Linux with glibc has that Python's wheels may ask for (PEP 600).
EVERYWHERE = {
    *("ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1"),
    *("libc.so.6", "libm.so.6", "libdl.so.2", "libpthread.so.0", "librt.so.1"),
    *("libgcc_s.so.1", "libstdc++.so.6"),
}
PROGRAMS = {"kvstore", "kv_client", "kv_bench", "kv_sim", "election_test"}

USE = """
from pathlib import Path
from kvcluster import LocalCluster, _core

def mapped(process):
    lines = Path(f"/proc/{process}/maps").read_text().splitlines()
    return {line.split(maxsplit=5)[5] for line in lines if "/" in line}

with LocalCluster(nodes=3) as cluster, cluster.client() as client:
    leader = cluster.wait_for_leader()
    client.put("greeting", "hello")
    loaded = mapped("self") | mapped(cluster.pid(leader))
    cluster.kill(leader)
    client.put("greeting", "hello again")
    print(client.get("greeting").decode())
print(*(path for path in loaded if ".so" in path or "kvstore" in path), sep="\\n")
"""

TYPED = """
from kvcluster import LocalCluster
from kvcluster._core import digest

with LocalCluster(nodes=3) as cluster, cluster.client() as client:
    reveal_type(client.get("greeting"))
    reveal_type(digest.blake2b_256(b""))
"""


@contextmanager
def alone(repository: Path) -> Iterator[None]:
    """Nobody else builds in this tree: the lock is that of ./dev."""
    lock = repository / "build" / ".dev.lock"
    lock.parent.mkdir(exist_ok=True)
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def run(*command: str | Path, cwd: Path) -> str:
    """What it prints, run as in a shell that knows nothing of this source tree."""
    kept = {"CXX", "HOME", "LANG", "PATH", "TMPDIR"}
    environment = {"CXX": "c++"} | {  # as in ./dev: another compiler would compile all anew
        name: value
        for name, value in os.environ.items()
        if name in kept or name.startswith(("PIP_", "CCACHE_", "SSL_")) or name.endswith("_proxy")
    }
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Made in the directory in which the package was built that runs these tests."""
    folder = tmp_path_factory.mktemp("wheel")
    options = ("--no-deps", "--no-build-isolation", "--wheel-dir", folder)
    with alone(repository):
        run(sys.executable, "-m", "pip", "wheel", "--quiet", *options, ".", cwd=repository)
    [made] = folder.glob("*.whl")
    return made


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An interpreter that has the wheel and what it depends on, and nothing else."""
    folder = tmp_path_factory.mktemp("empty")
    run(sys.executable, "-m", "venv", "--without-pip", folder / "venv", cwd=folder)
    python = folder / "venv" / "bin" / "python"
    pip = (sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet")
    run(*pip, wheel, cwd=folder)
    return python


def native_files(wheel: Path) -> dict[str, list[str]]:
    """The libraries that each native file of the wheel asks for."""
    found = {}
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            with archive.open(name) as file:
                if file.read(4) != b"\x7fELF":
                    continue
            with archive.open(name) as file:
                dynamic = ELFFile(file).get_section_by_name(".dynamic")
                assert isinstance(dynamic, DynamicSection), name
                # The library gives each kind of tag an attribute of its own name.
                needed = dynamic.iter_tags("DT_NEEDED")
                found[name] = [str(vars(tag)["needed"]) for tag in needed]
    return found


def test_it_asks_for_nothing_that_a_bare_linux_lacks(wheel: Path) -> None:
    files = native_files(wheel)
    own = {Path(name).name for name in files}
    assert own >= PROGRAMS
    assert any(name.startswith("kvcluster/_core.") for name in files)
    wanted = {library for needed in files.values() for library in needed}
    assert wanted - own - EVERYWHERE == set()


def test_auditwheel_gives_it_a_manylinux_tag(wheel: Path) -> None:
    shown = run(sys.executable, "-m", "auditwheel", "show", "--json", wheel, cwd=wheel.parent)
    assert json.loads(shown)["overall_tag"].startswith("manylinux_2_"), shown


def test_a_cluster_of_it_runs_in_an_empty_environment(python: Path, tmp_path: Path) -> None:
    greeting, *loaded = run(python, "-c", USE, cwd=tmp_path).splitlines()
    assert greeting == "hello again"
    ours = [path for path in loaded if "kvcluster" in path or path.endswith("/kvstore")]
    assert any(path.endswith("/kvstore") for path in ours), loaded
    assert [path for path in ours if not path.startswith(str(python.parents[1]))] == []
    debian = ("liblmdb", "libb2", "libfmt", "libspdlog", "libabsl", "libgomp")
    foreign = [path for path in loaded if Path(path).name.startswith(debian)]
    assert [path for path in foreign if not path.startswith(str(python.parents[1]))] == []


def test_its_commands_are_on_path(python: Path, tmp_path: Path) -> None:
    for program in sorted(PROGRAMS | {"kvcluster"}):
        assert run(python.with_name(program), "--help", cwd=tmp_path).strip(), program


def test_a_program_that_uses_it_is_typed(python: Path, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(TYPED)
    mypy = (sys.executable, "-m", "mypy", "--strict", "--no-incremental", "--python-executable")
    seen = run(*mypy, python, program, cwd=tmp_path)
    assert 'Revealed type is "bytes | None"' in seen
    assert 'Revealed type is "bytes"' in seen
