"""Nodes in network namespaces of their own, where that is possible; elsewhere a clear refusal."""

import os
import shutil
import subprocess

import pytest

from kvcluster import LocalCluster, NodeFailed
from kvcluster.guard import Guard
from kvcluster.namespaces import NamespaceNetwork


def possible() -> bool:
    """As a try tells: root may still lack the right to make namespaces."""
    guard = Guard()
    try:
        NamespaceNetwork([1], guard).close()
    except NodeFailed:
        return False
    finally:
        guard.close()
    return True


def interfaces() -> str:
    if shutil.which("ip") is None:
        return ""
    words = ["ip", "-o", "link", "show", "type", "bridge"]
    return subprocess.run(words, capture_output=True, text=True, check=False).stdout


def test_a_cluster_in_namespaces_is_parted_and_healed_or_clearly_refused() -> None:
    before = interfaces()
    if not possible():
        with pytest.raises(NodeFailed, match=r"namespaces (need|cannot)"):
            LocalCluster(network="namespaces").start()
        return
    with LocalCluster(network="namespaces") as cluster, cluster.client() as client:
        client.put("k", "old")
        leader = cluster.wait_for_leader()
        others = [node for node in cluster.ids if node != leader]
        cluster.partition([leader], others)
        cluster.wait_for_leader(among=others)
        with cluster.client() as fresh:
            fresh.put("k", "new")
        cluster.heal()
        cluster.wait_for_convergence()
        cluster.assert_hashes_equal(full=True)
        assert client.get("k") == b"new"
        with pytest.raises(ValueError, match="proxy"):
            cluster.delay(10)
    assert interfaces() == before


def test_namespaces_without_root_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    guard = Guard()
    try:
        with pytest.raises(NodeFailed, match="need root"):
            NamespaceNetwork([1], guard)
    finally:
        guard.close()


def test_what_a_killed_owner_leaves_behind_is_removed() -> None:
    before = interfaces()
    guard = Guard()
    try:
        NamespaceNetwork([1, 2], guard)
    except NodeFailed:
        return
    finally:
        guard.close()  # as its owner's end would
    assert interfaces() == before
