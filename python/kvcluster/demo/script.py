"""Numbered steps with expected and seen, told while they happen and kept as evidence."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from kvcluster.errors import KvError


@dataclass(frozen=True, slots=True)
class Plan:
    """One step as it is written down beforehand."""

    title: str
    expected: str


@dataclass(slots=True)
class Step:
    """One step as it went."""

    number: int
    title: str
    expected: str
    seen: str = ""
    passed: bool = False
    notes: list[str] = field(default_factory=list)


class StepFailed(KvError):  # noqa: N818 - a step that failed
    """What was seen is not what was expected; the rest of the script makes no sense."""


Teller = Callable[[Step], None]


class Script:
    """Carries out the steps of a plan in order and stops at the first that fails.

    Args:
        plan: the steps.
        evidence: a directory; `steps.json` and `transcript.txt` are written there at every step.
        tell: is called with each step when it has ended.
    """

    def __init__(self, plan: list[Plan], evidence: Path, tell: Teller) -> None:
        self._plan = plan
        self._evidence = evidence
        self._tell = tell
        self.steps: list[Step] = []

    @property
    def passed(self) -> bool:
        return len(self.steps) == len(self._plan) and all(step.passed for step in self.steps)

    @contextmanager
    def step(self) -> Iterator[Step]:
        """The next step: set `seen` inside. An error inside is what was seen, and ends the script.

        Raises:
            StepFailed: after the step was told.
        """
        planned = self._plan[len(self.steps)]
        step = Step(len(self.steps) + 1, planned.title, planned.expected)
        self.steps.append(step)
        failure: Exception | None = None
        try:
            yield step
            step.passed = True
        except (KvError, AssertionError) as error:
            step.seen = str(error) or step.seen or type(error).__name__
            failure = error
        self._write()
        self._tell(step)
        if failure is not None:
            raise StepFailed(f"step {step.number}, {step.title}: {step.seen}") from failure

    def _write(self) -> None:
        self._evidence.mkdir(parents=True, exist_ok=True)
        steps = [asdict(step) for step in self.steps]
        (self._evidence / "steps.json").write_text(json.dumps(steps, indent=2) + "\n")
        lines = [line for step in self.steps for line in transcript(step)]
        (self._evidence / "transcript.txt").write_text("\n".join(lines) + "\n")


def transcript(step: Step) -> list[str]:
    """The step in plain text."""
    mark = "PASS" if step.passed else "FAIL"
    return [
        f"{step.number}. {step.title}",
        f"   expected: {step.expected}",
        f"   seen:     {step.seen}",
        *(f"             {note}" for note in step.notes),
        f"   {mark}",
    ]


def new_evidence_directory(name: str, root: Path | None = None) -> Path:
    """`evidence/NAME-TIME` below `root` (the working directory), made anew."""
    base = (root or Path.cwd()) / "evidence"
    stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    for attempt in range(100):
        directory = base / (f"{name}-{stamp}" + (f"-{attempt}" if attempt else ""))
        try:
            directory.mkdir(parents=True)
        except FileExistsError:
            continue  # two runs within one second
        return directory
    raise FileExistsError(f"{base} holds too many runs of {stamp}")
