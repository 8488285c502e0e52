"""The gate of the election week: `kvcluster gate week11`."""

from __future__ import annotations

import re
import secrets
import subprocess
from pathlib import Path

from kvcluster.binaries import find_binary
from kvcluster.client import Client
from kvcluster.demo.measure import Failover, failover_of, write_latency
from kvcluster.gate import vote_rules
from kvcluster.gate.points import Point, PointFailed, require, source_tree
from kvcluster.local_cluster import LocalCluster
from kvcluster.timeline import leaders_by_term

TAG = "v0.11-election"
TAG_MESSAGE = "Week 11: leader election + client safety"

_TIMEOUT_MS = (150, 300)
# What the machine may add to a timer: scheduling, and a clock that is read once a turn.
_TIMER_SLACK_MS = 50
_ELECTION_BOUND_MS = 1000
_TRIAL_SECONDS = 120


class Week11:
    """The points of the gate on one cluster, which lives from `open` to `close`.

    Args:
        evidence: logs and figures are kept there.
    """

    def __init__(self, evidence: Path) -> None:
        self._evidence = evidence
        self._cluster = LocalCluster(
            nodes=3, faults=True, election_timeout_ms=_TIMEOUT_MS, keep_logs=evidence
        )
        self._failover: Failover | None = None

    def open(self) -> None:
        self._cluster.start()

    def close(self) -> None:
        self._cluster.close()

    def points(self) -> list[Point]:
        return [
            Point("Election timeout triggers", self.timeout_triggers),
            Point("Vote rules are correct", vote_rules.check),
            Point("Automatic election works", self.election_works),
            Point("Idempotent writes work", self.idempotent_writes),
            Point("Stale leader steps down", self.stale_leader_steps_down),
            Point("Raft paper read", self.paper_read),
            Point("Election test passes", self.election_test_passes),
            Point("Benchmark recorded", self.benchmark_recorded),
        ]

    def timeout_triggers(self) -> str:
        """The leader is paused, so that its connections stay open and only time can tell."""
        cluster = self._cluster
        leader = cluster.wait_for_leader()
        cluster.pause(leader)
        paused_at = cluster.timeline()[-1].time
        try:
            cluster.wait_for_leader(among=set(cluster.ids) - {leader})
        finally:
            cluster.resume(leader)
        cluster.wait_for_convergence()
        timeouts = [
            event
            for event in cluster.timeline()
            if event.name == "election_timeout" and event.time >= paused_at
        ]
        require(bool(timeouts), "no node logged an election timeout")
        silence_ms = int(timeouts[0].fields["value"])
        low, high = _TIMEOUT_MS
        found = f"node {timeouts[0].node} logged: {timeouts[0].message}"
        require(low <= silence_ms <= high + _TIMER_SLACK_MS, found)
        return f"{found} (its timeouts are {low}-{high} ms)"

    def election_works(self) -> str:
        cluster = self._cluster
        killed = cluster.wait_for_leader()
        cluster.kill(killed)
        failover: Failover = cluster.wait_for(
            lambda: failover_of(cluster.timeline(), killed), what="an election", timeout=10
        )
        cluster.wait_for_leader()
        with cluster.client() as client:
            client.put("elected", str(failover.leader))
        cluster.restart(killed)
        cluster.wait_for_convergence()
        self._failover = failover
        found = (
            f"node {killed} killed; noticed after {failover.detected_ms:.0f} ms, node "
            f"{failover.leader} elected after {failover.elected_ms:.0f} ms; it took a write"
        )
        require(failover.elected_ms <= _ELECTION_BOUND_MS, found)
        return found

    def idempotent_writes(self) -> str:
        """The same client and number, sent by kv_client before and after the leader was killed."""
        cluster = self._cluster
        session = f"gate-{secrets.token_hex(4)}"
        first = self._incr_once(session, cluster.wait_for_leader())
        second = self._incr_once(session, cluster.wait_for_leader())
        killed = cluster.wait_for_leader()
        cluster.kill(killed)
        third = self._incr_once(session, cluster.wait_for_leader())
        cluster.restart(killed)
        cluster.wait_for_convergence()
        with cluster.client() as client:
            value = client.get(session)
        found = f"three times seq 1 answered {first}, {second}, {third}; the counter is {value!r}"
        require({first, second, third} == {"1"} and value == b"1", found)
        return f"{found}; the third was sent to the next leader"

    def _incr_once(self, session: str, node: int) -> str:
        command = [str(find_binary("kv_client")), "--port", str(self._cluster.port(node))]
        command += ["--client-id", session, "--seq", "1", "incr", session]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30)
        if done.returncode != 0:
            raise PointFailed(f"kv_client ended with {done.returncode}: {done.stderr.strip()}")
        return done.stdout.strip()

    def stale_leader_steps_down(self) -> str:
        """A leader that slept through an election wakes up and hears of a later term."""
        cluster = self._cluster
        stale = cluster.wait_for_leader()
        term = cluster.status(stale).term
        others = set(cluster.ids) - {stale}
        cluster.pause(stale)
        leader = cluster.wait_for_leader(among=others)
        cluster.resume(stale)
        cluster.wait_for(
            lambda: cluster.status(stale).term > term, what="a higher term", timeout=10
        )
        cluster.wait_for_convergence()
        status = cluster.status(stale)
        by_term = leaders_by_term(cluster.timeline())
        found = (
            f"node {stale} led term {term}, was paused, woke up and is a {status.role} of node "
            f"{status.leader} in term {status.term}; no term had two leaders"
        )
        require(status.role == "follower" and status.leader != stale, found)
        require(all(len(leaders) == 1 for leaders in by_term.values()), f"leaders: {by_term}")
        require(leader in others, found)
        return found

    def paper_read(self) -> str:
        root = source_tree()
        if root is None:
            raise PointFailed("docs/raft-comparison.md is read in the project's source tree")
        page = root / "docs/raft-comparison.md"
        require(page.exists(), f"{page.name} is missing")
        missing = re.findall(r"^\| [^|]*\| (?:no|partly)\b", page.read_text(), re.MULTILINE)
        found = f"docs/raft-comparison.md: {len(missing)} features that Raft has and we lack"
        require(len(missing) >= 3, found)
        return found

    def election_test_passes(self) -> str:
        done = subprocess.run(
            [str(find_binary("election_test"))],
            capture_output=True,
            text=True,
            timeout=_TRIAL_SECONDS,
        )
        (self._evidence / "election_test.txt").write_text(done.stdout + done.stderr)
        lines = done.stdout.splitlines() or ["no output"]
        require(done.returncode == 0 and lines[-1] == "PASS", lines[-1])
        return f"{len(lines) - 1} steps, last line: {lines[-1]}"

    def benchmark_recorded(self) -> str:
        failover = self._failover
        if failover is None:
            raise PointFailed("no election was measured")
        with Client([self._cluster.address(self._cluster.wait_for_leader())]) as client:
            latency = write_latency(client)
        found = (
            f"election {failover.elected_ms:.0f} ms after the kill; write latency median "
            f"{latency.median_ms:.2f} ms, p99 {latency.p99_ms:.2f} ms ({latency.writes} writes)"
        )
        (self._evidence / "benchmark.txt").write_text(found + "\n")
        return found
