"""The chat on real nodes: one order everywhere, each message once, over the death of a node."""

import asyncio
import contextlib
import secrets
import subprocess
import sys
from pathlib import Path

import pytest
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput

from conftest import StartCluster
from kvcluster import LocalCluster
from kvcluster.chat.message import Delivery, Forgotten
from kvcluster.chat.terminal import interact, new_session
from kvcluster.chat.visit import Visit

SECONDS = 60


@pytest.fixture
def room() -> str:
    """One that nobody was in."""
    return f"room {secrets.token_hex(4)}"


class Person:
    """Somebody at a node, who keeps what was delivered."""

    def __init__(self, nodes: list[str], sender: str, history: int = 100) -> None:
        self.deliveries: list[Delivery | Forgotten] = []
        self.notes: list[str] = []
        self.noted = asyncio.Event()
        self.visit = Visit(
            nodes, sender, deliver=self.deliveries.append, tell=self.note, history=history
        )

    def note(self, words: str) -> None:
        self.notes.append(words)
        self.noted.set()

    @property
    def lines(self) -> list[str]:
        return [delivery.line for delivery in self.deliveries]

    async def told(self, begins: str) -> None:
        """Waits for a note that begins so."""
        while not any(note.startswith(begins) for note in self.notes):
            self.noted.clear()
            await asyncio.wait_for(self.noted.wait(), SECONDS)

    async def has(self, count: int) -> None:
        await asyncio.wait_for(self.visit.room.delivered(count), SECONDS)


