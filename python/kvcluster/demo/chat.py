"""The demonstration of the chat: one order of messages, over all that befalls its nodes."""

from __future__ import annotations

import asyncio
import itertools
from contextlib import ExitStack

from kvcluster.chat.load import Load, run_load
from kvcluster.chat.message import room_key
from kvcluster.connection import Connection
from kvcluster.demo.heartbeats import see_heartbeats, see_silence
from kvcluster.demo.mode import Mode
from kvcluster.demo.person import Person, wait_for_all
from kvcluster.demo.scene import ask, compare_in_full, expect, see_roles
from kvcluster.demo.script import Plan, Script, Step
from kvcluster.directory import parse_address
from kvcluster.errors import Unavailable
from kvcluster.link_faults import LinkQuality
from kvcluster.local_cluster import LocalCluster
from kvcluster.replies import stream_entries
from kvcluster.retry import ErrorReply

ROOM = "demo"
EACH = 10
LATE = 15
BEFORE_RESTART = 10
PACED = 100
PER_SECOND = 100
BURST = 500
HEARTBEAT_MS = 800
ELECTION_TIMEOUT_MS = (2400, 3600)
WAIT_SECONDS = 60.0

PLAN = [
    Plan(
        "Basic messaging: three nodes, a client at each, three messages at node 1",
        "node 3 leads for its priority; all nodes deliver seq 1 to 3 from node_9999, alike",
    ),
    Plan(
        "Leader failure: a message, node 3 killed, two messages more",
        "node 2 leads a later term; seq 4, then 5 and 6, at all clients; node 3's has moved",
    ),
    Plan(
        "The old leader rejoins: restart node 3, one message through it",
        "it follows node 2, catches up to seq 6, delivers seq 7, and then gets the lead again",
    ),
    Plan(
        f"Concurrent clients: {EACH} messages each at the three nodes, at once",
        "one order without a gap at all; each client's own messages in the order of saying",
    ),
    Plan(
        "Late and lost: slow, breaking links to node 1 while two clients talk",
        "node 1 delivers the same as all; a message that claims a later number is refused",
    ),
    Plan(
        f"Persistence: {BEFORE_RESTART} messages, all nodes stopped, all restarted",
        "files on disk meanwhile; all messages are back, and the next one has the next number",
    ),
    Plan(
        "Heartbeats: listen between the nodes, then pause the leader",
        f"one about every {HEARTBEAT_MS} ms; without them a follower campaigns after "
        f"{ELECTION_TIMEOUT_MS[0]} to {ELECTION_TIMEOUT_MS[1]} ms",
    ),
    Plan(
        "Reconnection: say something at node 1, leave, say something at node 2",
        "the history is shown again, and the second message has the next number",
    ),
    Plan(
        f"Load: {PACED} messages at {PER_SECOND} a second, then {BURST} as fast as it goes",
        "every node delivers every message once and in one order",
    ),
    Plan("Compare the hashes of all three", "one hash on all three, also recomputed in full"),
]


class _Chat:
    """Who is in the room, and the newest number there."""

    def __init__(self, cluster: LocalCluster, stack: ExitStack) -> None:
        self.cluster = cluster
        self.seq = 0
        self.people: list[Person] = []
        self._stack = stack

    def come(self, node: int, sender: str) -> Person:
        """A client more, with all that was said before."""
        person = Person(self.cluster.address(node), sender, ROOM)
        self._stack.callback(person.leave)
        self.people.append(person)
        return person

    def leave(self) -> None:
        """All of them."""
        while self.people:
            self.people.pop().leave()

    def heard(self, more: int, step: Step) -> list[str]:
        """Waits until all have so many messages more; these, which are alike and without a gap."""
        before, self.seq = self.seq, self.seq + more
        lines = wait_for_all(self.people, self.seq, WAIT_SECONDS)
        numbers = [line.split("]")[0] for line in lines]
        expect(numbers == [f"[seq={n}" for n in range(1, self.seq + 1)], f"numbers {numbers}")
        step.seen = f"seq {before + 1} to {self.seq} alike at {len(self.people)} clients"
        return lines[before:]


def carry_out(cluster: LocalCluster, script: Script) -> None:
    with ExitStack() as stack:
        chat = _Chat(cluster, stack)
        _basic(chat, script)
        _leader_failure(chat, script)
        _rejoining(chat, script)
        _concurrent(chat, script)
        _late_and_lost(chat, script)
        _persistence(chat, script)
        _heartbeats(chat, script)
        _reconnection(chat, script)
    with script.step() as step:
        _load(cluster, step)
    compare_in_full(cluster, script)


