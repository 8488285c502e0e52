"""`python -m bench`, as `./dev bench` calls it."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from rich.console import Console

from bench.campaign import Plan, run_campaign
from bench.machine import facts, is_memory
from bench.page import page
from bench.plots import can_plot, plot_throughput
from bench.process import BenchError, file_system
from bench.tables import alone, disturbance, figures, measured, show

_ROOT = Path(__file__).resolve().parents[1]
_PICTURE = "benchmarks.svg"
_WIDTH = 140


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="./dev bench",
        description="Measures kvcluster beside Redis, etcd and PySyncObj on this machine.",
    )
    parser.add_argument("--quick", action="store_true", help="the goals only, within 10 minutes")
    parser.add_argument("--rounds", type=int, help="of each load on each system [5; quick: 3]")
    parser.add_argument("--only", metavar="NAME", action="append", help="one part (again: more)")
    parser.add_argument("--list", action="store_true", help="show the parts and end")
    parser.add_argument(
        "--directory", type=Path, default=_ROOT / "build", help="where the data lives meanwhile"
    )
    parser.add_argument(
        "--output", type=Path, default=_ROOT / "docs", help="where benchmarks.md goes"
    )
    parser.add_argument("--no-page", action="store_true", help="only print")
    return parser.parse_args()


def main() -> int:
    arguments = _arguments()
    # A pipe or a file has no width of its own.
    console = Console(width=None if sys.stdout.isatty() else _WIDTH)
    plan = Plan.quick() if arguments.quick else Plan.whole()
    if arguments.rounds is not None:
        plan.rounds = max(1, arguments.rounds)
    if arguments.list:
        console.print("\n".join(plan.names()))
        return 0
    try:
        plan.choose(arguments.only)
        arguments.directory.mkdir(parents=True, exist_ok=True)
        if is_memory(arguments.directory):
            raise BenchError(
                f"{arguments.directory} is in memory ({file_system(arguments.directory)}), where a "
                "sync costs nothing; name a place on a disk with --directory"
            )
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2
    machine = facts(arguments.directory)
    scratch = Path(tempfile.mkdtemp(prefix="bench-", dir=arguments.directory))
    try:
        done = run_campaign(plan, scratch, lambda line: console.print(line, highlight=False))
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    if not arguments.no_page:
        arguments.output.mkdir(parents=True, exist_ok=True)
        picture = _PICTURE if can_plot() and done.results.samples else None
        if picture is not None:
            plot_throughput(done.results, arguments.output / picture)
        text = page(
            done.results,
            done.goals,
            done.singles,
            done.systems,
            command=" ".join(["./dev bench", *sys.argv[1:]]),
            rounds=plan.rounds,
            machine=machine,
            plot=picture,
        )
        (arguments.output / "benchmarks.md").write_text(text)
    show(console, measured(done.results))
    if disturbed := disturbance(done.results):
        console.print(disturbed, style="bold red")
    for table in alone(done.singles):
        show(console, table)
    show(console, figures(done.goals))
    return 0


if __name__ == "__main__":
    sys.exit(main())
