"""The throughput of all systems as a picture."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

from bench.cases import Case
from bench.rounds import Results, rate


def can_plot() -> bool:
    return importlib.util.find_spec("matplotlib") is not None


def plot_throughput(results: Results, file: Path) -> None:
    """Bars of the medians, a panel a load, with the ranges. Requires: can_plot()."""
    import matplotlib

    matplotlib.use("svg")
    # Without them each run would give other ids and another date for the same picture.
    matplotlib.rcParams["svg.hashsalt"] = "kvcluster"
    from matplotlib import pyplot

    cases = [
        case
        for case in results.cases
        if any((case.name, s) in results.samples for s in case.systems)
    ]
    if not cases:
        return
    figure, axes = pyplot.subplots(
        len(cases),
        1,
        figsize=(9, 0.6 + sum(0.6 + 0.32 * len(c.systems) for c in cases)),
        height_ratios=[1 + len(case.systems) for case in cases],
        squeeze=False,
    )
    for axis, case in zip(axes[:, 0], cases, strict=True):
        _panel(axis, results, case)
    figure.tight_layout()
    figure.savefig(file, format="svg", metadata={"Date": None})
    pyplot.close(figure)


def _panel(axis: Any, results: Results, case: Case) -> None:
    names, medians, errors = [], [], []
    for name in reversed(case.systems):
        spread = results.spread(case.name, name, rate)
        if spread is None:
            continue
        names.append(name)
        medians.append(spread.median / 1000)
        errors.append(((spread.median - spread.least) / 1000, (spread.most - spread.median) / 1000))
    colours = ["#c0504d" if name == "kvcluster" else "#7f9db9" for name in names]
    low, high = zip(*errors, strict=True)
    axis.barh(names, medians, xerr=[low, high], color=colours, height=0.6, ecolor="#444444")
    axis.set_title(case.title, loc="left", fontsize=10)
    axis.set_xlabel("thousand operations a second", fontsize=8)
    axis.tick_params(labelsize=8)
    for side in ("top", "right"):
        axis.spines[side].set_visible(False)
