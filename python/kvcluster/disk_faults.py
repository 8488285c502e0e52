"""The disk of one node process, made to misbehave from outside: no root, no code in the node.

A small library (`libkvcluster_disk_fault.so`) is preloaded into the node. It stands in front of
libc's calls that change files below one directory, and does to them what a small control file
says, which both sides have mapped. So a fault starts and ends at once, while the node runs.

What it cannot do: lose writes that were not synced (a killed process's writes stay in the page
cache; the simulator loses them), and change what is read.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, IntFlag
from errno import EIO
from pathlib import Path

from kvcluster.binaries import find_library

LIBRARY = "libkvcluster_disk_fault.so"
_DIRECTORY_VARIABLE = "KVCLUSTER_DISK_FAULT_DIRECTORY"
_CONTROL_VARIABLE = "KVCLUSTER_DISK_FAULT_CONTROL"
_VERSION = 1
_BYTES = 4096
_NO_END = 2**64 - 1


class Operation(IntFlag):
    """What a process does to its disk. A write to a descriptor opened with O_DSYNC is a sync, too.

    `ANY` is all of them.
    """

    WRITE = 1
    SYNC = 2
    DIRECTORY_SYNC = 4
    RENAME = 8
    REMOVE = 16
    RESIZE = 32
    ANY = 63


class When(Enum):
    """Where in an operation the process dies. Only a write has a middle: half of it is stored."""

    BEFORE = 1
    TORN = 2
    AFTER = 3


class _Word(Enum):
    """Where a word is in the control file: cpp/faults/disk_control.hpp has the same order."""

    VERSION = 0
    WRITE_DELAY_US = 1
    SYNC_DELAY_US = 2
    HANG_MASK = 3
    ERROR_MASK = 4
    ERROR_EVERY = 5
    ERROR_LEFT = 6
    ERROR_NUMBER = 7
    ERROR_SHORT = 8
    ERROR_SEEN = 9
    SPACE_LIMITED = 10
    SPACE_LEFT = 11
    KILL_MASK = 12
    KILL_AT = 13
    KILL_WHEN = 14
    KILL_SEEN = 15
    COUNTED = 16  # one word for each kind of operation
    OPERATIONS = 22
    INJECTED = 23


_KINDS = [kind for kind in Operation if kind is not Operation.ANY]


@dataclass(frozen=True, slots=True)
class DiskCounters:
    """What the process did to its disk since the faults were made.

    Attributes:
        operations: how many in all.
        by_kind: how many of each kind; a write that is a sync counts as both.
        injected: how many were failed, shortened, or refused for want of space.
    """

    operations: int
    by_kind: Mapping[Operation, int]
    injected: int


class DiskFaults:
    """The faults of the files below one directory, for processes started with `environment`.

    They outlive a process: the next one that is started with them finds them as they are.

    Args:
        directory: whose files are meant; it must exist when the process starts.
        control: the control file, made anew. Not below `directory`.
        library: the library to preload; by default it is looked for.

    Raises:
        NodeFailed: the library is nowhere.
    """

    def __init__(
        self, directory: str | Path, control: str | Path, *, library: str | Path | None = None
    ) -> None:
        self.directory = Path(directory)
        self._control = Path(control)
        self._library = Path(library) if library is not None else find_library(LIBRARY)
        self._control.write_bytes(bytes(_BYTES))
        with self._control.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), _BYTES)
        # Words of the machine: one store each, so that the other side never sees half of one.
        self._words = memoryview(self._map).cast("Q")
        self._set(_Word.VERSION, _VERSION)

    @property
    def environment(self) -> dict[str, str]:
        """What a process must be started with."""
        others = os.environ.get("LD_PRELOAD")
        return {
            "LD_PRELOAD": f"{self._library}:{others}" if others else str(self._library),
            _DIRECTORY_VARIABLE: str(self.directory),
            _CONTROL_VARIABLE: str(self._control),
        }

    def slow(self, *, write_ms: float = 0, sync_ms: float = 0) -> None:
        """Each write and each sync takes so much longer."""
        self._set(_Word.WRITE_DELAY_US, round(write_ms * 1000))
        self._set(_Word.SYNC_DELAY_US, round(sync_ms * 1000))

    def hang(self, kinds: Operation = Operation.SYNC | Operation.DIRECTORY_SYNC) -> None:
        """These operations do not return, until `heal`."""
        self._set(_Word.HANG_MASK, kinds)

    def fail(
        self,
        kinds: Operation = Operation.SYNC,
        *,
        every: int = 1,
        times: int | None = 1,
        error: int = EIO,
    ) -> None:
        """Each `every`-th operation of these kinds fails with `error`, `times` times or (None)
        until `heal`. A failed one has done nothing."""
        self._arm_errors(kinds, every=every, times=times, error=error, short=False)

    def shorten(self, *, every: int = 1, times: int | None = 1) -> None:
        """Each `every`-th write stores half of its bytes and says so: allowed, and rarely seen."""
        self._arm_errors(Operation.WRITE, every=every, times=times, error=EIO, short=True)

    def fill(self, *, left_bytes: int = 0) -> None:
        """Files may grow by this much, then the disk is full (ENOSPC); what is removed makes room
        again. The free space that the process is told agrees."""
        self._set(_Word.SPACE_LEFT, left_bytes)
        self._set(_Word.SPACE_LIMITED, 1)

    def free(self) -> None:
        """Ends `fill`."""
        self._set(_Word.SPACE_LIMITED, 0)

    def kill_at(
        self, number: int, *, kinds: Operation = Operation.ANY, when: When = When.BEFORE
    ) -> None:
        """The process is ended with SIGKILL at its `number`-th operation of these kinds from now.

        `When.TORN` ends it after half of a write; at any other operation it means BEFORE.
        """
        if number < 1:
            raise ValueError("operations are counted from 1")
        self._set(_Word.KILL_MASK, 0)
        self._set(_Word.KILL_SEEN, 0)
        self._set(_Word.KILL_AT, number)
        self._set(_Word.KILL_WHEN, when.value)
        self._set(_Word.KILL_MASK, kinds)

    def heal(self) -> None:
        """No fault any more, armed or at work. The counters stay."""
        for word in (_Word.KILL_MASK, _Word.ERROR_MASK, _Word.SPACE_LIMITED, _Word.HANG_MASK):
            self._set(word, 0)
        self.slow()

    @property
    def fails(self) -> bool:
        """Some operation to come will fail."""
        return self._get(_Word.ERROR_MASK) != 0 and self._get(_Word.ERROR_LEFT) > 0

    def counters(self) -> DiskCounters:
        first = _Word.COUNTED.value
        return DiskCounters(
            operations=self._get(_Word.OPERATIONS),
            by_kind={kind: self._words[first + place] for place, kind in enumerate(_KINDS)},
            injected=self._get(_Word.INJECTED),
        )

    def close(self) -> None:
        """Lets go of the control file. The faults stay as they are for who has it open."""
        self._words.release()
        self._map.close()

    def _arm_errors(
        self, kinds: Operation, *, every: int, times: int | None, error: int, short: bool
    ) -> None:
        if every < 1 or (times is not None and times < 1):
            raise ValueError("every and times are 1 or more")
        self._set(_Word.ERROR_MASK, 0)
        self._set(_Word.ERROR_SEEN, 0)
        self._set(_Word.ERROR_EVERY, every)
        self._set(_Word.ERROR_LEFT, _NO_END if times is None else times)
        self._set(_Word.ERROR_NUMBER, error)
        self._set(_Word.ERROR_SHORT, int(short))
        self._set(_Word.ERROR_MASK, kinds)

    def _set(self, word: _Word, value: int) -> None:
        self._words[word.value] = int(value)

    def _get(self, word: _Word) -> int:
        return self._words[word.value]
