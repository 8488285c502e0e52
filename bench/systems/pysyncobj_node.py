"""One process of PySyncObj: `pysyncobj_node.py JOURNAL SELF OTHER...`.

Reads one JSON object a line: what to do. The process that leads keeps so many writes in flight for
the time that was given and answers with figures as kv_bench writes them; the others answer `{}`.
"""

from __future__ import annotations

import json
import random
import sys
import time
from typing import Any

from pysyncobj import SyncObj, SyncObjConf
from pysyncobj.batteries import ReplDict

_START_SECONDS = 30.0
_POLL_SECONDS = 0.001


class Writer:
    """Keeps a number of writes in flight; each answer starts the next one."""

    def __init__(self, wish: dict[str, float], table: ReplDict) -> None:
        self._table = table
        self._keys = int(wish["keys"])
        self._value = "v" * int(wish["value_bytes"])
        self._in_flight = int(wish["in_flight"])
        self._from = time.monotonic() + wish["warmup_s"]
        self._to = self._from + wish["duration_s"]
        self._latencies: list[float] = []
        self._in_all = 0
        self._errors = 0
        self._waiting = 0

    def run(self) -> dict[str, Any]:
        for _ in range(self._in_flight):
            self._write()
        while self._waiting > 0 and time.monotonic() < self._to + 5:
            time.sleep(_POLL_SECONDS)
        self._latencies.sort()
        last = len(self._latencies) - 1
        shares = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "p99.9": 0.999, "max": 1.0}
        seconds = self._to - self._from
        return {
            "operations": len(self._latencies),
            "operations_in_all": max(self._in_all, 1),
            "seconds": seconds,
            "operations_per_second": len(self._latencies) / seconds,
            "errors": self._errors,
            "latency_us": {
                name: self._latencies[int(share * last)] * 1e6 if self._latencies else 0.0
                for name, share in shares.items()
            },
        }

    def _write(self) -> None:
        began = time.monotonic()
        self._waiting += 1
        key = f"key:{random.randrange(self._keys):012d}"
        self._table.set(key, self._value, callback=lambda _, error: self._done(began, error))

    def _done(self, began: float, error: int) -> None:
        now = time.monotonic()
        self._waiting -= 1
        if error:
            self._errors += 1
        else:
            self._in_all += 1
            if began >= self._from and now < self._to:
                self._latencies.append(now - began)
        if now < self._to:
            self._write()


def main() -> None:
    journal, own, *others = sys.argv[1:]
    table = ReplDict()
    node = SyncObj(
        own,
        others,
        consumers=[table],
        conf=SyncObjConf(journalFile=journal, commandsQueueSize=1_000_000),
    )
    for line in sys.stdin:
        deadline = time.monotonic() + _START_SECONDS
        while not node.isReady() and time.monotonic() < deadline:
            time.sleep(_POLL_SECONDS)
        leads = str(node._getLeader()) == own
        print(json.dumps(Writer(json.loads(line), table).run() if leads else {}), flush=True)


if __name__ == "__main__":
    main()
