from collections.abc import Sequence
from typing import TypeAlias

# kind, key, argument, expected, expected_revision, result, succeeded, revision
RawAction: TypeAlias = tuple[int, bytes, bytes | None, bytes | None, int, bytes | None, bool, int]
# process, invoked, returned, outcome, actions, index
RawOperation: TypeAlias = tuple[int, int, int | None, int, Sequence[RawAction], int | None]

class Verdict:
    @property
    def finding(self) -> str: ...
    @property
    def explanation(self) -> str: ...
    @property
    def piece(self) -> tuple[int, ...]: ...
    @property
    def explored(self) -> int: ...

def check_linearizable(
    operations: Sequence[RawOperation],
    *,
    max_explored: int = ...,
    max_memory_bytes: int = ...,
) -> Verdict: ...
def check_by_index(operations: Sequence[RawOperation]) -> Verdict: ...
