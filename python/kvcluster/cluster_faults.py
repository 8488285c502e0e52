"""What can be done to the links and the disks of a local cluster, while its nodes run."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterable, Sequence

from kvcluster.cluster_view import ClusterView
from kvcluster.disk_faults import DiskCounters, DiskFaults, Operation, When
from kvcluster.link_faults import LinkQuality
from kvcluster.link_proxy import Link, LinkProxy
from kvcluster.namespaces import NamespaceNetwork
from kvcluster.timeline import Event


class ClusterFaults(ClusterView):
    """The verbs of `LocalCluster` for its network and its disks; those for processes are there.

    Each says what the nodes may make of it. Links are named by the node that speaks and the one
    that is spoken to; `None` means all of them. All verbs raise ValueError when the cluster was
    started with `faults=False`.
    """

    def __init__(self, ids: Iterable[int], *, password: str | None) -> None:
        super().__init__(ids, password=password)
        self._links: LinkProxy | NamespaceNetwork | None = None
        self._disks: dict[int, DiskFaults] = {}
        self._no_disks = "start it with faults=True"

    # --- links ---

    def partition(self, *groups: Iterable[int]) -> None:
        """Cuts all links between nodes of different groups, silently: packets vanish. A node that
        is in no group is alone. Clients still reach every node."""
        side = {node: number for number, group in enumerate(groups) for node in group}
        for lonely, node in enumerate(set(self.ids) - side.keys()):
            side[node] = len(groups) + lonely
        links = [
            (one, other)
            for one, other in itertools.permutations(self.ids, 2)
            if side[one] != side[other]
        ]
        parts = [sorted(group) for group in groups]
        self._proxy().cut(links)
        self._act(0, "partitioned", f"network parted into {parts}")

    def cut(self, source: int, target: int) -> None:
        """Cuts one direction: what `source` sends does not reach `target`."""
        self._proxy().cut([(source, target)])
        self._act(0, "cut", f"link cut from node {source} to node {target}")

    def ring(self, order: Sequence[int] | None = None) -> None:
        """Every node hears a majority, itself among it, and no two hear the same one.

        Each hears itself and those that follow it in `order`. Of three nodes each hears one other
        and is heard by the third, so that none can lead; of five, each hears two others.
        """
        nodes = list(self.ids if order is None else order)
        majority = len(nodes) // 2 + 1
        heard = {
            (nodes[(place + step) % len(nodes)], node)
            for place, node in enumerate(nodes)
            for step in range(majority)
        }
        self._proxy().cut([link for link in itertools.permutations(nodes, 2) if link not in heard])
        self._act(0, "ring", f"network cut into a ring {nodes}")

    def delay(
        self, ms: float, jitter_ms: float = 0, *, links: Iterable[Link] | None = None
    ) -> None:
        """All that passes arrives `ms` and up to `jitter_ms` later, in order."""
        self.degrade(LinkQuality(delay_ms=ms, jitter_ms=jitter_ms), links=links)

    def drop(self, ratio: float, *, links: Iterable[Link] | None = None) -> None:
        """At this share of what passes, the connection is lost with all that is on its way.

        The links are TCP, which makes up for lost packets by itself; what a node sees of a bad
        network is delay (`delay`), silence (`cut`) and lost connections (this).
        """
        self.degrade(LinkQuality(drop_ratio=ratio), links=links)

    def corrupt(self, ratio: float, *, links: Iterable[Link] | None = None) -> None:
        """In this share of what passes one bit is flipped; the checksum of the frame must find it,
        and the node close the connection."""
        self.degrade(LinkQuality(corrupt_ratio=ratio), links=links)

    def bandwidth(self, bytes_per_second: float, *, links: Iterable[Link] | None = None) -> None:
        """No more than this passes."""
        self.degrade(LinkQuality(bytes_per_second=bytes_per_second), links=links)

    def degrade(self, quality: LinkQuality, *, links: Iterable[Link] | None = None) -> None:
        """Any mixture of the above, instead of what these links did before."""
        chosen = None if links is None else list(links)
        self._proxy().degrade(quality, chosen)
        where = "all links" if chosen is None else f"links {chosen}"
        self._act(0, "degraded", f"{where} carry with {quality}")

    def arrivals(self, source: int, target: int) -> list[float]:
        """When something that `source` said reached `target`: the last 1000 times, in seconds of
        the monotonic clock. Only the proxy sees it."""
        links = self._proxy()
        if isinstance(links, NamespaceNetwork):
            raise ValueError("nothing is between namespaces: use network='proxy'")
        return links.arrivals(source, target)

    def heal_links(self) -> None:
        """All links carry again, and well."""
        self._proxy().heal()
        self._act(0, "healed", "network healed")

    def heal(self) -> None:
        """All links carry again, and well; all disks work. Nodes that ended stay ended."""
        if self._links is None and not self._disks:
            self._proxy()
        if self._links is not None:
            self._links.heal()
        for disk in self._disks.values():
            disk.heal()
        self._act(0, "healed", "network and disks healed")

    # --- disks ---

    def disk(self, node: int) -> DiskFaults:
        """All that can be done to the node's disk; the verbs here are the usual of it."""
        if node not in self.ids:
            raise ValueError(f"there is no node {node}")
        if node not in self._disks:
            raise ValueError(f"the disks of this cluster cannot be made to fail: {self._no_disks}")
        return self._disks[node]

    def slow_disk(self, node: int, ms: float) -> None:
        """Each sync of the node takes `ms` longer."""
        self.disk(node).slow(sync_ms=ms)
        self._act(node, "slow_disk", f"each sync of node {node} takes {ms} ms longer")

    def hang_disk(self, node: int) -> None:
        """No sync of the node returns, until `heal_disk`. A leader must lose its office."""
        self.disk(node).hang()
        self._act(node, "hung_disk", f"no sync of node {node} returns")

    def fill_disk(self, node: int, *, left_bytes: int = 0) -> None:
        """The node's disk is full but for so much. It refuses writes and serves reads."""
        self.disk(node).fill(left_bytes=left_bytes)
        self._act(node, "full_disk", f"disk of node {node} is full but for {left_bytes} bytes")

    def free_disk(self, node: int) -> None:
        """Ends `fill_disk`."""
        self.disk(node).free()
        self._act(node, "freed_disk", f"disk of node {node} has room again")

    def break_disk(self, node: int, *, operations: Operation = Operation.SYNC) -> None:
        """The node's next sync fails with EIO. It must end by itself and never try again; after
        `restart` its disk works."""
        self._doomed.add(node)
        self.disk(node).fail(operations)
        self._act(node, "broken_disk", f"next {operations.name} of node {node} fails with EIO")

    def shorten_writes(self, node: int, *, every: int = 1) -> None:
        """Each `every`-th write of the node stores only half and says so. Nobody may notice."""
        self.disk(node).shorten(every=every, times=None)
        self._act(node, "short_writes", f"each {every}th write of node {node} stores half")

    def heal_disk(self, node: int) -> None:
        """The node's disk works again, and nothing waits to go wrong."""
        self.disk(node).heal()
        self._act(node, "healed_disk", f"disk of node {node} healed")

    def crash_at(
        self,
        node: int,
        number: int,
        *,
        operations: Operation = Operation.ANY,
        when: When = When.BEFORE,
    ) -> None:
        """The node dies by SIGKILL at its `number`-th operation of these kinds from now: before
        it, in the middle of it (a torn write), or after it."""
        self.disk(node).kill_at(number, kinds=operations, when=when)
        self._act(node, "crash_planned", f"node {node} dies {when.name} disk operation {number}")

    def disk_counters(self, node: int) -> DiskCounters:
        """What the node did to its disk since the cluster was made."""
        return self.disk(node).counters()

    # --- inside ---

    def _proxy(self) -> LinkProxy | NamespaceNetwork:
        if self._links is None:
            raise ValueError(
                "the links of this cluster have no switches: start it with faults=True"
            )
        return self._links

    def _act(self, node: int, name: str, message: str) -> None:
        self._actions.append(Event(time.time(), 0, name, message, {"peer": node}))
