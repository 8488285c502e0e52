"""Stories out of events and simulations, what their pictures say, and runs put side by side."""

import re
import threading
import xml.etree.ElementTree as ElementTree

import pytest

from kvcluster import Event, LocalCluster, StateHash
from kvcluster.pictures import (
    LogRow,
    Picture,
    log_of_directory,
    logs_of_bench,
    plot_hashes,
    plot_logs,
    plot_timeline,
    story_of_events,
    story_of_simulation,
)
from kvcluster.pictures.hashes import hash_colour
from kvcluster.raft import Bench, Entry, EntryKind
from kvcluster.samples import Sample, Sampler, follow_node
from kvcluster.sim import Simulation, SimulationResult
from kvcluster.what_if import compare, longest_wait


def words(picture: Picture) -> list[str]:
    """All text of a picture, which must be well-formed."""
    root = ElementTree.fromstring(picture.svg)
    return ["".join(each.itertext()).strip() for each in root.iter() if each.tag.endswith("}text")]


def event(at: float, node: int, name: str, **fields: int) -> Event:
    return Event(at, node, name, name, fields)


EVENTS = [
    event(10.0, 1, "opened", term=0),
    event(10.0, 2, "opened", term=0),
    event(10.2, 1, "pre_candidate", term=0),
    event(10.3, 1, "candidate", term=1),
    event(10.4, 1, "became_leader", term=1),
    event(10.5, 2, "became_follower", term=1),
    event(11.0, 0, "paused", peer=2),
    event(11.5, 0, "resumed", peer=2),
    event(12.0, 0, "killed", peer=1),
    event(13.0, 0, "partitioned", peer=0),
]


@pytest.fixture(scope="module")
def run() -> SimulationResult:
    return Simulation(5, time=3.0).run()


# --- stories ---


def test_the_roles_of_a_node_follow_one_another_without_gaps() -> None:
    story = story_of_events(EVENTS)
    assert story.nodes == [1, 2]
    assert story.roles(1) == ["follower", "pre-candidate", "candidate", "leader", "down"]
    spans = [span for span in story.spans if span.node == 1]
    assert [span.end for span in spans[:-1]] == [span.begin for span in spans[1:]]
    assert spans[-1].end == story.end == pytest.approx(3.0)
    assert [span.term for span in spans] == [0, 0, 1, 1, 1]


def test_a_resumed_node_has_the_role_that_it_had() -> None:
    assert story_of_events(EVENTS).roles(2) == ["follower", "follower", "paused", "follower"]


def test_what_was_done_from_outside_is_marked() -> None:
    marks = story_of_events(EVENTS).marks
    assert [(mark.node, mark.text) for mark in marks] == [
        (2, "paused"),
        (2, "resumed"),
        (1, "killed"),
        (0, "partitioned"),
    ]


def test_samples_without_a_status_count_nothing() -> None:
    story = story_of_events(EVENTS, [Sample(10.5, 1, None, "no answer")])
    assert story.counts == {}


def test_a_story_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="no events"):
        story_of_events([])


def test_a_simulated_story_has_its_faults_and_its_answers(run: SimulationResult) -> None:
    story = story_of_simulation(run)
    assert "leader" in {span.role for span in story.spans}
    assert sum(mark.text.startswith("#") for mark in story.marks) == sum(run.faults.values())
    times = [at for at, _ in story.counts["answered"]]
    assert times == sorted(times)
    assert story.counts["answered"][-1][1] == len(times) <= run.counters["answered"]


def test_a_simulated_story_needs_a_timeline() -> None:
    with pytest.raises(ValueError, match="timeline=True"):
        story_of_simulation(Simulation(5, time=1.0, timeline=False).run())


# --- timelines ---


def test_a_timeline_names_nodes_roles_terms_and_faults() -> None:
    told = words(plot_timeline(story_of_events(EVENTS), title="what happened"))
    expected = {"what happened", "node 1", "node 2", "leader", "down", "term 1", "killed"}
    assert expected <= set(told)


def test_what_comes_later_can_be_left_out() -> None:
    told = words(plot_timeline(story_of_events(EVENTS), until=1.2))
    assert "paused" in told
    assert "killed" not in told


def test_the_same_story_gives_the_same_picture(run: SimulationResult) -> None:
    story = story_of_simulation(run)
    assert plot_timeline(story) == plot_timeline(story)


def test_a_notebook_is_given_the_picture_itself(run: SimulationResult) -> None:
    picture = plot_timeline(story_of_simulation(run))
    assert picture._repr_svg_() == picture.svg
    assert "operations answered" in words(picture)


# --- log tables ---