def chat(cluster: LocalCluster, node: int, *arguments: str, said: str) -> tuple[list[str], str]:
    """Deliveries and notes of one visit without a terminal."""
    done = subprocess.run(
        [sys.executable, "-m", "kvcluster", "chat", "--port", str(cluster.port(node)), *arguments],
        input=said,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines(), done.stderr


def test_lines_from_a_pipe_are_said_and_shown_alike_at_every_node(
    calm_cluster: LocalCluster, room: str
) -> None:
    first, notes = chat(calm_cluster, 1, "--room", room, said="Hello\nsecond")
    assert first == ["[seq=1] node_9999: Hello", "[seq=2] node_9999: second"]
    assert f"room {room} | node 1 at {calm_cluster.address(1)} | leader node " in notes
    second, _ = chat(calm_cluster, 2, "--room", room, "--client-id", "102", said="third\n")
    assert second == [*first, "[seq=3] node_102: third"], "the history comes first"
    third, _ = chat(calm_cluster, 3, "--room", room, "--history", "1", said="")
    assert third == second[-1:]


def test_verbs_are_no_messages(calm_cluster: LocalCluster, room: str) -> None:
    said = f"/help\n/nothing\n/room\n//slash\n{'x' * 4001}\n/status\n/room {room} 2\nhi\n/quit\nno"
    lines, notes = chat(calm_cluster, 1, "--room", room, said=said)
    assert lines == ["[seq=1] node_9999: /slash", "[seq=1] node_9999: hi"]
    assert "/quit       leave" in notes
    assert "/nothing: no such verb" in notes
    assert "not sent: a message has at most 4000 characters, not 4001" in notes
    assert f"in room {room} 2" in notes


def test_a_wrong_name_is_one_clear_line(calm_cluster: LocalCluster) -> None:
    port = str(calm_cluster.port(1))
    done = subprocess.run(
        [sys.executable, "-m", "kvcluster", "chat", "--port", port, "--client-id", "a b"],
        input="",
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("kvcluster: a client id has 1 to 32 letters")


def test_a_password_is_read_from_a_file_and_a_wrong_one_is_told(
    start_cluster: StartCluster, room: str, tmp_path: Path
) -> None:
    right, wrong = tmp_path / "right", tmp_path / "wrong"
    for file in (right, wrong):
        file.touch(mode=0o600)
        file.write_text(f"{file.name}\n")
    cluster = start_cluster(nodes=1, faults=False, options={"requirepass-file": str(right)})
    lines, _ = chat(cluster, 1, "--room", room, "--password-file", str(right), said="Hello")
    assert lines == ["[seq=1] node_9999: Hello"]
    port = str(cluster.port(1))
    done = subprocess.run(
        [sys.executable, "-m", "kvcluster", "chat", "--port", port, "--password-file", wrong],
        input="no\n",
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("kvcluster: WRONGPASS")


async def test_several_at_once_see_one_order_without_a_gap(
    calm_cluster: LocalCluster, room: str
) -> None:
    count = 20
    async with contextlib.AsyncExitStack() as stack:
        people = [Person([calm_cluster.address(node)], f"10{node}") for node in calm_cluster.ids]
        for person in people:
            await stack.enter_async_context(person.visit)
            await person.visit.enter(room)
        numbers = await asyncio.gather(
            *(p.visit.room.send(f"message {i}") for i in range(count) for p in people)
        )
        for person in people:
            await person.has(3 * count)
    assert sorted(numbers) == list(range(1, 3 * count + 1))
    assert people[0].lines == people[1].lines == people[2].lines
    for who in ("101", "102", "103"):
        own = [line for line in people[0].lines if f"node_{who}:" in line]
        assert [line.split(": ")[1] for line in own] == [f"message {i}" for i in range(count)]


async def test_a_terminal_shows_deliveries_and_the_status_and_ends_with_ctrl_d(
    calm_cluster: LocalCluster, room: str
) -> None:
    person = Person([calm_cluster.address(2)], "9999")
    with create_pipe_input() as keys:
        async with person.visit as visit:
            await visit.enter(room)
            session = new_session(visit, terminal_input=keys, terminal_output=DummyOutput())
            work = interact(visit, session, person.notes.append)
            at_the_terminal = asyncio.create_task(visit.attend(work))
            keys.send_text("Hello\rdropped\x03second\r")
            await person.has(2)
            assert visit.status_line.startswith(
                f"room {room} | node 2 at {calm_cluster.address(2)} | leader node "
            )
            assert visit.status_line.endswith("| seq 2")
            keys.send_text("/status\rlast\r\x04")
            await asyncio.wait_for(at_the_terminal, SECONDS)
            await person.has(3)
    assert person.lines == [
        f"[seq={n}] node_9999: {t}" for n, t in enumerate(["Hello", "second", "last"], start=1)
    ]
    assert any(note.startswith(f"room {room}") for note in person.notes)


async def test_messages_that_were_trimmed_are_told_as_gone(
    calm_cluster: LocalCluster, room: str
) -> None:
    first, late = Person(calm_cluster.nodes, "101"), Person(calm_cluster.nodes, "102")
    async with first.visit as visit, late.visit as other:
        await visit.enter(room)
        for i in range(5):
            await visit.room.send(f"message {i}")
        async with calm_cluster.async_client() as client:
            await client.execute("XTRIM", f"chat:{room}", "MAXLEN", 2)
        await other.enter(room)
    assert late.lines == [
        "[seq=1..3] are no longer kept",
        "[seq=4] node_101: message 3",
        "[seq=5] node_101: message 4",
    ]


@pytest.mark.parametrize("killed", ["leader", "follower"])
async def test_the_chat_goes_on_at_another_node_when_its_node_dies(
    cluster: LocalCluster, room: str, killed: str
) -> None:
    leader = cluster.wait_for_leader()
    followers = [node for node in cluster.ids if node != leader]
    home = leader if killed == "leader" else followers[0]
    stays = followers[-1]
    at_home = Person([cluster.address(home)], "101")
    elsewhere = Person([cluster.address(stays)], "102")
    count = 30
    async with at_home.visit as visit, elsewhere.visit as other:
        await visit.enter(room)
        await other.enter(room)

        async def say(person: Person) -> None:
            for i in range(count):
                await person.visit.room.send(f"message {i}")

        talk = asyncio.gather(say(at_home), say(elsewhere))
        await elsewhere.has(count // 2)
        await asyncio.to_thread(cluster.kill, home)
        await asyncio.wait_for(talk, SECONDS)
        for person in (at_home, elsewhere):
            await person.has(2 * count)
        await visit.look()
        assert visit.address != cluster.address(home)
        assert other.address == cluster.address(stays), "the others stay where they are"
    assert at_home.lines == elsewhere.lines
    assert [line.split("]")[0] for line in at_home.lines] == [
        f"[seq={n}" for n in range(1, 2 * count + 1)
    ]
    for who in ("101", "102"):
        own = [line for line in at_home.lines if f"node_{who}:" in line]
        assert [line.split(": ")[1] for line in own] == [f"message {i}" for i in range(count)]
    assert any(note.startswith("moved to the node at ") for note in at_home.notes)


async def test_a_message_waits_for_a_majority_and_is_then_stored_once(
    cluster: LocalCluster, room: str
) -> None:
    leader = cluster.wait_for_leader()
    others = [node for node in cluster.ids if node != leader]
    person = Person([cluster.address(leader)], "101")
    async with person.visit as visit:
        await visit.enter(room)
        assert await visit.room.send("with a majority") == 1
        for node in others:
            await asyncio.to_thread(cluster.kill, node)
        waiting = asyncio.create_task(visit.room.send("without one"))
        await person.told("waiting for the cluster")
        assert visit.room.waiting == 1
        assert "1 waiting to be stored" in visit.status_line
        for node in others:
            await asyncio.to_thread(cluster.restart, node)
        assert await asyncio.wait_for(waiting, SECONDS) == 2
        await person.has(2)
    assert person.lines == ["[seq=1] node_101: with a majority", "[seq=2] node_101: without one"]
    assert "the cluster answers again" in person.notes


async def test_who_leaves_the_terminal_leaves_nothing_unsaid(
    cluster: LocalCluster, room: str
) -> None:
    leader = cluster.wait_for_leader()
    others = [node for node in cluster.ids if node != leader]
    person = Person([cluster.address(leader)], "101")
    with create_pipe_input() as keys:
        async with person.visit as visit:
            await visit.enter(room)
            for node in others:
                await asyncio.to_thread(cluster.kill, node)
            session = new_session(visit, terminal_input=keys, terminal_output=DummyOutput())
            work = asyncio.create_task(visit.attend(interact(visit, session, person.note)))
            keys.send_text("said without a majority\r\x04")
            await person.told("what was said is still being stored")
            assert not work.done()
            for node in others:
                await asyncio.to_thread(cluster.restart, node)
            await asyncio.wait_for(work, SECONDS)
            await person.has(1)
    assert person.lines == ["[seq=1] node_101: said without a majority"]
