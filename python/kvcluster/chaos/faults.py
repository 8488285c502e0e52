"""Carries a plan out on a running cluster, one thread, and knows at any time who is hurt."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from kvcluster.chaos.plan import DAMAGE, NETWORK, Fault, Kind
from kvcluster.disk_faults import Operation, When
from kvcluster.errors import KvError
from kvcluster.link_faults import LinkQuality
from kvcluster.local_cluster import LocalCluster

_WHENS = list(When)
# Entries that a node may be behind and still count as whole; all of them are on a majority.
_WHOLE_LAG = 100
# So long damage waits for the moment when all nodes are whole.
_PATIENCE_SECONDS = 30.0


@dataclass(slots=True)
class Injected:
    """A fault that was carried out. Times: `time.monotonic`.

    Attributes:
        nodes: whom it hit; empty: the links.
        breaks_quorum: while it lasts, no majority can be counted on, whoever else is well.
        may_end: the nodes may end by themselves.
    """

    fault: Fault
    nodes: tuple[int, ...]
    began: float
    breaks_quorum: bool = False
    may_end: bool = False
    ended: float | None = None
    cure: Callable[[], None] = field(default=lambda: None, repr=False)

    @property
    def due(self) -> float:
        return self.began + self.fault.lasts


class Injector:
    """Begins faults, cures them in time, and watches for nodes that end without a reason."""

    def __init__(self, cluster: LocalCluster) -> None:
        self._cluster = cluster
        self._active: list[Injected] = []
        self.injected: list[Injected] = []
        self.skipped: list[Fault] = []
        self._waiting: list[tuple[Fault, float]] = []
        self.surprises: list[str] = []

    def begin(self, fault: Fault, planned: float | None = None) -> None:
        """Carries it out, or notes that nobody was free for it. Damage waits for its moment."""
        injected = self._carry_out(fault)
        if injected is not None:
            self.injected.append(injected)
            self._active.append(injected)
        elif fault.kind in DAMAGE:
            self._waiting.append((fault, planned or time.monotonic()))
        else:
            self.skipped.append(fault)

    def step(self) -> None:
        """Cures what has lasted long enough; starts nodes again that ended without a reason."""
        now = time.monotonic()
        for injected in [one for one in self._active if now >= one.due]:
            self._cure(injected)
        if self._waiting and not self._active:
            fault, since = self._waiting.pop(0)
            if now - since < _PATIENCE_SECONDS:
                self.begin(fault, since)
            else:
                self.skipped.append(fault)
        excused = {node for one in self._active for node in one.nodes if one.may_end}
        for node in self._cluster.ids:
            if node not in self._cluster.running and node not in excused:
                code = self._cluster.exit_code(node)
                words = self._cluster.log(node).read_text(errors="replace").splitlines()[-3:]
                self.surprises.append(f"node {node} ended with exit code {code}: {words}")
                self._cluster.restart(node)

    def cure_all(self) -> None:
        """The cluster is whole again, and every node runs."""
        for injected in list(self._active):
            self._cure(injected)
        self._cluster.heal()
        for node in self._cluster.ids:
            if node not in self._cluster.running:
                self._cluster.restart(node)

    # --- inside ---

    def _cure(self, injected: Injected) -> None:
        injected.cure()
        injected.ended = time.monotonic()
        self._active.remove(injected)

    def _carry_out(self, fault: Fault) -> Injected | None:
        if fault.kind in NETWORK:
            if any(one.fault.kind in NETWORK for one in self._active):
                return None
            return self._harm_links(fault)
        if fault.kind is Kind.TRANSFER:
            return self._transfer(fault)
        if fault.kind is Kind.KILL_ALL:
            return self._kill_all(fault)
        node = self._free_node(fault)
        if node is None:
            return None
        if fault.kind in DAMAGE:
            return self._damage(fault, node)
        return self._harm_node(fault, node)

    def _free_node(self, fault: Fault) -> int | None:
        """The planned one, or the next that nothing else is done to."""
        leader = self._cluster.leader()
        ranks = sorted(self._cluster.ids, key=lambda node: (node != leader, node))
        ranks = ranks[fault.target :] + ranks[: fault.target]
        busy = {node for one in self._active for node in one.nodes}
        return next((node for node in ranks if node not in busy), None)

    def _harm_links(self, fault: Fault) -> Injected:
        cluster, order, amount = self._cluster, fault.order, fault.amount
        breaks_quorum = False
        nodes: tuple[int, ...] = ()
        if fault.kind is Kind.PARTITION:
            at = 1 + int(amount * (len(order) - 1))
            cluster.partition(order[:at], order[at:])
            nodes = min(order[:at], order[at:], key=len)
            breaks_quorum = len(nodes) * 2 == len(order)
        elif fault.kind is Kind.CUT:
            cluster.cut(order[0], order[1])
            nodes = order[:1]
        elif fault.kind is Kind.RING:
            cluster.ring(order)
            breaks_quorum = True
        elif fault.kind is Kind.DELAY:
            cluster.delay(2 + 20 * amount, 40 * amount)
        else:
            quality = {
                Kind.DROP: LinkQuality(drop_ratio=0.002 + 0.03 * amount),
                Kind.CORRUPT: LinkQuality(corrupt_ratio=0.002 + 0.03 * amount),
                Kind.NARROW: LinkQuality(bytes_per_second=20_000 + 300_000 * amount),
            }[fault.kind]
            cluster.degrade(quality)
            breaks_quorum = True
        injected = Injected(fault, nodes, time.monotonic(), breaks_quorum)
        injected.cure = cluster.heal_links
        return injected

    def _harm_node(self, fault: Fault, node: int) -> Injected:
        cluster, amount = self._cluster, fault.amount
        injected = Injected(fault, (node,), time.monotonic(), may_end=True)
        injected.cure = lambda: cluster.heal_disk(node)
        match fault.kind:
            case Kind.KILL:
                cluster.kill(node)
                injected.cure = lambda: cluster.restart(node)
            case Kind.RESTART:
                if (code := cluster.stop(node)) != 0:
                    self.surprises.append(f"node {node} answered SIGTERM with exit code {code}")
                injected.cure = lambda: cluster.restart(node)
            case Kind.PAUSE:
                cluster.pause(node)
                injected.cure = lambda: cluster.resume(node)
                injected.may_end = False
            case Kind.SLOW_DISK:
                cluster.slow_disk(node, 2 + 100 * amount)
                injected.may_end = False
            case Kind.HUNG_DISK:
                cluster.hang_disk(node)
                injected.may_end = False
            case Kind.SHORT_WRITES:
                cluster.shorten_writes(node, every=1 + int(3 * amount))
                injected.may_end = False
            case Kind.FULL_DISK:
                cluster.fill_disk(node, left_bytes=int(100_000 * amount))
                injected.may_end = False
            case Kind.BROKEN_DISK:
                broken = Operation.SYNC if amount < 0.5 else Operation.WRITE
                cluster.break_disk(node, operations=broken)
                injected.cure = lambda: self._bring_back(node)
            case _:
                when = _WHENS[int(amount * 3)]
                cluster.crash_at(node, 1 + int(amount * 3000) % 40, when=when)
                injected.cure = lambda: self._bring_back(node)
        return injected

    def _damage(self, fault: Fault, node: int) -> Injected | None:
        """Flips a bit in a file of a node that is down. Only while every node is whole, so that
        the others have all that was acknowledged."""
        cluster = self._cluster
        statuses = cluster.statuses().values()
        whole = len(statuses) == len(cluster.ids) and all(
            status.phase == "serving" and status.leader != 0 for status in statuses
        )
        lag = max((one.commit_index for one in statuses), default=0) - min(
            (one.applied_index for one in statuses), default=0
        )
        if self._active or not whole or lag > _WHOLE_LAG:
            return None
        cluster.kill(node)
        name = "wal/segment-*" if fault.kind is Kind.DAMAGED_WAL else "checkpoint-*/data.mdb"
        files = sorted(cluster.data_dir(node).glob(name))
        if files:
            flip_bit(files[int(fault.amount * len(files))], fault.amount * 7919 % 1)
        cluster.restart(node)
        return Injected(fault, (node,), time.monotonic()) if files else None

    def _bring_back(self, node: int) -> None:
        """Disarms what was to end the node; starts it if it did."""
        self._cluster.heal_disk(node)
        if node not in self._cluster.running:
            self._cluster.restart(node)

    def _kill_all(self, fault: Fault) -> Injected:
        for injected in [one for one in self._active if one.fault.kind not in NETWORK]:
            self._cure(injected)
        self._cluster.kill_all()
        injected = Injected(
            fault, tuple(self._cluster.ids), time.monotonic(), breaks_quorum=True, may_end=True
        )

        def cure() -> None:
            for node in self._cluster.ids:
                self._cluster.restart(node)

        injected.cure = cure
        return injected

    def _transfer(self, fault: Fault) -> Injected | None:
        leader = self._cluster.leader()
        if leader is None:
            return None
        target = next(node for node in fault.order if node != leader)
        with (
            contextlib.suppress(KvError),  # it may have lost its office just now
            self._cluster.client(timeout=1.0) as client,
        ):
            client.execute("KV.TRANSFER", target)
        return Injected(fault, (), time.monotonic())


def flip_bit(file: Path, place: float) -> int:
    """Changes one bit of what was written to the file, at this share of it; the byte's offset."""
    data = file.read_bytes().rstrip(b"\0")
    offset = int(place * len(data))
    with file.open("r+b") as opened:
        opened.seek(offset)
        opened.write(bytes([data[offset] ^ 0x10]) if data else b"\x10")
    return offset
