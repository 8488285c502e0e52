"""The retry policy of the clients, without a socket: steps out, outcomes in."""

from collections.abc import Iterator
from typing import Any

import pytest

from kvcluster import CommandError, KvError, NotLeader, StorageError, Timeout, Unavailable, commands
from kvcluster.commands import Command
from kvcluster.directory import Directory, Sessions, parse_address
from kvcluster.retry import WINDOW, Attempt, ErrorReply, Outcome, Pause, Policy, Run, run

A = ("a", 1)
B = ("b", 2)
C = ("c", 3)
NO_SLOTS = Outcome([[]])


def slots(*nodes: tuple[str, int]) -> Outcome:
    """What CLUSTER SLOTS answers: one range, the leader first."""
    return Outcome([[[0, 16383, *([host.encode(), port, b"id"] for host, port in nodes)]]])


class Cluster:
    """Plays the world to one run of the policy: answers attempts, and moves the time."""

    def __init__(self, *nodes: tuple[str, int], timeout: float = 5.0, sessions: bool = True):
        self.directory = Directory(nodes or (A, B, C))
        self.sessions = Sessions() if sessions else None
        self.policy = Policy(timeout=timeout, attempt_timeout=1.0)
        self.now = 0.0
        self.attempts: list[Attempt] = []

    def call(self, *batch: Command[Any], answers: list[Outcome]) -> list[Any]:
        steps: Run = run(batch, self.directory, self.sessions, self.policy, lambda: self.now)
        return self._play(steps, iter(answers))

    def one(self, command: Command[Any], answers: list[Outcome]) -> Any:
        result = self.call(command, answers=answers)[0]
        if isinstance(result, KvError):
            raise result
        return result

    def _play(self, steps: Run, answers: Iterator[Outcome]) -> list[Any]:
        step = next(steps)
        while True:
            try:
                if isinstance(step, Pause):
                    self.now += step.seconds
                    step = steps.send(Outcome())
                else:
                    self.attempts.append(step)
                    answer = next(answers, Outcome(lost="nobody is there", sent=False))
                    self.now += step.timeout if answer.lost is not None else 0.001
                    step = steps.send(answer)
            except StopIteration as end:
                results: list[Any] = end.value
                return results

    @property
    def asked(self) -> list[tuple[str, int]]:
        return [attempt.address for attempt in self.attempts]

    def words(self, attempt: int) -> tuple[Any, ...]:
        return tuple(self.attempts[attempt].commands[0])


def error(message: str) -> Outcome:
    return Outcome([ErrorReply(message)])


def lost(*, sent: bool) -> Outcome:
    return Outcome(lost="connection reset", sent=sent)


def test_the_leader_is_looked_up_first_and_asked_then() -> None:
    cluster = Cluster(A)
    assert cluster.one(commands.get("k"), [slots(B, A, C), Outcome([b"v"])]) == b"v"
    assert cluster.asked == [A, B]
    assert cluster.words(0) == ("CLUSTER", "SLOTS")


def test_a_known_leader_is_asked_without_looking_again() -> None:
    cluster = Cluster(A)
    cluster.one(commands.get("k"), [slots(B, A, C), Outcome([b"v"])])
    cluster.one(commands.get("k"), [Outcome([b"w"])])
    assert cluster.asked == [A, B, B]


def test_all_nodes_are_learned_from_one() -> None:
    cluster = Cluster(A)
    cluster.one(commands.get("k"), [slots(B, A, C), Outcome([b"v"])])
    assert set(cluster.directory.nodes) == {A, B, C}


def test_a_write_goes_out_in_a_session() -> None:
    cluster = Cluster(A)
    cluster.one(commands.incr("k"), [NO_SLOTS, Outcome([1])])
    once, client_id, sequence, *words = cluster.words(1)
    assert (once, sequence, words) == ("KV.ONCE", "1", ["INCRBY", "k", "1"])
    assert len(client_id) == 32


def test_a_lost_write_is_repeated_with_the_same_number() -> None:
    cluster = Cluster()
    cluster.directory.follow(A)
    assert cluster.one(commands.incr("k"), [lost(sent=True), NO_SLOTS, Outcome([1])]) == 1
    assert cluster.words(0) == cluster.words(2)
    assert cluster.attempts[2].address != A


def test_the_next_write_of_a_session_has_the_next_number() -> None:
    cluster = Cluster(A)
    cluster.directory.follow(A)
    cluster.one(commands.incr("k"), [Outcome([1])])
    cluster.one(commands.incr("k"), [Outcome([2])])
    assert cluster.words(0)[:2] == cluster.words(1)[:2]
    assert cluster.words(1)[2] == "2"


def test_an_uncertain_write_is_repeated_in_its_session() -> None:
    cluster = Cluster(A)
    cluster.directory.follow(A)
    assert cluster.one(commands.incr("k"), [error("UNCERTAIN 17: lost"), Outcome([1])]) == 1


