"""The state machine from Python: commands, expiry, transactions, digests, entries of a log."""

import pytest

from kvcluster import digest
from kvcluster.errors import CommandError, Corruption
from kvcluster.raft import Bench, Entry, EntryKind, voters
from kvcluster.state import (
    Genesis,
    Limits,
    StateMachine,
    encode_command,
    encode_entry,
    is_write,
)

GENESIS = Genesis(bytes(16), bytes(range(32)), voters([1, 2, 3]))
SECOND_MS = 1000


def test_a_write_can_be_read() -> None:
    state = StateMachine()
    assert state.apply("SET", "color", "green") == "OK"
    assert state.read("GET", "color") == b"green"
    assert (state.applied, state.key_count) == (1, 1)


def test_replies_have_the_types_of_python() -> None:
    state = StateMachine()
    assert state.read("GET", "missing") is None
    assert state.apply("INCR", "counter") == 1
    assert state.apply("SET", b"\xff\x00", 7) == "OK"
    assert state.read("MGET", b"\xff\x00", "missing") == [b"7", None]
    assert state.read("KV.GET", "counter") == [b"1", 1]


def test_a_command_that_is_wrong_by_itself_is_not_applied() -> None:
    state = StateMachine()
    with pytest.raises(CommandError, match="wrong number of arguments for 'set'") as raised:
        state.apply("SET", "only-a-key")
    assert raised.value.code == "ERR"
    assert state.applied == 0


def test_an_unknown_command_is_quoted_whatever_its_bytes() -> None:
    with pytest.raises(CommandError, match=r"unknown command '\\xff'"):
        StateMachine().apply(b"\xff")


def test_an_empty_command_is_refused() -> None:
    with pytest.raises(CommandError):
        StateMachine().apply()


def test_a_command_that_fails_is_applied_and_changes_nothing() -> None:
    state = StateMachine()
    state.apply("SET", "text", "abc")
    with pytest.raises(CommandError, match="not an integer"):
        state.apply("INCR", "text")
    assert state.applied == 2
    assert state.read("GET", "text") == b"abc"


def test_a_write_is_no_read() -> None:
    with pytest.raises(ValueError, match="apply it"):
        StateMachine().read("SET", "key", "value")


def test_limits_are_those_given() -> None:
    state = StateMachine(limits=Limits(max_value_bytes=3))
    with pytest.raises(CommandError, match="the limit is 3"):
        state.apply("SET", "key", "four")


def test_a_record_expires_by_the_time_inside_the_log() -> None:
    state = StateMachine()
    state.apply("SET", "key", "value", "EX", 1, time_ms=5 * SECOND_MS)
    assert state.next_expiry_ms == 6 * SECOND_MS
    state.advance_time(6 * SECOND_MS)
    assert state.read("GET", "key") is None
    assert (state.key_count, state.cluster_time_ms) == (0, 6 * SECOND_MS)


def test_a_repeat_inside_a_session_gets_the_first_reply_again() -> None:
    state = StateMachine()
    assert state.apply("KV.ONCE", "client", 1, "INCR", "counter") == 1
    assert state.apply("KV.ONCE", "client", 1, "INCR", "counter") == 1
    assert state.read("GET", "counter") == b"1"
    assert state.session_count == 1


def test_a_transaction_is_one_entry() -> None:
    state = StateMachine()
    assert state.apply_transaction([["SET", "a", 1], ["INCR", "a"], ["GET", "a"]]) == [
        "OK",
        2,
        b"2",
    ]
    assert state.applied == 1


def test_a_transaction_with_a_changed_key_does_nothing() -> None:
    state = StateMachine()
    state.apply("SET", "a", 1)
    state.apply("SET", "a", 2)
    assert state.apply_transaction([["SET", "a", 3]], watched={"a": 1}) is None
    assert state.read("GET", "a") == b"2"


def test_an_error_inside_a_transaction_is_a_value() -> None:
    state = StateMachine()
    replies = state.apply_transaction([["SET", "a", "text"], ["INCR", "a"]])
    assert replies is not None
    assert replies[0] == "OK"
    assert isinstance(replies[1], CommandError)


