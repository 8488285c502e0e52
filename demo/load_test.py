"""The chat under load: 100 messages a second, then as fast as it goes, listened to at every node.

Run it with the package installed; without --nodes it starts three nodes of its own. The exit code
is 0 when every node delivered every message once and in one order.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from contextlib import ExitStack

from kvcluster import LocalCluster
from kvcluster.chat.load import Load, run_load


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", help="host:port,... of a cluster that runs")
    parser.add_argument("--messages", type=int, default=100, help="at the set pace [100]")
    parser.add_argument("--per-second", type=float, default=100, help="the set pace [100]")
    parser.add_argument("--burst", type=int, default=2000, help="as fast as it goes [2000]")
    parser.add_argument("--senders", type=int, default=8, help="clients that send at once [8]")
    options = parser.parse_args()
    with ExitStack() as stack:
        if options.nodes is not None:
            nodes = options.nodes.split(",")
        else:
            nodes = stack.enter_context(LocalCluster(nodes=3, faults=False)).nodes
        loads = [
            Load(options.messages, options.per_second, options.senders),
            Load(options.burst, None, options.senders),
        ]
        faults = []
        for load in loads:
            print(f"{load.title}, {len(nodes)} nodes listened to")
            run = asyncio.run(run_load(nodes, load))
            print(f"  {run.told}")
            for fault in run.faults:
                print(f"  {fault}")
            faults += run.faults
    if faults:
        print("FAIL: not every node delivered all messages in one order")
        return 1
    print("PASS: every node delivered every message once and in one order")
    return 0


if __name__ == "__main__":
    sys.exit(main())