def test_a_plain_write_is_never_repeated_once_it_was_sent() -> None:
    cluster = Cluster(sessions=False)
    cluster.directory.follow(A)
    with pytest.raises(Timeout, match="outcome is unknown"):
        cluster.one(commands.incr("k"), [lost(sent=True), NO_SLOTS, Outcome([1])])
    assert len(cluster.attempts) == 1


def test_a_command_that_brings_its_session_is_sent_as_it_is_and_repeated() -> None:
    cluster = Cluster()
    cluster.directory.follow(A)
    command = commands.raw(("KV.ONCE", "me", 7, "INCR", "k"), is_write=True)
    assert cluster.one(command, [lost(sent=True), NO_SLOTS, Outcome([1])]) == 1
    assert cluster.words(0) == cluster.words(2) == ("KV.ONCE", "me", "7", "INCR", "k")


def test_a_plain_write_that_never_left_is_repeated() -> None:
    cluster = Cluster(sessions=False)
    cluster.directory.follow(A)
    assert cluster.one(commands.incr("k"), [lost(sent=False), NO_SLOTS, Outcome([1])]) == 1


def test_a_lost_read_is_repeated() -> None:
    cluster = Cluster(sessions=False)
    cluster.directory.follow(A)
    assert cluster.one(commands.get("k"), [lost(sent=True), NO_SLOTS, Outcome([b"v"])]) == b"v"


def test_a_redirection_is_followed_at_once() -> None:
    cluster = Cluster(A)
    cluster.directory.follow(A)
    assert cluster.one(commands.get("k"), [error("MOVED 12182 b:2"), Outcome([b"v"])]) == b"v"
    assert cluster.asked == [A, B]


def test_the_leader_that_a_rejection_names_is_followed() -> None:
    cluster = Cluster(A)
    cluster.directory.follow(A)
    reply = "READONLY node 1 is a follower; the leader is node 2 at b:2"
    assert cluster.one(commands.get("k"), [error(reply), Outcome([b"v"])]) == b"v"
    assert cluster.asked == [A, B]


def test_two_nodes_that_name_each_other_do_not_make_a_busy_loop() -> None:
    cluster = Cluster(A, B, timeout=0.5)
    cluster.directory.follow(A)
    moved = {A: error("MOVED 1 b:2"), B: error("MOVED 1 a:1")}
    answers = [moved[A], moved[B]] * 500
    with pytest.raises(NotLeader):
        cluster.one(commands.get("k"), answers)
    assert len(cluster.attempts) < 50


@pytest.mark.parametrize("code", ["CLUSTERDOWN", "TRYAGAIN", "LOADING"])
def test_a_cluster_that_cannot_serve_yet_is_asked_again(code: str) -> None:
    cluster = Cluster(A)
    cluster.directory.follow(A)
    answers = [error(f"{code} not now"), NO_SLOTS, Outcome([True])]
    assert cluster.one(commands.put("k", "v"), answers)


def test_what_just_failed_is_not_believed_to_lead() -> None:
    cluster = Cluster(A, B)
    cluster.directory.follow(A)
    cluster.one(commands.get("k"), [lost(sent=True), slots(A, B), Outcome([b"v"])])
    assert cluster.asked == [A, B, B]


def test_time_over_and_nothing_sent_means_not_applied() -> None:
    with pytest.raises(Unavailable, match="nobody is there"):
        Cluster(timeout=2.0).one(commands.put("k", "v"), [])


def test_time_over_after_a_lost_attempt_means_unknown() -> None:
    cluster = Cluster(timeout=2.0)
    cluster.directory.follow(A)
    with pytest.raises(Timeout):
        cluster.one(commands.put("k", "v"), [lost(sent=True)])


def test_time_over_for_a_read_means_unavailable_however_it_was_lost() -> None:
    cluster = Cluster(timeout=2.0)
    cluster.directory.follow(A)
    with pytest.raises(Unavailable):
        cluster.one(commands.get("k"), [lost(sent=True)])


def test_no_attempt_lasts_longer_than_the_call() -> None:
    cluster = Cluster(timeout=0.25)
    with pytest.raises(Unavailable):
        cluster.one(commands.get("k"), [])
    assert all(attempt.timeout <= 0.25 for attempt in cluster.attempts)


def test_an_error_of_the_command_itself_is_final() -> None:
    cluster = Cluster(A)
    cluster.directory.follow(A)
    with pytest.raises(CommandError, match="not an integer") as raised:
        cluster.one(commands.incr("k"), [error("ERR value is not an integer or out of range")])
    assert raised.value.code == "ERR"
    assert len(cluster.attempts) == 1


