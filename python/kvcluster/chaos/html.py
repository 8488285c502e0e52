"""A run on one page: roles, terms, faults, latency and commits over time. No other file needed."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from kvcluster.chaos.plan import NETWORK
from kvcluster.chaos.report import Report

_LEFT = 110.0
_WIDTH = 1490.0
_LANE = 26.0
_PLOT = 110.0
_DIGIT = 7.0  # of the font, wide
_BUCKETS_MAX = 600

_ROLES = {
    "leader": "#2a9d5c",
    "follower": "#b7c9e2",
    "candidate": "#e9a23b",
    "paused": "#8d8d8d",
    "down": "#2b2b2b",
}
# What an event of a node's log, or what was done to it, makes of the node.
_BECOMES = {
    "became_leader": "leader",
    "became_follower": "follower",
    "stepped_down": "follower",
    "pre_candidate": "candidate",
    "candidate": "candidate",
    "listening": "follower",
    "killed": "down",
    "terminated": "down",
    "stopped": "down",
    "failed": "down",
    "paused": "paused",
    "resumed": "follower",
}
_STYLE = """
body { font: 14px system-ui, sans-serif; margin: 24px; color: #1c1c1c; background: #fff }
pre { background: #f4f4f4; padding: 12px; white-space: pre-wrap }
svg { max-width: 100%; height: auto }
text { font: 12px system-ui, sans-serif; fill: #333 } .axis { stroke: #ccc }
.legend span { display: inline-block; margin-right: 16px }
.axis-label { text-anchor: middle }
.legend i { display: inline-block; width: 12px; height: 12px; margin-right: 5px }
"""


@dataclass(frozen=True, slots=True)
class Span:
    """Something that lasted, in seconds since the start."""

    start: float
    end: float
    what: str
    title: str


def page(report: Report) -> str:
    """The whole page."""
    drawing = _Drawing(report)
    verdict = "PASS" if report.passed else "FAIL"
    legend = "".join(_key(color, name) for name, color in _ROLES.items())
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        f"<title>kvcluster chaos, seed {report.seed}: {verdict}</title><style>{_STYLE}</style>"
        f"<h1>Chaos, seed {report.seed}: {verdict}</h1>"
        f"<pre>{html.escape(report.text())}</pre><p class=legend>{legend}</p>"
        f"{drawing.svg()}<p class=legend>{_faults_legend(report)}</p></html>\n"
    )


def role_spans(report: Report, node: int) -> list[Span]:
    """What the node was, from the logs and from what was done to it."""
    spans: list[Span] = []
    role, since, term = "down", 0.0, 0
    for event in report.timeline:
        about = event.node or int(event.fields.get("peer", 0))
        becomes = _BECOMES.get(event.name)
        if about != node or becomes is None:
            continue
        at = max(0.0, event.time - report.wall_offset - report.began)
        if at > since:
            spans.append(Span(since, at, role, f"node {node}: {role}, term {term}"))
        role, since, term = becomes, at, event.term or term
    end = max(report.seconds, since)
    spans.append(Span(since, end, role, f"node {node}: {role}, term {term}"))
    return spans


class _Drawing:
    """The picture, built from top to bottom."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._end = max(
            [
                report.seconds,
                *(one.ended - report.began for one in report.faults if one.ended is not None),
            ]
        )
        self._parts: list[str] = []
        self._y = 10.0

    def svg(self) -> str:
        self._roles()
        self._faults()
        self._commits()
        self._latency()
        self._axis()
        return (
            f'<svg viewBox="0 0 {_LEFT + _WIDTH + 20:.0f} {self._y + 10:.0f}" '
            f'xmlns="http://www.w3.org/2000/svg">{"".join(self._parts)}</svg>'
        )

    def _x(self, seconds: float) -> float:
        return _LEFT + _WIDTH * seconds / self._end

    def _label(self, words: str, y: float) -> None:
        self._parts.append(f'<text x="4" y="{y:.0f}">{html.escape(words)}</text>')

    def _bar(self, span: Span, y: float, height: float, color: str) -> None:
        x = self._x(span.start)
        width = max(1.0, self._x(span.end) - x)
        self._parts.append(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" '
            f'fill="{color}"><title>{html.escape(span.title)} ({span.start:.2f}-{span.end:.2f} s)'
            "</title></rect>"
        )

    def _roles(self) -> None:
        for node in range(1, self._report.nodes + 1):
            self._label(f"node {node}", self._y + 16)
            for span in role_spans(self._report, node):
                self._bar(span, self._y + 2, _LANE - 6, _ROLES[span.what])
            self._y += _LANE
        self._label("terms", self._y + 12)
        free = 0.0  # where no number stands yet
        for event in self._report.timeline:
            if event.name == "became_leader":
                at = max(0.0, event.time - self._report.wall_offset - self._report.began)
                if self._x(at) < free:
                    continue
                free = self._x(at) + _DIGIT * (len(str(event.term)) + 0.5)
                self._parts.append(
                    f'<text x="{self._x(at):.1f}" y="{self._y + 12:.0f}">{event.term}</text>'
                )
        self._y += _LANE

    def _faults(self) -> None:
        rows = [
            ("network", None),
            *((f"on {node}", node) for node in range(1, self._report.nodes + 1)),
        ]
        for name, node in rows:
            self._label(name, self._y + 12)
            for one in self._report.faults:
                network = one.fault.kind in NETWORK
                if network if node is not None else not network:
                    continue
                if node is not None and node not in one.nodes:
                    continue
                start = one.began - self._report.began
                end = (one.ended or one.began) - self._report.began
                span = Span(start, end, "", one.fault.kind.value)
                self._bar(span, self._y + 3, _LANE / 2, _color(one.fault.kind.value))
            self._y += _LANE * 0.8
        self._y += 8

    def _commits(self) -> None:
        step = self._step()
        counts: dict[int, int] = {}
        for at, _, writes in self._report.acknowledged():
            if writes:
                counts[int(at / step)] = counts.get(int(at / step), 0) + 1
        top = max(counts.values(), default=1)
        self._label("writes", self._y + 14)
        self._label(f"up to {top / step:.0f}/s", self._y + 30)
        for bucket, count in counts.items():
            height = _PLOT * count / top
            span = Span(bucket * step, (bucket + 1) * step, "", f"{count / step:.0f} writes/s")
            self._bar(span, self._y + _PLOT - height, height, "#4a7fb5")
        self._y += _PLOT + 16

    def _latency(self) -> None:
        step = self._step()
        times: dict[int, list[float]] = {}
        for at, latency_ms, _ in self._report.acknowledged():
            times.setdefault(int(at / step), []).append(latency_ms)
        worst = {bucket: max(some) for bucket, some in times.items()}
        median = {bucket: sorted(some)[len(some) // 2] for bucket, some in times.items()}
        top = max(worst.values(), default=1.0)
        self._label("latency", self._y + 14)
        self._label(f"up to {top:.0f} ms", self._y + 30)
        self._line(((b * step, worst[b] / top) for b in sorted(worst)), "#c8553d")
        self._line(((b * step, median[b] / top) for b in sorted(median)), "#2a9d5c")
        self._label("red: longest", self._y + 46)
        self._label("green: median", self._y + 62)
        self._y += _PLOT + 16

    def _line(self, points: Iterable[tuple[float, float]], color: str) -> None:
        path = " ".join(
            f"{self._x(seconds):.1f},{self._y + _PLOT * (1 - share):.1f}"
            for seconds, share in points
        )
        self._parts.append(f'<polyline points="{path}" fill="none" stroke="{color}"/>')

    def _axis(self) -> None:
        every = _round_step(self._end / 15)
        at = 0.0
        while at <= self._end:
            x = self._x(at)
            self._parts.insert(
                0, f'<line class="axis" x1="{x:.1f}" x2="{x:.1f}" y1="0" y2="{self._y:.0f}"/>'
            )
            self._parts.append(
                f'<text class="axis-label" x="{x:.1f}" y="{self._y + 8:.0f}">{at:g} s</text>'
            )
            at += every
        self._y += 14

    def _step(self) -> float:
        return max(0.1, self._end / _BUCKETS_MAX)


def _key(color: str, name: str) -> str:
    return f'<span><i style="background:{color}"></i>{html.escape(name)}</span>'


def _faults_legend(report: Report) -> str:
    kinds = sorted({one.fault.kind.value for one in report.faults})
    return "".join(_key(_color(kind), kind) for kind in kinds)


def _round_step(seconds: float) -> float:
    steps: Sequence[float] = (0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600)
    return next((step for step in steps if step >= seconds), 1200.0)


def _color(kind: str) -> str:
    """One hue a kind, the same in every run."""
    return f"hsl({sum(kind.encode()) * 47 % 360} 60% 55%)"
