"""What can be done to a cluster that the shell started itself: its nodes and its network."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

from kvcluster.errors import KvError
from kvcluster.local_cluster import LocalCluster
from kvcluster.repl.verbs import Verb

if TYPE_CHECKING:
    from kvcluster.repl.shell import Shell

_ELECTION_SECONDS = 5.0


class Members(Protocol):
    """As much of a cluster as naming its nodes takes."""

    @property
    def ids(self) -> Sequence[int]: ...
    def leader(self) -> int | None: ...


def node_of(cluster: Members, word: str) -> int:
    """The node of a word: its id, or `leader`.

    Raises:
        ValueError: there is no such node, or none leads.
    """
    if word == "leader":
        leader = cluster.leader()
        if leader is None:
            raise ValueError("no node leads; name one: " + _ids(cluster))
        return leader
    if not word.isdigit() or int(word) not in cluster.ids:
        raise ValueError(f"there is no node {word}; there are {_ids(cluster)}, and leader")
    return int(word)


def groups_of(cluster: Members, arguments: Sequence[str]) -> list[list[int]]:
    """The sides of a partition, `1 | 2 3` for instance. Every node must be on one.

    Raises:
        ValueError: a node is on no side, or on two, or there is one side only.
    """
    sides = [side.split() for side in " ".join(arguments).split("|")]
    groups = [[node_of(cluster, word) for word in side] for side in sides]
    named = [node for group in groups for node in group]
    if len(groups) < 2 or not all(groups):
        raise ValueError("a partition has two sides or more: partition 1 | 2 3")
    if len(set(named)) < len(named):
        raise ValueError("a node is on one side of a partition only")
    missing = sorted(set(cluster.ids) - set(named))
    if missing:
        raise ValueError(f"on which side is node {', '.join(map(str, missing))}?")
    return groups


def kill(shell: Shell, arguments: Sequence[str]) -> bool:
    cluster, node = _one_running(shell, arguments, "kill")
    cluster.kill(node)
    shell.paused.discard(node)
    shell.say(f"node {node} killed with SIGKILL")
    return _tell_leader(shell, cluster, node)


def restart(shell: Shell, arguments: Sequence[str]) -> bool:
    cluster, node = _one(shell, arguments, "restart")
    cluster.restart(node)
    shell.paused.discard(node)
    shell.say(f"node {node} started again on its data")
    return _tell_leader(shell, cluster)


def pause(shell: Shell, arguments: Sequence[str]) -> bool:
    cluster, node = _one_running(shell, arguments, "pause")
    if node in shell.paused:
        raise ValueError(f"node {node} is paused already: resume {node}")
    cluster.pause(node)
    shell.paused.add(node)
    shell.say(f"node {node} paused with SIGSTOP: it keeps its connections and does nothing")
    return _tell_leader(shell, cluster, node)


def resume(shell: Shell, arguments: Sequence[str]) -> bool:
    cluster, node = _one_running(shell, arguments, "resume")
    if node not in shell.paused:
        raise ValueError(f"node {node} is not paused")
    cluster.resume(node)
    shell.paused.discard(node)
    shell.say(f"node {node} goes on")
    return _tell_leader(shell, cluster)


def partition(shell: Shell, arguments: Sequence[str]) -> bool:
    cluster = shell.own_cluster()
    groups = groups_of(cluster, arguments)
    cluster.heal_links()  # one partition at a time
    cluster.partition(*groups)
    shell.say("the network is parted: " + " | ".join(" ".join(map(str, g)) for g in groups))
    majority = next((group for group in groups if len(group) > len(cluster.ids) // 2), None)
    if majority is None:
        shell.say("no side has a majority: no write can be acknowledged until heal")
        return True
    return _tell_leader(shell, cluster, among=majority)


def heal(shell: Shell, arguments: Sequence[str]) -> bool:
    cluster = shell.own_cluster()
    cluster.heal_links()
    shell.say("the network is whole again; nodes that were killed or paused are as they were")
    return _tell_leader(shell, cluster)


def _one(shell: Shell, arguments: Sequence[str], verb: str) -> tuple[LocalCluster, int]:
    cluster = shell.own_cluster()
    if len(arguments) != 1:
        raise ValueError(f"{verb} takes one node: {_ids(cluster)}, or leader")
    return cluster, node_of(cluster, arguments[0])


def _one_running(shell: Shell, arguments: Sequence[str], verb: str) -> tuple[LocalCluster, int]:
    cluster, node = _one(shell, arguments, verb)
    if node not in cluster.running:
        raise ValueError(f"node {node} is not running: restart {node}")
    return cluster, node


def _tell_leader(
    shell: Shell, cluster: LocalCluster, lost: int = 0, among: Sequence[int] | None = None
) -> bool:
    """Says who leads after it, as soon as somebody does. Nobody is a possible end, no failure."""
    able = set(cluster.running) - shell.paused
    if len(able) <= len(cluster.ids) // 2:
        shell.say(f"{len(able)} of {len(cluster.ids)} nodes are up: no majority, nobody can lead")
        return True
    wanted = sorted((set(among) if among is not None else able) - {lost})
    try:
        leader = cluster.wait_for_leader(timeout=_ELECTION_SECONDS, among=wanted)
        shell.say(f"node {leader} leads in term {cluster.status(leader).term}")
    except KvError as error:
        shell.say(f"nobody leads: {error}")
    return True


def _ids(cluster: Members) -> str:
    return ", ".join(map(str, cluster.ids))


def _some(nodes: Callable[[Shell], Sequence[str]]) -> Callable[[Shell, Sequence[str]], list[str]]:
    return lambda shell, arguments: [] if arguments else list(nodes(shell))


def _running(shell: Shell) -> list[str]:
    running = shell.cluster.running if shell.cluster is not None else []
    return ["leader", *map(str, running)]


def _sides(shell: Shell, arguments: Sequence[str]) -> list[str]:
    free = [node for node in shell.node_names if node not in arguments]
    return [*free, "|"] if arguments and arguments[-1] != "|" and free else free


CLUSTER_VERBS = tuple(
    Verb(name, syntax, summary, run, choices, of_cluster=True)
    for name, syntax, summary, run, choices in (
        ("kill", "leader|node", "Ends a node with SIGKILL.", kill, _some(_running)),
        (
            "restart",
            "leader|node",
            "Starts a node again on its data; one that runs is killed first.",
            restart,
            _some(lambda shell: shell.node_names),
        ),
        ("pause", "leader|node", "Stops a node with SIGSTOP.", pause, _some(_running)),
        (
            "resume",
            "node",
            "Lets a paused node go on.",
            resume,
            _some(lambda shell: [*map(str, sorted(shell.paused))]),
        ),
        (
            "partition",
            "node [node ...] | node [node ...]",
            "Parts the network between the nodes: partition 1 | 2 3.",
            partition,
            _sides,
        ),
        ("heal", "", "Makes the network whole again.", heal, _some(lambda shell: ())),
    )
)
