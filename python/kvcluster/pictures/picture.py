"""A picture as SVG text, alike for alike content, that notebooks show by themselves."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# Of Okabe and Ito's palette, which colour-blind people can tell apart.
INK = "#333333"
PALE = "#eeeeee"
ROLE_COLOURS = {
    "leader": "#e69f00",
    "candidate": "#cc79a7",
    "pre-candidate": "#e9c4d9",
    "follower": "#9ecae8",
    "paused": "#bbbbbb",
    "down": "#ffffff",
}
TERM_COLOURS = ("#9ecae8", "#f2c879", "#8fd3b6", "#e9b4d2", "#f0e68c", "#e8a27c", "#c5c5f0")
NODE_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#000000")
LINE_STYLES = ("-", "--", ":", "-.")


def term_colour(term: int) -> str:
    """Neighbouring terms differ."""
    return TERM_COLOURS[term % len(TERM_COLOURS)]


def node_colour(node: int) -> str:
    return NODE_COLOURS[(node - 1) % len(NODE_COLOURS)]


@dataclass(frozen=True, slots=True)
class Picture:
    """An SVG document. The value of a notebook's cell that ends with it is the picture."""

    svg: str

    def _repr_svg_(self) -> str:
        return self.svg

    def save(self, file: Path | str) -> None:
        """Writes it as an `.svg` file."""
        Path(file).write_text(self.svg)


def new_figure(width: float, height: float, rows: tuple[float, ...] = (1.0,)) -> tuple[Any, Any]:
    """A figure of so many inches, and its axes, one a row of these relative heights.

    Raises:
        ImportError: matplotlib is not installed; the message says how to get it.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError("pictures need matplotlib: pip install matplotlib") from error
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.subplots(len(rows), 1, height_ratios=rows, squeeze=False, sharex=len(rows) > 1)
    return figure, axes[:, 0]


def finish(figure: Any) -> Picture:
    """The drawn figure as a picture."""
    import matplotlib

    text = io.StringIO()
    # Without these each run would give other ids and another date for the same picture.
    with matplotlib.rc_context({"svg.hashsalt": "kvcluster", "svg.fonttype": "none"}):
        figure.savefig(text, format="svg", metadata={"Date": None})
    return Picture(text.getvalue())


def bare(axes: Any, *sides: str) -> None:
    """Takes these borders away."""
    for side in sides:
        axes.spines[side].set_visible(False)
