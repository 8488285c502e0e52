"""The shell on real clusters: its lines, its verbs, and the keys that are typed."""

import io
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document
from prompt_toolkit.history import InMemoryHistory
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput
from rich.console import Console
from rich.text import Text

from conftest import StartCluster
from kvcluster import LocalCluster
from kvcluster.repl.completion import ShellCompleter, hint_of, summary_of
from kvcluster.repl.prompt import LineHistory, interact, new_session, run_lines
from kvcluster.repl.route import Route
from kvcluster.repl.shell import Shell
from kvcluster.repl.syntax import SYNTAX
from kvcluster.repl.verbs import Leave

PERSON = '{"name": "Ada", "langs": ["C++"]}'


class Desk:
    """A shell with what it shows."""

    def __init__(
        self, cluster: LocalCluster, *, bound: str | None = None, own: bool = False
    ) -> None:
        self._shown = io.StringIO()
        console = Console(file=self._shown, width=120, color_system=None)
        self.route = Route(cluster.nodes, bound=bound, timeout=20.0)
        self.shell = Shell(self.route, console, cluster if own else None)

    def run(self, line: str) -> str:
        """What it shows of a line that goes well."""
        shown, well = self.try_line(line)
        assert well, shown
        return shown

    def refused(self, line: str) -> str:
        """What it shows of a line that does not."""
        shown, well = self.try_line(line)
        assert not well, shown
        return shown

    def try_line(self, line: str) -> tuple[str, bool]:
        well = self.shell.run(line)
        return self.take(), well

    def take(self) -> str:
        shown = self._shown.getvalue()
        self._shown.seek(0)
        self._shown.truncate()
        return shown.rstrip("\n")


@pytest.fixture
def desk(calm_cluster: LocalCluster) -> Iterator[Desk]:
    """A shell on a cluster that it must not harm."""
    desk = Desk(calm_cluster)
    yield desk
    desk.run("FLUSHALL")
    desk.route.close()


@pytest.fixture
def own(start_cluster: StartCluster) -> Iterator[Desk]:
    """A shell with a cluster of its own."""
    desk = Desk(start_cluster(detached=True), own=True)
    yield desk
    desk.route.close()


def test_values_are_set_read_and_deleted_in_any_case(desk: Desk) -> None:
    assert desk.run("SET greeting hello") == "OK"
    assert desk.run("get greeting") == '"hello"'
    assert desk.run("DELETE greeting") == "(integer) 1"
    assert desk.run("Get greeting") == "(nil)"
    assert desk.run("delete greeting") == "(integer) 0"


def test_a_json_document_is_stored_as_it_was_typed(desk: Desk) -> None:
    assert desk.run(f"SET person {PERSON}") == "OK"
    assert desk.run("GET person") == r'"{\"name\": \"Ada\", \"langs\": [\"C++\"]}"'
    assert desk.run("STRLEN person") == f"(integer) {len(PERSON)}"


def test_errors_are_shown_and_end_nothing(desk: Desk) -> None:
    assert "unknown command 'FROB'" in desk.refused("frob")
    assert "status takes no arguments" in desk.refused("status now")
    assert "wrong number of arguments" in desk.refused("get")
    assert "not closed" in desk.refused('set k "v')
    assert desk.run("") == ""


def test_a_transaction_stays_on_one_connection(desk: Desk) -> None:
    assert desk.run("MULTI") == "OK"
    assert desk.shell.prompt == "kvcluster(tx)> "
    assert desk.run("SET t 41") == "QUEUED"
    assert desk.run("INCR t") == "QUEUED"
    assert desk.run("EXEC") == "1) OK\n2) (integer) 42"
    assert desk.shell.prompt == "kvcluster> "
    desk.run("WATCH t")
    assert desk.run("SET t 0") == "OK"
    desk.run("MULTI")
    desk.run("SET t 1")
    assert desk.run("EXEC") == "(nil)", "the watched key has changed"
    assert desk.run("GET t") == '"0"'


def test_the_outcome_of_a_session_is_told_again(desk: Desk) -> None:
    assert desk.run("kv.once till 1 INCR sold") == "(integer) 1"
    assert desk.run("KV.ONCE till 1 INCR sold") == "(integer) 1"
    assert desk.run("GET sold") == '"1"'


