"""The write-ahead log from Python: what was synced is found again, what is damaged is refused."""

import threading
from pathlib import Path

import pytest

from kvcluster.errors import Corruption, StorageError, Unavailable
from kvcluster.raft import (
    Bench,
    Entry,
    EntryId,
    EntryKind,
    HardState,
    PersistBatch,
    Persisted,
    new_core,
)
from kvcluster.wal import Wal, WalOptions

SMALL = WalOptions(segment_bytes=64 << 10, grow_bytes=4096, reserve_bytes=4096)


def entry(index: int, *, term: int = 1, payload: bytes = b"payload") -> Entry:
    return Entry(term, index, EntryKind.COMMAND, payload)


def test_what_was_synced_is_found_again(tmp_path: Path) -> None:
    with Wal.create(tmp_path, node=1) as wal:
        assert wal.recovered.entries == ()
        wal.append(hard_state=HardState(1, 1), entries=[entry(1), entry(2, payload=b"")])
        appended = wal.appended_position
        assert wal.durable_position != appended
        wal.sync()
        assert wal.durable_position == appended
    with Wal.open(tmp_path, node=1) as wal:
        assert wal.recovered.entries == (entry(1), entry(2, payload=b""))
        assert wal.recovered.hard_state == HardState(1, 1)
        assert (wal.base, wal.last) == (EntryId(0, 0), EntryId(1, 2))


def test_what_was_only_appended_is_not_durable(tmp_path: Path) -> None:
    with Wal.create(tmp_path, node=1) as wal:
        wal.append(entries=[entry(1)])
        assert wal.durable_position.offset < wal.appended_position.offset
    with Wal.open(tmp_path, node=1) as wal:
        assert wal.recovered.entries == ()


def test_a_truncation_and_what_follows_it_are_found_again(tmp_path: Path) -> None:
    with Wal.create(tmp_path, node=1) as wal:
        wal.append(entries=[entry(1), entry(2), entry(3)])
        wal.append(truncate_from=2, entries=[entry(2, term=2, payload=b"new")])
        wal.sync()
    with Wal.open(tmp_path, node=1) as wal:
        assert wal.recovered.entries == (entry(1), entry(2, term=2, payload=b"new"))


def test_a_torn_tail_is_cut(tmp_path: Path) -> None:
    with Wal.create(tmp_path, node=1) as wal:
        wal.append(entries=[entry(1)])
        wal.sync()
        durable = wal.durable_position.offset
        wal.append(entries=[entry(2)])
        wal.sync()
    (segment,) = (tmp_path / "wal").iterdir()
    damage(segment, durable + 40)
    with Wal.open(tmp_path, node=1) as wal:
        assert wal.recovered.entries == (entry(1),)
        assert wal.recovered.torn_bytes > 0


def test_damage_below_what_was_durable_is_refused_by_name(tmp_path: Path) -> None:
    with Wal.create(tmp_path, node=1) as wal:
        wal.append(entries=[entry(1)])
        first = wal.appended_position.offset
        wal.sync()
        wal.append(entries=[entry(2)])
        wal.sync()
        wal.write_mark()
    (segment,) = (tmp_path / "wal").iterdir()
    damage(segment, first - 3)
    with pytest.raises(Corruption, match=segment.name):
        Wal.open(tmp_path, node=1)


def damage(file: Path, offset: int) -> None:
    with file.open("r+b") as opened:
        opened.seek(offset)
        byte = opened.read(1)[0]
        opened.seek(offset)
        opened.write(bytes([byte ^ 1]))


def test_the_log_of_another_node_is_refused(tmp_path: Path) -> None:
    Wal.create(tmp_path, node=1).close()
    with pytest.raises(StorageError):
        Wal.open(tmp_path, node=2)


def test_a_second_log_is_not_made_over_the_first(tmp_path: Path) -> None:
    Wal.create(tmp_path, node=1).close()
    with pytest.raises(ValueError, match="already"):
        Wal.create(tmp_path, node=1)


def test_a_directory_is_held_by_one_at_a_time(tmp_path: Path) -> None:
    with Wal.create(tmp_path, node=1), pytest.raises(Unavailable, match="held"):
        Wal.open(tmp_path, node=1)
    Wal.open(tmp_path, node=1).close()


