"""A network namespace for every node of a local cluster: addresses and routes of its own.

Needs root and the program `ip`. Each node is behind a pair of virtual interfaces on one bridge; a
link is cut by a route of the sender that swallows what is meant for the other. In contrast to the
proxy of `link_proxy.py` nothing stands between the nodes, and a cut takes connections as a real one
does: the kernel goes on sending, and gives up in its own time.
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
from collections.abc import Iterable

from kvcluster.errors import NodeFailed
from kvcluster.guard import Guard
from kvcluster.link_faults import PERFECT, LinkQuality
from kvcluster.link_proxy import Link

_TRIES = 20


class NamespaceNetwork:
    """The namespaces of one cluster, and their links.

    Args:
        ids: of the nodes; at most 200.
        guard: told what to remove when this process dies.

    Raises:
        NodeFailed: it is not possible here; the message says why.
    """

    def __init__(self, ids: Iterable[int], guard: Guard) -> None:
        if os.geteuid() != 0:
            raise NodeFailed("network namespaces need root; use the proxy (network='proxy')")
        if shutil.which("ip") is None:
            raise NodeFailed("network namespaces need the program ip (Debian package iproute2)")
        self._ids = list(ids)
        self._tag = f"kv{random.randrange(16**6):06x}"
        self._subnet = ""
        for node in self._ids:
            guard.remove_namespace(self._name(node))
        guard.remove_interface(self._tag)
        try:
            self._lay()
        except NodeFailed:
            self.close()
            raise

    def host(self, node: int) -> str:
        """The node's address; this process reaches it, too."""
        return f"{self._subnet}.{node}"

    def prefix(self, node: int) -> list[str]:
        """What starts a program inside the node's namespace; the process id stays the program's."""
        return ["ip", "netns", "exec", self._name(node)]

    def cut(self, links: Iterable[Link]) -> None:
        """From now on nothing passes from the first node of each pair to the second."""
        for source, target in links:
            self._ip("-n", self._name(source), "route", "replace", "blackhole", self.host(target))

    def degrade(self, quality: LinkQuality, links: Iterable[Link] | None = None) -> None:
        """Only the proxy can do that."""
        if quality != PERFECT:
            raise ValueError("links between namespaces are cut or whole: use network='proxy'")

    def heal(self) -> None:
        """All links carry again."""
        for node in self._ids:
            self._ip("-n", self._name(node), "route", "flush", "type", "blackhole")

    def close(self) -> None:
        """Removes the namespaces with all that is in them, and the bridge."""
        for node in self._ids:
            _run("ip", "netns", "del", self._name(node))
        _run("ip", "link", "del", self._tag)

    # --- inside ---

    def _name(self, node: int) -> str:
        return f"{self._tag}-{node}"

    def _lay(self) -> None:
        self._ip("link", "add", self._tag, "type", "bridge")
        self._ip("link", "set", self._tag, "up")
        self._subnet = self._free_subnet()
        for node in self._ids:
            name, here, there = self._name(node), f"{self._tag}h{node}", f"{self._tag}n{node}"
            self._ip("netns", "add", name)
            self._ip("link", "add", here, "type", "veth", "peer", "name", there, "netns", name)
            self._ip("link", "set", here, "master", self._tag, "up")
            self._ip("-n", name, "addr", "add", f"{self.host(node)}/24", "dev", there)
            self._ip("-n", name, "link", "set", there, "up")
            self._ip("-n", name, "link", "set", "lo", "up")

    def _free_subnet(self) -> str:
        """One that no route of this machine leads to yet."""
        routes = _run("ip", "route").stdout
        for _ in range(_TRIES):
            subnet = f"10.{random.randrange(64, 256)}.{random.randrange(256)}"
            if f"{subnet}." not in routes:
                self._ip("addr", "add", f"{subnet}.254/24", "dev", self._tag)
                return subnet
        raise NodeFailed("no free network of the form 10.x.y.0/24 was found")

    def _ip(self, *words: str) -> None:
        done = _run("ip", *words)
        if done.returncode != 0:
            raise NodeFailed(
                f"network namespaces cannot be used here: ip {' '.join(words)}: "
                f"{done.stderr.strip()}"
            )


def _run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(words, capture_output=True, text=True, check=False)
