"""The notebooks as they are kept: without outputs, and each rendered once into docs/notebooks."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

NAMES = ["01_failover", "02_consensus_step_by_step", "03_what_if"]


def cells(repository: Path, name: str) -> list[dict[str, Any]]:
    notebook = json.loads((repository / "notebooks" / f"{name}.ipynb").read_text())
    kept: list[dict[str, Any]] = notebook["cells"]
    return kept


def test_these_are_all(repository: Path) -> None:
    assert sorted(file.stem for file in (repository / "notebooks").glob("*.ipynb")) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_outputs_are_cleared(repository: Path, name: str) -> None:
    code = [cell for cell in cells(repository, name) if cell["cell_type"] == "code"]
    assert len(code) > 5
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)


@pytest.mark.parametrize("name", NAMES)
def test_the_rendered_page_is_of_this_notebook(repository: Path, name: str) -> None:
    page = (repository / "docs" / "notebooks" / f"{name}.md").read_text()
    stale = [
        source
        for cell in cells(repository, name)
        if (source := "".join(cell["source"])) and source not in page
    ]
    assert stale == [], "render it again, as docs/notebooks/README.md says"


@pytest.mark.parametrize("name", NAMES)
def test_the_rendered_page_has_its_pictures(repository: Path, name: str) -> None:
    folder = repository / "docs" / "notebooks"
    linked = re.findall(r"!\[svg\]\((\S+)\)", (folder / f"{name}.md").read_text())
    assert linked
    assert sorted(linked) == sorted(
        str(file.relative_to(folder)) for file in (folder / f"{name}_files").iterdir()
    )
