"""State hashes side by side: equal hashes have equal colours, so that a stranger stands out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kvcluster.pictures.picture import INK, PALE, Picture, finish, new_figure
from kvcluster.replies import StateHash

_DIGITS = 12


def plot_hashes(steps: Mapping[str, Mapping[int, StateHash | None]], *, title: str = "") -> Picture:
    """A row a step, a column a node; in each cell the index and the beginning of the hash.

    Args:
        steps: by the step's name what each node had then; None: it was down.
        title: a line above.
    """
    nodes = sorted({node for seen in steps.values() for node in seen})
    figure, axes = new_figure(2.6 + 2.1 * len(nodes), 0.8 + 0.5 * len(steps))
    for row, seen in enumerate(steps.values()):
        for column, node in enumerate(nodes):
            _draw_hash(axes[0], row, column, seen.get(node))
    axes[0].set_title(title, loc="left", fontsize=10)
    axes[0].set_xlim(-0.5, len(nodes) - 0.5)
    axes[0].set_ylim(len(steps) - 0.5, -0.5)
    axes[0].xaxis.tick_top()
    axes[0].set_xticks(range(len(nodes)), [f"node {node}" for node in nodes])
    axes[0].set_yticks(range(len(steps)), list(steps))
    axes[0].tick_params(length=0, labelsize=8)
    for spine in axes[0].spines.values():
        spine.set_visible(False)
    return finish(figure)


def hash_colour(found: StateHash) -> str:
    """A light colour that the state alone decides."""
    digest = bytes.fromhex(found.state)[:3]
    return "#" + "".join(f"{150 + byte * 100 // 255:02x}" for byte in digest)


def _draw_hash(axes: Any, row: int, column: int, found: StateHash | None) -> None:
    from matplotlib.patches import Rectangle

    axes.add_patch(
        Rectangle(
            (column - 0.48, row - 0.42),
            0.96,
            0.84,
            facecolor=PALE if found is None else hash_colour(found),
            edgecolor=INK,
            linewidth=0.5,
            linestyle="--" if found is None else "-",
        )
    )
    words = "down" if found is None else f"{found.index}: {found.state[:_DIGITS]}"
    axes.text(column, row, words, ha="center", va="center", fontsize=8, family="monospace")
