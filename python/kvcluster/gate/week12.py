"""The gate of the full demonstration: `kvcluster gate week12`."""

from __future__ import annotations

import re
from pathlib import Path

from kvcluster.demo.failover import ELECTION_BOUND_MS, KEYS, PLAN, FailoverRun, run_failover
from kvcluster.demo.report import report_text
from kvcluster.demo.script import Step, Teller
from kvcluster.gate.points import Point, PointFailed, require, source_tree

TAG = "v0.12-cluster-demo"
TAG_MESSAGE = "Week 12: Month 3 demo - full cluster"

_REPORT_LINES_MAX = 80  # a page
_REPORT_PARTS = ("## Architecture", "## Figures of this run", "## Next steps")


class Week12:
    """The points of the gate, read off one run of the demonstration.

    Args:
        evidence: logs, steps and report are kept there.
        tell: is called with each step of the demonstration.
    """

    def __init__(self, evidence: Path, tell: Teller) -> None:
        self._evidence = evidence
        self._tell = tell
        self._run: FailoverRun | None = None

    def open(self) -> None:
        self._run = run_failover(self._evidence, self._tell, measure_throughput=True)

    def close(self) -> None:
        """Nothing is left open: the cluster ended with the demonstration."""

    def points(self) -> list[Point]:
        return [
            Point("Demo plan written", self.plan_written),
            Point("Writes to leader work", lambda: self._steps(2)),
            Point("Leader kill triggers detection", lambda: self._steps(4)),
            Point("New leader elected", self.new_leader),
            Point("Writes to new leader work", lambda: self._steps(6)),
            Point("All data verified on all nodes", lambda: self._steps(8, 9)),
            Point("State hashes match at every step", self.hashes_match),
            Point("Month 3 report written", self.report_written),
        ]

    @property
    def _done(self) -> FailoverRun:
        if self._run is None:
            raise PointFailed("the demonstration was not run")
        return self._run

    def _step(self, number: int) -> Step:
        for step in self._done.steps:
            if step.number == number:
                require(step.passed, f"step {number}: {step.seen}")
                return step
        raise PointFailed(f"the demonstration ended before step {number}")

    def _steps(self, *numbers: int) -> str:
        return "; ".join(self._step(number).seen for number in numbers)

    def plan_written(self) -> str:
        root = source_tree()
        if root is None:
            raise PointFailed("demo/failover.md is read in the project's source tree")
        page = (root / "demo/failover.md").read_text()
        titles = re.findall(r"^## \d+\. (.+)$", page, re.MULTILINE)
        planned = [step.title for step in PLAN]
        require(titles == planned, f"demo/failover.md has other steps than the demo: {titles}")
        commands = page.count("```console")
        require(commands >= len(PLAN), f"only {commands} of {len(PLAN)} steps show a command")
        return f"demo/failover.md: {len(titles)} numbered steps, each with command and output"

    def new_leader(self) -> str:
        self._step(5)
        failover = self._done.failover
        if failover is None:
            raise PointFailed("the election was not measured")
        found = (
            f"node {failover.leader} leads term {failover.term} after {failover.elected_ms:.1f} ms"
        )
        require(failover.elected_ms <= ELECTION_BOUND_MS, found)
        return found

    def hashes_match(self) -> str:
        self._steps(3, 7, 10)
        hashes = self._done.hashes
        require(len(hashes) == 3, f"compared at {len(hashes)} points, not 3")
        require(hashes[-1].keys >= 2 * KEYS, f"only {hashes[-1].keys} keys are covered")
        points = ", ".join(f"index {found.index}: {found.state[:12]}" for found in hashes)
        return f"{points}; in full: {self._done.full_hash[:12]}"

    def report_written(self) -> str:
        text = report_text(self._done)
        report = self._evidence / "report.md"
        report.write_text(text)
        lines = len(text.splitlines())
        require(all(part in text for part in _REPORT_PARTS), "a part of the report is missing")
        require(self._done.failover is not None, "the report has no election time")
        require(lines <= _REPORT_LINES_MAX, f"the report has {lines} lines, more than a page")
        return f"{report.name}: {lines} lines with architecture, figures and next steps"
