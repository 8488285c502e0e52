"""What programs build on a cluster: a lock, a leader, a counter, a queue.

Each says what it promises when a node, a connection or the program itself is lost. All use a
`kvcluster.Client`, whose writes are applied once however often they have to be sent.

>>> from kvcluster.recipes import Lock
>>> with Lock(client, "nightly-report", ttl=30.0) as lock:  # doctest: +SKIP
...     storage.write(report, fence=lock.fence)
"""

from kvcluster.recipes.counter import Counter
from kvcluster.recipes.election import Election, Leader, Leadership
from kvcluster.recipes.lock import Lock, NotHeld
from kvcluster.recipes.queue import Item, Queue, QueueFull

__all__ = [
    "Counter",
    "Election",
    "Item",
    "Leader",
    "Leadership",
    "Lock",
    "NotHeld",
    "Queue",
    "QueueFull",
]
