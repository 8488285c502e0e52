"""Recording histories, judging them, and the command line of it."""

from __future__ import annotations

import itertools
import random
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from kvcluster import Batch, Client, CommandError, Corruption, LocalCluster, Timeout, Versioned
from kvcluster.check import (
    Finding,
    History,
    Kind,
    NotLinearizable,
    Operation,
    Outcome,
    RecordedClient,
    append,
    assert_linearizable,
    cas,
    cas_revision,
    check,
    check_by_index,
    delete,
    get,
    incr,
    put,
)
from kvcluster.cli.app import app


@pytest.fixture
def history() -> History:
    """Time is counted: each look at the clock is one later."""
    return History(clock=itertools.count().__next__)


def test_a_history_without_calls_is_linearizable(history: History) -> None:
    assert check(history).linearizable


def test_a_stale_read_is_a_violation_with_its_explanation(history: History) -> None:
    history.invoke(1, put("x", "1")).ok()
    history.invoke(2, put("x", "2")).ok(True)
    history.invoke(3, get("x")).ok(b"1")
    verdict = check(history)
    assert verdict.finding is Finding.VIOLATION
    assert verdict.piece == tuple(history)
    assert "yet #2 shows that it was another value in between" in verdict.explanation
    with pytest.raises(NotLinearizable, match="from the return of #1") as raised:
        assert_linearizable(history)
    assert raised.value.verdict == verdict


def test_answers_are_read_as_the_client_gives_them(history: History) -> None:
    history.invoke(1, get("x")).ok(None)
    history.invoke(1, put("x", "a", if_missing=True)).ok(True)
    history.invoke(1, put("x", "b", if_missing=True)).ok(False)
    history.invoke(1, put("y", "b", if_present=True)).ok(False)
    history.invoke(1, get("x")).ok(Versioned(b"a", 7))
    history.invoke(1, cas_revision("x", "b", revision=7)).ok(9)
    history.invoke(1, cas_revision("x", "c", revision=7)).ok(None)
    history.invoke(1, cas("x", "d", expected="b")).ok(True)
    history.invoke(1, delete("x")).ok(1)
    history.invoke(1, delete("x")).ok(0)
    history.invoke(1, incr("n", 5)).ok(5)
    history.invoke(1, append("n", "0")).ok(2)
    history.invoke(1, get("n"), incr("n")).ok(b"50", 51)
    assert_linearizable(history)


def test_a_wrong_answer_anywhere_is_found(history: History) -> None:
    history.invoke(1, incr("n")).ok(1)
    history.invoke(1, incr("n"), get("n")).ok(2, b"3")
    assert check(history).finding is Finding.VIOLATION


def test_a_call_that_never_ended_may_have_taken_effect_or_not(history: History) -> None:
    history.invoke(1, put("x", "1"))
    history.invoke(2, get("x")).ok(None)
    history.invoke(2, get("x")).ok(b"1")
    assert next(iter(history)).outcome is Outcome.UNKNOWN
    assert_linearizable(history)


def test_a_failed_call_took_no_effect(history: History) -> None:
    history.invoke(1, put("x", "1")).fail()
    history.invoke(2, get("x")).ok(b"1")
    assert not check(history).linearizable


def test_a_call_ends_once_with_one_answer_an_action(history: History) -> None:
    call = history.invoke(1, get("x"))
    with pytest.raises(ValueError, match="1 actions cannot have 2 answers"):
        call.ok(b"1", b"2")
    with pytest.raises(ValueError, match="only a put"):
        call.ok()
    call.unknown()
    with pytest.raises(ValueError, match="has ended already"):
        call.fail()
    with pytest.raises(ValueError, match="at least one action"):
        history.invoke(1)


def test_a_search_that_reaches_its_limits_decides_nothing(history: History) -> None:
    calls = [history.invoke(number, put("x", str(number % 2))) for number in range(6)]
    calls += [history.invoke(9, cas("x", "7", expected="1")) for _ in range(2)]
    for call in calls:
        call.ok(True)
    assert check(history, max_explored=1).finding is Finding.UNDECIDED
    assert check(history, max_memory_bytes=1).explanation.startswith("undecided")


def test_indexes_are_a_second_opinion(history: History) -> None:
    history.invoke(1, put("x", "1")).ok(index=5)
    history.invoke(1, put("y", "1")).ok(index=4)
    assert check(history).linearizable
    assert check_by_index(history).finding is Finding.VIOLATION
    with pytest.raises(NotLinearizable, match="the log contradicts the answers"):
        assert_linearizable(history)


def test_a_saved_history_is_loaded_as_it_was(history: History, tmp_path: Path) -> None:
    history.invoke(1, put(b"\xff\x00", "ü"), get("x")).ok(True, Versioned(b"\x80", 3), index=4)
    history.invoke(2, cas("x", "1", expected=None)).fail()
    history.invoke(2, delete("x"))
    history.save(tmp_path / "history.jsonl")
    assert History.load(tmp_path / "history.jsonl").operations() == history.operations()


