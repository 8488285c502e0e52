"""Chaos: concurrent clients on real `kvstore` processes, faults of every kind, and a verdict.

`plan` draws the faults from a seed, as data; `clients` write, read and record what they were told;
`faults` carries the plan out; `run` joins them and checks at the end; `report` and `html` tell.

A seed gives the same plan and the same choices of the clients, not the same run: real processes,
real threads and a real network stand between them.
"""

from kvcluster.chaos.plan import Fault, Kind, draw_plan
from kvcluster.chaos.report import Report
from kvcluster.chaos.run import ChaosOptions, run_chaos

__all__ = ["ChaosOptions", "Fault", "Kind", "Report", "draw_plan", "run_chaos"]
