"""What the lab's page is told, without a cluster: strips, links, verdicts, figures, events."""

from pathlib import Path
from typing import Any

import pytest

from kvcluster.lab.meter import WINDOW_SECONDS, Meter
from kvcluster.lab.tail import LogTail
from kvcluster.lab.view import STRIP_ENTRIES, NodeView, SeenTerms, leader, links, verdict
from kvcluster.replies import node_status


def peer(id: int, **more: Any) -> dict[str, Any]:
    return {"id": id, "connected": True, **more}


def node(
    id: int,
    *,
    role: str = "follower",
    term: int = 2,
    last: int = 5,
    commit: int = 5,
    durable: int = 5,
    state: str = "aa",
    members: tuple[dict[str, Any], ...] = (),
) -> NodeView:
    seen = NodeView(id, f"127.0.0.1:{id}", "running")
    raft = {
        "term": term,
        "commit_index": commit,
        "applied_index": commit,
        "first_index": 1,
        "last_index": last,
        "last_term": term,
        "durable_index": durable,
    }
    seen.take(
        node_status(
            {
                "id": id,
                "phase": "serving",
                "role": role,
                "ready": role == "leader",
                "leader": 1,
                "why": "",
                "raft": raft,
                "state": {"index": commit, "state": state, "keys": 1},
                "members": list(members),
            }
        )
    )
    return seen


def states(seen: NodeView, newest: int) -> list[str]:
    return [entry["state"] for entry in seen.json(newest)["strip"]]


# --- strips ---


def test_an_entry_is_committed_or_on_disk_or_in_memory_or_missing() -> None:
    told = states(node(1, last=4, durable=3, commit=2), newest=5)
    assert told == ["committed", "committed", "durable", "appended", "missing"]


def test_a_strip_shows_the_newest_entries_of_the_cluster() -> None:
    strip = node(1, last=100, commit=100, durable=100).json(110)["strip"]
    assert [entry["index"] for entry in strip] == list(range(111 - STRIP_ENTRIES, 111))


def test_the_terms_between_two_answers_of_one_term_are_known() -> None:
    seen = SeenTerms()
    seen.note(3, 1, 3)
    seen.note(6, 1, 6)
    assert {index: seen.terms[index] for index in (3, 4, 5, 6)} == {3: 1, 4: 1, 5: 1, 6: 1}


def test_the_terms_between_two_terms_are_not_guessed() -> None:
    seen = SeenTerms()
    seen.note(3, 1, 3)
    seen.note(6, 2, 3)
    assert [seen.terms[index] for index in (4, 5, 6)] == [None, None, 2]


def test_what_was_cut_is_forgotten() -> None:
    seen = SeenTerms()
    seen.note(3, 1, 2)
    seen.note(6, 1, 2)
    seen.note(4, 3, 2)
    assert 5 not in seen.terms
    assert 6 not in seen.terms
    assert (seen.terms[3], seen.terms[4]) == (None, 3)


def test_only_so_many_terms_are_remembered() -> None:
    seen = SeenTerms()
    seen.note(1, 1, 1)
    seen.note(10_000, 1, 10_000)
    assert len(seen.terms) == STRIP_ENTRIES


def test_a_node_that_never_answered_has_no_role() -> None:
    told = NodeView(1, "127.0.0.1:1").json(7)
    assert (told["role"], told["condition"], told["strip"]) == ("", "silent", [])


# --- links ---


def test_a_link_of_the_leader_tells_what_is_on_its_way() -> None:
    sent = peer(2, match_index=3, next_index=6, inflight_bytes=90)
    [link] = links([node(1, role="leader", members=(sent,)), node(2, members=(peer(1),))], [])
    assert (link["from"], link["entries"], link["bytes"], link["behind"]) == (1, 2, 90, 2)
    assert link["connected"]
    assert not link["cut"]


def test_nothing_is_on_its_way_to_a_node_that_is_away() -> None:
    away = {"id": 2, "connected": False, "match_index": 1, "next_index": 2, "inflight_bytes": 0}
    gone = NodeView(2, "127.0.0.1:2", "down")
    [link] = links([node(1, role="leader", members=(away,)), gone], [])
    assert (link["entries"], link["behind"], link["connected"]) == (0, 4, False)


def test_a_cut_in_one_direction_is_a_cut_link() -> None:
    pairs = links([node(1), node(2), node(3)], [(3, 1)])
    assert [link["nodes"] for link in pairs if link["cut"]] == [(1, 3)]


# --- who leads, and whether all are equal ---


def test_the_leader_of_the_newest_term_leads() -> None:
    assert leader([node(1, role="leader", term=2), node(2, role="leader", term=3)]) == 2


def test_a_paused_node_does_not_lead() -> None:
    paused = node(1, role="leader")
    paused.condition = "paused"
    assert leader([paused, node(2)]) == 0


def test_equal_hashes_at_one_index_are_one_state() -> None:
    told = verdict([node(1), node(2), node(3)])
    assert told["kind"] == "equal"
    assert told["text"] == "all 3 nodes have one state hash at index 5"


def test_a_node_that_is_down_is_not_counted_as_equal() -> None:
    told = verdict([node(1), node(2), NodeView(3, "127.0.0.1:3", "down")])
    assert told["text"] == "2 of 3 nodes have one state hash at index 5"


def test_hashes_at_two_indices_are_no_difference() -> None:
    assert verdict([node(1), node(2, commit=4, state="bb")])["kind"] == "apart"


def test_two_hashes_at_one_index_are_a_difference() -> None:
    told = verdict([node(1), node(2, state="bb"), node(3, commit=4, state="cc")])
    assert told["kind"] == "differ"


def test_no_answers_are_no_verdict() -> None:
    assert verdict([NodeView(1, "127.0.0.1:1", "down")])["kind"] == "none"


# --- figures ---


def test_a_meter_without_writes_has_no_latency() -> None:
    told = Meter().json(0.0)
    assert told["p50_ms"] is told["p99_ms"] is None
    assert told["per_second"] == 0


def test_a_meter_tells_the_last_seconds_only() -> None:
    meter = Meter()
    meter.acknowledge(0.0, 9.0)
    for number in range(100):
        meter.acknowledge(10.0, (number + 1) / 1000)
    told = meter.json(10.0 + WINDOW_SECONDS / 2)
    assert (told["p50_ms"], told["p99_ms"]) == (50.0, 99.0)
    assert told["per_second"] == 100 / WINDOW_SECONDS
    assert told["acknowledged"] == 101


# --- events ---

LINE = '{"time":"2026-01-01T00:00:00Z","node":1,"event":"%s","message":"m"}\n'


def test_a_log_is_read_as_it_grows(tmp_path: Path) -> None:
    file = tmp_path / "node-1.log"
    tail = LogTail(file)
    assert tail.events() == []
    file.write_text(LINE % "opened" + (LINE % "formed")[:20])
    assert [event.name for event in tail.events()] == ["opened"]
    with file.open("a") as log:
        log.write((LINE % "formed")[20:] + "not an event\n")
    assert [event.name for event in tail.events()] == ["formed"]
    assert tail.events() == []


@pytest.mark.parametrize("kind", ["index.html", "lab.css", "lab.js", "picture.js"])
def test_the_page_asks_nobody_else(repository: Path, kind: str) -> None:
    text = (repository / "python/kvcluster/lab/static" / kind).read_text()
    assert "//" not in text.replace("http://www.w3.org/2000/svg", "").replace("// ", "")
