"""A hook of MkDocs: puts the table of all commands in place of its mark in a page.

The table is read from where the node has it: a command that is added there is on the page.
"""

import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
TABLES = ("cpp/kv/command_table.cpp", "cpp/server/command_dispatch.cpp")
MARK = "<!-- all commands -->"
# The name, the arity, and at the end the group and the summary of an entry.
ENTRY = re.compile(
    r'\{[^{}"]*"(?P<name>[a-z.]+)",\s*(?P<arity>-?\d+),[^{}"]*"(?P<group>[a-z]+)",\s*'
    r'(?P<summary>(?:"(?:[^"\\]|\\.)*"\s*)+)\}'
)


def commands() -> dict[str, tuple[int, str, str]]:
    """Arity, group and summary, by name. A local command stands before a data command."""
    found = {}
    for table in TABLES:
        for entry in ENTRY.finditer((ROOT / table).read_text()):
            summary = "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', entry["summary"]))
            found[entry["name"]] = (int(entry["arity"]), entry["group"], summary)
    return found


def words(arity: int) -> str:
    """How many words a command has, its name among them."""
    return str(arity) if arity >= 0 else f"{-arity} or more"


def table() -> str:
    lines = ["| command | words | what it does |", "|---|---|---|"]
    for name, (arity, _, summary) in sorted(commands().items()):
        lines.append(f"| `{name.upper()}` | {words(arity)} | {summary} |")
    return "\n".join(lines)


def on_page_markdown(markdown: str, **_: Any) -> str:
    return markdown.replace(MARK, table())
