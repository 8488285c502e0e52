"""Everything that can be wrong with a start: one clear line that says what, and an exit code."""

import socket
import subprocess
from pathlib import Path

import pytest

from conftest import StartCluster
from kvcluster.binaries import find_binary
from kvcluster.ports import ReservedPort

USAGE = 2
STORAGE = 3
IN_USE = 4


def run(name: str, *words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """A program that is expected to end by itself."""
    return subprocess.run(
        [str(find_binary(name)), *words], capture_output=True, text=True, timeout=30, cwd=folder
    )


def assert_one_clear_line(done: subprocess.CompletedProcess[str], code: int, says: str) -> None:
    assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    assert says in lines[0]


NODE = ("--id", "1", "--port", "0")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--frobnicate",), "frobnicate"),
        (("--id", "0", "--port", "0"), "--id"),
        (("--id", "x", "--port", "0"), "--id"),
        (("--id", "1", "--port", "65536"), "--port"),
        (("--id", "1", "--port", "-1"), "--port"),
        (("--id", "1", "--port", "9001", "--peers", "9002,x"), "peers"),
        (("--id", "1", "--port", "9001", "--peers", "9001,9002"), "9001"),
        (("--id", "1", "--port", "9001", "--peers", "9002,9002"), "9002"),
        (("--id", "3", "--port", "9001", "--peers", "9002,9003"), "@"),
        (("--id", "1", "--port", "9001", "--peers", "1@127.0.0.1:9002,3@127.0.0.1:9003"), "1"),
        ((*NODE, "--election-timeout-ms", "300-150"), "election-timeout"),
        ((*NODE, "--election-timeout-ms", "fast"), "election-timeout"),
        ((*NODE, "--heartbeat-ms", "500"), "heartbeat"),
        ((*NODE, "--follower-mode", "maybe"), "follower-mode"),
        ((*NODE, "--log-level", "loud"), "log-level"),
        ((*NODE, "--log-format", "xml"), "log-format"),
        ((*NODE, "--host", "0.0.0.0"), "requirepass"),
        ((*NODE, "--requirepass-file", "missing.txt"), "missing.txt"),
        ((*NODE, "--config", "missing.toml"), "missing.toml"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_kvstore_refuses_a_malformed_start(
    words: tuple[str, ...], says: str, tmp_path: Path
) -> None:
    assert_one_clear_line(run("kvstore", *words, folder=tmp_path), USAGE, says)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        ((), USAGE, "subcommand"),
        (("--port", "9001"), USAGE, "subcommand"),
        (("get", "k"), USAGE, "--port"),
        (("--port", "0", "get", "k"), USAGE, "--port"),
        (("--port", "70000", "get", "k"), USAGE, "--port"),
        (("--port", "9001", "frobnicate"), USAGE, "frobnicate"),
        (("--port", "9001", "put", "k"), USAGE, "value"),
        (("--port", "9001", "--seq", "1", "put", "k", "v"), USAGE, "--client-id"),
        (("--port", "9001", "--client-id", "c", "--seq", "0", "put", "k", "v"), USAGE, "--seq"),
        (("--port", "9001", "--client-id", "c", "--seq", "1", "get", "k"), USAGE, "writes"),
        (("--nodes", "127.0.0.1", "get", "k"), USAGE, "127.0.0.1"),
        (("--port", "9001", "--password-file", "missing", "get", "k"), USAGE, "missing"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_kv_client_refuses_a_malformed_call(
    words: tuple[str, ...], code: int, says: str, tmp_path: Path
) -> None:
    assert_one_clear_line(run("kv_client", *words, folder=tmp_path), code, says)


def test_kv_client_says_that_nobody_listens(tmp_path: Path) -> None:
    unused = ReservedPort()
    done = run("kv_client", "--port", str(unused.number), "put", "k", "v", folder=tmp_path)
    unused.release()
    assert_one_clear_line(done, 3, "Connection refused")


@pytest.mark.parametrize("name", ["kvstore", "kv_client", "election_test"])
def test_help_teaches(name: str, tmp_path: Path) -> None:
    done = run(name, "--help", folder=tmp_path)
    assert done.returncode == 0
    assert name in done.stdout
    assert len(done.stdout.splitlines()) > 5


def test_a_port_in_use_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = run("kvstore", "--id", "1", "--port", port, folder=tmp_path)
    assert done.returncode == IN_USE, done.stderr
    assert port in done.stderr
    assert "in use" in done.stderr


def test_a_data_directory_in_use_is_refused(start_cluster: StartCluster, tmp_path: Path) -> None:
    cluster = start_cluster(nodes=1)
    words = ("--id", "1", "--port", "0", "--data-dir", str(cluster.data_dir(1)))
    done = run("kvstore", *words, folder=tmp_path)
    assert done.returncode == IN_USE, (done.returncode, done.stderr)
    assert str(cluster.data_dir(1)) in done.stderr
    assert cluster.status(1).role == "leader"


def test_the_data_directory_of_another_node_is_refused(
    start_cluster: StartCluster, tmp_path: Path
) -> None:
    cluster = start_cluster(nodes=1)
    cluster.stop(1)
    words = ("--id", "2", "--port", "0", "--data-dir", str(cluster.data_dir(1)))
    done = run("kvstore", *words, folder=tmp_path)
    assert done.returncode == STORAGE, (done.returncode, done.stderr)
    assert "node 1" in done.stderr


def test_a_node_that_lost_its_disk_is_refused_and_the_others_go_on(
    start_cluster: StartCluster,
) -> None:
    cluster = start_cluster()
    emptied = next(node for node in cluster.ids if node != cluster.wait_for_leader())
    with cluster.client() as client:
        client.put("k", "v")
        cluster.kill(emptied)
        cluster.data_dir(emptied).rename(cluster.directory / "lost")
        cluster.restart(emptied)
        cluster.wait_for(
            lambda: any(
                event.name == "peer_refused" and event.node == emptied
                for event in cluster.timeline()
            ),
            what="the refusal of an emptied node",
            timeout=10,
        )
        client.put("k", "w")
        assert client.get("k") == b"w"
    assert cluster.statuses()[emptied].phase == "bootstrapping"
    refusals = [event.message for event in cluster.timeline() if event.name == "peer_refused"]
    assert any("lost" in message for message in refusals), refusals


def test_damage_in_the_middle_of_the_log_is_refused_and_nothing_is_cut(
    start_cluster: StartCluster, tmp_path: Path
) -> None:
    cluster = start_cluster(nodes=1, options={"wal-segment-bytes": 1 << 20})
    with cluster.client() as client:
        for number in range(50):
            client.put(f"k{number}", "v" * 100)
    cluster.kill(1)
    segment = min(cluster.data_dir(1).rglob("segment-*"))
    content = bytearray(segment.read_bytes())
    content[content.index(b"k25")] ^= 0xFF
    segment.write_bytes(content)
    words = ("--id", "1", "--port", "0", "--data-dir", str(cluster.data_dir(1)))
    done = run("kvstore", *words, folder=tmp_path)
    assert done.returncode == STORAGE, (done.returncode, done.stderr)
    assert segment.name in done.stderr
    assert segment.read_bytes() == bytes(content)