def test_keys_are_scanned_to_the_end(desk: Desk) -> None:
    for number in range(25):
        desk.run(f"SET key:{number:02} v")
    found, cursor = "", "0"
    while True:
        shown = desk.run(f"SCAN {cursor} COUNT 10")
        found += shown
        cursor = shown.split('"')[1]
        if cursor == "0":
            break
    assert found.count("key:") == 25


def test_a_bound_shell_talks_to_its_node_only(desk: Desk, calm_cluster: LocalCluster) -> None:
    desk.run("SET k v")
    calm_cluster.wait_for_convergence()
    follower = next(n for n in calm_cluster.ids if n != calm_cluster.wait_for_leader())
    assert calm_cluster.address(follower) in desk.run(f"use {follower}")
    assert desk.shell.prompt == f"{calm_cluster.address(follower)}> "
    assert '"slave"' in desk.run("ROLE")
    assert desk.run("READONLY") == "OK"
    assert desk.run("GET k") == '"v"'
    desk.run("use any")
    assert '"master"' in desk.run("ROLE")
    assert "there is no node 9" in desk.refused("use 9")


def test_a_follower_that_rejects_says_who_leads(start_cluster: StartCluster) -> None:
    cluster = start_cluster(faults=False, follower_mode="reject")
    leader = cluster.wait_for_leader()
    follower = next(node for node in cluster.ids if node != leader)
    desk = Desk(cluster, bound=cluster.address(follower))
    for line in ("SET k v", "GET k"):
        assert f"the leader is node {leader}" in desk.refused(line)
    desk.run("use any")
    assert desk.run("SET k v") == "OK"
    desk.route.close()


def test_a_connection_that_was_reset_is_made_anew(desk: Desk) -> None:
    desk.run("MULTI")
    assert desk.run("RESET") == "RESET"
    assert desk.shell.prompt == "kvcluster> "
    desk.run("CLIENT SETNAME me")
    assert desk.run("CLIENT GETNAME") == '"me"'
    assert '1# "index" => (integer) ' in desk.run("KV.HASH"), "a map, so it speaks RESP3"


def test_status_and_hash_show_every_node(desk: Desk, calm_cluster: LocalCluster) -> None:
    desk.run("SET k v")
    status = desk.run("status")
    assert status.count("follower") == 2
    assert status.count("leader") == 1
    hashes = desk.run("hash")
    assert all(address in hashes for address in calm_cluster.nodes)
    assert "\nequal at index " in hashes


def test_help_tells_of_verbs_and_commands(desk: Desk) -> None:
    desk.run("PING")  # by now the commands are known
    everything = desk.run("help")
    assert "status" in everything and "KV.CAS" in everything and "partition" not in everything
    assert "SET key value [NX|XX]" in desk.run("help set")
    assert "every node" in desk.run("help status")
    assert desk.run("help delete").startswith("DEL key")
    assert "no command 'frob'" in desk.refused("help frob")


def test_a_cluster_of_others_is_not_harmed(desk: Desk) -> None:
    for line in ("kill leader", "restart 1", "pause 1", "partition 1 | 2 3", "heal"):
        assert "--cluster 3" in desk.refused(line)


def test_every_command_of_the_server_has_a_hint_of_its_own(desk: Desk) -> None:
    desk.route.learn()
    assert desk.route.book.names
    assert [name for name in desk.route.book.names if name not in SYNTAX] == []


def test_a_killed_leader_is_replaced_and_comes_back(own: Desk) -> None:
    own.run("SET k before")
    killed = own.run("kill leader")
    node = killed.split()[1]
    assert "leads in term" in killed
    assert own.run("SET k after") == "OK"
    assert "down" in own.run("status")
    assert "is not running" in own.refused(f"kill {node}")
    assert "1 of 3 do not answer" in own.run("hash")
    assert "started again" in own.run(f"restart {node}")
    assert "equal at index" in own.run("hash")
    assert own.run("GET k") == '"after"'


