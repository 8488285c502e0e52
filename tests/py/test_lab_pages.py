"""The lab's application on real nodes: who is let in, and what the verbs do and refuse."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from kvcluster.lab.desk import Desk
from kvcluster.lab.pages import Pages

TOKEN = "token-of-this-test"
PORT = 8765
ORIGIN = f"http://127.0.0.1:{PORT}"
SECONDS = 30


class Lab:
    """A desk behind its pages, as the page itself would use it."""

    def __init__(self, desk: Desk, browser: TestClient) -> None:
        self.desk = desk
        self.browser = browser

    def state(self) -> dict[str, Any]:
        told: dict[str, Any] = self.browser.get(f"/{TOKEN}/state").json()
        return told

    def act(self, verb: str, **more: Any) -> tuple[int, dict[str, str]]:
        answer = self.browser.post(
            f"/{TOKEN}/act", json={"verb": verb, **more}, headers={"Origin": ORIGIN}
        )
        return answer.status_code, answer.json()

    def do(self, verb: str, **more: Any) -> str:
        code, told = self.act(verb, **more)
        assert code == 200, told
        return told["done"]

    def wait(self, condition: Callable[[dict[str, Any]], Any], what: str) -> dict[str, Any]:
        """The first state for which the condition is true."""
        found: dict[str, Any] = self.desk.cluster.wait_for(
            lambda: state if condition(state := self.state()) else None, what=what, timeout=SECONDS
        )
        return found

    def equal(self) -> dict[str, Any]:
        return self.wait(
            lambda state: state["verdict"]["text"].startswith("all 3 nodes have one"),
            "one hash on all three",
        )


@pytest.fixture
def lab() -> Iterator[Lab]:
    desk = Desk(3)
    pages = Pages(desk, token=TOKEN, port=lambda: PORT)
    with TestClient(pages.app, base_url=ORIGIN) as browser:
        yield Lab(desk, browser)
    assert not desk.cluster.directory.exists()


def test_who_is_let_in(lab: Lab) -> None:
    browser = lab.browser
    page = browser.get(f"/{TOKEN}/")
    assert page.status_code == 200
    assert "<title>kvcluster lab</title>" in page.text
    assert page.headers["content-security-policy"].startswith("default-src 'self'")
    assert browser.get(f"/{TOKEN}/static/lab.js").status_code == 200
    assert browser.get(f"/{TOKEN}/static/../desk.py").status_code in (403, 404)

    for path in ("/", "/state", "/wrong-token/", f"/{TOKEN}x/state", "/static/lab.js"):
        assert browser.get(path).status_code == 403, path
    for host in ("example.com", f"example.com:{PORT}", "127.0.0.1", "127.0.0.1:1", ""):
        assert browser.get(f"/{TOKEN}/state", headers={"Host": host}).status_code == 403, host
    assert browser.get(f"/{TOKEN}/state", headers={"Host": f"localhost:{PORT}"}).is_success
    elsewhere = {"Origin": "http://example.com"}
    assert browser.get(f"/{TOKEN}/state", headers=elsewhere).status_code == 403

    heal = {"verb": "heal"}
    for origin in ({}, elsewhere, {"Origin": "null"}, {"Origin": f"http://localhost:{PORT}"}):
        assert browser.post(f"/{TOKEN}/act", json=heal, headers=origin).status_code == 403, origin
    form = browser.post(f"/{TOKEN}/act", data=heal, headers={"Origin": ORIGIN})
    assert form.status_code == 415
    huge = browser.post(f"/{TOKEN}/act", json={"verb": "x" * 200_000}, headers={"Origin": ORIGIN})
    assert huge.status_code == 413


def test_what_makes_no_sense_is_refused_and_changes_nothing(lab: Lab) -> None:
    for verb, more, why in (
        ("close", {}, "close"),
        ("_work", {}, "_work"),
        ("kill", {"node": 4}, "there is no node 4"),
        ("kill", {"node": True}, "there is no node True"),
        ("kill", {}, "node"),
        ("restart", {"node": 1}, "node 1 runs"),
        ("resume", {"node": 1}, "not paused"),
        ("write", {"key": "", "value": "v"}, "1 to 511 bytes"),
        ("write", {"key": "k", "value": "v" * 70_000}, "at most 65536 bytes"),
        ("load", {"rate": 7}, "one of 0, 10, 100, 500"),
        ("partition", {"groups": []}, "one group"),
        ("partition", {"groups": [[1], [1, 2]]}, "one group"),
        ("partition", {"groups": [[1], [9]]}, "no node 9"),
        ("partition", {"groups": 5}, "iterable"),
    ):
        code, told = lab.act(verb, **more)
        assert code == 400, (verb, more, told)
        assert why in told["error"]
    assert {node["condition"] for node in lab.equal()["nodes"]} == {"running"}


def test_write_kill_restart_and_equal_hashes(lab: Lab) -> None:
    assert lab.do("write", key="greeting", value="hello").startswith("greeting is stored")
    old = lab.wait(lambda state: state["leader"], "a leader")["leader"]
    assert lab.do("kill", node="leader") == f"node {old} is killed"
    state = lab.wait(lambda state: state["leader"] not in (0, old), "another leader")
    assert [node["condition"] for node in state["nodes"] if node["id"] == old] == ["down"]
    assert lab.act("kill", node=old)[1]["error"] == f"node {old} is down: restart it first"
    assert lab.do("read", key="greeting") == "greeting = hello"
    assert lab.do("read", key="nothing") == "nothing has no value"
    lab.do("restart", node=old)
    state = lab.equal()
    assert len({node["hash"] for node in state["nodes"]}) == 1
    assert {node["keys"] for node in state["nodes"]} == {1}
    told = [event["text"] for event in state["events"]]
    assert f"node {old} is killed" in told
    assert any("became LEADER" in text for text in told)
    assert state["load"]["acknowledged"] == 1


def test_a_paused_leader_is_replaced_and_follows_when_it_goes_on(lab: Lab) -> None:
    old = lab.wait(lambda state: state["leader"], "a leader")["leader"]
    lab.do("pause", node=old)
    state = lab.wait(lambda state: state["leader"] not in (0, old), "another leader")
    assert [node["condition"] for node in state["nodes"] if node["id"] == old] == ["paused"]
    lab.do("resume", node=old)
    state = lab.equal()
    assert {node["condition"] for node in state["nodes"]} == {"running"}


def test_a_parted_leader_is_replaced_and_the_network_heals(lab: Lab) -> None:
    old = lab.wait(lambda state: state["leader"], "a leader")["leader"]
    others = [node["id"] for node in lab.state()["nodes"] if node["id"] != old]
    assert lab.do("partition", groups=[[old], others]).startswith("parted: ")
    state = lab.wait(lambda state: state["leader"] not in (0, old), "another leader")
    assert sorted(link["nodes"] for link in state["links"] if link["cut"]) == sorted(
        sorted([old, other]) for other in others
    )
    lab.do("heal")
    state = lab.equal()
    assert not any(link["cut"] for link in state["links"])


def test_the_load_is_measured(lab: Lab) -> None:
    assert lab.do("load", rate=100) == "100 writes a second from now on"
    state = lab.wait(lambda state: state["load"]["acknowledged"] > 50, "fifty writes")
    assert state["load"]["rate"] == 100
    assert state["load"]["p50_ms"] > 0
    assert lab.do("load", rate=0) == "the load has ended"
    state = lab.equal()
    assert max(node["commit"] for node in state["nodes"]) > 50
