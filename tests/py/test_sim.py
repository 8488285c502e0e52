"""The simulator from Python: runs are equal, told in data, and judged."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from kvcluster.check import assert_linearizable
from kvcluster.sim import Simulation, SimulationResult


@pytest.fixture(scope="module")
def result() -> SimulationResult:
    return Simulation(5, time=5.0, history=True).run()


def test_a_run_finds_nothing_and_says_what_it_did(result: SimulationResult) -> None:
    assert result.violation is None
    assert result.simulated > 5.0
    assert result.counters["answered"] > 10
    assert result.counters["committed"] > 10
    assert "nodes" in result.profile
    assert sum(result.faults.values()) <= result.faults_drawn
    assert result.paths["ElectionTimeout"] > 0


def test_the_same_seed_gives_the_same_run(result: SimulationResult) -> None:
    again = Simulation(5, time=5.0, timeline=False).run()
    assert again.trace_hash == result.trace_hash
    assert again.counters == result.counters
    assert again.timeline == []


def test_another_seed_gives_another_run(result: SimulationResult) -> None:
    assert Simulation(6, time=5.0).run().trace_hash != result.trace_hash


def test_the_timeline_is_data_in_the_order_of_time(result: SimulationResult) -> None:
    times = [item.at for item in result.timeline]
    assert times == sorted(times)
    assert any(item.kind == "raft" and "leads" in item.text for item in result.timeline)
    assert {item.node for item in result.timeline} >= {1, None}


def test_the_history_can_be_judged_by_the_checker(result: SimulationResult) -> None:
    assert len(result.history) > 10
    assert_linearizable(result.history)


def test_faults_can_be_left_out() -> None:
    drawn = Simulation(5, time=5.0).run().faults_drawn
    assert drawn > 0
    calm = Simulation(5, time=5.0, dropped=range(drawn)).run()
    assert sum(calm.faults.values()) == 0
    assert calm.violation is None


def test_a_replay_line_names_a_run(result: SimulationResult) -> None:
    assert Simulation.replay("seed=5 time=5000").run().trace_hash == result.trace_hash
    assert Simulation.replay("seed=5 time=5000 drop=0-2,4").dropped == {0, 1, 2, 4}


@pytest.mark.parametrize("line", ["", "time=5", "seed=", "seed=1 more=2"])
def test_a_line_that_names_no_run_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match="seed=7"):
        Simulation.replay(line)


@pytest.mark.parametrize("time", [0.0, -1.0, 1e9])
def test_a_time_without_sense_is_refused(time: float) -> None:
    with pytest.raises(ValueError, match="at most a day"):
        Simulation(1, time=time).run()


def test_a_run_without_a_violation_cannot_be_made_smaller() -> None:
    with pytest.raises(ValueError, match="no violation"):
        Simulation(5, time=1.0).shrink()


def test_runs_in_several_threads_do_not_disturb_each_other(result: SimulationResult) -> None:
    with ThreadPoolExecutor(2) as pool:
        runs = list(pool.map(lambda _: Simulation(5, time=5.0).run().trace_hash, range(2)))
    assert runs == [result.trace_hash] * 2
