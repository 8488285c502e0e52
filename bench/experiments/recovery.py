"""How long a cluster needs to serve again when all its nodes must read their whole log."""

from __future__ import annotations

import time
from pathlib import Path

from bench.load import Load
from bench.process import BenchError
from bench.systems.ours import Ours
from kvcluster.errors import KvError

_NEVER = 1 << 39  # bytes: no checkpoint shortens the log
_RECOVERY_TIMEOUT = 300.0


def measure_recovery(entries: int, directory: Path) -> float:
    """Seconds from the start of the processes to the first answer to a read; all were killed.

    Raises:
        BenchError: the log did not hold what it should.
    """
    ours = Ours({"memtable-bytes": _NEVER, "wal-checkpoint-bytes": _NEVER})
    with ours.running(directory) as running:
        cluster = running.cluster
        running.drive(Load("fill", 10, 100, keys=entries))
        cluster.wait_for_convergence(timeout=60)
        last = min(status.last_index for status in cluster.statuses().values())
        if last < entries:
            raise BenchError(f"the log ends at {last}, before its {entries} entries")
        cluster.kill_all()
        began = time.monotonic()
        for node in cluster.ids:
            cluster.restart(node)
        with cluster.client(timeout=1.0) as client:
            while time.monotonic() < began + _RECOVERY_TIMEOUT:
                try:
                    if client.get("key:000000000000") is not None:
                        return time.monotonic() - began
                except KvError:
                    continue
        raise BenchError(f"no answer within {_RECOVERY_TIMEOUT:.0f} s")
