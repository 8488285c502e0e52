"""Who had which role when, and what went wrong meanwhile: out of logs, or out of a simulation."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from kvcluster.samples import Sample
from kvcluster.sim import SimulationResult
from kvcluster.timeline import Event


@dataclass(frozen=True, slots=True)
class Span:
    """A node had one role in one term from `begin` to `end`, in seconds of the story."""

    node: int
    role: str
    term: int
    begin: float
    end: float


@dataclass(frozen=True, slots=True)
class Mark:
    """Something was done to the cluster.

    Attributes:
        at: seconds of the story.
        node: to whom; 0: to all.
        text: what.
        lasts: seconds; 0: a moment.
    """

    at: float
    node: int
    text: str
    lasts: float = 0.0


@dataclass(frozen=True, slots=True)
class Story:
    """What `plot_timeline` draws. Times are seconds since its beginning.

    Attributes:
        nodes: the ids, in order.
        spans: of all nodes, each node's without gaps, from its first sign of life on.
        marks: by time.
        counts: by name a count that grows, as (time, count) pairs.
        counted: what is counted.
        end: when it ends.
    """

    nodes: Sequence[int]
    spans: Sequence[Span]
    marks: Sequence[Mark]
    end: float
    counts: dict[str, list[tuple[float, int]]] = field(default_factory=dict)
    counted: str = ""

    def roles(self, node: int) -> list[str]:
        """The roles of one node, in order."""
        return [span.role for span in self.spans if span.node == node]


class _Lanes:
    """Collects spans: each change of a node ends its last span and begins another."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self._now: dict[int, tuple[float, str, int]] = {}

    def change(self, at: float, node: int, role: str, term: int | None = None) -> None:
        begin, old_role, old_term = self._now.get(node, (at, role, term or 0))
        new_term = old_term if term is None else term
        if (role, new_term) == (old_role, old_term):
            self._now.setdefault(node, (at, role, new_term))
            return
        if at > begin:
            self.spans.append(Span(node, old_role, old_term, begin, at))
        self._now[node] = (at, role, new_term)

    def role(self, node: int) -> str:
        return self._now[node][1] if node in self._now else "down"

    def ended(self, end: float) -> list[Span]:
        for node in self._now:
            self.change(end, node, "ended")
        return sorted(self.spans, key=lambda span: (span.node, span.begin))


_ROLE_OF_EVENT = {
    "opened": "follower",
    "pre_candidate": "pre-candidate",
    "candidate": "candidate",
    "became_leader": "leader",
    "became_follower": "follower",
    "stepped_down": "follower",
    "killed": "down",
    "terminated": "down",
    "paused": "paused",
}
_OUTSIDE_NODE = "peer"


def story_of_events(events: Iterable[Event], samples: Iterable[Sample] = ()) -> Story:
    """The story that `LocalCluster.timeline()` tells, with the commit indices of a `Sampler`.

    Raises:
        ValueError: nothing has happened.
    """
    ordered = sorted(events)
    if not ordered:
        raise ValueError("there are no events: take the timeline before the cluster is closed")
    began = ordered[0].time
    lanes, marks = _Lanes(), []
    before_pause: dict[int, str] = {}
    for event in ordered:
        at = event.time - began
        node = event.node or int(event.fields.get(_OUTSIDE_NODE, 0))
        if not event.node:
            marks.append(Mark(at, node, event.name.replace("_", " ")))
        if event.name == "paused":
            before_pause[node] = lanes.role(node)
        if event.name == "resumed":
            lanes.change(at, node, before_pause.pop(node, "follower"))
        elif event.name in _ROLE_OF_EVENT:
            lanes.change(at, node, _ROLE_OF_EVENT[event.name], event.term)
    kept = [sample for sample in samples if sample.status is not None and sample.at >= began]
    end = max([ordered[-1].time, *(sample.at for sample in kept)]) - began
    counts: dict[str, list[tuple[float, int]]] = {}
    for sample in kept:
        if sample.status is not None:
            line = counts.setdefault(f"node {sample.node}", [])
            line.append((sample.at - began, sample.status.commit_index))
    nodes = sorted({event.node for event in ordered if event.node})
    return Story(nodes, lanes.ended(end), marks, end, dict(sorted(counts.items())), "commit index")


_SIMULATED_ROLES = (
    ("asks for pre-votes", "pre-candidate"),
    ("asks for votes", "candidate"),
    ("leads", "leader"),
    ("follows", "follower"),
    ("steps down", "follower"),
)
_SIMULATED_ENDS = ("is killed", "loses its power", "ends: ")
_TERM = re.compile(r"term (\d+): (.*)")
_FAULT = re.compile(r"#(\d+) (\S+) .*?for (\d+) ms")


def story_of_simulation(result: SimulationResult) -> Story:
    """The story of a simulated run, with the operations that its clients were answered.

    Raises:
        ValueError: the run kept no timeline.
    """
    if not result.timeline:
        raise ValueError("this run kept no timeline: run Simulation(..., timeline=True)")
    lanes, marks = _Lanes(), []
    answered: list[tuple[float, int]] = []
    for item in result.timeline:
        node = item.node or 0
        if item.kind == "raft" and (told := _TERM.match(item.text)):
            for words, role in _SIMULATED_ROLES:
                if told[2].startswith(words):
                    lanes.change(item.at, node, role, int(told[1]))
        elif item.kind == "node" and item.text == "starts":
            lanes.change(item.at, node, "follower")
        elif item.kind == "node" and item.text.startswith(_SIMULATED_ENDS):
            lanes.change(item.at, node, "down")
        elif item.kind == "fault":
            fault = _FAULT.match(item.text)
            if fault is None:
                marks.append(Mark(item.at, node, "healed"))
            else:
                lasts = int(fault[3]) / 1000
                marks.append(Mark(item.at, node, f"#{fault[1]} {fault[2]}", lasts))
        elif item.kind == "client" and item.text.endswith(", ok]"):
            answered.append((item.at, len(answered) + 1))
    nodes = sorted({item.node for item in result.timeline if item.node})
    end = max(result.simulated, result.timeline[-1].at)
    counts = {"answered": answered} if answered else {}
    return Story(nodes, lanes.ended(end), marks, end, counts, "operations answered")
