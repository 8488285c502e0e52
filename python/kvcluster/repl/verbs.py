"""The verbs of the shell itself, and what a verb is.

A verb is a word in small letters. The server's commands are reached in any case; of the few names
that both have (`quit`), the one in small letters is the verb.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from rich.table import Table
from rich.text import Text

from kvcluster.directory import Address, parse_address
from kvcluster.errors import KvError, Unavailable
from kvcluster.repl.render import ERROR, STATUS, shown_change
from kvcluster.repl.syntax import hint
from kvcluster.replies import NodeStatus, StateHash, mapping, text
from kvcluster.retry import ErrorReply

if TYPE_CHECKING:
    from kvcluster.repl.shell import Shell

T = TypeVar("T")
_ONE_INDEX_SECONDS = 2.0
_TRANSFER_SECONDS = 5.0
_POLL_SECONDS = 0.05


class Leave(Exception):  # noqa: N818 - not an error
    """The shell ends."""


@dataclass(frozen=True, slots=True)
class Verb:
    """One verb.

    Attributes:
        syntax: of its arguments, as `kvcluster.repl.syntax` has it.
        summary: a sentence.
        run: does it; False when what it found is not as it should be. Raises KvError or ValueError
            with a message for the user.
        choices: words that may come next after these arguments.
        of_cluster: needs a cluster that the shell started itself.
    """

    name: str
    syntax: str
    summary: str
    run: Callable[[Shell, Sequence[str]], bool]
    choices: Callable[[Shell, Sequence[str]], Sequence[str]] = lambda shell, arguments: ()
    of_cluster: bool = False


def show_help(shell: Shell, arguments: Sequence[str]) -> bool:
    """All verbs and commands, or what is known of one."""
    if arguments:
        return _help_on(shell, arguments[0])
    verbs = Table(title="verbs of the shell", title_justify="left", box=None, show_header=False)
    for verb in shell.verbs.values():
        verbs.add_row(f"{verb.name} {verb.syntax}", verb.summary)
    shell.show(verbs)
    groups: dict[str, list[str]] = {}
    for name in shell.route.book.names:
        groups.setdefault(shell.route.book.entries[name].group, []).append(name)
    commands = Table(
        title="commands of the server", title_justify="left", box=None, show_header=False
    )
    for group, names in sorted(groups.items()):
        commands.add_row(group, " ".join(names))
    shell.show(commands)
    shell.say("help NAME tells more. DELETE is DEL. A JSON document is one word as it stands.")
    return True


def _help_on(shell: Shell, name: str) -> bool:
    verb, entry = shell.verbs.get(name), shell.route.book.find(name)
    if verb is not None:
        shell.say(f"{verb.name} {verb.syntax}".rstrip())
        shell.say(f"  {verb.summary}")
    if entry is not None:
        shell.say(f"{entry.name} {entry.syntax}".rstrip())
        shell.say(f"  {entry.summary} ({entry.group})")
    if verb is None and entry is None:
        raise ValueError(f"there is no verb and no command {name!r}: help lists them")
    return True


def show_status(shell: Shell, arguments: Sequence[str]) -> bool:
    """Whether a node leads."""
    table = Table()
    for heading in ("node", "address", "role", "term", "applied", "keys", "state hash"):
        table.add_column(heading, no_wrap=True)
    found = shell.statuses()
    leads = False
    for place, status in _by_place(found):
        if isinstance(status, KvError):
            table.add_row(shell.name_of(place), place, shell.fate_of(place, status), style="red")
            continue
        leads = leads or status.ready
        digest = text(mapping(status.fields["state"])["state"])
        role = status.role if status.phase == "serving" else status.phase
        table.add_row(
            str(status.id),
            place,
            role,
            str(status.term),
            str(status.applied_index),
            str(status.keys),
            digest[:16],
            style="bold green" if status.ready else "",
        )
    shell.show(table)
    if not leads:
        reasons = {s.why for s in found.values() if isinstance(s, NodeStatus) and s.why}
        shell.show(Text("no node leads: " + ("; ".join(sorted(reasons)) or "none answers"), ERROR))
    return leads


def show_hashes(shell: Shell, arguments: Sequence[str]) -> bool:
    """Whether all nodes that answer are equal."""
    deadline = time.monotonic() + _ONE_INDEX_SECONDS
    while True:
        found = shell.route.hashes()
        hashes = [each for each in found.values() if isinstance(each, StateHash)]
        if len({each.index for each in hashes}) <= 1 or time.monotonic() >= deadline:
            break
        time.sleep(_POLL_SECONDS)  # nodes that lag are given a moment
    table = Table()
    for heading in ("address", "index", "keys", "state", "history"):
        table.add_column(heading, no_wrap=True)
    for place, each in _by_place(found):
        if isinstance(each, KvError):
            table.add_row(place, shell.fate_of(place, each), style="red")
        else:
            numbers = (str(each.index), str(each.keys))
            table.add_row(place, *numbers, each.state[:16], each.history[:16])
    shell.show(table)
    if not hashes:
        raise Unavailable("no node answers")
    silent = len(found) - len(hashes)
    rest = f"; {silent} of {len(found)} do not answer" if silent else ""
    if len({each.index for each in hashes}) > 1:
        shell.show(Text(f"at different indices: nothing can be said{rest}", ERROR))
        return False
    equal = len(set(hashes)) == 1
    index = hashes[0].index
    said = f"equal at index {index}{rest}" if equal else f"DIFFERENT at index {index}{rest}"
    shell.show(Text(said, STATUS if equal else ERROR))
    return equal


def _by_place(found: Mapping[Address, T]) -> list[tuple[str, T]]:
    """By `host:port`, in the order in which the nodes became known."""
    return [(f"{host}:{port}", each) for (host, port), each in found.items()]


def use(shell: Shell, arguments: Sequence[str]) -> bool:
    """Binds the shell to a node."""
    if len(arguments) != 1:
        raise ValueError("use NODE, use host:port, or use any (whoever leads)")
    where = arguments[0]
    if where == "any":
        shell.route.bind(None)
        shell.say("commands go to whoever leads")
        return True
    address = shell.address_of(where)
    parse_address(address)
    shell.route.bind(address)
    shell.say(f"commands go to {address}, whoever leads; use any ends it")
    return True


def transfer(shell: Shell, arguments: Sequence[str]) -> bool:
    """Hands the leadership over."""
    if len(arguments) != 1 or not arguments[0].isdigit():
        raise ValueError("transfer NODE: the id of the node that is to lead")
    leader = shell.route.leader()
    if leader is None:
        raise Unavailable("no node leads that could hand over")
    reply = shell.route.send_to(leader, "KV.TRANSFER", arguments[0])
    if isinstance(reply, ErrorReply):
        raise ValueError(reply.message)
    deadline = time.monotonic() + _TRANSFER_SECONDS
    while True:
        for status in shell.statuses().values():
            if isinstance(status, NodeStatus) and status.ready and status.id == int(arguments[0]):
                shell.say(f"node {status.id} leads in term {status.term}")
                return True
        if time.monotonic() >= deadline:
            raise Unavailable(
                f"node {arguments[0]} does not lead after {_TRANSFER_SECONDS:g} s; see status"
            )
        time.sleep(_POLL_SECONDS)


def watch(shell: Shell, arguments: Sequence[str]) -> bool:
    """Shows changes as they happen, until an interrupt."""
    with_from = len(arguments) == 3 and arguments[1].upper() == "FROM" and arguments[2].isdigit()
    if len(arguments) != 1 and not with_from:
        raise ValueError("watch PREFIX, or watch PREFIX FROM revision")
    revision = int(arguments[2]) if with_from else None
    shell.say("Ctrl-C ends it")
    with suppress(KeyboardInterrupt), shell.route.watch(arguments[0], revision) as changes:
        for change in changes:
            shell.show(shown_change(change))
    return True


def leave(shell: Shell, arguments: Sequence[str]) -> bool:
    raise Leave


def _names(shell: Shell, arguments: Sequence[str]) -> Sequence[str]:
    return () if arguments else [*shell.verbs, *shell.route.book.names]


def _places(shell: Shell, arguments: Sequence[str]) -> Sequence[str]:
    return () if arguments else ["any", *shell.node_names]


def _node_names(shell: Shell, arguments: Sequence[str]) -> Sequence[str]:
    return () if arguments else shell.node_names


VERBS = (
    Verb("help", "[name]", "Lists verbs and commands; tells more of one.", show_help, _names),
    Verb("status", "", "Role, term, applied index and state of every node.", show_status),
    Verb("hash", "", "The digests of every node, and whether they are equal.", show_hashes),
    Verb(
        "use",
        "node|host:port|any",
        "Sends all commands to one node, or again to whoever leads.",
        use,
        _places,
    ),
    Verb(
        "watch",
        "prefix [FROM revision]",
        "Shows every change of keys with the prefix, as it happens. (WATCH is the transaction's.)",
        watch,
    ),
    Verb("transfer", "node", "Hands the leadership to a node.", transfer, _node_names),
    Verb("exit", "", "Ends the shell, and the cluster that it started; Ctrl-D does, too.", leave),
    Verb("quit", "", "As exit.", leave),
)


def verb_hint(verb: Verb, arguments: Sequence[str]) -> str:
    """What of its arguments is still to come."""
    return hint(verb.syntax, arguments)
