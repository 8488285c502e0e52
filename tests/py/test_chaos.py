"""Chaos: its plan, its judges, its report, and a short run of it all."""

from pathlib import Path

import pytest

from kvcluster.chaos import ChaosOptions, Fault, Kind, Report, draw_plan, run_chaos
from kvcluster.chaos.faults import Injected
from kvcluster.chaos.html import page, role_spans
from kvcluster.chaos.verdict import judge_counters, judge_linearizability
from kvcluster.history import Action, Operation, Outcome, cas_revision, get, incr, put
from kvcluster.replies import Versioned
from kvcluster.timeline import Event


def test_a_seed_always_gives_the_same_plan() -> None:
    assert draw_plan(7, 60, 3) == draw_plan(7, 60, 3)
    assert draw_plan(7, 60, 3) != draw_plan(8, 60, 3)


def test_ten_minutes_have_hundreds_of_faults_of_every_kind() -> None:
    plan = draw_plan(1, 600, 3)
    assert len(plan) > 300
    assert {fault.kind for fault in plan} == set(Kind)
    assert [fault.at for fault in plan] == sorted(fault.at for fault in plan)


def test_a_plan_without_kinds_is_refused() -> None:
    with pytest.raises(ValueError):
        draw_plan(1, 60, 3, kinds=())


def done(at: float, action: Action, answer: object) -> Operation:
    """A call that began at this second and took half a second."""
    times = (int(at * 1e9), int((at + 0.5) * 1e9))
    return Operation(1, *times, Outcome.OK, (action.answered(answer),))


def test_a_sum_that_was_told_twice_is_found() -> None:
    assert judge_counters([done(1, incr("c"), 1), done(2, incr("c"), 2)]).passed
    assert not judge_counters([done(1, incr("c"), 1), done(2, incr("c"), 1)]).passed


def test_a_lost_increment_is_found_in_the_last_value() -> None:
    calls = [done(number, incr("c"), number) for number in range(1, 4)]
    assert judge_counters([*calls, done(9, get("c"), b"3")]).passed
    assert not judge_counters([*calls, done(9, get("c"), b"2")]).passed


def test_an_increment_of_unknown_outcome_may_count_or_not() -> None:
    calls = [done(1, incr("c"), 1), Operation(2, 0, None, Outcome.UNKNOWN, (incr("c"),))]
    for last, passes in ((b"1", True), (b"2", True), (b"3", False)):
        assert judge_counters([*calls, done(9, get("c"), last)]).passed is passes


def test_a_stale_read_is_found_twice() -> None:
    calls = [
        done(1, put("k", "a"), True),
        done(2, cas_revision("k", "b", revision=5), 9),
        done(3, get("k"), Versioned(b"a", 5)),
    ]
    assert [check.passed for check in judge_linearizability(calls)] == [False, False]
    calls[-1] = done(3, get("k"), Versioned(b"b", 9))
    assert [check.passed for check in judge_linearizability(calls)] == [True, True]


def hurt(kind: Kind, began: float, ended: float, *nodes: int) -> Injected:
    fault = Fault(began, kind, 0, ended - began, 0.5, (1, 2, 3))
    return Injected(fault, nodes, began, ended=ended)


def a_report() -> Report:
    """Ten seconds with a kill, and two nodes hurt at once from 5 to 6."""
    report = Report(seed=1, seconds=10, nodes=3, began=0.0, wall_offset=1000.0)
    report.faults = [hurt(Kind.KILL, 2, 6, 1), hurt(Kind.PAUSE, 5, 8, 2)]
    report.calls = [done(at, put("k", "v"), True) for at in (0, 1.5, 3, 4, 6.5, 7, 8, 9)]
    report.timeline = [
        Event(1000.5, 1, "became_leader", "", {"term": 2}),
        Event(1002.0, 0, "killed", "", {"peer": 1}),
        Event(1003.0, 2, "became_leader", "", {"term": 3}),
    ]
    return report


def test_time_without_a_healthy_majority_is_not_counted() -> None:
    report = a_report()
    assert report.healthy_spans() == [(0.0, 5), (6, 10.0)]
    assert report.gaps()[0].seconds == 1.5  # from the write at 2.0 to the one at 3.5
    assert max(gap.seconds for gap in report.gaps() if gap.began >= 6) == 1.0


def test_the_page_shows_roles_and_stands_alone() -> None:
    report = a_report()
    assert [(span.start, span.what) for span in role_spans(report, 1)] == [
        (0.0, "down"),
        (0.5, "leader"),
        (2.0, "down"),
    ]
    text = page(report)
    assert "<svg" in text
    assert "http" not in text.replace('xmlns="http://www.w3.org/2000/svg"', "")


def test_a_report_without_checks_has_not_passed() -> None:
    assert not a_report().passed


def test_a_short_run_with_many_faults_keeps_every_promise(tmp_path: Path) -> None:
    report = run_chaos(
        ChaosOptions(seed=20, seconds=15, every_seconds=0.8, artifacts=tmp_path / "kept")
    )
    assert report.passed, report.text()
    assert len(report.faults) >= 10, report.text()
    assert report.outcomes()["ok"] > 500, report.text()
    names = {file.name for file in (tmp_path / "kept").iterdir()}
    assert {"summary.txt", "chaos.html", "timeline.txt", "history.jsonl", "node-1.log"} <= names