def test_equal_entries_give_equal_digests_and_other_order_another_history() -> None:
    one, other, swapped = StateMachine(), StateMachine(), StateMachine()
    for state in (one, other):
        state.apply("SET", "a", 1)
        state.apply("SET", "b", 2)
    swapped.apply("SET", "b", 2)
    swapped.apply("SET", "a", 1)
    assert one.digests() == other.digests()
    assert one.digests().history != swapped.digests().history


def test_both_hashes_of_the_state_agree_with_their_slow_forms() -> None:
    state = StateMachine()
    for number in range(20):
        state.apply("SET", f"key-{number % 7}", number)
        state.apply("DEL", f"key-{number % 3}")
    assert state.digests().state == state.recompute_state_digest()
    assert len(state.full_digest()) == 32
    index, full, keys = state.read("KV.HASH", "FULL")
    assert (index, full.decode(), keys) == (40, state.full_digest().hex(), state.key_count)


def test_the_history_is_a_chain_over_the_entries() -> None:
    state = StateMachine()
    payload = encode_entry(0, encode_command([b"SET", b"a", b"1"], Limits()))
    state.apply_entry(Entry(1, 1, EntryKind.COMMAND, payload))
    head = (1).to_bytes(8, "little") + (1).to_bytes(8, "little") + b"\x01"
    assert state.digests().history == digest.chain(bytes(32), head + payload)


def test_committed_entries_of_a_core_give_every_server_the_same_state() -> None:
    bench = Bench()
    bench.elect(1)
    for number in range(5):
        request = encode_command([b"SET", b"key-%d" % number, b"value"], Limits())
        bench.propose(1, encode_entry(number, request))
    bench.settle()
    bench.tick(1)
    bench.settle()
    states = [StateMachine() for _ in bench.cores]
    for state, entries in zip(states, bench.applied.values(), strict=True):
        for entry in entries:
            state.apply_entry(entry)
    assert {state.key_count for state in states} == {5}
    assert len({state.digests() for state in states}) == 1


def test_the_genesis_brings_the_hash_key() -> None:
    keyed, plain = StateMachine(), StateMachine()
    keyed.apply_entry(Entry(1, 1, EntryKind.GENESIS, GENESIS.encode()))
    plain.apply_entry(Entry(1, 1, EntryKind.NOOP))
    assert keyed.digests().state != plain.digests().state
    assert Genesis.decode(GENESIS.encode()) == GENESIS


def test_a_genesis_in_the_middle_is_refused() -> None:
    state = StateMachine()
    state.apply("SET", "a", 1)
    with pytest.raises(ValueError, match="first entry"):
        state.apply_entry(Entry(1, 2, EntryKind.GENESIS, GENESIS.encode()))


def test_an_entry_out_of_order_is_refused() -> None:
    with pytest.raises(ValueError, match="does not follow"):
        StateMachine().apply_entry(Entry(1, 2))


def test_a_term_that_goes_back_is_refused() -> None:
    state = StateMachine()
    state.apply("SET", "a", 1, term=3)
    with pytest.raises(ValueError, match="terms never go down"):
        state.apply("SET", "a", 2, term=2)


@pytest.mark.parametrize("payload", [bytes(8) + b"\xff\xff", bytes(8) + b"\x00"])
def test_a_payload_that_is_no_command_is_refused(payload: bytes) -> None:
    state = StateMachine()
    with pytest.raises(Corruption):
        state.apply_entry(Entry(1, 1, EntryKind.COMMAND, payload))
    assert state.applied == 0


def test_a_payload_without_its_time_is_refused() -> None:
    with pytest.raises(ValueError, match="time"):
        StateMachine().apply_entry(Entry(1, 1, EntryKind.COMMAND, b"short"))


def test_an_encoded_command_tells_whether_it_writes() -> None:
    assert is_write(encode_command([b"SET", b"a", b"1"], Limits()))
    assert not is_write(encode_command([b"GET", b"a"], Limits()))
