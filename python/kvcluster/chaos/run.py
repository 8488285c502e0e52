"""One run: a cluster, a crowd of clients, a plan; then peace, and the checks."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from kvcluster.chaos.clients import Crowd
from kvcluster.chaos.faults import Injector
from kvcluster.chaos.html import page
from kvcluster.chaos.plan import Fault, Kind, draw_plan
from kvcluster.chaos.report import Report
from kvcluster.chaos.verdict import Check, judge_counters, judge_linearizability
from kvcluster.errors import KvError
from kvcluster.local_cluster import LocalCluster
from kvcluster.timeline import leaders_by_term, timeline_text

_STEP_SECONDS = 0.02
_PEACE_SECONDS = 60.0
# Small, so that checkpoints, recycled segments and snapshots come within seconds.
_OPTIONS = {
    "memtable-bytes": 256 * 1024,
    "wal-checkpoint-bytes": 256 * 1024,
    "retained-log-bytes": 64 * 1024,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class ChaosOptions:
    """How a run is made.

    Attributes:
        seed: of the plan and of the clients' choices.
        seconds: how long faults go on.
        nodes: how many.
        clients: how many at once.
        every_seconds: between two faults, on average.
        kinds: which faults.
        artifacts: a folder for the nodes' logs, the history, the timeline and the summary.
        html: a file for the page.
        bin_dir: where `kvstore` is; by default it is looked for.
    """

    seed: int
    seconds: float
    nodes: int = 3
    clients: int = 8
    every_seconds: float = 1.5
    kinds: Sequence[Kind] = tuple(Kind)
    artifacts: Path | None = None
    html: Path | None = None
    bin_dir: Path | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is."""

    seconds: float
    calls: int
    faults: int
    what: str


def run_chaos(
    options: ChaosOptions, on_progress: Callable[[Progress], None] = lambda _: None
) -> Report:
    """Runs it to its verdict. A violation is in the report; it raises only what no fault explains.

    Raises:
        KvError: the cluster did not even start.
        ImportError: the native module with the checker is not built here.
    """
    judge_linearizability([])  # so that it is not missed at the end of ten minutes
    plan = draw_plan(
        options.seed,
        options.seconds,
        options.nodes,
        every_seconds=options.every_seconds,
        kinds=options.kinds,
    )
    with LocalCluster(
        options.nodes,
        seed=options.seed,
        options=_OPTIONS,
        bin_dir=options.bin_dir,
        keep_logs=options.artifacts,
    ) as cluster:
        crowd = Crowd(cluster.nodes, clients=options.clients, seed=options.seed)
        injector = Injector(cluster)
        report = Report(
            seed=options.seed,
            seconds=options.seconds,
            nodes=options.nodes,
            began=crowd.began,
            wall_offset=time.time() - time.monotonic(),
        )
        crowd.start()
        try:
            _live_through(plan, options.seconds, injector, crowd, on_progress)
        finally:
            crowd.stop()
        on_progress(
            Progress(options.seconds, len(crowd.history), len(injector.injected), "checking")
        )
        report.checks += _make_peace(cluster, injector, crowd)
        report.calls = crowd.history.operations()
        report.troubles = crowd.troubles
        report.faults = injector.injected
        report.skipped = len(injector.skipped)
        report.surprises = injector.surprises
        report.timeline = cluster.timeline()
    report.checks += _judge(report)
    if options.html is not None:
        options.html.write_text(page(report))
    if options.artifacts is not None:
        _keep(report, options.artifacts)
        crowd.history.save(options.artifacts / "history.jsonl")
    return report


def _live_through(
    plan: Sequence[Fault],
    seconds: float,
    injector: Injector,
    crowd: Crowd,
    on_progress: Callable[[Progress], None],
) -> None:
    waiting = list(plan)
    while (now := time.monotonic() - crowd.began) < seconds:
        what = ""
        while waiting and waiting[0].at <= now:
            fault = waiting.pop(0)
            injector.begin(fault)
            what = fault.kind.value
        injector.step()
        on_progress(Progress(now, len(crowd.history), len(injector.injected), what))
        time.sleep(_STEP_SECONDS)


def _make_peace(cluster: LocalCluster, injector: Injector, crowd: Crowd) -> list[Check]:
    """Heals all, and asks whether the cluster is one again."""
    try:
        injector.cure_all()
        cluster.wait_for_leader(timeout=_PEACE_SECONDS)
        crowd.look_at_all()
        index = cluster.wait_for_convergence(timeout=_PEACE_SECONDS)
    except KvError as error:
        return [Check("the healed cluster converges", False, str(error))]
    checks = [Check("the healed cluster converges", True, f"all at index {index}")]
    try:
        found = cluster.assert_hashes_equal(full=True, timeout=_PEACE_SECONDS)
        detail = f"{found.keys} keys, state {found.state[:16]}"
        checks.append(Check("equal hashes, kept along and recomputed", True, detail))
    except KvError as error:
        checks.append(Check("equal hashes, kept along and recomputed", False, str(error)))
    return checks


def _judge(report: Report) -> list[Check]:
    by_term = leaders_by_term(report.timeline)
    twice = {term: nodes for term, nodes in by_term.items() if len(nodes) > 1}
    surprises = f"{len(report.surprises)} surprises"
    return [
        *judge_linearizability(report.calls),
        judge_counters(report.calls),
        Check(
            "one leader a term", not twice, f"{len(by_term)} terms had one; two: {twice or 'none'}"
        ),
        Check("no node ended without a reason", not report.surprises, surprises),
    ]


def _keep(report: Report, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "summary.txt").write_text(report.text() + "\n")
    (folder / "chaos.html").write_text(page(report))
    text = timeline_text(report.timeline, report.wall_offset + report.began)
    (folder / "timeline.txt").write_text(text)
