"""The points of a gate, their verdicts, and the tag that follows when all pass."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from kvcluster.errors import KvError


class PointFailed(KvError):  # noqa: N818 - a point that failed
    """What was found is not what the point asks for."""


@dataclass(frozen=True, slots=True)
class Point:
    """One point of a gate.

    Attributes:
        title: what it asks for.
        check: carries it out and returns its evidence in a line, or raises.
    """

    title: str
    check: Callable[[], str]


@dataclass(frozen=True, slots=True)
class Verdict:
    """How one point ended."""

    number: int
    title: str
    passed: bool
    evidence: str


def check_points(points: Sequence[Point], tell: Callable[[Verdict], None]) -> list[Verdict]:
    """Carries out every point, also after one that failed."""
    verdicts = []
    for number, point in enumerate(points, start=1):
        try:
            verdict = Verdict(number, point.title, True, point.check())
        except (KvError, AssertionError, OSError, subprocess.SubprocessError) as error:
            verdict = Verdict(number, point.title, False, str(error) or type(error).__name__)
        verdicts.append(verdict)
        tell(verdict)
    return verdicts


def require(condition: bool, found: str) -> None:
    """Raises `PointFailed` with what was found, unless the condition holds."""
    if not condition:
        raise PointFailed(found)


def write_verdicts(verdicts: Sequence[Verdict], evidence: Path) -> None:
    """`verdicts.json` in the evidence."""
    content = json.dumps([asdict(verdict) for verdict in verdicts], indent=2)
    (evidence / "verdicts.json").write_text(content + "\n")


def source_tree(start: Path | None = None) -> Path | None:
    """The project's root at or above the working directory; None outside of it."""
    here = (start or Path.cwd()).resolve()
    for folder in (here, *here.parents):
        if (folder / "demo/failover.md").exists() and (folder / "pyproject.toml").exists():
            return folder
    return None


def _git(repository: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["git", "-C", str(repository), *words], capture_output=True, text=True)


def tag(repository: Path | None, name: str, message: str) -> str:
    """Makes an annotated tag; an existing one is left as it is. Says what was done."""
    if repository is None or _git(repository, "rev-parse", "HEAD").returncode != 0:
        return f"no tag {name}: this is no git repository of the project"
    if _git(repository, "rev-parse", "--verify", "--quiet", f"refs/tags/{name}").returncode == 0:
        commit = _git(repository, "rev-parse", "--short", f"{name}^{{commit}}").stdout.strip()
        return f"tag {name} exists already, at {commit}; it was left there"
    made = _git(repository, "tag", "-a", name, "-m", message)
    if made.returncode != 0:
        return f"no tag {name}: {made.stderr.strip()}"
    return f"tag {name} made"
