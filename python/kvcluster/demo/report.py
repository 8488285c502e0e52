"""The one-page report: what was built, what one run measured, what comes next."""

from __future__ import annotations

from datetime import UTC, datetime

from kvcluster.demo.failover import FailoverRun

_ARCHITECTURE = """\
```
 client (RESP) --> server --> replica --> raft     consensus: elections, log, read index
                      |          '------> kv       state machine: records, sessions, hashes
                      +--> net                     frames between nodes
                      '--> storage                 WAL, LMDB checkpoints, snapshots
```

Each of the three nodes is one native process. A write is one entry of a replicated log: the
leader syncs it to its own disk while it sends it to the others, and acknowledges it when a
majority has it on disk. Reads are linearizable: the leader confirms that it still leads before it
answers. Consensus and state machine are pure code without clock, disk or socket. Two digests, of
the log and of the state, are kept at every index and compared between the nodes."""

_NEXT = """\
- The whole cluster in a deterministic simulation: lossy networks, failing disks, many seeds.
- Recorded histories of concurrent clients, checked for linearizability.
- Membership changes: a new node joins as a learner, then takes part.
- Streams and watches on top of the revisions that every write has already."""


def _rows(run: FailoverRun) -> list[tuple[str, str]]:
    rows = []
    if run.failover is not None:
        failover = run.failover
        rows.append(
            (
                "leader's death noticed",
                f"{failover.detected_ms:.1f} ms ({failover.detected_by.replace('_', ' ')})",
            )
        )
        rows.append(("election time, from the kill", f"{failover.elected_ms:.1f} ms"))
        if failover.writable_ms is not None:
            rows.append(("first write after the kill", f"{failover.writable_ms:.1f} ms"))
    if run.latency is not None:
        latency = run.latency
        rows.append(
            (
                f"write latency, one client, {latency.writes} writes",
                f"median {latency.median_ms:.2f} ms, p99 {latency.p99_ms:.2f} ms",
            )
        )
    if run.throughput is not None:
        throughput = run.throughput
        rows.append((f"writes, {throughput.how}", f"{throughput.writes_per_second:,.0f} a second"))
    else:
        rows.append(("writes a second", "not measured (redis-benchmark is needed for it)"))
    return rows


def report_text(run: FailoverRun) -> str:
    """The report in Markdown. Figures are those of this run, with every write synced to disk."""
    verdict = "PASS" if run.passed else "FAIL"
    steps = "\n".join(
        f"{step.number}. {step.title}: {step.seen} - **{'PASS' if step.passed else 'FAIL'}**"
        for step in run.steps
    )
    figures = "\n".join(f"| {name} | {value} |" for name, value in _rows(run))
    final = run.hashes[-1] if run.hashes else None
    hashes = (
        f"All nodes ended at index {final.index} with state `{final.state}` and full hash "
        f"`{run.full_hash}`."
        if final is not None
        else "No hashes were compared."
    )
    return f"""\
# Month 3 report: a replicated key-value store

{datetime.now(UTC):%Y-%m-%d %H:%M} UTC. {run.machine}; {run.nodes} nodes on this machine.
Verdict of the failover demonstration: **{verdict}**.

## Architecture

{_ARCHITECTURE}

## Figures of this run

| figure | value |
|---|---|
{figures}

Every acknowledged write was synced to the disks of a majority.

## The demonstration

{steps}

{hashes}

## Next steps

{_NEXT}
"""