def test_a_log_table_shows_what_is_where() -> None:
    bench = Bench()
    bench.elect(1)
    bench.propose(1, b"x=1")
    bench.sync(1)
    rows = logs_of_bench(bench)
    assert [len(row.entries) for row in rows] == [2, 1, 1]
    assert (rows[0].commit_index, rows[0].durable_index) == (1, 2)
    told = words(plot_logs(rows, title="one ahead"))
    assert told.count("x=1") == 1
    assert told.count("noop") == 3
    assert "one ahead" in told


def test_a_log_table_can_be_cut_to_some_columns() -> None:
    entries = [Entry(1, index, EntryKind.COMMAND, f"c{index}".encode()) for index in range(1, 10)]
    told = words(plot_logs([LogRow("server 1", entries, 9, 9)], columns=range(4, 6)))
    assert [word for word in told if re.fullmatch(r"c\d", word)] == ["c4", "c5"]


def test_bytes_that_are_no_text_are_called_a_command() -> None:
    row = LogRow("server 1", [Entry(1, 1, EntryKind.COMMAND, b"\x00\xff")], 0, 1)
    assert "command" in words(plot_logs([row]))


def test_an_empty_log_is_drawn_empty() -> None:
    assert "server 1" in words(plot_logs([LogRow("server 1", [], 0, 0)]))


# --- hashes ---


def test_equal_hashes_have_equal_colours_and_a_dead_node_has_none() -> None:
    one = StateHash(3, "aa" * 32, "0102030405060708", 1)
    other = StateHash(3, "aa" * 32, "f102030405060708", 1)
    assert hash_colour(one) != hash_colour(other)
    picture = plot_hashes({"first": {1: one, 2: one, 3: other}, "second": {1: one}})
    assert picture.svg.count(hash_colour(one)) == 3
    told = words(picture)
    assert told.count("3: 010203040506") == 3
    assert told.count("down") == 2


# --- real nodes ---


def test_a_failover_can_be_sampled_and_drawn(cluster: LocalCluster) -> None:
    with Sampler(cluster) as sampler, cluster.client() as client:
        leader = cluster.wait_for_leader()
        incarnation = str(cluster.status(leader).fields["incarnation"], "ascii")
        client.put("k", "v")
        cluster.kill(leader)
        successor = cluster.wait_for_leader()
        client.put("k", "w")
        index = cluster.wait_for_convergence()
        cluster.wait_for(
            lambda: any(
                sample.status is not None and sample.status.commit_index >= index
                for sample in list(sampler.samples)
            ),
            what="a sample of the last commit",
            timeout=20,
        )
        cluster.wait_for(
            lambda: any(
                sample.node == leader and sample.status is None for sample in list(sampler.samples)
            ),
            what="a sample of the dead node",
            timeout=20,
        )
    kept = len(sampler.samples)
    sampler.close()
    assert not any(thread.name == "kvcluster-samples" for thread in threading.enumerate())
    story = story_of_events(cluster.timeline(), sampler.samples)
    assert story.roles(leader)[-2:] == ["leader", "down"]
    assert story.roles(successor)[-1] == "leader"
    assert max(count for _, count in story.counts[f"node {successor}"]) >= index
    assert "commit index" in words(plot_timeline(story))
    assert len(sampler.samples) == kept

    row = log_of_directory(
        cluster.data_dir(leader), node=leader, incarnation=bytes.fromhex(incarnation)
    )
    assert 0 < row.entries[-1].index <= index
    assert f"node {leader}" in words(plot_logs([row]))


async def test_a_node_that_is_not_there_gives_samples_that_say_so() -> None:
    heard: list[Sample] = []

    class EnoughError(Exception):
        pass

    def take(sample: Sample) -> None:
        heard.append(sample)
        if len(heard) == 2:
            raise EnoughError

    with pytest.raises(EnoughError):
        await follow_node(7, "127.0.0.1:1", take, interval=0.001)
    assert [sample.node for sample in heard] == [7, 7]
    assert all(sample.status is None and "cannot connect" in sample.why for sample in heard)


# --- what if ---


def test_a_run_does_not_part_from_itself(run: SimulationResult) -> None:
    same = compare(run, Simulation(5, time=3.0).run())
    assert same.parted_at is None
    assert same.alike == len(run.timeline)
    assert "nothing differs" in str(same)


def test_a_run_without_a_fault_parts_where_that_fault_was(run: SimulationResult) -> None:
    first = next(item for item in run.timeline if item.kind == "fault" and "#" in item.text)
    changed = compare(run, Simulation(5, time=3.0, dropped=[0]).run())
    assert first.text.startswith("#0")
    assert changed.parted_at is not None
    assert changed.parted_at <= first.at
    assert run.timeline[changed.alike] == changed.first != changed.second
    assert f"part after {changed.parted_at:.6f} s" in str(changed)
    assert changed.longest_wait[0] == longest_wait(run) > 0


def test_runs_without_timelines_cannot_be_compared(run: SimulationResult) -> None:
    with pytest.raises(ValueError, match="timeline=True"):
        compare(run, Simulation(5, time=1.0, timeline=False).run())
