"""The preloaded library, on a small process of its own: each fault does what it says, and only to
files below the chosen directory."""

import errno
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from kvcluster.disk_faults import DiskFaults, Operation, When
from kvcluster.errors import NodeFailed

# Opens the two files it is given, then carries out lines of Python and answers each with JSON.
SCRIPT = """
import json, os, sys
inside, outside = sys.argv[1:]
fd = os.open(inside, os.O_RDWR | os.O_CREAT)
other = os.open(outside, os.O_RDWR | os.O_CREAT)
folder = os.open(os.path.dirname(inside), os.O_RDONLY)
for line in sys.stdin:
    try:
        answer = eval(line)
    except OSError as error:
        answer = {"errno": error.errno}
    print(json.dumps(answer), flush=True)
"""


class Victim:
    """A process whose disk is to fail."""

    def __init__(self, faults: DiskFaults, inside: Path, outside: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", SCRIPT, str(inside), str(outside)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **faults.environment},
        )
        assert self.do("1") == 1

    def tell(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def answer(self) -> object:
        assert self.process.stdout is not None
        return json.loads(self.process.stdout.readline())

    def do(self, line: str) -> object:
        self.tell(line)
        return self.answer()

    def end_of(self, line: str) -> int:
        self.tell(line)
        return self.process.wait(10)

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def inside(tmp_path: Path) -> Path:
    (tmp_path / "disk").mkdir()
    return tmp_path / "disk" / "file"


@pytest.fixture
def faults(tmp_path: Path, inside: Path) -> Iterator[DiskFaults]:
    disk = DiskFaults(inside.parent, tmp_path / "control")
    yield disk
    disk.close()


@pytest.fixture
def victim(faults: DiskFaults, inside: Path, tmp_path: Path) -> Iterator[Victim]:
    victim = Victim(faults, inside, tmp_path / "outside")
    yield victim
    victim.close()


def test_operations_are_counted_by_kind(faults: DiskFaults, victim: Victim) -> None:
    before = faults.counters()
    for line in (
        "os.write(fd, b'1234')",
        "os.pwrite(fd, b'5', 4)",
        "os.writev(fd, [b'6', b'7'])",
        "os.pwritev(fd, [b'8'], 7)",
        "os.fsync(fd)",
        "os.fdatasync(fd)",
        "os.fsync(folder)",
        "os.ftruncate(fd, 100)",
        "os.posix_fallocate(fd, 0, 200)",
        "os.rename(inside, inside + '2')",
        "os.unlink(inside + '2')",
    ):
        answer = victim.do(line)
        assert not isinstance(answer, dict), (line, answer)
    after = faults.counters()
    grown = {kind: after.by_kind[kind] - before.by_kind[kind] for kind in after.by_kind}
    assert grown == {
        Operation.WRITE: 4,
        Operation.SYNC: 2,
        Operation.DIRECTORY_SYNC: 1,
        Operation.RENAME: 1,
        Operation.REMOVE: 1,
        Operation.RESIZE: 2,
    }
    assert after.operations - before.operations == 11


def test_files_elsewhere_are_left_alone(faults: DiskFaults, victim: Victim) -> None:
    faults.fail(Operation.ANY, times=None)
    faults.fill()
    assert victim.do("os.write(other, b'1234')") == 4
    assert victim.do("os.fsync(other)") is None
    assert faults.counters().injected == 0


def test_a_write_to_a_synchronous_descriptor_is_a_sync(faults: DiskFaults, victim: Victim) -> None:
    before = faults.counters().by_kind[Operation.SYNC]
    assert victim.do("os.write(os.open(inside, os.O_WRONLY | os.O_DSYNC), b'1')") == 1
    assert faults.counters().by_kind[Operation.SYNC] == before + 1


def test_the_next_sync_fails_once(faults: DiskFaults, victim: Victim) -> None:
    faults.fail()
    assert victim.do("os.fdatasync(fd)") == {"errno": errno.EIO}
    assert victim.do("os.fdatasync(fd)") is None
    assert faults.counters().injected == 1


def test_every_third_write_fails_until_healed(faults: DiskFaults, victim: Victim) -> None:
    faults.fail(Operation.WRITE, every=3, times=None)
    answers = [victim.do("os.write(fd, b'1')") for _ in range(6)]
    assert answers == [1, 1, {"errno": errno.EIO}] * 2
    faults.heal()
    assert [victim.do("os.write(fd, b'1')") for _ in range(3)] == [1, 1, 1]


def test_a_failed_write_has_stored_nothing(
    faults: DiskFaults, victim: Victim, inside: Path
) -> None:
    faults.fail(Operation.WRITE)
    assert victim.do("os.write(fd, b'1234')") == {"errno": errno.EIO}
    assert inside.read_bytes() == b""


def test_a_short_write_stores_half_and_says_so(
    faults: DiskFaults, victim: Victim, inside: Path
) -> None:
    faults.shorten()
    assert victim.do("os.writev(fd, [b'12', b'34', b'56'])") == 3
    assert inside.read_bytes() == b"123"


def test_a_full_disk_refuses_growth_and_takes_overwriting(
    faults: DiskFaults, victim: Victim, inside: Path
) -> None:
    assert victim.do("os.pwrite(fd, b'1234', 0)") == 4
    faults.fill(left_bytes=2)
    assert victim.do("os.pwrite(fd, b'5678', 4)") == 2
    assert victim.do("os.pwrite(fd, b'9', 6)") == {"errno": errno.ENOSPC}
    assert victim.do("os.pwrite(fd, b'abcdef', 0)") == 6
    assert victim.do("os.ftruncate(fd, 100)") == {"errno": errno.ENOSPC}
    assert victim.do("os.posix_fallocate(fd, 0, 100)") == {"errno": errno.ENOSPC}
    assert inside.read_bytes() == b"abcdef"


def test_what_is_removed_makes_room_on_a_full_disk(
    faults: DiskFaults, victim: Victim, inside: Path
) -> None:
    (inside.parent / "old").write_bytes(b"x" * 10)
    faults.fill()
    assert victim.do("os.unlink(os.path.dirname(inside) + '/old')") is None
    assert victim.do("os.write(fd, b'y' * 20)") == 10
    assert victim.do("os.write(fd, b'y')") == {"errno": errno.ENOSPC}
    faults.free()
    assert victim.do("os.write(fd, b'y')") == 1


def test_the_free_space_shown_is_the_limit(faults: DiskFaults, victim: Victim) -> None:
    room = "[(s.f_bavail * s.f_frsize) for s in [os.statvfs(inside), os.fstatvfs(fd)]]"
    faults.fill(left_bytes=1 << 20)
    assert victim.do(room) == [1 << 20, 1 << 20]
    faults.fill()
    assert victim.do(room) == [0, 0]


def test_a_hung_sync_returns_when_healed(faults: DiskFaults, victim: Victim) -> None:
    faults.hang()
    assert victim.do("os.write(fd, b'1')") == 1
    before = faults.counters().by_kind[Operation.SYNC]
    victim.tell("os.fsync(fd)")
    while faults.counters().by_kind[Operation.SYNC] == before:
        assert victim.process.poll() is None
    faults.heal()
    assert victim.answer() is None


def test_a_slow_disk_takes_its_time(faults: DiskFaults, victim: Victim) -> None:
    timed = "[__import__('time').monotonic(), os.fsync(fd), __import__('time').monotonic()]"
    faults.slow(sync_ms=100)
    answer = victim.do(timed)
    assert isinstance(answer, list)
    assert answer[2] - answer[0] >= 0.1


@pytest.mark.parametrize(
    ("when", "stored"), [(When.BEFORE, b"aa"), (When.TORN, b"aabb"), (When.AFTER, b"aabbbb")]
)
def test_the_process_dies_before_amid_and_after_its_second_write(
    faults: DiskFaults, victim: Victim, inside: Path, when: When, stored: bytes
) -> None:
    faults.kill_at(2, kinds=Operation.WRITE, when=when)
    assert victim.do("os.write(fd, b'aa')") == 2
    assert victim.do("os.fsync(fd)") is None
    assert victim.end_of("os.write(fd, b'bbbb')") == -signal.SIGKILL
    assert inside.read_bytes() == stored


@pytest.mark.parametrize(("when", "renamed"), [(When.BEFORE, False), (When.AFTER, True)])
def test_the_process_dies_before_and_after_a_rename(
    faults: DiskFaults, victim: Victim, inside: Path, when: When, renamed: bool
) -> None:
    faults.kill_at(1, kinds=Operation.RENAME, when=when)
    assert victim.end_of("os.rename(inside, inside + '2')") == -signal.SIGKILL
    assert inside.exists() != renamed


def test_a_library_that_is_nowhere_is_a_clear_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KVCLUSTER_BIN_DIR", str(tmp_path))
    monkeypatch.setattr("kvcluster.binaries.__file__", str(tmp_path / "a" / "b" / "c.py"))
    with pytest.raises(NodeFailed, match="libkvcluster_disk_fault"):
        DiskFaults(tmp_path, tmp_path / "control")
