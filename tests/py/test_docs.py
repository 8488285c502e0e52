"""The pages of docs/ build without a warning, load nothing from elsewhere, name every command."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from kvcluster import LocalCluster

pytestmark = pytest.mark.timeout(400)

LOADED = re.compile(r'<(?:script|img|link|iframe)\b[^>]*\b(?:src|href)="([^"]+)"')


def tool(repository: Path, name: str) -> ModuleType:
    """A module of .ci, which is no package."""
    spec = importlib.util.spec_from_file_location(name, repository / ".ci" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def site(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    site = tmp_path_factory.mktemp("docs") / "site"
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", site],
        cwd=repository,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr, done.stderr
    return site


def test_no_page_loads_anything_from_elsewhere(site: Path) -> None:
    pages = sorted(site.rglob("*.html"))
    assert len(pages) > 15
    elsewhere = [
        f"{page.relative_to(site)}: {address}"
        for page in pages
        for address in LOADED.findall(page.read_text())
        if re.match(r"(?:https?:)?//", address)
    ]
    assert elsewhere == []


def test_the_python_reference_has_what_the_package_shows(site: Path) -> None:
    import kvcluster

    text = "".join(
        (site / "reference" / page).read_text() for page in ("python.html", "native.html")
    )
    missing = [name for name in kvcluster.__all__ if f".{name}" not in text]
    assert missing == []


def test_the_protocol_page_has_every_command_of_a_node(
    site: Path, repository: Path, calm_cluster: LocalCluster
) -> None:
    with calm_cluster.client() as client:
        known = {entry[0].decode(): entry[1] for entry in client.execute("COMMAND", is_write=False)}
    read = tool(repository, "docs_commands").commands()
    assert {name: arity for name, (arity, _, _) in read.items()} == known
    page = (site / "protocol.html").read_text()
    assert [name for name in known if f"<code>{name.upper()}</code>" not in page] == []


def test_the_cpp_reference_is_made_without_a_warning(repository: Path, tmp_path: Path) -> None:
    settings = (repository / ".ci" / "Doxyfile").read_text()
    settings += f"\nINPUT = cpp/raft\nOUTPUT_DIRECTORY = {tmp_path}\n"
    done = subprocess.run(
        ["doxygen", "-"], input=settings, cwd=repository, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    [page] = tmp_path.rglob("structkvcluster_1_1raft_1_1CoreStatus.html")
    assert "its no-op is committed, so reads and transfers may go on" in page.read_text()


@pytest.mark.parametrize(
    ("line", "read"),
    [
        ("// Above it.", "/// Above it."),
        ("  int x = 0;  // behind it", "  int x = 0;  ///< behind it"),
        ('  auto s = "// no comment";', '  auto s = "// no comment";'),
        ("// a <term> & #1", "/// a \\<term\\> \\& \\#1"),
    ],
)
def test_doxygen_reads_plain_comments(repository: Path, line: str, read: str) -> None:
    assert tool(repository, "doxygen_filter").filtered(["#pragma once", line])[1] == read


def test_a_doctest_is_shown_as_code(repository: Path) -> None:
    fenced = tool(repository, "doctest_fences").fenced
    shown = fenced("Adds.\n\n>>> 1 + 1  # doctest: +SKIP\n2\n\nNo more.")
    assert shown == "Adds.\n\n```pycon\n>>> 1 + 1\n2\n```\n\nNo more."
