"""The timeline: a lane a node with its roles and terms, what was done to it, what was committed."""

from __future__ import annotations

from typing import Any

from kvcluster.pictures.picture import (
    INK,
    LINE_STYLES,
    ROLE_COLOURS,
    Picture,
    bare,
    finish,
    new_figure,
    node_colour,
)
from kvcluster.pictures.story import Story

_LANE_INCHES = 0.7
# A label of a span needs so much of the picture's width.
_LABEL_SHARE = 0.035
# Marks nearer to each other than this have their words at two heights.
_CROWDED_SHARE = 0.11


def plot_timeline(story: Story, *, title: str = "", until: float | None = None) -> Picture:
    """Roles by colour, terms as numbers, faults as marks; below what grew, as lines.

    Args:
        story: of `story_of_events` or `story_of_simulation`.
        title: a line above.
        until: seconds; leave out what comes later.
    """
    end = story.end if until is None else min(until, story.end)
    lanes = 1.3 + _LANE_INCHES * len(story.nodes)
    rows = (lanes, 1.5) if story.counts else (lanes,)
    figure, axes = new_figure(10, sum(rows), rows)
    _draw_lanes(axes[0], story, end)
    axes[0].set_title(title, loc="left", fontsize=10, pad=22)
    if story.counts:
        _draw_counts(axes[1], story)
    axes[-1].set_xlim(0, end)
    axes[-1].set_xlabel("seconds", fontsize=8)
    return finish(figure)


def _draw_lanes(axes: Any, story: Story, end: float) -> None:
    place = {node: number for number, node in enumerate(story.nodes)}
    shown: dict[str, Any] = {}
    for span in story.spans:
        if span.begin >= end:
            continue
        width = min(span.end, end) - span.begin
        bars = axes.broken_barh(
            [(span.begin, width)],
            (place[span.node] - 0.3, 0.6),
            facecolor=ROLE_COLOURS[span.role],
            edgecolor=INK,
            linewidth=0.4,
            hatch="//" if span.role == "paused" else None,
            linestyle=":" if span.role == "down" else "-",
        )
        shown.setdefault(span.role, bars)
        if span.role in ("leader", "follower") and width > _LABEL_SHARE * end:
            middle = span.begin + width / 2
            axes.text(
                middle,
                place[span.node],
                f"term {span.term}" if width > 2 * _LABEL_SHARE * end else str(span.term),
                ha="center",
                va="center",
                fontsize=7,
                color=INK,
            )
    _draw_marks(axes, story, place, end)
    axes.set_yticks(range(len(story.nodes)), [f"node {node}" for node in story.nodes], fontsize=8)
    axes.set_ylim(len(story.nodes) - 0.4, -0.95)
    axes.tick_params(axis="y", length=0)
    axes.tick_params(axis="x", labelsize=8)
    bare(axes, "top", "right", "left")
    names = [role for role in ROLE_COLOURS if role in shown]
    axes.legend(
        [shown[role] for role in names],
        names,
        loc="lower right",
        bbox_to_anchor=(1, 1.0),
        ncols=len(names),
        frameon=False,
        fontsize=7,
    )


def _draw_marks(axes: Any, story: Story, place: dict[int, int], end: float) -> None:
    last: dict[int, tuple[float, int]] = {}
    for mark in story.marks:
        if mark.at > end:
            continue
        before, level = last.get(mark.node, (-end, 0))
        level = 1 - level if mark.at - before < _CROWDED_SHARE * end else 0
        last[mark.node] = (mark.at, level)
        lane = place.get(mark.node)
        top = -0.55 if lane is None else lane - 0.42
        if mark.lasts:
            stop = min(mark.at + mark.lasts, end)
            axes.plot([mark.at, stop], [top, top], color="#d55e00", linewidth=2.5, alpha=0.6)
        axes.plot([mark.at], [top], marker="v", color="#d55e00", markersize=5, clip_on=False)
        axes.annotate(
            mark.text,
            (mark.at, top),
            xytext=(3, 2 + 7 * level),
            textcoords="offset points",
            fontsize=6,
            color="#8a3c00",
            ha="left" if mark.at < 0.92 * end else "right",
        )


def _draw_counts(axes: Any, story: Story) -> None:
    for number, (name, points) in enumerate(story.counts.items()):
        node = int(name.rpartition(" ")[2]) if name.startswith("node ") else 1
        axes.step(
            [at for at, _ in points],
            [count for _, count in points],
            where="post",
            label=name,
            color=node_colour(node),
            linestyle=LINE_STYLES[number % len(LINE_STYLES)],
            linewidth=1.4,
        )
    axes.set_ylabel(story.counted, fontsize=8)
    axes.tick_params(labelsize=8)
    axes.legend(fontsize=7, frameon=False, loc="upper left")
    bare(axes, "top", "right")