def test_old_segments_go_when_a_checkpoint_covers_them(tmp_path: Path) -> None:
    with Wal.create(tmp_path, node=1, options=SMALL) as wal:
        for index in range(1, 101):
            wal.append(entries=[entry(index, payload=bytes(4000))])
        wal.sync()
        before = wal.segment_count
        assert before > 3
        wal.compact(through=100)
        assert wal.segment_count < before
        assert wal.base.index > 0
        wal.append(entries=[entry(101)])
        wal.sync()
    with Wal.open(tmp_path, node=1, options=SMALL) as wal:
        assert wal.last == EntryId(1, 101)
        assert wal.recovered.log_base == wal.base


def test_a_log_starts_anew_after_a_snapshot(tmp_path: Path) -> None:
    with Wal.create(tmp_path, node=1) as wal:
        wal.append(entries=[entry(1)])
        wal.reset(base=EntryId(3, 50), hard_state=HardState(3))
        wal.append(entries=[entry(51, term=3)])
        wal.sync()
    with Wal.open(tmp_path, node=1) as wal:
        assert wal.recovered.log_base == EntryId(3, 50)
        assert wal.recovered.entries == (entry(51, term=3),)
        assert wal.hard_state == HardState(3)


def test_a_batch_may_start_the_log_anew(tmp_path: Path) -> None:
    with Wal.create(tmp_path, node=1) as wal:
        wal.append(entries=[entry(1), entry(2)])
        base = EntryId(3, 50)
        wal.append_batch(
            PersistBatch(log_reset=base, hard_state=HardState(3), entries=(entry(51, term=3),))
        )
        wal.append(truncate_from=51, entries=[entry(51, term=4)])
        wal.sync()
    with Wal.open(tmp_path, node=1) as wal:
        assert (wal.base, wal.last) == (base, EntryId(4, 51))


@pytest.mark.parametrize(
    ("batch", "why"),
    [
        (PersistBatch(entries=(entry(5),)), "gaps"),
        (PersistBatch(entries=(entry(3, term=1),)), "terms"),
        (PersistBatch(truncate_from=0), "truncation"),
        (PersistBatch(truncate_from=4), "truncation"),
        (PersistBatch(truncate_from=2, entries=(entry(3, term=2),)), "gaps"),
        (PersistBatch(hard_state=HardState(1)), "terms"),
        (PersistBatch(log_reset=EntryId(2, 9), entries=(entry(3, term=2),)), "gaps"),
    ],
)
def test_a_batch_that_does_not_fit_the_log_is_refused(
    tmp_path: Path, batch: PersistBatch, why: str
) -> None:
    with Wal.create(tmp_path, node=1) as wal:
        wal.append(entries=[entry(1), entry(2, term=2)], hard_state=HardState(2))
        with pytest.raises(ValueError, match=why):
            wal.append_batch(batch)
        assert wal.last == EntryId(2, 2)


def test_a_core_restarts_with_the_vote_and_log_that_it_wrote(tmp_path: Path) -> None:
    bench = Bench([1])
    with Wal.create(tmp_path, node=1) as wal:

        def write_all() -> None:
            while bench.disks[1]:
                batch = bench.disks[1].pop(0)
                wal.append_batch(batch)
                wal.sync()
                bench.step(1, Persisted(batch.sequence))

        bench.tick(1)
        write_all()
        assert bench.propose(1, b"x").accepted
        write_all()
    with Wal.open(tmp_path, node=1) as wal:
        recovered = wal.recovered
    assert recovered.hard_state.voted_for == 1
    again = new_core(1, members=[1], hard_state=recovered.hard_state, entries=recovered.entries)
    assert again.status().term == bench.cores[1].status().term
    assert again.status().last_log == bench.cores[1].status().last_log


def test_a_closed_log_refuses_further_use(tmp_path: Path) -> None:
    wal = Wal.create(tmp_path, node=1)
    wal.close()
    wal.close()
    with pytest.raises(ValueError, match="closed"):
        wal.sync()


def test_threads_take_turns(tmp_path: Path) -> None:
    with Wal.create(tmp_path, node=1) as wal:
        turn = threading.Lock()

        def write() -> None:
            for _ in range(20):
                with turn:
                    wal.append(entries=[entry(wal.last.index + 1)])
                wal.sync()

        threads = [threading.Thread(target=write) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert wal.last.index == 80
        assert wal.durable_position == wal.appended_position


def test_options_that_leave_no_room_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="segment_bytes"):
        Wal.create(tmp_path, node=1, options=WalOptions(segment_bytes=1))


def test_files_are_for_their_owner_alone(tmp_path: Path) -> None:
    directory = tmp_path / "data"
    with Wal.create(directory, node=1):
        assert directory.stat().st_mode & 0o777 == 0o700
        for file in directory.rglob("*"):
            assert file.stat().st_mode & 0o077 == 0