def test_a_line_that_is_no_operation_is_named(tmp_path: Path) -> None:
    file = tmp_path / "history.jsonl"
    file.write_text('{"process": 1}\n')
    with pytest.raises(Corruption, match=r"history\.jsonl:1: not an operation"):
        History.load(file)


def test_the_command_explains_a_violation_with_its_exit_code(
    history: History, tmp_path: Path
) -> None:
    file = tmp_path / "history.jsonl"
    history.invoke(1, put("x", "1")).ok()
    history.save(file)
    good = CliRunner().invoke(app, ["check", str(file)])
    assert (good.exit_code, good.output) == (0, "linearizable: 1 operations\n")
    history.invoke(2, get("x")).ok(None)
    history.save(file)
    bad = CliRunner().invoke(app, ["check", str(file)])
    assert bad.exit_code == 1
    assert 'not linearizable: "x" was absent' in bad.output


class ScriptedClient(Client):
    """Answers, or raises, what it is told to."""

    def __init__(self, answer: object) -> None:
        self._answer = answer

    def _one(self, command: object) -> object:  # type: ignore[override]
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._answer


@pytest.mark.parametrize(
    ("error", "outcome"),
    [(Timeout("?"), Outcome.UNKNOWN), (CommandError("ERR no"), Outcome.FAILED)],
)
def test_an_error_is_recorded_by_what_it_says_of_the_outcome(
    history: History, error: Exception, outcome: Outcome
) -> None:
    client = RecordedClient(history, ScriptedClient(error), process=1)
    with pytest.raises(type(error)):
        client.put("x", "1")
    assert [each.outcome for each in history] == [outcome]


def test_what_the_checker_does_not_know_is_not_sent(history: History) -> None:
    client = RecordedClient(history, ScriptedClient([True]), process=1)
    with pytest.raises(ValueError, match="does not know"):
        client.transaction(Batch().put("x", "1", ttl=5))
    assert len(history) == 0


def test_threads_on_a_real_cluster_leave_a_linearizable_history(cluster: LocalCluster) -> None:
    history = History()

    def work(process: int, plain: Client) -> None:
        client = RecordedClient(history, plain, process=process)
        chance = random.Random(process)
        for number in range(25):
            key = chance.choice("ab")
            seen = client.get_versioned(key)
            client.cas(key, f"{process}-{number}", revision=seen.revision if seen else 0)
            client.incr("n")
            client.transaction(Batch().get("a").put("c", number).incr("n"))
            if chance.random() < 0.2:
                client.delete(key)
            client.put("d", number, if_missing=True)
            client.get("d")

    with cluster.client() as plain:
        threads = [threading.Thread(target=work, args=(number, plain)) for number in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(history) > 400
    assert_linearizable(history)
    twice = next(each for each in history if each.actions[0].kind is Kind.INCR)
    assert not check([*history, twice]).linearizable


# Histories of a store that does each thing at one moment between call and return.
_STEPS = st.tuples(
    st.sampled_from(["get", "put", "incr", "cas"]),
    st.sampled_from("xy"),
    st.integers(0, 3),
    st.integers(0, 9),
    st.integers(0, 9),
)


def _happened(steps: list[tuple[str, str, int, int, int]]) -> list[Operation]:
    store: dict[str, int] = {}
    operations = []
    for moment, (verb, key, value, before, after) in enumerate(steps):
        action = {
            "get": get(key),
            "put": put(key, value),
            "incr": incr(key, value),
            "cas": cas(key, 9, expected=value),
        }[verb]
        answer: object = True
        if verb == "get":
            answer = str(store[key]) if key in store else None
        elif verb == "put":
            store[key] = value
        elif verb == "incr":
            answer = store[key] = store.get(key, 0) + value
        else:
            answer = store.get(key) == value
            if answer:
                store[key] = 9
        at = moment * 10
        operations.append(
            Operation(1, at - before * 7, at + after * 7, Outcome.OK, (action.answered(answer),))
        )
    return operations


@settings(max_examples=150, deadline=None)
@given(st.lists(_STEPS, max_size=30), st.randoms(use_true_random=False))
def test_what_happened_is_linearizable_in_whatever_order_it_is_listed(
    steps: list[tuple[str, str, int, int, int]], chance: random.Random
) -> None:
    operations = _happened(steps)
    chance.shuffle(operations)
    verdict = check(operations)
    assert verdict.linearizable, verdict.explanation


@settings(max_examples=100, deadline=None)
@given(st.lists(_STEPS, max_size=30), st.data())
def test_an_impossible_read_is_found_wherever_it_stands(
    steps: list[tuple[str, str, int, int, int]], data: st.DataObject
) -> None:
    operations = _happened(steps)
    wrong = Operation(2, 0, 400, Outcome.OK, (get("x").answered(b"never written"),))
    operations.insert(data.draw(st.integers(0, len(operations))), wrong)
    verdict = check(operations)
    assert verdict.finding is Finding.VIOLATION
    assert verdict.piece == (wrong,)
