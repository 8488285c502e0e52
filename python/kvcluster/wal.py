"""The write-ahead log of a node, opened by hand: what consensus must not forget, in order.

>>> with Wal.create(directory, node=1) as wal:  # doctest: +SKIP
...     wal.append(entries=[Entry(1, 1, EntryKind.COMMAND, b"x")], hard_state=HardState(1, 1))
...     wal.sync()
>>> with Wal.open(directory, node=1) as wal:  # doctest: +SKIP
...     wal.recovered.entries
(Entry(term=1, index=1, kind=<EntryKind.COMMAND: 1>, payload=b'x'),)

Sizes are bytes. A directory is held by one process at a time: a running node's cannot be opened.

Source: docs/format.md has every byte; the crash tests of the storage layer prove it.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from kvcluster import _core
from kvcluster._core.wal import WalIdentity, WalOptions, WalPosition, WalRecovered
from kvcluster.errors import StorageError, Unavailable
from kvcluster.raft import Entry, EntryId, HardState, PersistBatch

NO_INCARNATION = bytes(16)


class _Hold:
    """The lock that a running node has on its data directory, too (its file LOCK)."""

    def __init__(self, directory: Path) -> None:
        try:
            self._file = os.open(directory / "LOCK", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StorageError(f"{directory}: {error.strerror}") from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._file)
            raise Unavailable(f"{directory} is held by a running process: stop it first") from None

    def release(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


class Wal:
    """An open log; `create` and `open` make it. A context manager, which closes it.

    A failed write or sync ends the log: it is never tried again, and every later call raises the
    first error. Calls from several threads take turns.
    """

    def __init__(self, native: _core.wal.Wal, hold: _Hold) -> None:
        self._native = native
        self._hold = hold

    @classmethod
    def create(
        cls,
        directory: Path | str,
        *,
        node: int,
        incarnation: bytes = NO_INCARNATION,
        options: WalOptions | None = None,
    ) -> Self:
        """Makes an empty log in `directory` (made when missing), durably, and opens it.

        Args:
            directory: where; the log is its subdirectory `wal`.
            node: the id of the node whose log it is.
            incarnation: 16 bytes that name the directory's making.
            options: sizes.

        Raises:
            ValueError: a log is there already, or the options contradict each other.
            StorageError: the system refused.
            Unavailable: another process holds the directory.
        """
        Path(directory).mkdir(mode=0o700, parents=True, exist_ok=True)
        return cls._start(directory, WalIdentity(node, incarnation), options, create=True)

    @classmethod
    def open(
        cls,
        directory: Path | str,
        *,
        node: int,
        incarnation: bytes = NO_INCARNATION,
        options: WalOptions | None = None,
    ) -> Self:
        """Opens the log in `directory`: cuts a torn tail and makes the rest durable.

        Raises:
            Corruption: damage below what was known to be durable (file and offset are named), or
                no segment at all.
            StorageError: it is another node's, or the system refused.
            Unavailable: another process holds the directory.
        """
        return cls._start(directory, WalIdentity(node, incarnation), options, create=False)

    @classmethod
    def _start(
        cls,
        directory: Path | str,
        identity: WalIdentity,
        options: WalOptions | None,
        *,
        create: bool,
    ) -> Self:
        options = options or WalOptions()
        hold = _Hold(Path(directory))
        try:
            if create:
                _core.wal.Wal.create(str(directory), options, identity)
            return cls(_core.wal.Wal(str(directory), options, identity), hold)
        except BaseException:
            hold.release()
            raise

    def append(
        self,
        *,
        entries: Sequence[Entry] = (),
        hard_state: HardState | None = None,
        truncate_from: int | None = None,
    ) -> None:
        """Takes one batch over: hard state, then truncation, then entries.

        It is durable after the next `sync`, and survives a crash whole or in a prefix before.

        Args:
            entries: must follow the log's last one, after the truncation.
            hard_state: its term never goes back.
            truncate_from: this index and all after it go.

        Raises:
            ValueError: the batch does not fit the log; nothing was taken.
            StorageError: no room (nothing was taken), or the system refused (the log has ended).
        """
        self._native.append(
            PersistBatch(hard_state=hard_state, truncate_from=truncate_from, entries=tuple(entries))
        )

    def append_batch(self, batch: PersistBatch) -> None:
        """Takes over what a `kvcluster.raft.Core` asked to persist; else as `append`.

        A batch with a `log_reset` is durable on return, up to the reset.
        """
        self._native.append(batch)

    def sync(self) -> None:
        """Makes all appended batches durable: one write, one sync. Releases the GIL."""
        self._native.sync()

    def write_mark(self) -> None:
        """Notes in the log, without a sync, up to where it is durable.

        Damage that hits the newest batch is told from a torn write by such a mark.
        """
        self._native.write_mark()

    def reset(self, *, base: EntryId, hard_state: HardState) -> None:
        """Starts anew after `base`, as when a snapshot replaced the log; durable on return."""
        self._native.reset(base, hard_state)

    def compact(self, *, through: int) -> None:
        """Gives up the oldest segments that hold no entry after `through`."""
        self._native.compact(through)

    def close(self) -> None:
        """Lets files and directory go, without a sync. Again: nothing."""
        self._native.close()
        self._hold.release()

    @property
    def recovered(self) -> WalRecovered:
        """What the log held when it was opened."""
        return self._native.recovered

    @property
    def base(self) -> EntryId:
        """The entry before the oldest one held."""
        return self._native.base

    @property
    def last(self) -> EntryId:
        """The newest entry."""
        return self._native.last

    @property
    def hard_state(self) -> HardState:
        """The newest one appended."""
        return self._native.hard_state

    @property
    def durable_position(self) -> WalPosition:
        """All before it survives a crash."""
        return self._native.durable_position

    @property
    def appended_position(self) -> WalPosition:
        """The end of what was taken over."""
        return self._native.appended_position

    @property
    def segment_count(self) -> int:
        """How many segment files there are."""
        return self._native.segment_count

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


__all__ = ["NO_INCARNATION", "Wal", "WalOptions", "WalPosition", "WalRecovered"]