def test_a_refused_password_ends_the_call_at_once() -> None:
    cluster = Cluster()
    refused = Outcome(lost="NOAUTH needed", sent=False, refused=True)
    with pytest.raises(CommandError, match="NOAUTH"):
        cluster.one(commands.get("k"), [refused])
    assert len(cluster.attempts) == 1


def test_a_full_disk_is_an_error_of_storage() -> None:
    cluster = Cluster(A)
    cluster.directory.follow(A)
    with pytest.raises(StorageError, match="disk full"):
        cluster.one(commands.put("k", "v"), [error("OOM disk full on node 1")])


def test_a_full_disk_says_nothing_of_an_attempt_that_was_lost_before() -> None:
    cluster = Cluster()
    answers = [slots(A, B), Outcome(lost="no answer"), slots(B), error("OOM disk full on node 2")]
    with pytest.raises(Timeout, match=r"outcome is unknown.*disk full"):
        cluster.one(commands.put("k", "v"), answers)


def test_a_batch_goes_out_together_and_each_write_has_its_own_session() -> None:
    cluster = Cluster(A)
    cluster.directory.follow(A)
    batch: list[Command[Any]] = [commands.incr("k"), commands.get("k"), commands.incr("k")]
    assert cluster.call(*batch, answers=[Outcome([1, b"1", 2])]) == [1, b"1", 2]
    first, read, second = cluster.attempts[0].commands
    assert read == ("GET", "k")
    assert first[1] != second[1]


def test_only_what_has_no_answer_is_sent_again() -> None:
    cluster = Cluster(A, B)
    cluster.directory.follow(A)
    batch = [commands.incr("x"), commands.incr("y")]
    answers = [Outcome([1], lost="connection reset"), NO_SLOTS, Outcome([1])]
    assert cluster.call(*batch, answers=answers) == [1, 1]
    assert [words[-2] for words in cluster.attempts[2].commands] == ["y"]


def test_one_failing_command_of_a_batch_leaves_the_others() -> None:
    cluster = Cluster(A)
    cluster.directory.follow(A)
    batch = [commands.incr("x"), commands.incr("y")]
    first, second = cluster.call(*batch, answers=[Outcome([ErrorReply("ERR no"), 1])])
    assert isinstance(first, CommandError)
    assert second == 1


def test_a_long_batch_is_sent_in_windows() -> None:
    cluster = Cluster(A)
    cluster.directory.follow(A)
    batch = [commands.get(f"k{number}") for number in range(WINDOW + 1)]
    answers = [Outcome([b"v"] * WINDOW), Outcome([b"w"])]
    assert cluster.call(*batch, answers=answers)[-1] == b"w"
    assert [len(attempt.commands) for attempt in cluster.attempts] == [WINDOW, 1]


def test_a_transaction_is_queued_and_executed_in_one_go() -> None:
    cluster = Cluster(A)
    cluster.directory.follow(A)
    command = commands.transaction([commands.incr("k"), commands.get("k")])
    answers = [Outcome(["OK", "QUEUED", "QUEUED", [1, b"1"]])]
    assert cluster.one(command, answers) == [1, b"1"]
    names = [words[0] for words in cluster.attempts[0].commands]
    assert names == ["MULTI", "INCRBY", "GET", "EXEC"]


def test_a_lost_transaction_is_not_repeated() -> None:
    cluster = Cluster()
    cluster.directory.follow(A)
    with pytest.raises(Timeout):
        cluster.one(commands.transaction([commands.incr("k")]), [lost(sent=True), Outcome([1])])


def test_a_transaction_that_was_redirected_while_queueing_is_sent_to_the_leader() -> None:
    cluster = Cluster(A)
    cluster.directory.follow(A)
    aborted = ["OK", ErrorReply("MOVED 12182 b:2"), ErrorReply("EXECABORT discarded")]
    answers = [Outcome(aborted), Outcome(["OK", "QUEUED", [1]])]
    assert cluster.one(commands.transaction([commands.incr("k")]), answers) == [1]


@pytest.mark.parametrize("text", ["", "9001", ":9001", "host:", "host:0", "host:70000", "host:x"])
def test_a_bad_address_is_refused_by_name(text: str) -> None:
    with pytest.raises(ValueError, match="is no address"):
        parse_address(text)


def test_an_ipv6_address_loses_its_brackets() -> None:
    assert parse_address("[::1]:9001") == ("::1", 9001)


def test_a_client_without_nodes_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one node"):
        Directory([])


@pytest.mark.parametrize("value", [None, 1.5, True, ["v"]])
def test_a_value_that_is_no_bytes_is_refused_before_it_is_sent(value: Any) -> None:
    with pytest.raises(TypeError, match="str, bytes or int"):
        commands.put("k", value)


def test_a_time_to_live_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="at least a millisecond"):
        commands.put("k", "v", ttl=0)
