"""The chat's load test, and what its verdict finds."""

import os
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from kvcluster import Client, LocalCluster
from kvcluster.binaries import find_binary
from kvcluster.chat.load import Load, faults_of, run_load
from kvcluster.chat.message import Delivery, Forgotten
from kvcluster.ports import ReservedPort

Deliveries = list[Delivery | Forgotten]
SENT = {"100": ["a", "c"], "101": ["b"]}


def whole() -> Deliveries:
    return [Delivery(1, "100", "a"), Delivery(2, "101", "b"), Delivery(3, "100", "c")]


def test_what_is_as_it_must_be_has_no_faults() -> None:
    assert faults_of({"n1": whole(), "n2": whole()}, SENT) == []


def without_the_last(messages: Deliveries) -> Deliveries:
    return messages[:-1]


def with_one_twice(messages: Deliveries) -> Deliveries:
    return [*messages, Delivery(4, "101", "b")]


def with_a_gap(messages: Deliveries) -> Deliveries:
    return [*messages[:2], Delivery(4, "100", "c")]


def turned(messages: Deliveries) -> Deliveries:
    return [Delivery(1, "100", "c"), Delivery(2, "101", "b"), Delivery(3, "100", "a")]


@pytest.mark.parametrize(
    ("harm", "says"),
    [
        (without_the_last, "1 lost"),
        (with_one_twice, "1 too many"),
        (with_a_gap, "gap"),
        (turned, "messages of 100 are not in the order of saying"),
    ],
)
def test_what_is_wrong_at_one_node_is_found(
    harm: Callable[[Deliveries], Deliveries], says: str
) -> None:
    faults = faults_of({"n1": whole(), "n2": harm(whole())}, SENT)
    assert any(fault.startswith("n2: ") and says in fault for fault in faults), faults
    assert "n2 and n1 did not deliver alike" in faults


def test_what_was_trimmed_is_a_fault() -> None:
    assert faults_of({"n1": [Forgotten(1, 3)]}, {}) != []


@pytest.mark.parametrize("per_second", [200.0, None])
async def test_a_small_load_is_delivered_alike_everywhere(
    calm_cluster: LocalCluster, per_second: float | None
) -> None:
    run = await run_load(calm_cluster.nodes, Load(60, per_second, senders=3))
    assert run.passed, run.faults
    assert len(run.latencies_ms) == 60
    assert run.told.startswith("60 stored in ")


def test_the_program_ends_in_a_verdict(calm_cluster: LocalCluster, repository: Path) -> None:
    program = repository / "demo" / "load_test.py"
    words = ["--nodes", ",".join(calm_cluster.nodes), "--messages", "20", "--burst", "40"]
    done = subprocess.run(
        [sys.executable, str(program), *words],
        capture_output=True,
        text=True,
        timeout=90,
        env=os.environ,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1].startswith("PASS: every node delivered every message once")


def test_node_3_leads_the_cluster_of_the_configuration_files(
    repository: Path, tmp_path: Path
) -> None:
    ports = [ReservedPort() for _ in range(3)]
    with ExitStack() as stack:
        for port in ports:
            stack.callback(port.release)
        for node in range(1, 4):
            written = (repository / f"demo/chat/node{node}.toml").read_text()
            settings = tomllib.loads(written)
            assert (settings["id"], settings["port"], settings["priority"]) == (
                node,
                5000 + node,
                node,
            )
            for other, port in enumerate(ports, start=1):
                written = written.replace(str(5000 + other), str(port.number))
            config = tmp_path / f"node{node}.toml"
            config.write_text(written)
            process = subprocess.Popen(
                [find_binary("kvstore"), "--config", config, "--log-file", f"node{node}.log"],
                cwd=tmp_path,
            )
            stack.callback(process.wait)
            stack.callback(process.kill)
        with Client([f"127.0.0.1:{port.number}" for port in ports], timeout=60) as client:
            client.put("ready", "yes")
            deadline = time.monotonic() + 60
            while (status := client.status()).leader != 3:
                assert time.monotonic() < deadline, status
                client.put("still", "waiting")
    assert status.fields["heartbeat_ms"] == 800
    assert status.fields["election_timeout_min_ms"] == 2400
