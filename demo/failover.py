"""The failover demonstration in a page of Python: run it with the package installed."""

from kvcluster import LocalCluster


def main() -> None:
    with LocalCluster(nodes=3) as cluster, cluster.client() as client:
        for number in range(50):
            client.put(f"key-{number}", f"value-{number}")
        print("50 keys, one hash:", cluster.assert_hashes_equal().state)

        old = cluster.wait_for_leader()
        cluster.kill(old)
        print(f"node {old} killed; node {cluster.wait_for_leader()} leads")

        for number in range(50, 100):
            client.put(f"key-{number}", f"value-{number}")
        print("50 more on the survivors, one hash:", cluster.assert_hashes_equal().state)

        cluster.restart(old)
        cluster.wait_for_convergence()
        for node in cluster.ids:
            assert len(cluster.local_range(node)) == 100
        print("all three, one hash:", cluster.assert_hashes_equal(full=True).state)

        for event in cluster.timeline():
            if event.name in ("killed", "leader_lost", "candidate", "became_leader", "restarted"):
                print(f"  {event.message}")


if __name__ == "__main__":
    main()
