"""What happened in a cluster, in order of time, out of the nodes' logs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True, order=True)
class Event:
    """One step.

    Attributes:
        time: seconds since the epoch, by the clock of this machine.
        node: the id of the node that tells it; 0 for what was done to the cluster from outside.
        name: one word: `killed`, `election_timeout`, `candidate`, `became_leader`, ...
        message: the sentence of the log.
        fields: what else the line says: `term`, `peer`, `value`, ...
    """

    time: float
    node: int
    name: str
    message: str
    fields: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)

    @property
    def term(self) -> int | None:
        term = self.fields.get("term")
        return None if term is None else int(term)


def parse_line(line: str) -> Event | None:
    """One line of a JSON log; None when it is none, or names no event."""
    if not line.startswith("{"):
        return None
    try:
        fields = json.loads(line)
        return Event(
            time=datetime.fromisoformat(fields["time"]).timestamp(),
            node=int(fields["node"]),
            name=str(fields["event"]),
            message=str(fields["message"]),
            fields=fields,
        )
    except (ValueError, KeyError):
        return None  # a line that was cut by a kill, or that tells no step


def read_log(log: Path) -> list[Event]:
    """The events of one node's log, oldest first."""
    if not log.exists():
        return []
    with log.open(errors="replace") as lines:
        return [event for line in lines if (event := parse_line(line)) is not None]


def leaders_by_term(events: Sequence[Event]) -> dict[int, set[int]]:
    """Which nodes became leader in each term: Raft allows one."""
    leaders: dict[int, set[int]] = {}
    for event in events:
        if event.name == "became_leader" and event.term is not None:
            leaders.setdefault(event.term, set()).add(event.node)
    return leaders


def timeline_text(events: Sequence[Event], began: float) -> str:
    """One line an event, with seconds since `began` (since the epoch)."""
    return "".join(
        f"{event.time - began:9.3f} "
        f"{f'node {event.node}' if event.node else 'outside'}: {event.name}: {event.message}\n"
        for event in events
    )
