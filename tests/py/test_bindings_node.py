"""Native nodes inside this process: three elect and replicate, one stops and comes back."""

import os
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from time import monotonic
from urllib.request import urlopen

import pytest

from kvcluster import Client
from kvcluster.errors import StorageError, Unavailable
from kvcluster.node import Node, NodeStatus, Phase
from kvcluster.ports import ReservedPort
from kvcluster.raft import Role
from kvcluster.state import StateMachine
from kvcluster.wal import Wal

PATIENCE_S = 20.0


def wait_for(node: Node, condition: Callable[[], bool], what: str) -> None:
    """Looks again every few milliseconds, for as long as `node` lives."""
    deadline = monotonic() + PATIENCE_S
    while not condition():
        assert monotonic() < deadline, f"in vain: {what}"
        assert not node.wait(timeout_ms=5), f"node {node.id} has ended"


def leads(node: Node) -> bool:
    return node.running and node.status().core.ready


def leader_of(nodes: list[Node]) -> Node:
    """The one leader, once there is one."""
    witness = next(node for node in nodes if node.running)
    wait_for(witness, lambda: any(map(leads, nodes)), "a leader")
    return max(filter(leads, nodes), key=lambda node: node.status().core.term)


def converged(nodes: list[Node], *, keys: int) -> bool:
    digests = {node.status().digests for node in nodes}
    return len(digests) == 1 and digests.pop().keys == keys


@pytest.fixture
def trio(tmp_path: Path) -> Iterator[list[Node]]:
    """Three running nodes of one cluster."""
    with ExitStack() as stack:
        ports = {id: ReservedPort() for id in (1, 2, 3)}
        for port in ports.values():
            stack.callback(port.release)
        nodes = [
            Node(
                id,
                data_dir=tmp_path / f"node-{id}",
                port=ports[id].number,
                peers={
                    peer: ("127.0.0.1", port.number) for peer, port in ports.items() if peer != id
                },
            )
            for id in ports
        ]
        for node in nodes:
            stack.enter_context(node)
        yield nodes


@pytest.fixture
def single(tmp_path: Path) -> Iterator[Node]:
    """A cluster of one node, which leads."""
    with Node(1, data_dir=tmp_path / "data", http_port=0) as node:
        wait_for(node, lambda: leads(node), "a leader")
        yield node


def test_three_nodes_elect_replicate_and_take_one_back(trio: list[Node]) -> None:
    first = leader_of(trio)
    with Client(nodes=[node.address for node in trio], timeout=PATIENCE_S) as client:
        for number in range(20):
            client.put(f"key-{number}", f"value-{number}")
        wait_for(first, lambda: converged(trio, keys=20), "20 keys on all nodes")

        first.stop()
        assert not first.running
        others = [node for node in trio if node is not first]
        second = leader_of(others)
        assert second.status().core.term > 1
        for number in range(20, 40):
            client.put(f"key-{number}", f"value-{number}")

        first.start()
        wait_for(second, lambda: converged(trio, keys=40), "40 keys on all nodes")
        assert client.get("key-3") == b"value-3"
        assert client.get("key-33") == b"value-33"
    assert [member.id for member in second.status().members] == [1, 2, 3]


def test_a_node_tells_what_it_is(single: Node) -> None:
    status = single.status()
    assert isinstance(status, NodeStatus)
    assert (status.id, status.phase, status.core.role) == (1, Phase.SERVING, Role.LEADER)
    assert len(status.cluster_id) == 16
    assert status.cluster_id != bytes(16)
    assert status.uptime_us > 0
    assert isinstance(single.why(), str)
    assert single.failed is None
    assert single.peer_port == single.port
    assert repr(single).startswith("<Node 1 running ")


def test_a_node_is_reached_where_it_says(tmp_path: Path) -> None:
    with Node(1, data_dir=tmp_path, advertise="localhost") as node:
        assert node.address == f"localhost:{node.port}"
        wait_for(node, lambda: leads(node), "a leader")
        (member,) = node.status().members
        assert member.client_address == node.address


def test_a_node_answers_over_http(single: Node) -> None:
    with urlopen(f"http://127.0.0.1:{single.http_port}/healthz", timeout=PATIENCE_S) as answer:
        assert answer.status == 200


def test_leadership_is_handed_over(trio: list[Node]) -> None:
    first = leader_of(trio)
    wait_for(
        first,
        lambda: all(node.status().core.leader == first.id for node in trio),
        "followers of the leader",
    )
    target = next(node for node in trio if node is not first)
    first.transfer_leadership(to=target.id)
    wait_for(first, lambda: leads(target), "the successor")


def test_acknowledged_writes_survive_a_kill(single: Node) -> None:
    with Client(nodes=[single.address]) as client:
        client.put("key", "value")
    single.kill()
    single.start()
    wait_for(single, lambda: leads(single), "a leader")
    with Client(nodes=[single.address]) as client:
        assert client.get("key") == b"value"