def test_the_network_is_parted_and_healed(own: Desk) -> None:
    own.run("transfer 1")
    parted = own.run("partition 1 | 2 3")
    assert "node 1 leads" not in parted
    assert "leads in term" in parted
    assert own.run("SET k in-partition") == "OK"
    assert "no side has a majority" in own.run("partition 1 | 2 | 3")
    assert "leads in term" in own.run("heal")
    assert "equal at index" in own.run("hash")
    assert own.run("GET k") == '"in-partition"'


def test_a_paused_node_is_told_from_a_dead_one_and_goes_on(own: Desk) -> None:
    assert "paused with SIGSTOP" in own.run("pause 2")
    assert "paused" in own.run("status")
    assert "paused already" in own.refused("pause 2")
    assert own.run("SET k v") == "OK"
    assert "goes on" in own.run("resume 2")
    assert "is not paused" in own.refused("resume 2")
    assert "equal at index" in own.run("hash")


def test_without_a_majority_a_node_still_says_why(own: Desk) -> None:
    own.run("kill leader")
    assert "no majority" in own.run("kill leader")
    own.shell.own_cluster().wait_for(
        lambda: "votes" in own.run("KV.WHY"), what="waiting for a candidate", timeout=20
    )
    assert "no node leads" in own.refused("status")


def test_a_password_is_asked_for_and_taken(start_cluster: StartCluster, tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.touch(mode=0o600)
    file.write_text("open sesame\n")
    desk = Desk(start_cluster(faults=False, options={"requirepass-file": str(file)}))
    assert "type AUTH password" in desk.refused("SET k v")
    assert "WRONGPASS" in desk.refused("AUTH wrong")
    assert desk.run('AUTH "open sesame"') == "OK"
    assert desk.run("SET k v") == "OK"
    desk.route.close()


def complete(shell: Shell, line: str) -> list[str]:
    found = ShellCompleter(shell).get_completions(Document(line), CompleteEvent())
    return [completion.text for completion in found]


def test_commands_choices_options_and_typed_keys_are_completed(desk: Desk) -> None:
    desk.run("SET greeting hello")
    assert complete(desk.shell, "GETR") == ["GETRANGE"]
    assert complete(desk.shell, "getr") == ["getrange"]
    assert complete(desk.shell, "sta") == ["status"]
    assert complete(desk.shell, "cluster sl") == ["SLOTS"]
    assert complete(desk.shell, "set k v n") == ["NX"]
    assert complete(desk.shell, "get gr") == ["greeting"]
    assert complete(desk.shell, "help stat") == ["status"]
    assert complete(desk.shell, "frob x") == []


def test_nodes_are_completed_where_a_verb_takes_one(own: Desk) -> None:
    assert complete(own.shell, "kill ") == ["leader", "1", "2", "3"]
    assert complete(own.shell, "partition 1 ") == ["2", "3", "|"]
    assert complete(own.shell, "use ") == ["any", "1", "2", "3"]


def test_the_hint_follows_what_is_typed(desk: Desk) -> None:
    desk.route.learn()
    assert hint_of(desk.shell, "") == ""
    assert hint_of(desk.shell, "kv.cas") == " key revision value"
    assert hint_of(desk.shell, "kv.cas k ") == "revision value"
    assert hint_of(desk.shell, "kv.once me 1 kv.cas k") == " revision value"
    assert hint_of(desk.shell, "use ") == "node|host:port|any"
    assert summary_of(desk.shell, "get k") == "GET: The value of a key."


def test_a_person_types_drops_a_line_and_leaves(desk: Desk) -> None:
    history = InMemoryHistory()
    with create_pipe_input() as pipe:
        session = new_session(
            desk.shell, history, terminal_input=pipe, terminal_output=DummyOutput()
        )

        def go_on(buffer: Buffer) -> None:
            if buffer.text == "GETRANGE":  # the Tab was answered
                pipe.send_text(" k 0 1\r")
                pipe.send_text("SET k dropped\x03")  # Ctrl-C
                pipe.send_text("SET k hello\r")
                pipe.send_text("GET k\r")
                pipe.send_text("\x04")  # Ctrl-D

        session.default_buffer.on_text_changed += go_on
        pipe.send_text("GETR\t")
        interact(desk.shell, session)
    shown = desk.take().splitlines()
    assert shown[0].startswith("3 of 3 nodes answer; node ")
    assert shown[2:] == ['""', "OK", '"hello"']
    assert history.get_strings() == ["GETRANGE k 0 1", "SET k hello", "GET k"]


def test_exit_ends_the_shell(desk: Desk) -> None:
    with pytest.raises(Leave):
        desk.run("exit")
    assert run_lines(desk.shell, ["# a comment", "SET k v", "quit", "frob"])
    assert run_lines(desk.shell, ["QUIT", "frob"])
    assert not run_lines(desk.shell, ["frob", "SET k v"])


def test_the_history_keeps_lines_and_no_passwords(tmp_path: Path) -> None:
    file = tmp_path / "state" / "history"
    history = LineHistory(file)
    for line in ("SET k v", "AUTH secret", "HELLO 3 AUTH default secret"):
        history.store_string(line)
    assert "SET k v" in file.read_text()
    assert "secret" not in file.read_text()
    assert file.stat().st_mode & 0o077 == 0
    assert list(LineHistory(file).load_history_strings()) == ["SET k v"]


def run_repl(words: list[str], lines: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "kvcluster", "repl", *words],
        input=lines,
        capture_output=True,
        text=True,
        timeout=90,
        cwd=folder,
    )


