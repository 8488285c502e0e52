"""The parts of the benchmarks that compute, and kv_bench on real nodes."""

import json
import signal
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from bench.campaign import Plan
from bench.cases import SET_C1, SET_P1, SET_P16, Case
from bench.experiments.outages import nearest_rank, outages_ms
from bench.goals import Goal, Outage, Singles, goals
from bench.load import Load, Sample, sample_of
from bench.machine import is_memory
from bench.page import page
from bench.process import BenchError, Processes, cpu_seconds, file_system, peak_rss_bytes
from bench.rounds import Results, Spread, cpu, rate
from bench.systems import OURS, REDIS_ALWAYS, all_systems
from bench.tables import disturbance, figures, markdown, measured
from conftest import StartCluster
from kvcluster import LocalCluster
from kvcluster.binaries import find_binary


def sample(speed: float, p50: float = 100.0, cpu_per_1000: float = 0.01) -> Sample:
    latency = dict.fromkeys(("p50", "p90", "p99", "p99.9", "max"), p50)
    return Sample(speed, latency, cpu_per_1000, 10 << 20, 0)


def results_of(case: str, **speeds: list[Sample]) -> Results:
    names = {"ours": OURS, "redis": REDIS_ALWAYS}
    found = Results([Case(case, f"title of {case}", Load(), tuple(names[n] for n in speeds))])
    found.samples = {(case, names[name]): samples for name, samples in speeds.items()}
    return found


def test_a_spread_is_median_and_range() -> None:
    assert Spread.of([3.0, 1.0, 2.0, 10.0]) == Spread(median=2.5, least=1.0, most=10.0)


def test_a_ratio_is_that_of_the_medians() -> None:
    found = results_of(
        SET_P16, ours=[sample(10), sample(80), sample(90)], redis=[sample(100), sample(200)]
    )
    assert found.ratio(SET_P16, OURS, REDIS_ALWAYS, rate) == pytest.approx(80 / 150)


def test_a_ratio_to_what_was_not_measured_is_none() -> None:
    found = results_of(SET_P16, ours=[sample(10)])
    assert found.ratio(SET_P16, OURS, REDIS_ALWAYS, rate) is None


def goal_named(all_goals: list[Goal], what: str) -> Goal:
    return next(goal for goal in all_goals if goal.what == what)


def test_a_goal_is_reached_at_its_bound_in_both_directions() -> None:
    assert Goal("more is better", 0.8, 0.8, at_least=True).verdict == "reached"
    assert Goal("more is better", 0.79, 0.8, at_least=True).verdict == "NOT reached"
    assert Goal("less is better", 30, 30, at_least=False, unit=" ms").verdict == "reached"
    assert Goal("less is better", 30.1, 30, at_least=False, unit=" ms").verdict == "NOT reached"


def test_a_goal_that_was_not_measured_says_so_and_why() -> None:
    goal = Goal("something", None, 1, at_least=True, why_not="no disk")
    assert goal.reached is None
    assert goal.seen_text == "not measured: no disk"
    assert goal.verdict == "-"


def test_every_goal_is_not_measured_when_nothing_was() -> None:
    assert {goal.reached for goal in goals(Results([]), Singles(outages={}))} == {None}


def test_goals_take_their_figures_from_where_they_were_measured() -> None:
    found = results_of(
        SET_P1, ours=[sample(70, cpu_per_1000=0.05)], redis=[sample(100, cpu_per_1000=0.01)]
    )
    outage = Outage(p50=20, p99=101, most=250, times=7, longest_wait_ms=9)
    told = goals(found, Singles(outages={"SIGKILL": outage}, recovery_s={1_000_000: 2.5}))
    assert goal_named(told, "SET c=50 P=1 / Redis fsync always").verdict == "reached"
    used = goal_named(told, "server CPU per 1000 SETs, c=50 P=1 / Redis fsync always")
    assert used.seen == pytest.approx(5)
    assert used.verdict == "NOT reached"
    assert goal_named(told, "failover, SIGKILL, p50 of 7").verdict == "reached"
    assert goal_named(told, "failover, SIGKILL, p99 of 7").verdict == "NOT reached"
    assert goal_named(told, "failover, SIGTERM, p50").reached is None
    assert goal_named(told, "recovery of 1M log entries").verdict == "reached"


def test_the_latency_goal_compares_latencies() -> None:
    found = results_of(SET_C1, ours=[sample(1, p50=200)], redis=[sample(9, p50=100)])
    told = goal_named(goals(found, Singles(outages={})), "SET c=1 latency p50 / Redis fsync always")
    assert told.seen == pytest.approx(2)
    assert told.verdict == "NOT reached"


