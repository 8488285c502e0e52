"""One line in, what it does out: the shell without its terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console, RenderableType
from rich.text import Text

from kvcluster.directory import Address
from kvcluster.errors import CommandError, KvError, Timeout
from kvcluster.local_cluster import LocalCluster
from kvcluster.repl.book import ALIASES
from kvcluster.repl.cluster_verbs import CLUSTER_VERBS
from kvcluster.repl.render import ERROR, error, shown, shown_each
from kvcluster.repl.route import Route
from kvcluster.repl.verbs import VERBS, Leave, Verb
from kvcluster.repl.words import split
from kvcluster.replies import NodeStatus
from kvcluster.retry import ErrorReply

_WITHOUT_PASSWORD = ("NOAUTH", "WRONGPASS")
_KNOWN_KEYS_MAX = 1000


class Shell:
    """Carries out lines.

    Args:
        route: to the nodes.
        console: where it shows what came of them.
        cluster: that the shell started itself; None: it did not.
    """

    def __init__(self, route: Route, console: Console, cluster: LocalCluster | None = None) -> None:
        self.route = route
        self.cluster = cluster
        self.paused: set[int] = set()
        self.keys: dict[str, None] = {}  # that were typed, the newest last
        self._ids: dict[str, str] = {}  # by address, as far as nodes told them
        self._queued: list[list[str]] = []  # since MULTI
        if cluster is not None:
            self._ids = {cluster.address(node): str(node) for node in cluster.ids}
        self._console = console
        self._all_verbs = {verb.name: verb for verb in (*VERBS, *CLUSTER_VERBS)}

    @property
    def verbs(self) -> dict[str, Verb]:
        """Those that make sense here, by name."""
        return {
            name: verb
            for name, verb in self._all_verbs.items()
            if self.cluster is not None or not verb.of_cluster
        }

    @property
    def node_names(self) -> list[str]:
        """The ids of the nodes, as far as they are known without asking."""
        return sorted(self._ids.values(), key=int)

    @property
    def prompt(self) -> str:
        """Where commands go, and what the connection holds."""
        held = "".join(f"({sign})" for sign in sorted(self.route.state))
        return f"{self.route.bound or 'kvcluster'}{held}> "

    def run(self, line: str) -> bool:
        """Carries the line out, and shows what came of it; whether all is well.

        Raises:
            Leave: the line says so.
        """
        try:
            words = split(line)
            if not words:
                return True
            verb = self._all_verbs.get(words[0].decode("utf-8", "replace"))
            if verb is not None:
                arguments = [word.decode("utf-8", "replace") for word in words[1:]]
                if arguments and not verb.syntax:
                    raise ValueError(f"{verb.name} takes no arguments")
                return verb.run(self, arguments)
            if words[0].upper() in (b"QUIT", b"EXIT"):
                raise Leave
            if words[0].upper() == b"AUTH":
                return self._authenticate(words[1:])
            return self._send(words)
        except Timeout as unknown:
            self.show(Text(f"(unknown) {unknown}", ERROR))
        except CommandError as refused:
            advice = "; type AUTH password" if refused.code in _WITHOUT_PASSWORD else ""
            self.show(error(f"{refused}{advice}"))
        except (KvError, ValueError) as failed:
            self.show(error(str(failed)))
        return False

    def interrupted(self) -> None:
        """After an interrupt in the middle of `run`."""
        self.route.abandon()
        self.say("interrupted; a write that was under way may have been applied")

    def greet(self) -> None:
        """Says where it is and how to go on."""
        self.route.learn()
        found = self.statuses()
        answers = [status for status in found.values() if isinstance(status, NodeStatus)]
        leader = next((f"node {status.id} leads" for status in answers if status.ready), "")
        self.say(f"{len(answers)} of {len(found)} nodes answer; {leader or 'none leads'}")
        self.say("type help for verbs and commands, Ctrl-D to leave")

    def statuses(self) -> dict[Address, NodeStatus | KvError]:
        """Of all nodes; remembers their ids."""
        found = self.route.statuses()
        for (host, port), status in found.items():
            if isinstance(status, NodeStatus):
                self._ids[f"{host}:{port}"] = str(status.id)
        return found

    def say(self, words: str) -> None:
        self.show(Text(words))

    def show(self, what: RenderableType) -> None:
        self._console.print(what, soft_wrap=isinstance(what, Text), highlight=False)

    def own_cluster(self) -> LocalCluster:
        """The cluster that the shell started.

        Raises:
            ValueError: it started none.
        """
        if self.cluster is None:
            raise ValueError(
                "this shell did not start the cluster and cannot harm it; "
                "kvcluster repl --cluster 3 starts one of its own"
            )
        return self.cluster

    def address_of(self, name: str) -> str:
        """`host:port` of a node's id or address.

        Raises:
            ValueError: it is neither.
        """
        if ":" in name:
            return name
        self.statuses()
        for address, known in self._ids.items():
            if known == name:
                return address
        raise ValueError(f"there is no node {name}: give its id as status shows it, or host:port")

    def name_of(self, address: str) -> str:
        """The id of a node that does not answer, if it is known."""
        return self._ids.get(address, "?")

    def fate_of(self, address: str, refusal: KvError) -> str:
        """Why a node does not answer, as far as the shell knows."""
        name = self.name_of(address)
        if isinstance(refusal, CommandError):
            return refusal.code
        if self.cluster is None or not name.isdigit():
            return "no answer"
        if int(name) not in self.cluster.running:
            return "down"
        return "paused" if int(name) in self.paused else "no answer"

    def _authenticate(self, words: Sequence[bytes]) -> bool:
        *user, password = [word.decode() for word in words] or [""]
        if len(words) not in (1, 2) or user not in ([], ["default"]):
            raise ValueError("AUTH password, or AUTH default password: there is no other user")
        self.route.authenticate(password)
        self.show(shown(b"OK", ["AUTH"]))
        return True

    def _send(self, words: Sequence[bytes]) -> bool:
        names = [word.decode("utf-8", "replace") for word in words]
        names[0] = ALIASES.get(names[0].upper(), names[0].upper())
        reply = self.route.send([names[0].encode(), *words[1:]])
        self._remember_keys(names)
        if names[0] == "EXEC" and isinstance(reply, list) and len(reply) == len(self._queued):
            self.show(shown_each(reply, self._queued))
        else:
            self.show(shown(reply, names))
        if "tx" not in self.route.state:
            self._queued = []
        elif reply == b"QUEUED":
            self._queued.append(names)
        return not isinstance(reply, ErrorReply)

    def _remember_keys(self, words: Sequence[str]) -> None:
        entry = self.route.book.find(words[0])
        for place, word in enumerate(words[1:], start=1):
            if entry is not None and entry.is_key(place) and word.isprintable():
                self.keys.pop(word, None)
                self.keys[word] = None
        while len(self.keys) > _KNOWN_KEYS_MAX:
            self.keys.pop(next(iter(self.keys)))
