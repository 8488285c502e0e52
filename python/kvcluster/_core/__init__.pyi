# The native module: one submodule a topic, as bindings/ registers them. Ids are int, times are int
# microseconds unless a name says otherwise; payloads, digests, keys and incarnations are bytes. The
# docstrings are in the module itself: help("kvcluster._core.raft").
from kvcluster._core import check as check
from kvcluster._core import digest as digest
from kvcluster._core import node as node
from kvcluster._core import raft as raft
from kvcluster._core import sim as sim
from kvcluster._core import state as state
from kvcluster._core import wal as wal