def test_an_outage_is_the_longest_gap_that_touches_its_moment() -> None:
    moments = [(1_000, 2_000), (5_000, 6_000), (9_000, 9_500)]
    gaps = [
        (900_000, 990_000),
        (400, 1_000),  # ends as the first moment begins
        (990, 3_000_990),  # from before the first moment, and beyond all others
    ]
    assert outages_ms(moments[:1], gaps[:2]) == [0]
    assert outages_ms(moments, gaps) == [3.0, 3.0, 3.0]
    assert outages_ms([(1_000, 2_000)], [(1_200, 1_300), (1_500, 1_900)]) == [400 / 1e6]


@pytest.mark.parametrize(("percent", "expected"), [(50, 50), (99, 99), (100, 100), (0, 1)])
def test_a_percentile_is_one_of_the_values(percent: float, expected: float) -> None:
    assert nearest_rank([float(value) for value in range(100, 0, -1)], percent) == expected


def test_cpu_counts_the_warm_up_too() -> None:
    told = {
        "operations": 10,
        "operations_in_all": 2000,
        "operations_per_second": 5.0,
        "latency_us": {"p50": 1.0},
        "errors": 0,
    }
    assert cpu(sample_of(told, 4.0, 1)) == pytest.approx(2.0)


def test_a_run_without_an_answer_is_an_error() -> None:
    with pytest.raises(BenchError, match="nothing was answered"):
        sample_of({"operations": 0}, 1.0, 1)


def test_only_named_parts_are_left_of_a_plan() -> None:
    plan = Plan.quick()
    plan.choose([SET_P1, "recovery"])
    assert plan.names() == [SET_P1, "recovery"]


def test_a_part_that_is_none_is_refused_with_those_that_are() -> None:
    with pytest.raises(BenchError, match=r"there is no set-p1; there are: .*set-c50-p1"):
        Plan.quick().choose(["set-p1"])


def test_the_names_of_all_parts_differ() -> None:
    names = Plan.whole().names()
    assert len(names) == len(set(names))


def test_every_case_names_systems_that_there_are() -> None:
    known = all_systems()
    assert [c.name for c in Plan.whole().cases if not set(c.systems) <= known.keys()] == []


def test_a_system_that_is_missing_is_named_with_the_reason() -> None:
    found = results_of(SET_P16, ours=[sample(50_000)], redis=[])
    found.skipped[REDIS_ALWAYS] = "redis-server is missing"
    text = markdown(measured(found))
    assert "not measured: redis-server is missing" in text
    assert "50.0k (50.0-50.0)" in text


def test_a_busy_machine_is_told() -> None:
    found = results_of(SET_P16, ours=[replace(sample(80), strangers=0.42)])
    assert "42% of its processors" in (disturbance(found) or "")
    assert disturbance(results_of(SET_P16, ours=[sample(80)])) is None
    assert disturbance(Results([])) is None


def test_the_page_has_figures_failures_and_commands() -> None:
    found = results_of(SET_P16, ours=[sample(80)], redis=[sample(100)])
    found.versions = {OURS: "1.2.3", REDIS_ALWAYS: "7.0"}
    found.failed = [(SET_P16, OURS, "nothing was answered")]
    singles = Singles(outages={"SIGTERM": Outage(1, 2, 3, 4, 5)})
    text = page(
        found,
        goals(found, singles),
        singles,
        all_systems(),
        command="./dev bench",
        rounds=1,
        machine={"kernel": "6"},
        plot=None,
    )
    assert "| SET c=50 P=16 / Redis fsync always | >= 0.8 | 0.80 | reached |" in text
    assert f"{SET_P16}, {OURS}: nothing was answered" in text
    assert "**kvcluster** 1.2.3, 3 nodes" in text
    assert "kv_bench --command set -c 50 -P 1 " in text
    assert "| SIGTERM | 4 | 1 / 2 / 3 | 5 |" in text


def test_the_last_table_has_a_verdict_in_each_row() -> None:
    rows = figures(goals(Results([]), Singles(outages={}))).rows
    assert all(row[3] in ("reached", "NOT reached", "-") for row in rows)
    assert len(rows) == 25


def test_a_process_is_measured_while_it_runs(tmp_path: Path) -> None:
    processes = Processes()
    try:
        process = processes.start(["cat"], tmp_path / "log", talks=True)
        assert process.pid in processes.pids
        assert cpu_seconds(processes.pids) >= 0
        assert peak_rss_bytes(processes.pids) > 0
    finally:
        processes.close()
    assert process.poll() is not None


def test_a_file_system_in_memory_is_known(tmp_path: Path) -> None:
    assert file_system(Path("/proc")) == "proc"
    assert is_memory(Path("/dev/shm"))
    assert file_system(tmp_path) != "unknown"


# --- kv_bench ---


def kv_bench(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [find_binary("kv_bench"), *words], capture_output=True, text=True, timeout=60
    )


