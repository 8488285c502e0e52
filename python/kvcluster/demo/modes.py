"""All demonstrations, by name and in the order in which `all` shows them."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from kvcluster.demo import basic, chat, concurrent, failover, recovery, replication
from kvcluster.demo.mode import ModeRun, run_mode
from kvcluster.demo.report import report_text
from kvcluster.demo.script import Plan, Teller

Runner = Callable[[Path, Teller], ModeRun]

FAILOVER_PROVES = "writes survived the leader, and all nodes hold the same state"


def _failover(evidence: Path, tell: Teller) -> ModeRun:
    began = time.monotonic()
    run = failover.run_failover(evidence, tell)
    (evidence / "report.md").write_text(report_text(run))
    return ModeRun(
        "failover", FAILOVER_PROVES, run.steps, len(failover.PLAN), time.monotonic() - began
    )


RUNNERS: dict[str, Runner] = {
    "basic": lambda evidence, tell: run_mode(basic.MODE, evidence, tell),
    "replication": lambda evidence, tell: run_mode(replication.MODE, evidence, tell),
    "failover": _failover,
    "recovery": lambda evidence, tell: run_mode(recovery.MODE, evidence, tell),
    "concurrent": lambda evidence, tell: run_mode(concurrent.MODE, evidence, tell),
    "chat": lambda evidence, tell: run_mode(chat.MODE, evidence, tell),
}

PLANS: dict[str, list[Plan]] = {
    "basic": basic.PLAN,
    "replication": replication.PLAN,
    "failover": failover.PLAN,
    "recovery": recovery.PLAN,
    "concurrent": concurrent.PLAN,
    "chat": chat.PLAN,
}
