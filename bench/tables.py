"""What was measured, as tables: for the terminal, and in Markdown for the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from bench.cases import Case
from bench.experiments.outages import CONNECTIONS, RATE
from bench.goals import Goal, Singles
from bench.rounds import Results, Spread, cpu, latency_ms, rate
from bench.systems import OURS

# Kernel threads that serve the measured processes count as others, too.
_QUIET_SHARE = 0.1


@dataclass(frozen=True, slots=True)
class TableData:
    """A head and rows of text."""

    title: str
    head: tuple[str, ...]
    rows: list[tuple[str, ...]]


def _thousands(spread: Spread) -> str:
    return f"{spread.median / 1e3:.1f}k ({spread.least / 1e3:.1f}-{spread.most / 1e3:.1f})"


def _rows_of(results: Results, case: Case) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    title = case.title
    for name in case.systems:
        speed = results.spread(case.name, name, rate)
        if speed is None:
            why = results.skipped.get(name, "every run failed")
            rows.append((title, name, f"not measured: {why}", "", "", "", "", ""))
            title = ""
            continue
        ratio = results.ratio(case.name, OURS, name, rate)
        latency = [
            results.spread(case.name, name, latency_ms(which)) for which in ("p50", "p99", "p99.9")
        ]
        used = results.spread(case.name, name, cpu)
        memory = results.spread(case.name, name, lambda s: s.rss_bytes / 2**20)
        rows.append(
            (
                title,
                name,
                _thousands(speed),
                f"{ratio:.2f}" if ratio is not None and name != OURS else "",
                " / ".join(f"{one.median:.2f}" for one in latency if one is not None),
                f"{used.median:.4f}" if used else "",
                f"{memory.median:.0f}" if memory else "",
                str(len(results.samples[case.name, name])),
            )
        )
        title = ""
    return rows


def measured(results: Results) -> TableData:
    """All cases and systems."""
    return TableData(
        "Side by side: medians over the rounds, and the range",
        (
            "load",
            "system",
            "operations/s",
            "ours / it",
            "p50 / p99 / p99.9 ms",
            "CPU s / 1000",
            "peak RSS MiB",
            "runs",
        ),
        [row for case in results.cases for row in _rows_of(results, case)],
    )


def disturbance(results: Results) -> str | None:
    """What to know about a machine that did something else, too; None when it did not."""
    shares = results.strangers()
    if shares is None or shares.median < _QUIET_SHARE:
        return None
    return (
        f"The machine was busy with something else: {shares.median:.0%} of its processors in the "
        f"median of the runs, {shares.most:.0%} at most. These are not the figures of a quiet one."
    )


def outages(singles: Singles) -> TableData:
    """How long writes stood still, and how long the unluckiest request waited."""
    return TableData(
        f"Outages: {RATE} writes a second over {CONNECTIONS} connections to all nodes",
        ("the leader's end", "times", "p50 / p99 / max ms", "longest wait of a request, ms"),
        [
            (
                how,
                str(outage.times),
                f"{outage.p50:.0f} / {outage.p99:.0f} / {outage.most:.0f}",
                f"{outage.longest_wait_ms:.0f}",
            )
            for how, outage in singles.outages.items()
        ],
    )


def open_loop(singles: Singles) -> TableData:
    """Latencies of writes at parts of the peak."""
    names = ("p50", "p90", "p99", "p99.9", "max")
    return TableData(
        "Open loop: SET at a part of the peak, latencies in ms from when each was due",
        ("of the peak", "writes/s", *names),
        [
            (
                f"{one.share:.0%}",
                f"{one.rate:,.0f}",
                *(f"{one.latency_ms[name]:.2f}" for name in names),
            )
            for one in singles.open_loop
        ],
    )


def recovery(singles: Singles) -> TableData:
    """How long all nodes together need from their start to the first answer."""
    return TableData(
        "Recovery: all nodes killed, no checkpoint",
        ("entries in the log", "seconds"),
        [(f"{entries:,}", f"{seconds:.2f}") for entries, seconds in singles.recovery_s.items()],
    )


def many_keys(singles: Singles) -> TableData:
    """What many keys cost."""
    found = singles.many_keys
    return TableData(
        "Many keys: of one node, and writes while another one gets them as a snapshot",
        ("keys", "peak RSS, B a key", "disk, B a key", "p99.9 meanwhile, ms", "s until it is back"),
        []
        if found is None
        else [
            (
                f"{found.keys:,}",
                f"{found.rss_bytes_a_key:.0f}",
                f"{found.disk_bytes_a_key:.0f}",
                f"{found.rejoin_p999_ms:.1f}",
                f"{found.rejoin_s:.0f}",
            )
        ],
    )


def python_client(singles: Singles) -> TableData:
    """What the Python client reaches."""
    return TableData(
        "The Python client: writes of 100 bytes",
        ("how", "writes/s"),
        [(how, f"{speed:,.0f}") for how, speed in singles.python_client.items()],
    )


def alone(singles: Singles) -> list[TableData]:
    """What was measured of our nodes alone, where it was."""
    tables = (
        outages(singles),
        recovery(singles),
        open_loop(singles),
        many_keys(singles),
        python_client(singles),
    )
    return [table for table in tables if table.rows]


def figures(goals: Sequence[Goal]) -> TableData:
    """The figures to reach."""
    return TableData(
        "Figures to reach",
        ("", "goal", "seen", ""),
        [(goal.what, goal.goal_text, goal.seen_text, goal.verdict) for goal in goals],
    )


def show(console: Console, data: TableData) -> None:
    table = Table(title=data.title, title_justify="left", title_style="bold")
    for number, name in enumerate(data.head):
        table.add_column(name, justify="left" if number < 2 else "right")
    for row in data.rows:
        style = "red" if "NOT reached" in row else "green" if "reached" in row else None
        table.add_row(*row, style=style)
    console.print(table)


def markdown(data: TableData) -> str:
    def line(cells: Sequence[str]) -> str:
        return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"

    rule = "|" + "---|" * len(data.head)
    return "\n".join([line(data.head), rule, *(line(row) for row in data.rows)])