def _basic(chat: _Chat, script: Script) -> None:
    with script.step() as step:
        chat.cluster.wait_for_leader(among=[3], timeout=WAIT_SECONDS)
        leader, _ = see_roles(chat.cluster, step)
        roles = step.seen
        for node, sender in ((1, "9999"), (2, "102"), (3, "103")):
            chat.come(node, sender)
        chat.people[0].say("Hello from node 1!", "This is message 2", "And message 3")
        step.notes += chat.heard(3, step)
        step.seen = f"{roles}; {step.seen}"
        expect(leader == 3 and "[seq=1] node_9999: Hello from node 1!" in step.notes, step.seen)


def _leader_failure(chat: _Chat, script: Script) -> None:
    cluster = chat.cluster
    with script.step() as step:
        chat.people[0].say("Message before failure")
        chat.heard(1, step)
        term = cluster.status(3).term
        cluster.kill(3)
        leader = cluster.wait_for_leader(among=[2], timeout=WAIT_SECONDS)
        chat.people[0].say("Message after leader change", "Ordering should continue!")
        lines = chat.heard(2, step)
        moved = chat.people[2].wait_for_note("moved to the node at ", WAIT_SECONDS)
        new_term = cluster.status(leader).term
        step.seen = f"node {leader} leads term {new_term} after term {term}; {step.seen}"
        step.notes += [*lines, f"the client of node 3 {moved}", *_elections(cluster, 2)]
        expect(new_term > term, step.seen)


def _elections(cluster: LocalCluster, node: int) -> list[str]:
    """What the node said of the last election."""
    names = ("leader_lost", "candidate", "became_leader")
    told = [event for event in cluster.timeline() if event.node == node and event.name in names]
    return [f"node {node}: {event.message}" for event in told[-3:]]


def _rejoining(chat: _Chat, script: Script) -> None:
    cluster = chat.cluster
    with script.step() as step:
        known = len([event for event in cluster.timeline() if event.node == 3])
        cluster.restart(3)
        caught_up = _wait_for_messages(cluster, 3, chat.seq)
        person = chat.come(3, "104")
        person.wait_for(chat.seq, WAIT_SECONDS)
        person.say("Testing after node 3 rejoined")
        lines = chat.heard(1, step)
        cluster.wait_for_leader(among=[3], timeout=WAIT_SECONDS)
        told = [event for event in cluster.timeline() if event.node == 3][known:]
        names = [event.name for event in told]
        followed = "became_follower" in names and names.index("became_follower") < names.index(
            "became_leader"
        )
        step.notes += [f"node 3: {e.message}" for e in told if e.name.startswith("became_")]
        step.notes += lines
        step.seen = f"{caught_up} messages on node 3, then {step.seen}; node 3 leads again"
        expect(followed and "node_104: Testing" in lines[0], step.seen)


def _wait_for_messages(cluster: LocalCluster, node: int, count: int) -> int:
    """Waits until the node's own state has so many messages."""
    found = cluster.wait_for(
        lambda: len(_own_messages(cluster, node)) >= count,
        what=f"waiting for {count} messages on node {node}",
        timeout=WAIT_SECONDS,
    )
    return count if found else 0


def _own_messages(cluster: LocalCluster, node: int) -> list[int]:
    """The numbers in the node's own state, whoever leads; none while it does not answer."""
    try:
        connection = Connection(parse_address(cluster.address(node)), timeout=WAIT_SECONDS)
    except Unavailable:
        return []
    try:
        words = [("READONLY",), ("XRANGE", room_key(ROOM), "-", "+")]
        outcome = connection.exchange(words, WAIT_SECONDS)
    finally:
        connection.close()
    if outcome.lost is not None or isinstance(outcome.replies[1], ErrorReply):
        return []
    return [entry.sequence for entry in stream_entries(outcome.replies[1])]


def _concurrent(chat: _Chat, script: Script) -> None:
    with script.step() as step:
        talking = chat.people[:3]
        for person in talking:
            person.say(*(f"message {number}" for number in range(1, EACH + 1)))
        lines = chat.heard(EACH * len(talking), step)
        _own_order(talking, lines, "message", EACH)
        senders = [line.split("node_")[1].split(":")[0] for line in lines]
        turns = sum(one != other for one, other in itertools.pairwise(senders))
        step.seen += f"; the sender changes {turns} times on the way"
        step.notes += lines[:4]


def _own_order(talking: list[Person], lines: list[str], what: str, count: int) -> None:
    said = [f"{what} {number}" for number in range(1, count + 1)]
    for person in talking:
        own = [line.split(": ", 1)[1] for line in lines if f"node_{person.sender}:" in line]
        expect(own == said, f"node_{person.sender} said {said}, delivered were {own}")


