"""The command `kvcluster`."""

from __future__ import annotations

import sys
from enum import IntEnum

from kvcluster.errors import (
    CommandError,
    KvError,
    NotLeader,
    StorageError,
    Timeout,
    Unavailable,
)


class Exit(IntEnum):
    """Exit codes; those of keys are the ones of kv_client."""

    DONE = 0
    FAILED = 1  # a check failed; of keys: not found
    USAGE = 2
    NOT_APPLIED = 3
    UNKNOWN = 4


def exit_code_of(error: Exception) -> Exit:
    """What an error means for the shell."""
    if isinstance(error, Timeout):
        return Exit.UNKNOWN
    if isinstance(error, (NotLeader, Unavailable, StorageError)):
        return Exit.NOT_APPLIED
    if isinstance(error, (CommandError, ValueError)):
        return Exit.USAGE
    return Exit.FAILED


def main() -> None:
    """Runs the command line. An expected error is one clear line and an exit code."""
    from kvcluster.cli.app import app

    try:
        app()
    except (KvError, ValueError, OSError) as error:
        print(f"kvcluster: {error}", file=sys.stderr)
        sys.exit(exit_code_of(error))
    except KeyboardInterrupt:
        print("kvcluster: interrupted", file=sys.stderr)
        sys.exit(130)
