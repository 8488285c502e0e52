"""Pictures of what a cluster does, for notebooks and pages: SVG, by matplotlib.

- `plot_timeline`: roles, terms, commits and faults over time, of a real cluster
  (`story_of_events`) or a simulated one (`story_of_simulation`).
- `plot_logs`: log tables, of cores on a bench (`logs_of_bench`) or of a node's disk
  (`log_of_directory`).
- `plot_hashes`: the state hashes of all nodes, step by step.

They need matplotlib, which comes with the extra `test`.
"""

from kvcluster.pictures.hashes import plot_hashes
from kvcluster.pictures.logs import LogRow, log_of_directory, logs_of_bench, plot_logs
from kvcluster.pictures.picture import Picture
from kvcluster.pictures.story import Mark, Span, Story, story_of_events, story_of_simulation
from kvcluster.pictures.timeline import plot_timeline

__all__ = [
    "LogRow",
    "Mark",
    "Picture",
    "Span",
    "Story",
    "log_of_directory",
    "logs_of_bench",
    "plot_hashes",
    "plot_logs",
    "plot_timeline",
    "story_of_events",
    "story_of_simulation",
]