def test_the_log_of_a_stopped_node_replays_to_its_digests(single: Node) -> None:
    with Client(nodes=[single.address]) as client:
        for number in range(10):
            client.put(f"key-{number}", number)
    status = single.status()
    single.stop()
    state = StateMachine()
    with Wal.open(single.data_dir, node=1, incarnation=status.incarnation) as wal:
        for entry in wal.recovered.entries[: status.digests.index]:
            state.apply_entry(entry)
    assert state.digests() == status.digests


def test_a_running_nodes_log_cannot_be_opened(single: Node) -> None:
    with pytest.raises(Unavailable, match="held by a running process"):
        Wal.open(single.data_dir, node=1)


def test_a_directory_in_use_is_refused(single: Node) -> None:
    with pytest.raises(Unavailable, match=str(os.getpid())):
        Node(1, data_dir=single.data_dir).start()


def test_a_port_in_use_is_refused(single: Node, tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match=str(single.port)):
        Node(2, data_dir=tmp_path / "other", port=single.port).start()


def test_the_directory_of_another_node_is_refused(single: Node) -> None:
    single.stop()
    with pytest.raises(StorageError, match="node 1"):
        Node(2, data_dir=single.data_dir).start()


def test_a_node_is_started_once(single: Node) -> None:
    with pytest.raises(RuntimeError, match="started before"):
        single.start()


def test_a_stopped_node_has_no_status(single: Node) -> None:
    single.stop()
    single.stop()
    assert single.failed is None
    with pytest.raises(Unavailable, match="does not run"):
        single.status()
    with pytest.raises(Unavailable, match="does not run"):
        _ = single.port


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"id": 0}, "node id"),
        ({"election_timeout_ms": (300, 150)}, "election timeout"),
        ({"heartbeat_ms": 200}, "heartbeat"),
        ({"peers": {1: ("127.0.0.1", 9)}}, "its own peers"),
        ({"peers": {2: ("127.0.0.1", 0)}}, "port"),
        ({"host": "0.0.0.0"}, "password"),
        ({"host": "0.0.0.0", "password": "secret"}, "advertise"),
    ],
)
def test_options_that_contradict_each_other_are_refused(
    tmp_path: Path, options: dict[str, object], why: str
) -> None:
    arguments: dict[str, object] = {"id": 1, "data_dir": tmp_path, **options}
    with pytest.raises(ValueError, match=why):
        Node(**arguments).start()  # type: ignore[arg-type]


def test_a_port_beyond_the_last_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TypeError):
        Node(1, data_dir=tmp_path, port=65536)


def test_other_threads_run_while_one_waits_for_the_node(single: Node) -> None:
    stopping = threading.Thread(target=single.stop)
    stopping.start()
    assert single.wait(timeout_ms=10_000)
    stopping.join()
    assert not single.running
    assert single.wait()


def test_a_wait_gives_up_in_time(single: Node) -> None:
    assert not single.wait(timeout_ms=1)


def test_a_fork_cannot_use_the_node(single: Node) -> None:
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        # From Python 3.12 on it warns of what is tried here.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        try:
            single.status()
            said = b"no refusal"
        except RuntimeError as refusal:
            said = str(refusal).encode()
        except BaseException as other:
            said = repr(other).encode()
        os.write(writing, said)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        said = pipe.read()
    os.waitpid(child, 0)
    assert b"forked" in said
    assert b"spawn" in said
    assert leads(single)


# In a process of its own: from some moment on the system refuses every write to a file.
DISK_FAILS = """
import resource, sys
from kvcluster import Client, KvError, NodeFailed
from kvcluster.node import Node

node = Node(1, data_dir=sys.argv[1], log_level="off").start()
while not node.status().core.ready:
    node.wait(timeout_ms=5)
resource.setrlimit(resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))
try:
    with Client(nodes=[node.address], timeout=2) as client:
        client.put("key", "value")
except KvError as error:
    print("put:", type(error).__name__)
for attempt in (node.wait, node.status, node.stop):
    try:
        attempt()
    except NodeFailed as failure:
        print(f"{attempt.__name__}:", failure)
print("running:", node.running)
"""


def test_a_node_whose_disk_fails_ends_and_says_why(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", DISK_FAILS, str(tmp_path / "data")],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S * 2,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    put, wait, status, stop, running = done.stdout.splitlines()
    assert put.split()[1] in {"Timeout", "StorageError", "Unavailable"}
    for line, name in ((wait, "wait"), (status, "status"), (stop, "stop")):
        assert line.startswith(f"{name}: node 1: ")
        assert "File too large" in line
    assert running == "running: False"


def test_a_node_that_is_left_running_ends_with_its_process(tmp_path: Path) -> None:
    script = (
        "import sys; from kvcluster.node import Node; n = Node(1, data_dir=sys.argv[1]).start()"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "data")],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