def test_lines_from_a_pipe_are_carried_out_on_a_cluster_of_ones_own(tmp_path: Path) -> None:
    done = run_repl(["--cluster", "3"], "SET k v\nkill leader\nGET k\n", tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert (lines[0], lines[-1]) == ("OK", '"v"')


def test_a_line_that_fails_is_told_by_the_exit_code(
    calm_cluster: LocalCluster, tmp_path: Path
) -> None:
    done = run_repl(["--port", str(calm_cluster.port(1))], "frob\nPING\n", tmp_path)
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1] == "PONG"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "kvcluster repl --cluster 3"),
        (["--cluster", "3", "--port", "1"], "exclude each other"),
        (["--nodes", "nowhere"], "is no address"),
    ],
)
def test_a_shell_without_a_cluster_says_what_to_do(
    words: list[str], says: str, tmp_path: Path
) -> None:
    done = run_repl(words, "", tmp_path)
    assert done.returncode in (1, 2)
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_an_interrupt_ends_the_waiting_and_not_the_shell(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(line: str) -> bool:
        raise KeyboardInterrupt

    monkeypatch.setattr(desk.shell, "run", interrupted)
    with create_pipe_input() as pipe:
        session = new_session(
            desk.shell, InMemoryHistory(), terminal_input=pipe, terminal_output=DummyOutput()
        )
        pipe.send_text("SET k v\r")
        pipe.send_text("\x04")
        interact(desk.shell, session)
    monkeypatch.undo()
    assert "may have been applied" in desk.take()
    assert desk.run("PING") == "PONG"


def test_a_watch_shows_changes_until_an_interrupt(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    for line in ("SET watched:1 one", "SET other 2", "SET watched:2 'two words'", "DEL watched:1"):
        desk.run(line)
    show = desk.shell.show
    changes = []

    def show_three(what: Text) -> None:
        show(what)
        if "watched:" in what.plain:
            changes.append(what.plain.split(maxsplit=1)[1])
        if len(changes) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(desk.shell, "show", show_three)
    assert desk.shell.run("watch watched: FROM 1")
    assert [" ".join(change.split()) for change in changes] == [
        'put "watched:1" => "one"',
        'put "watched:2" => "two words"',
        'delete "watched:1"',
    ]


def test_a_watch_says_how_it_is_asked_for(desk: Desk) -> None:
    assert "watch PREFIX FROM revision" in desk.refused("watch a FROM now")


def test_an_interrupt_from_the_terminal_does_not_reach_the_nodes(own: Desk) -> None:
    cluster = own.shell.own_cluster()
    sessions = {os.getsid(cluster.pid(node)) for node in cluster.ids}
    assert len(sessions) == 3
    assert os.getsid(0) not in sessions


def test_a_connection_that_is_lost_takes_its_transaction_along(own: Desk) -> None:
    own.run("SET k before")
    own.run("MULTI")
    own.run("SET k after")
    own.run("kill leader")
    assert "begin again" in own.refused("EXEC")
    assert own.shell.prompt == "kvcluster> "
    assert own.run("GET k") == '"before"'
