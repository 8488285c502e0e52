"""The parts of demonstrations and gates that need no cluster."""

import json
from pathlib import Path

import pytest

from kvcluster import Event
from kvcluster.demo.failover import FailoverRun
from kvcluster.demo.heartbeats import intervals_ms
from kvcluster.demo.measure import failover_of, latency_of
from kvcluster.demo.report import report_text
from kvcluster.demo.script import Plan, Script, Step, StepFailed, new_evidence_directory
from kvcluster.gate import vote_rules
from kvcluster.timeline import leaders_by_term, parse_line, read_log

LINE = json.dumps(
    {
        "time": "2026-11-20T11:05:10.397909Z",
        "level": "info",
        "node": 3,
        "message": "became LEADER for term 4",
        "event": "became_leader",
        "term": 4,
        "peer": 0,
    }
)


def event(time: float, node: int, name: str, **fields: int) -> Event:
    return Event(time, node, name, name, fields)


def test_a_line_of_a_log_is_an_event() -> None:
    found = parse_line(LINE)
    assert found is not None
    assert (found.node, found.name, found.term) == (3, "became_leader", 4)
    assert found.time == pytest.approx(1795172710.397909, abs=1e-5)


@pytest.mark.parametrize(
    "line", ["", "kvstore 1 ready", LINE[:40], '{"node": 1}', "[]", '{"time": "now"}']
)
def test_a_line_that_tells_no_step_is_passed_over(line: str) -> None:
    assert parse_line(line) is None


def test_a_log_that_was_cut_by_a_kill_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    log = tmp_path / "node.log"
    log.write_text(f"kvstore 3 ready\n{LINE}\n{LINE[:30]}")
    assert [found.name for found in read_log(log)] == ["became_leader"]


def test_a_missing_log_has_no_events(tmp_path: Path) -> None:
    assert read_log(tmp_path / "missing.log") == []


def test_leaders_are_told_by_term() -> None:
    events = [
        event(1, 1, "became_leader", term=2),
        event(2, 3, "became_leader", term=3),
        event(3, 2, "candidate", term=4),
    ]
    assert leaders_by_term(events) == {2: {1}, 3: {3}}


def test_a_failover_is_measured_from_the_kill() -> None:
    events = [
        event(1.0, 1, "became_leader", term=2),
        event(5.0, 0, "killed", peer=1),
        event(5.002, 2, "leader_lost", term=2),
        event(5.010, 2, "became_leader", term=3),
    ]
    found = failover_of(events, killed=1)
    assert found is not None
    assert (found.leader, found.term, found.detected_by) == (2, 3, "leader_lost")
    assert found.detected_ms == pytest.approx(2, abs=0.01)
    assert found.elected_ms == pytest.approx(10, abs=0.01)


def test_a_failover_is_not_measured_before_it_is_over() -> None:
    events = [event(5.0, 0, "killed", peer=1), event(5.002, 2, "leader_lost", term=2)]
    assert failover_of(events, killed=1) is None


def test_latency_is_median_tail_and_worst() -> None:
    found = latency_of([float(number) for number in range(1, 101)])
    assert (found.writes, found.median_ms, found.max_ms) == (100, 50.5, 100)
    assert found.p99_ms == 100


def test_what_arrives_together_is_one_heartbeat() -> None:
    assert intervals_ms([1.0, 1.01, 1.8, 1.85, 2.6]) == pytest.approx([800, 800])
    assert intervals_ms([1.0]) == []
    assert intervals_ms([]) == []


def test_a_script_stops_at_the_first_step_that_fails_and_keeps_what_was_seen(
    tmp_path: Path,
) -> None:
    told: list[Step] = []
    script = Script([Plan("one", "1"), Plan("two", "2"), Plan("three", "3")], tmp_path, told.append)
    with script.step() as step:
        step.seen = "1"
    with pytest.raises(StepFailed, match="step 2, two: it was 5"), script.step():
        raise AssertionError("it was 5")
    assert [step.passed for step in told] == [True, False]
    assert not script.passed
    assert "seen:     it was 5" in (tmp_path / "transcript.txt").read_text()


def test_a_script_passes_when_all_its_steps_did(tmp_path: Path) -> None:
    script = Script([Plan("one", "1")], tmp_path, lambda step: None)
    with script.step() as step:
        step.seen = "1"
    assert script.passed


def test_evidence_of_two_runs_is_never_mixed(tmp_path: Path) -> None:
    first = new_evidence_directory("run", tmp_path)
    second = new_evidence_directory("run", tmp_path)
    assert first != second


def test_a_report_of_a_run_that_failed_says_so(tmp_path: Path) -> None:
    text = report_text(FailoverRun(tmp_path))
    assert "**FAIL**" in text
    assert "not measured" in text


def test_the_consensus_core_keeps_the_rules_of_voting() -> None:
    assert "one vote a term" in vote_rules.check()
