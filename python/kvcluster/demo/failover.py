"""The failover demonstration: 50 keys, the leader killed, an election, 50 more keys, the old
leader back, 100 keys and one hash on every node."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from kvcluster.client import Client
from kvcluster.demo.measure import (
    Failover,
    Latency,
    Throughput,
    failover_of,
    latency_of,
    machine,
    write_throughput,
)
from kvcluster.demo.scene import expect, see_one_hash, see_roles, write_timeline
from kvcluster.demo.script import Plan, Script, Step, StepFailed, Teller
from kvcluster.errors import Corruption
from kvcluster.local_cluster import LocalCluster
from kvcluster.replies import StateHash

KEYS = 50
ELECTION_BOUND_MS = 1000

PLAN = [
    Plan("Start three nodes", "one leader, two followers, all in one term"),
    Plan(f"Write {KEYS} keys to the leader", f"{KEYS} acknowledged; {KEYS} keys on each node"),
    Plan("Compare the state hashes", "one index and one hash on all three nodes"),
    Plan("Kill the leader with SIGKILL", "a survivor notices by itself and logs it"),
    Plan(
        "Watch the election",
        f"one survivor leads a later term within {ELECTION_BOUND_MS} ms, untouched by hand",
    ),
    Plan(
        f"Write {KEYS} more keys to the new leader",
        f"{KEYS} acknowledged; {2 * KEYS} keys on both survivors",
    ),
    Plan("Compare the survivors' state hashes", "one index and one hash on both"),
    Plan("Restart the old leader", "it follows the new leader and catches up"),
    Plan("Read every key on every node", f"all {2 * KEYS} keys with their values on all three"),
    Plan(
        "Compare the hashes of all three",
        "one hash on all three, incremental and recomputed in full",
    ),
]


@dataclass(slots=True)
class FailoverRun:
    """What a run showed and measured. `passed` needs every step."""

    evidence: Path
    steps: list[Step] = field(default_factory=list)
    passed: bool = False
    nodes: int = 3
    failover: Failover | None = None
    latency: Latency | None = None
    throughput: Throughput | None = None
    hashes: list[StateHash] = field(default_factory=list)
    full_hash: str = ""
    machine: str = ""

    def write(self) -> None:
        """`run.json` in the evidence."""
        content = asdict(self) | {"evidence": self.evidence.name}
        (self.evidence / "run.json").write_text(json.dumps(content, indent=2) + "\n")


def run_failover(evidence: Path, tell: Teller, *, measure_throughput: bool = False) -> FailoverRun:
    """Carries the demonstration out on a cluster of its own.

    Args:
        evidence: the nodes' logs, the timeline and what was seen are kept there.
        tell: is called with each step when it has ended.
        measure_throughput: load the cluster for some seconds after the last step.
    """
    run = FailoverRun(evidence, machine=machine())
    script = Script(PLAN, evidence, tell)
    cluster = LocalCluster(nodes=run.nodes, faults=False, keep_logs=evidence)
    try:
        with cluster:
            try:
                _Failover(cluster, script, run).carry_out()
                if measure_throughput:
                    run.throughput = write_throughput(cluster.port(cluster.wait_for_leader()))
            finally:
                write_timeline(cluster, evidence)
    except StepFailed:
        pass  # the step itself says so
    run.steps = script.steps
    run.passed = script.passed
    run.write()
    return run


def _values(numbers: Iterable[int]) -> dict[bytes, bytes]:
    return {f"demo:{number:03}".encode(): f"value-{number}".encode() for number in numbers}


class _Failover:
    """One run; each method is a step."""

    def __init__(self, cluster: LocalCluster, script: Script, run: FailoverRun) -> None:
        self._cluster = cluster
        self._script = script
        self._run = run
        self._client = cluster.client()
        self._leader = 0
        self._term = 0
        self._times_ms: list[float] = []

    def carry_out(self) -> None:
        with self._client:
            self._nodes_are_up()
            self._write(range(KEYS))
            self._compare()
            old = self._leader
            self._kill_the_leader()
            self._watch_the_election(old)
            self._write(range(KEYS, 2 * KEYS))
            self._compare()
            self._restart(old)
            self._read_everything()
            self._compare(full=True)
        self._run.latency = latency_of(self._times_ms)

    def _nodes_are_up(self) -> None:
        with self._script.step() as step:
            self._leader, self._term = see_roles(self._cluster, step)

    def _write(self, numbers: range) -> None:
        with self._script.step() as step, Client([self._cluster.address(self._leader)]) as leader:
            for key, value in _values(numbers).items():
                began = time.perf_counter()
                leader.put(key, value)
                self._times_ms.append((time.perf_counter() - began) * 1000)
            self._cluster.wait_for_convergence()
            counts = {
                node: len(self._cluster.local_range(node, "demo:", "demo;"))
                for node in self._cluster.running
            }
            step.seen = (
                f"{len(numbers)} acknowledged by node {self._leader}; keys by node: {counts}"
            )
            expect(set(counts.values()) == {numbers.stop}, step.seen)

    def _compare(self, *, full: bool = False) -> None:
        with self._script.step() as step:
            self._run.hashes.append(see_one_hash(self._cluster, step))
            if full:
                self._cluster.assert_hashes_equal(full=True)
                _, self._run.full_hash = self._cluster.full_hash(self._leader)
                step.notes.append(f"full    {self._run.full_hash}")

    def _kill_the_leader(self) -> None:
        with self._script.step() as step:
            self._cluster.kill(self._leader)
            began = time.perf_counter()
            self._client.put("demo-probe", "1")
            writable_ms = (time.perf_counter() - began) * 1000
            found: Failover = self._cluster.wait_for(
                lambda: failover_of(self._cluster.timeline(), self._leader),
                what="waiting for an election in the logs",
                timeout=10.0,
            )
            self._run.failover = dataclasses.replace(found, writable_ms=writable_ms)
            step.seen = (
                f"node {self._leader} killed; noticed after {found.detected_ms:.1f} ms "
                f"({found.detected_by.replace('_', ' ')})"
            )

    def _watch_the_election(self, old: int) -> None:
        with self._script.step() as step:
            failover = self._run.failover
            if failover is None:
                raise Corruption("the failover was not measured")
            self._client.delete("demo-probe")
            self._leader = self._cluster.wait_for_leader()
            step.seen = (
                f"node {failover.leader} leads in term {failover.term} after "
                f"{failover.elected_ms:.1f} ms; a write that was sent right after the kill was "
                f"acknowledged after {failover.writable_ms:.1f} ms"
            )
            step.notes += [
                f"node {event.node}: {event.message}"
                for event in self._cluster.timeline()
                if event.node not in (0, old)
                and event.term is not None
                and event.term > self._term
                and event.name in ("pre_candidate", "candidate", "vote_received", "became_leader")
            ]
            expect(failover.term > self._term, step.seen)
            expect(failover.elected_ms <= ELECTION_BOUND_MS, step.seen)

    def _restart(self, old: int) -> None:
        with self._script.step() as step:
            self._cluster.restart(old)
            index = self._cluster.wait_for_convergence()
            status = self._cluster.status(old)
            step.seen = (
                f"node {old} is a {status.role} of node {status.leader} in term {status.term}, "
                f"at index {index} as all others"
            )
            expect(status.role == "follower" and status.leader == self._leader, step.seen)

    def _read_everything(self) -> None:
        with self._script.step() as step:
            expected = _values(range(2 * KEYS))
            for node in self._cluster.ids:
                found = {
                    item.key: item.value
                    for item in self._cluster.local_range(node, "demo:", "demo;")
                }
                missing = sorted(expected.items() - found.items())
                expect(found == expected, f"node {node} lacks or has otherwise: {missing[:3]}")
            step.seen = f"{len(expected)} keys with their values on nodes {self._cluster.ids}"
