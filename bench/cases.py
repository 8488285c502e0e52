"""Which loads are put on which systems."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bench.load import Load
from bench.systems import ETCD, OURS, PYSYNCOBJ, REDIS_ALWAYS, REDIS_NONE, REDIS_WAIT


@dataclass(frozen=True, slots=True)
class Case:
    """One load, put on some systems in turn.

    Attributes:
        name: how it is chosen with `--only`.
        title: how it is shown.
    """

    name: str
    title: str
    load: Load
    systems: tuple[str, ...]


SET_P16 = "set-c50-p16"
SET_P64 = "set-c50-p64"
SET_P1 = "set-c50-p1"
SET_C1 = "set-c1-p1"
GET_P16 = "get-c50-p16"

_ALL_RESP = (OURS, REDIS_ALWAYS, REDIS_WAIT, REDIS_NONE)


def main_cases() -> list[Case]:
    """Those that the goals need, the most important first."""

    def case(name: str, title: str, systems: tuple[str, ...], load: Load) -> Case:
        return Case(name, title, load, systems)

    return [
        case(SET_P16, "SET c=50 P=16", _ALL_RESP, Load(depth=16)),
        case(SET_P64, "SET c=50 P=64", (OURS, REDIS_ALWAYS, REDIS_WAIT), Load(depth=64)),
        case(SET_P1, "SET c=50 P=1", (OURS, REDIS_ALWAYS, ETCD, PYSYNCOBJ), Load()),
        case(SET_C1, "SET c=1 P=1", (OURS, REDIS_ALWAYS, ETCD), Load(connections=1)),
        case(
            GET_P16,
            "GET c=50 P=16, linearizable",
            (OURS, REDIS_NONE),
            Load(command="get", depth=16, filled=True),
        ),
    ]


def more_cases() -> Iterator[Case]:
    """The rest of the matrix, for a whole run."""
    done = {(case.load.command, case.load.connections, case.load.depth) for case in main_cases()}
    pairs = {"set": (OURS, REDIS_ALWAYS), "get": (OURS, REDIS_NONE)}
    for command, systems in pairs.items():
        for connections in (1, 50, 200):
            for depth in (1, 16, 64):
                if (command, connections, depth) in done:
                    continue
                yield Case(
                    f"{command}-c{connections}-p{depth}",
                    f"{command.upper()} c={connections} P={depth}",
                    Load(command, connections, depth, filled=command == "get"),
                    systems,
                )
        for value_bytes in (16, 1024):
            yield Case(
                f"{command}-{value_bytes}b",
                f"{command.upper()} c=50 P=16, {value_bytes} B",
                Load(command, depth=16, value_bytes=value_bytes, filled=command == "get"),
                systems,
            )
    yield Case(
        "get-followers",
        "GET c=50 P=16, linearizable, on the followers",
        Load("get", depth=16, filled=True, target="followers"),
        (OURS,),
    )
    yield Case(
        "get-c50-p1-etcd",
        "GET c=50 P=1, linearizable",
        Load("get", filled=True),
        (OURS, ETCD),
    )
    for letter in "abcdef":
        # A scan is a command of ours.
        compared = (OURS,) if letter == "e" else (OURS, REDIS_ALWAYS)
        yield Case(
            f"ycsb-{letter}",
            f"YCSB {letter.upper()}, c=50 P=16",
            Load(f"ycsb-{letter}", depth=16, filled=True),
            compared,
        )
