"""`kvcluster lab` as a person has it: the program, and its page in a headless Chromium."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

SECONDS = 40
MS = SECONDS * 1000
EQUAL = re.compile("^all 3 nodes have one state hash at index")


class Program:
    """A running `kvcluster lab`."""

    def __init__(self, folder: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "kvcluster", "lab"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "TMPDIR": str(folder)},
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line.startswith("lab: http://127.0.0.1:"):
            self.process.kill()
            pytest.fail(f"it has not started: {line}{self.process.communicate()[1]}")
        self.address = line.split()[1]

    def nodes(self) -> list[int]:
        """The process ids of its nodes."""
        children = f"/proc/{self.process.pid}/task"
        named = [
            int(pid)
            for task in Path(children).iterdir()
            for pid in (task / "children").read_text().split()
        ]
        return [pid for pid in named if b"kvstore" in Path(f"/proc/{pid}/cmdline").read_bytes()]

    def interrupt(self) -> tuple[int, str]:
        """As Ctrl-C does; its exit code and last words."""
        self.process.send_signal(signal.SIGINT)
        words, _ = self.process.communicate(timeout=SECONDS)
        return self.process.returncode, words


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Program]:
    started = Program(tmp_path)
    try:
        yield started
    finally:
        if started.process.poll() is None:
            started.interrupt()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    # Debian's own when it is there; else the one that `playwright install chromium` has fetched.
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"),
            args=["--no-sandbox"] if os.geteuid() == 0 else [],
        )
        yield browser
        browser.close()


@pytest.fixture
def page(program: Program, chromium: Browser) -> Iterator[Page]:
    context = chromium.new_context()
    page = context.new_page()
    wrong: list[str] = []
    asked: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
    page.on("request", lambda request: asked.append(request.url))
    page.goto(program.address)
    expect(page.locator("#verdict")).to_have_text(EQUAL, timeout=MS)
    yield page
    assert wrong == []
    assert all(url.startswith(program.address) for url in asked)
    context.close()


def leader(page: Page) -> str:
    """Who leads; waits for somebody."""
    line = page.locator("#leader")
    expect(line).to_have_text(re.compile(r"node \d leads"), timeout=MS)
    return line.inner_text().split()[1]


def test_elect_write_kill_the_leader_see_the_new_one_heal_equal_hashes(page: Page) -> None:
    old = leader(page)
    expect(page.locator('.node[data-look="leader"]')).to_have_count(1)
    page.get_by_label("Key").fill("person")
    page.get_by_label("Value").fill("Ada")
    page.get_by_role("button", name="Write", exact=True).click()
    expect(page.locator("#result")).to_contain_text("person is stored", timeout=MS)

    page.get_by_role("button", name="Kill the leader").click()
    expect(page.locator("#result")).to_have_text(f"node {old} is killed", timeout=MS)
    expect(page.locator(f"#node-{old}")).to_have_attribute("data-look", "down", timeout=MS)
    expect(page.locator("#leader")).to_have_text(re.compile(rf"node [^{old}] leads"), timeout=MS)
    expect(page.locator("#events")).to_contain_text("became LEADER", timeout=MS)

    page.get_by_role("button", name=f"Restart node {old}").click()
    expect(page.locator(f"#node-{old}")).to_have_attribute("data-look", "follower", timeout=MS)

    # The new leader alone: the other two elect one of themselves.
    second = leader(page)
    page.get_by_role("button", name="Isolate the leader").click()
    expect(page.locator('.link[data-look="cut"]')).to_have_count(2, timeout=MS)
    expect(page.locator("#leader")).to_have_text(re.compile(rf"node [^{second}] leads"), timeout=MS)
    page.get_by_role("button", name="Heal").click()
    expect(page.locator('.link[data-look="cut"]')).to_have_count(0, timeout=MS)

    page.get_by_role("button", name="Read", exact=True).click()
    expect(page.locator("#result")).to_have_text("person = Ada", timeout=MS)
    expect(page.locator("#verdict")).to_have_text(EQUAL, timeout=MS)
    told = " ".join(page.locator(".facts").all_inner_texts())
    hashes = re.findall(r"hash (\w+) at", told)
    assert len(hashes) == 3
    assert len(set(hashes)) == 1


def test_groups_are_typed_and_others_refused(page: Page) -> None:
    groups = page.get_by_label("Groups")
    part = page.get_by_role("button", name="Partition")
    groups.fill("one | two")
    part.click()
    assert not groups.evaluate("field => field.validity.valid")
    expect(page.locator("#result")).to_be_empty()
    groups.fill("1 2 | 3")
    part.click()
    expect(page.locator("#result")).to_have_text("parted: 1 2 | 3", timeout=MS)
    expect(page.locator('.link[data-look="cut"]')).to_have_count(2, timeout=MS)
    page.get_by_role("button", name="Heal").click()
    expect(page.locator("#verdict")).to_have_text(EQUAL, timeout=MS)


def test_it_can_be_used_with_the_keyboard_alone(page: Page) -> None:
    chosen = "2" if leader(page) == "1" else "1"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "To the controls"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.name") == "key"
    page.keyboard.press("Enter")
    expect(page.locator("#result")).to_contain_text("greeting is stored", timeout=MS)

    pause = page.get_by_role("button", name=f"Pause node {chosen}")
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.ariaLabel") == f"Pause node {chosen}":
            break
    expect(pause).to_be_focused()
    page.keyboard.press("Space")
    expect(page.locator(f"#node-{chosen}")).to_have_attribute("data-look", "paused", timeout=MS)
    page.get_by_role("button", name=f"Resume node {chosen}").press("Enter")
    expect(page.locator("#verdict")).to_have_text(EQUAL, timeout=MS)


def test_every_control_has_a_name_and_the_picture_has_words(page: Page) -> None:
    unnamed = page.evaluate(
        """[...document.querySelectorAll("button, input, select")].filter((each) =>
            !(each.textContent.trim() || each.ariaLabel || each.labels?.length)).length"""
    )
    assert unnamed == 0
    picture = page.locator("#picture svg")
    expect(picture).to_have_attribute("aria-label", re.compile(r"node \d leader"), timeout=MS)
    expect(page.locator(".strip").first).to_have_attribute(
        "aria-label", re.compile("committed up to"), timeout=MS
    )


def test_it_is_light_or_dark_as_the_system_is(page: Page) -> None:
    seen = []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        seen.append(page.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert seen == ["rgb(255, 255, 255)", "rgb(20, 23, 28)"]


def test_an_interrupt_ends_the_page_its_streams_and_the_nodes(
    program: Program, tmp_path: Path
) -> None:
    nodes = program.nodes()
    assert len(nodes) == 3
    with httpx2.Client(timeout=SECONDS) as client:
        with client.stream("GET", program.address + "events") as events:
            assert events.headers["content-type"].startswith("text/event-stream")
            lines = events.iter_lines()
            told = next(line for line in lines if line.startswith("data: "))
            assert len(json.loads(told.removeprefix("data: "))["nodes"]) == 3
            code, words = program.interrupt()
        assert (code, words) == (0, "ended\n")
        with pytest.raises(httpx2.ConnectError):
            client.get(program.address)
    assert not any(Path(f"/proc/{pid}").exists() for pid in nodes)
    assert list(tmp_path.iterdir()) == []


def test_a_taken_port_is_said(program: Program) -> None:
    port = re.search(r":(\d+)/", program.address)
    assert port is not None
    done = subprocess.run(
        [sys.executable, "-m", "kvcluster", "lab", "--port", port[1]],
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
    assert done.returncode == 1
    assert f"port {port[1]} of 127.0.0.1 is taken" in done.stderr
    assert "another --port" in done.stderr