def _late_and_lost(chat: _Chat, script: Script) -> None:
    cluster = chat.cluster
    with script.step() as step:
        bad = LinkQuality(delay_ms=20, jitter_ms=60, drop_ratio=0.02)
        cluster.degrade(bad, links=[(1, 2), (1, 3), (2, 1), (3, 1)])
        talking = [chat.people[0], chat.people[1]]
        for person in talking:
            person.say(*(f"late {number}" for number in range(1, LATE + 1)))
        lines = chat.heard(LATE * len(talking), step)
        cluster.heal_links()
        _own_order(talking, lines, "late", LATE)
        refused = ask(cluster, 2, "XADD", room_key(ROOM), "999", "text", "out of order")
        own = _wait_for_messages(cluster, 1, chat.seq)
        step.seen += f"; {own} on node 1; seq 999 refused: {isinstance(refused, ErrorReply)}"
        if isinstance(refused, ErrorReply):
            step.notes.append(refused.message)
        expect(
            isinstance(refused, ErrorReply) and f"{chat.seq + 1}-0" in refused.message, step.seen
        )


def _persistence(chat: _Chat, script: Script) -> None:
    cluster = chat.cluster
    with script.step() as step:
        chat.people[0].say(*(f"to be kept {n}" for n in range(1, BEFORE_RESTART + 1)))
        chat.heard(BEFORE_RESTART, step)
        for node in cluster.ids:
            cluster.stop(node)
        for node in cluster.ids:
            files = [file for file in cluster.data_dir(node).rglob("*") if file.is_file()]
            step.notes.append(
                f"node {node} stopped; {len(files)} files, among them "
                f"{', '.join(sorted(file.name for file in files)[:4])}"
            )
        for node in cluster.ids:
            cluster.restart(node)
        cluster.wait_for_leader(timeout=WAIT_SECONDS)
        kept = min(_wait_for_messages(cluster, node, chat.seq) for node in cluster.ids)
        chat.people[0].say("after the restart")
        lines = chat.heard(1, step)
        step.notes += lines
        step.seen = f"{kept} messages on each node after the restart; the next one is {lines[0]}"
        expect(lines == [f"[seq={kept + 1}] node_9999: after the restart"], step.seen)


def _heartbeats(chat: _Chat, script: Script) -> None:
    chat.leave()  # reading asks the leader, and that is a heartbeat, too
    with script.step() as step:
        leader = chat.cluster.wait_for_leader(among=[3], timeout=WAIT_SECONDS)
        every = see_heartbeats(chat.cluster, leader, HEARTBEAT_MS, step)
        after = see_silence(chat.cluster, leader, step)
        step.seen = (
            f"a heartbeat every {every:.0f} ms; with node {leader} paused a follower waited "
            f"{after} ms, then node {chat.cluster.wait_for_leader()} led"
        )
        low, high = ELECTION_TIMEOUT_MS
        expect(0.7 * HEARTBEAT_MS <= every <= 1.5 * HEARTBEAT_MS, step.seen)
        expect(low <= after <= 1.5 * high, step.seen)


def _reconnection(chat: _Chat, script: Script) -> None:
    with script.step() as step:
        first = chat.come(1, "9999")
        first.wait_for(chat.seq, WAIT_SECONDS)
        first.say("Test message 1")
        lines = chat.heard(1, step)
        chat.leave()
        second = chat.come(2, "9999")
        lines += second.wait_for(chat.seq, WAIT_SECONDS)[chat.seq :]
        second.say("Test message 2")
        lines += chat.heard(1, step)
        step.seen = f"{chat.seq - 1} messages of history at node 2, then {lines[-1]}"
        step.notes += lines
        expect(lines[-1] == f"[seq={chat.seq}] node_9999: Test message 2", step.seen)


def _load(cluster: LocalCluster, step: Step) -> None:
    loads = [Load(PACED, PER_SECOND), Load(BURST)]
    runs = [asyncio.run(run_load(cluster.nodes, load)) for load in loads]
    step.seen = "; ".join(run.told for run in runs)
    for run in runs:
        step.notes += run.faults
        expect(run.passed, f"{step.seen}; {'; '.join(run.faults)}")


MODE = Mode(
    name="chat",
    proves="all nodes deliver the same messages in one order, whatever befalls them",
    plan=PLAN,
    carry_out=carry_out,
    options={
        "faults": True,
        "heartbeat_ms": HEARTBEAT_MS,
        "election_timeout_ms": ELECTION_TIMEOUT_MS,
        "node_options": {node: {"priority": node} for node in (1, 2, 3)},
    },
)
