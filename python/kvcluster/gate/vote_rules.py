"""Point 2 of week 11: the rules of voting, asked of the consensus core itself."""

from __future__ import annotations

import importlib
from typing import Any

from kvcluster.gate.points import PointFailed


def check() -> str:
    """One vote a term, only for logs that are as new, none for a lower term.

    Raises:
        PointFailed: a rule is broken, or the core cannot be asked.
    """
    try:
        raft: Any = importlib.import_module("kvcluster.raft")
    except ImportError as error:
        raise PointFailed(
            f"the native module with the consensus core is missing: {error}"
        ) from error
    raise PointFailed(f"{raft.__name__} cannot be asked for votes yet")