def nodes_of(cluster: LocalCluster) -> tuple[str, str]:
    return ("--nodes", ",".join(cluster.nodes))


def test_kv_bench_fills_every_key(calm_cluster: LocalCluster) -> None:
    done = kv_bench(*nodes_of(calm_cluster), "--command", "fill", "--keys", "1000", "-P", "20")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].startswith("PASS")
    with calm_cluster.client() as client:
        assert len(client.get("key:000000000999") or b"") == 100


@pytest.mark.parametrize("target", ["leader", "all"])
def test_kv_bench_counts_what_it_asked_for(
    calm_cluster: LocalCluster, tmp_path: Path, target: str
) -> None:
    figures = tmp_path / "figures.json"
    done = kv_bench(
        *nodes_of(calm_cluster),
        *("--target", target, "-c", "4", "-P", "8", "--requests", "3200", "--warmup", "0"),
        *("--json", str(figures)),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(figures.read_text())
    assert told["operations"] == told["operations_in_all"] == told["latency_us"]["count"] == 3200
    assert told["errors"] == 0


def test_kv_bench_keeps_the_rate_of_an_open_loop(
    calm_cluster: LocalCluster, tmp_path: Path
) -> None:
    figures = tmp_path / "figures.json"
    words = ["--rate", "500", "-c", "10", "-P", "64", "--warmup", "0", "--duration", "1"]
    done = kv_bench(*nodes_of(calm_cluster), *words, "--json", str(figures))
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(figures.read_text())["latency_us"]["count"] == pytest.approx(500, abs=1)


@pytest.mark.parametrize("letter", list("abcdef"))
def test_kv_bench_runs_every_workload_of_ycsb(calm_cluster: LocalCluster, letter: str) -> None:
    words = ["--ycsb", letter, "--keys", "1000", "--requests", "500", "--warmup", "0", "-P", "4"]
    done = kv_bench(*nodes_of(calm_cluster), *words)
    assert done.returncode == 0, done.stdout + done.stderr


def test_kv_bench_names_the_errors_of_a_server_that_refuses(calm_cluster: LocalCluster) -> None:
    # WAIT is a command that our nodes do not know.
    words = ["--wait", "1", "--requests", "10", "--warmup", "0", "-c", "1"]
    done = kv_bench(*nodes_of(calm_cluster), *words)
    assert done.returncode == 1
    assert "error WAIT: 10 times" in done.stdout
    assert done.stdout.splitlines()[-1] == "FAIL: nothing was answered"


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ((), "which server"),
        (("--port", "1", "--command", "sett"), "see kv_bench --help"),
        (("--port", "1", "--ycsb", "g"), "see kv_bench --help"),
        (("--nodes", "no address"), "no address"),
    ],
)
def test_kv_bench_refuses_a_wrong_call_in_one_line(words: tuple[str, ...], complaint: str) -> None:
    done = kv_bench(*words)
    assert done.returncode == 2
    assert complaint in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_kv_bench_follows_a_node_that_names_the_leader(start_cluster: StartCluster) -> None:
    cluster = start_cluster(faults=False, follower_mode="redirect")
    words = ["--target", "all", "-c", "3", "--requests", "300", "--warmup", "0", "--tolerant"]
    done = kv_bench(*nodes_of(cluster), *words)
    assert done.returncode == 0, done.stdout + done.stderr
    # One refusal a connection that began with a follower; then all went to the leader.
    assert "error MOVED: 2 times" in done.stdout
    assert done.stdout.splitlines()[-1] == "FAIL: 2 requests failed"


def keys_of(cluster: LocalCluster) -> int:
    return max((status.keys for status in cluster.statuses().values()), default=0)


def test_kv_bench_goes_on_with_another_node_when_the_leader_is_killed(
    start_cluster: StartCluster, tmp_path: Path
) -> None:
    cluster = start_cluster(faults=False)
    figures = tmp_path / "figures.json"
    words = ["-c", "6", "--rate", "500", "--warmup", "0", "--duration", "60", "--gap-ms", "1"]
    process = subprocess.Popen(
        [
            find_binary("kv_bench"),
            *nodes_of(cluster),
            *("--target", "all", "--tolerant", "--json", str(figures), *words),
        ],
        stdout=subprocess.DEVNULL,
    )
    try:
        cluster.wait_for(lambda: keys_of(cluster) > 50, what="load", timeout=20)
        cluster.kill(cluster.wait_for_leader())
        cluster.wait_for_leader()
        before = keys_of(cluster)
        cluster.wait_for(lambda: keys_of(cluster) > before, what="load", timeout=20)
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
    told = json.loads(figures.read_text())
    assert told["errors_by_kind"].keys() <= {"closed", "UNCERTAIN", "CLUSTERDOWN"}
    assert told["gaps"]
