"""Holds the code against the include table of docs/architecture.md, so that the page cannot rot."""

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

ARCHITECTURE = Path("docs/architecture.md")

# A quoted include with a folder; a folder that is no layer is a library's.
LAYER_INCLUDE = re.compile(r'^\s*#\s*include\s*"(?P<layer>[a-z_]+)/[^"]+"')

# What a pure layer never touches: time, chance, threads, files, sockets, the environment. Time
# comes in with an event, randomness from a seed.
IMPURE_INCLUDE = re.compile(
    r"^\s*#\s*include\s*[<\"](?:"
    r"thread|mutex|shared_mutex|condition_variable|future|stop_token|semaphore|latch|barrier"
    r"|fstream|iostream|filesystem|ctime|time\.h|csignal|signal\.h"
    r"|unistd\.h|fcntl\.h|poll\.h|netdb\.h|sys/.+|netinet/.+|arpa/.+"
    r"|asio(?:/.+|\.hpp)|lmdb\.h|spdlog/.+|openssl/.+"
    r")[>\"]"
)
IMPURE_NAME = re.compile(
    r"\b(?:steady_clock|system_clock|high_resolution_clock|clock_gettime|gettimeofday"
    r"|random_device|s?rand|getenv|secure_getenv|fopen|sleep_for|sleep_until|std::time)\b"
)


@dataclass(frozen=True)
class Layer:
    """One row of the table: what the layer may include, itself always among it."""

    may_include: frozenset[str]
    pure: bool


def parse_table(page: str) -> dict[str, Layer]:
    """Reads the rows `| `folder/` | job | may include | pure? |` of the page, top to bottom."""
    layers: dict[str, Layer] = {}
    for line in page.splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if len(cells) != 4 or not (folder := re.fullmatch(r"`([a-z_]+)/`", cells[0])):
            continue
        if cells[2].startswith("all above"):
            named = set(layers)
        else:
            # Every folder of the table that the cell names; a possessive ("storage's WAL") counts.
            named = set(re.findall(r"[a-z_]+", cells[2])) & (set(layers) | {folder[1]})
        layers[folder[1]] = Layer(frozenset(named | {folder[1]}), cells[3].startswith("yes"))
    return layers


def without_comments(text: str) -> list[str]:
    """The lines of a C++ source with comments blanked, so that line numbers stay true."""
    text = re.sub(r"/\*.*?\*/", lambda found: "\n" * found[0].count("\n"), text, flags=re.DOTALL)
    return [line.partition("//")[0] for line in text.splitlines()]


def violations(cpp: Path, layers: dict[str, Layer]) -> list[str]:
    """Each line below `cpp` that the table forbids, as `file:line: why`."""
    found = []
    for file in sorted([*cpp.rglob("*.hpp"), *cpp.rglob("*.cpp")]):
        name = file.relative_to(cpp)
        layer = layers.get(name.parts[0])
        if layer is None:
            found.append(f"{name}: its folder is not in the table")
            continue
        for number, line in enumerate(without_comments(file.read_text()), start=1):
            include = LAYER_INCLUDE.match(line)
            if include and include["layer"] in layers.keys() - layer.may_include:
                found.append(f"{name}:{number}: may not include {include['layer']}/")
            if layer.pure and (IMPURE_INCLUDE.match(line) or IMPURE_NAME.search(line)):
                found.append(f"{name}:{number}: a pure layer: {line.strip()}")
    return found


TABLE = """
| folder | job | may include | pure? |
|---|---|---|---|
| `base/` | ids | - | yes |
| `raft/` | consensus | base | yes |
| `net/` | Asio | base | I/O |
| `server/` | driver | all above | I/O |
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for layer in ("base", "raft", "net", "server"):
        (tmp_path / layer).mkdir()
    return tmp_path


def test_code_keeps_the_include_table(repository: Path) -> None:
    layers = parse_table((repository / ARCHITECTURE).read_text())
    assert violations(repository / "cpp", layers) == []


def test_table_of_the_page_names_every_layer_and_its_purity(repository: Path) -> None:
    layers = parse_table((repository / ARCHITECTURE).read_text())
    assert {name for name, layer in layers.items() if layer.pure} >= {
        "base",
        "raft",
        "kv",
        "replica",
        "wire",
    }
    assert {name for name, layer in layers.items() if not layer.pure} >= {
        "storage",
        "net",
        "server",
        "client",
    }
    assert layers["raft"].may_include == {"raft", "base"}
    assert layers["kv"].may_include == {"kv", "base"}
    assert {"raft", "kv", "replica"} <= layers["wire"].may_include
    assert "net" in layers["server"].may_include


def test_downward_includes_pass(tree: Path) -> None:
    (tree / "raft/core.cpp").write_text('#include "raft/core.hpp"\n#include "base/ids.hpp"\n')
    (tree / "raft/map.cpp").write_text('#include "absl/container/btree_map.h"\n')
    (tree / "server/main.cpp").write_text('#include <thread>\n#include "net/link.hpp"\n')
    assert violations(tree, parse_table(TABLE)) == []


def test_an_include_that_goes_up_is_found(tree: Path) -> None:
    (tree / "raft/core.cpp").write_text('#include "base/ids.hpp"\n#include "net/link.hpp"\n')
    assert violations(tree, parse_table(TABLE)) == ["raft/core.cpp:2: may not include net/"]


def test_a_folder_outside_the_table_is_found(tree: Path) -> None:
    (tree / "odd").mkdir()
    (tree / "odd/odd.cpp").write_text("")
    assert violations(tree, parse_table(TABLE)) == ["odd/odd.cpp: its folder is not in the table"]


@pytest.mark.parametrize(
    "line",
    [
        "#include <thread>",
        "#include <fstream>",
        "#include <unistd.h>",
        "#include <sys/socket.h>",
        "#include <asio/io_context.hpp>",
        "#include <lmdb.h>",
        '#include "spdlog/spdlog.h"',
        "auto now = std::chrono::steady_clock::now();",
        "std::random_device seed;",
        'auto* home = std::getenv("HOME");',
    ],
)
def test_an_impure_line_in_a_pure_layer_is_found(tree: Path, line: str) -> None:
    (tree / "raft/core.cpp").write_text(f"// story\n{line}\n")
    assert violations(tree, parse_table(TABLE)) == [f"raft/core.cpp:2: a pure layer: {line}"]


def test_an_impure_line_elsewhere_or_in_a_comment_passes(tree: Path) -> None:
    (tree / "net/link.cpp").write_text("#include <thread>\n")
    (tree / "raft/core.cpp").write_text("// never steady_clock\n/*\n#include <mutex>\n*/\n")
    assert violations(tree, parse_table(TABLE)) == []
