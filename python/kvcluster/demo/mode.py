"""One demonstration: its name, its plan, the cluster it needs and what it does there."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kvcluster.demo.scene import write_timeline
from kvcluster.demo.script import Plan, Script, Step, StepFailed, Teller
from kvcluster.local_cluster import LocalCluster


@dataclass(frozen=True, slots=True)
class Mode:
    """A demonstration on a cluster of its own.

    Attributes:
        name: as it is typed.
        proves: what is shown when all steps pass.
        plan: the steps.
        carry_out: makes the steps.
        options: of the `LocalCluster`.
    """

    name: str
    proves: str
    plan: Sequence[Plan]
    carry_out: Callable[[LocalCluster, Script], None]
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ModeRun:
    """How a demonstration went."""

    name: str
    proves: str
    steps: Sequence[Step]
    planned: int
    seconds: float

    @property
    def passed(self) -> bool:
        """Every step of the plan was made, and showed what was expected."""
        return len(self.steps) == self.planned and all(step.passed for step in self.steps)


def run_mode(mode: Mode, evidence: Path, tell: Teller) -> ModeRun:
    """Carries it out on three nodes.

    Args:
        evidence: the nodes' logs, the timeline and what was seen are kept there.
        tell: is called with each step when it has ended.
    """
    began = time.monotonic()
    script = Script(list(mode.plan), evidence, tell)
    cluster = LocalCluster(nodes=3, keep_logs=evidence, **{"faults": False, **mode.options})
    try:
        with cluster:
            try:
                mode.carry_out(cluster, script)
            finally:
                write_timeline(cluster, evidence)
    except StepFailed:
        pass  # the step itself says so
    return ModeRun(mode.name, mode.proves, script.steps, len(mode.plan), time.monotonic() - began)
