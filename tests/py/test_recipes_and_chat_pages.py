"""What the pages of the recipes and of the chat show works as it stands there."""

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from desk import Desk, code_blocks
from kvcluster import Client
from kvcluster.ports import ReservedPort

PAGES = Path(__file__).resolve().parents[2] / "docs"
SECONDS = 60.0


def programs_and_outputs() -> Iterator[tuple[str, str]]:
    """Each program with the text that stands below it."""
    blocks = code_blocks(PAGES / "recipes.md")
    for (language, program), (following, output) in zip(blocks[::2], blocks[1::2], strict=True):
        assert (language, following) == ("python", "text")
        yield program, output


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


@pytest.mark.parametrize(("program", "output"), list(programs_and_outputs()))
def test_a_recipe_prints_what_its_page_says(program: str, output: str, desk: Desk) -> None:
    assert desk.python(program) == output


def test_the_chat_is_started_and_used_as_its_page_says(desk: Desk, repository: Path) -> None:
    start, visit, script = (
        body for language, body in code_blocks(PAGES / "chat.md") if language == "bash"
    )
    configurations = desk.folder / "demo" / "chat"
    configurations.mkdir(parents=True)
    with ExitStack() as stack:
        ports = [ReservedPort() for _ in range(3)]
        for port in ports:
            stack.callback(port.release)

        def with_free_ports(text: str) -> str:
            for node, port in enumerate(ports, start=1):
                text = text.replace(str(5000 + node), str(port.number))
            return text

        for file in (repository / "demo" / "chat").iterdir():
            (configurations / file.name).write_text(with_free_ports(file.read_text()))
        for command in start.splitlines():
            node = subprocess.Popen(
                command.split(), cwd=desk.folder, stderr=subprocess.DEVNULL, text=True
            )
            stack.callback(node.wait)
            stack.callback(node.kill)
        with Client([f"127.0.0.1:{port.number}" for port in ports], timeout=SECONDS) as client:
            client.put("a leader", "serves")
        activate = "source .venv/bin/activate\n"
        said = "[seq=1] node_9999: Hello from a script\n"
        assert desk.run(activate + with_free_ports(script)) == said
        assert desk.run(f"{activate}{with_free_ports(visit).strip()} < /dev/null") == said
