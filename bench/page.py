"""docs/benchmarks.md: what a run printed, with how it was measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bench.experiments.outages import WINDOW_SECONDS
from bench.goals import Goal, Singles
from bench.rounds import Results
from bench.systems import System
from bench.tables import alone, disturbance, figures, markdown, measured

_OUTAGES = (
    "The leader is lost again and again; an outage lasts from the last acknowledged write of any "
    "client to the first one after. A request that was passed on to the leader before it was lost "
    "waits for its outcome; a paused or cut off leader comes back after "
    f"{WINDOW_SECONDS:g} s, which bounds that wait here."
)


def _systems(results: Results, systems: Mapping[str, System]) -> str:
    lines = []
    for name, version in results.versions.items():
        system = systems[name]
        nodes = "1 node" if system.nodes == 1 else f"{system.nodes} nodes"
        lines += [
            f"- **{name}** {version}, {nodes}. What is acknowledged is: "
            f"{system.durability}.\n  `{system.how}`"
        ]
    lines += [f"- **{name}** was skipped: {why}." for name, why in results.skipped.items()]
    return "\n".join(lines)


def _commands(results: Results) -> str:
    lines = [f"{case.title}:  kv_bench {' '.join(case.load.words())}" for case in results.cases]
    return "```\n" + "\n".join(lines) + "\n```"


def page(
    results: Results,
    goals: Sequence[Goal],
    singles: Singles,
    systems: Mapping[str, System],
    *,
    command: str,
    rounds: int,
    machine: Mapping[str, str],
    plot: str | None,
) -> str:
    """The whole page, in Markdown."""
    reached = sum(goal.reached is True for goal in goals)
    missed = sum(goal.reached is False for goal in goals)
    parts = [
        "# Benchmarks",
        f"The output of `{command}`; nothing on this page was written by hand. All nodes and the "
        f"load generator share one machine. Rounds: {rounds}; in each every load is put on "
        "every system once, one after the other, each on a fresh start with empty directories. "
        "Keys have 16 bytes, values 100 unless it is said.",
        "\n".join(f"- {name}: {value}" for name, value in machine.items()),
        *([f"**{disturbed}**"] if (disturbed := disturbance(results)) else []),
        f"## Figures to reach: {reached} reached, {missed} not, "
        f"{len(goals) - reached - missed} not measured",
        markdown(figures(goals)),
        "## Side by side",
        markdown(measured(results)),
    ]
    if plot is not None:
        parts.append(f"![Throughput of all systems]({plot})")
    for table in alone(singles):
        parts += [f"## {table.title}", markdown(table)]
    if singles.outages:
        parts.append(_OUTAGES)
    if results.failed:
        parts += [
            "## Runs that failed",
            "\n".join(f"- {case}, {name}: {why}" for case, name, why in results.failed),
        ]
    parts += ["## The systems", _systems(results, systems), "## The loads", _commands(results)]
    return "\n\n".join(parts) + "\n"
