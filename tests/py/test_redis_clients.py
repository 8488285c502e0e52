"""Redis's own clients, as they are, against a cluster."""

import shutil
import socket
import subprocess
from collections.abc import Iterator

import pytest
import redis
from redis.backoff import ConstantBackoff
from redis.cluster import ClusterNode, RedisCluster
from redis.retry import Retry

from conftest import StartCluster
from kvcluster import LocalCluster


def run_tool(name: str, *words: str, timeout: float = 60) -> subprocess.CompletedProcess[str]:
    program = shutil.which(name)
    assert program is not None, f"{name} is needed: apt-get install redis-tools"
    return subprocess.run([program, *words], capture_output=True, text=True, timeout=timeout)


@pytest.fixture(params=["leader", "follower"])
def port(request: pytest.FixtureRequest, calm_cluster: LocalCluster) -> int:
    """Of the leader, and of a follower, which passes on what it cannot answer."""
    leader = calm_cluster.wait_for_leader()
    node = leader if request.param == "leader" else next(n for n in calm_cluster.ids if n != leader)
    return calm_cluster.port(node)


@pytest.fixture
def plain(port: int) -> Iterator["redis.Redis"]:
    connection = redis.Redis(port=port, decode_responses=True)
    yield connection
    connection.close()


def test_redis_py_sets_and_gets(plain: "redis.Redis") -> None:
    assert plain.set("py:k", "v") is True
    assert plain.get("py:k") == "v"
    assert plain.delete("py:k") == 1
    assert plain.get("py:k") is None


def test_redis_py_counts(plain: "redis.Redis") -> None:
    plain.delete("py:n")
    assert [plain.incr("py:n"), plain.incrby("py:n", 5), plain.decr("py:n")] == [1, 6, 5]


def test_redis_py_pipeline_is_a_transaction(plain: "redis.Redis") -> None:
    plain.delete("py:t")
    pipeline = plain.pipeline()
    pipeline.set("py:t", 1)
    pipeline.incr("py:t")
    pipeline.get("py:t")
    assert pipeline.execute() == [True, 2, "2"]


def test_redis_py_watch_notices_a_change(plain: "redis.Redis", port: int) -> None:
    plain.set("py:w", "1")
    with plain.pipeline() as pipeline, redis.Redis(port=port) as other:
        pipeline.watch("py:w")  # type: ignore[no-untyped-call]
        other.set("py:w", "2")
        pipeline.multi()
        pipeline.set("py:w", "3")
        with pytest.raises(redis.WatchError):
            pipeline.execute()
    assert plain.get("py:w") == "2"


def test_redis_py_lock_excludes(plain: "redis.Redis") -> None:
    plain.delete("py:lock")
    assert plain.set("py:lock", "me", nx=True, px=60_000) is True
    assert plain.set("py:lock", "you", nx=True, px=60_000) is None
    assert 0 < plain.pttl("py:lock") <= 60_000


def test_redis_py_scans_all_keys(plain: "redis.Redis") -> None:
    plain.mset({f"py:scan:{number}": number for number in range(100)})
    assert len(set(plain.scan_iter(match="py:scan:*", count=7))) == 100


def test_redis_cli_sets_and_gets(port: int) -> None:
    assert run_tool("redis-cli", "-p", str(port), "set", "cli:k", "v").stdout == "OK\n"
    assert run_tool("redis-cli", "-p", str(port), "get", "cli:k").stdout == "v\n"


def test_redis_cli_speaks_resp3(port: int) -> None:
    done = run_tool("redis-cli", "-3", "-p", str(port), "hello")
    assert done.returncode == 0
    assert "proto" in done.stdout


@pytest.mark.parametrize(("depth", "requests"), [(1, 2_000), (16, 20_000)])
def test_redis_benchmark_runs_to_its_end(port: int, depth: int, requests: int) -> None:
    words = f"-p {port} -t ping,set,get,incr,mset -c 20 -P {depth} -n {requests} -r 1000 -d 100 -q"
    done = run_tool("redis-benchmark", *words.split())
    assert done.returncode == 0, done.stdout + done.stderr
    assert "requests per second" in done.stdout
    assert "Error" not in done.stdout + done.stderr


def test_redis_cluster_follows_a_failover_by_itself(start_cluster: StartCluster) -> None:
    cluster = start_cluster(follower_mode="redirect", faults=False)
    nodes = [
        ClusterNode("127.0.0.1", cluster.port(node))  # type: ignore[no-untyped-call]
        for node in cluster.ids
    ]
    connection = RedisCluster(
        startup_nodes=nodes,
        decode_responses=True,
        retry=Retry(ConstantBackoff(0.05), retries=100),
        socket_timeout=2,
    )
    try:
        assert connection.set("k", "before")
        killed = cluster.wait_for_leader()
        cluster.kill(killed)
        cluster.wait_for_leader()
        assert connection.set("k", "after")
        assert connection.get("k") == "after"
    finally:
        connection.close()


def test_redis_cli_in_cluster_mode_follows_a_redirection(start_cluster: StartCluster) -> None:
    cluster = start_cluster(follower_mode="redirect", faults=False)
    follower = next(node for node in cluster.ids if node != cluster.wait_for_leader())
    port = str(cluster.port(follower))
    assert "MOVED" in run_tool("redis-cli", "-p", port, "set", "k", "v").stdout
    assert "OK" in run_tool("redis-cli", "-c", "-p", port, "set", "k", "v").stdout


def test_a_rejecting_follower_names_the_leader(start_cluster: StartCluster) -> None:
    cluster = start_cluster(follower_mode="reject", faults=False)
    leader = cluster.wait_for_leader()
    follower = next(node for node in cluster.ids if node != leader)
    with redis.Redis(port=cluster.port(follower)) as connection:
        with pytest.raises(redis.ReadOnlyError) as raised:
            connection.set("k", "v")
        assert cluster.address(leader) in str(raised.value)


def test_garbage_closes_that_connection_only(calm_cluster: LocalCluster) -> None:
    with (
        redis.Redis(port=calm_cluster.port(1)) as good,
        socket.create_connection(("127.0.0.1", calm_cluster.port(1)), timeout=10) as bad,
    ):
        good.ping()
        bad.sendall(b"*-10\r\n*1\r\n$-10\r\n")
        received = b""
        while data := bad.recv(4096):
            received += data
        assert received.startswith(b"-ERR Protocol error"), received
        assert good.ping()
