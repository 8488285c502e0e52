"""How a call finds its node, and when a command may be sent again: the one policy of all clients.

No sockets, no clock reads of its own, no sleeping: `run` is a generator that says what to do next
(`Attempt`, `Pause`) and is told what came of it (`Outcome`). `Client` and `AsyncClient` only carry
these steps out.

What may be repeated when an outcome is unknown: a read, and a write inside a session. A session is
a random client id with a rising sequence number, sent as `KV.ONCE id seq command`; the cluster
stores the reply with the id, so a repeat is answered and not applied again.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from kvcluster.commands import Command, Word
from kvcluster.directory import Address, Directory, Session, Sessions, parse_address
from kvcluster.errors import CommandError, KvError, NotLeader, StorageError, Timeout, Unavailable
from kvcluster.replies import Reply, text

FIRST_PAUSE_SECONDS = 0.01
LONGEST_PAUSE_SECONDS = 0.2
# Commands of one batch that are under way at once; each write among them has a session of its own.
WINDOW = 64
_REDIRECTIONS_AT_ONCE = 3

_ELSEWHERE = frozenset({"MOVED", "READONLY", "CLUSTERDOWN", "TRYAGAIN", "LOADING", "MASTERDOWN"})
_NO_LEADER_KNOWN = frozenset({"READONLY", "MOVED"})
_LEADER_IN_TEXT = re.compile(r"^MOVED \d+ (?P<moved>\S+)|leader is node \d+ at (?P<named>[^\s,;]+)")


@dataclass(frozen=True, slots=True)
class ErrorReply:
    """A RESP error. The code is its first word."""

    message: str

    @property
    def code(self) -> str:
        return self.message.split(" ", 1)[0]


@dataclass(frozen=True, slots=True)
class Attempt:
    """Send these commands to this node and read a reply for each, within `timeout` seconds."""

    address: Address
    commands: Sequence[tuple[Word, ...]]
    timeout: float


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait so long."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an attempt: the replies that arrived, in order, and what ended it early.

    `sent` is false when certainly not one byte of the commands left. `refused`: the node does not
    take this client's password, and no other node will.
    """

    replies: Sequence[Reply | ErrorReply] = ()
    lost: str | None = None
    sent: bool = True
    refused: bool = False


Step: TypeAlias = Attempt | Pause
Run: TypeAlias = Generator[Step, Outcome, list[Any]]


@dataclass(frozen=True, slots=True)
class Policy:
    """Bounds of one call, in seconds.

    Attributes:
        timeout: for the whole call, all its attempts together.
        attempt_timeout: for one attempt: a node that hangs must not use up the whole time.
    """

    timeout: float = 5.0
    attempt_timeout: float = 1.0


@dataclass(slots=True)
class _Call:
    """One command of a batch on its way."""

    command: Command[Any]
    frames: tuple[tuple[Word, ...], ...]
    session: Session | None
    result: Any = None
    error: KvError | None = None
    done: bool = False
    maybe_applied: bool = False  # an attempt was sent whose outcome nobody knows

    @property
    def repeatable(self) -> bool:
        command = self.command
        return self.session is not None or command.has_session or not command.is_write

    def finish(self, reply: Reply) -> None:
        self.result = self.command.read(reply)
        self.done = True

    def fail(self, error: KvError) -> None:
        self.error = error
        self.done = True

    def refuse(self, reason: str) -> None:
        """No node will ever take it; an earlier attempt may have been applied all the same."""
        self.fail(Timeout(reason) if self.maybe_applied else CommandError(reason))

    def unknown(self, reason: str) -> None:
        """The attempt may have been applied; a call that cannot be repeated ends here."""
        self.maybe_applied = self.maybe_applied or self.command.is_write
        if not self.repeatable:
            self.fail(Timeout(f"the outcome is unknown: {reason}"))


def _leader_in(message: str) -> Address | None:
    found = _LEADER_IN_TEXT.search(message)
    if found is None:
        return None
    try:
        return parse_address((found["moved"] or found["named"]).rstrip("."))
    except ValueError:
        return None


def _answer_of(answers: Sequence[Reply | ErrorReply]) -> Reply | ErrorReply:
    """The answer of a call; a transaction that was aborted says why where it queued."""
    *queued, last = answers
    if isinstance(last, ErrorReply) and last.code == "EXECABORT":
        for answer in queued:
            if isinstance(answer, ErrorReply):
                return answer
    return last


def _final_error(error: ErrorReply) -> KvError:
    if error.code in ("OOM", "MISCONF"):
        return StorageError(error.message)
    return CommandError(error.message)


class _Calls:
    """The commands of one call, until each has its result or its error."""

    def __init__(
        self,
        commands: Sequence[Command[Any]],
        directory: Directory,
        sessions: Sessions | None,
        policy: Policy,
        clock: Callable[[], float],
    ) -> None:
        self._directory = directory
        self._policy = policy
        self._clock = clock
        self._deadline = clock() + policy.timeout
        self._reason = "no node was asked yet"
        self._reason_code = ""
        self._failures = 0
        self._redirections = 0
        self._avoid: Address | None = None
        self.calls = [self._call(command, sessions) for command in commands]

    @staticmethod
    def _call(command: Command[Any], sessions: Sessions | None) -> _Call:
        if sessions is None or not command.is_write or command.has_session or command.queued:
            return _Call(command, command.frames, None)
        session = sessions.take()
        session.sequence += 1
        once = ("KV.ONCE", session.client_id, str(session.sequence))
        return _Call(command, (once + command.words,), session)

    def run(self) -> Generator[Step, Outcome, None]:
        while waiting := [call for call in self.calls if not call.done]:
            remaining = self._deadline - self._clock()
            if remaining <= 0:
                for call in waiting:
                    call.fail(self._out_of_time(call))
                return
            if self._directory.leader is None and not all(c.command.is_local for c in waiting):
                yield from self._look_for_the_leader(remaining)
                if all(call.done for call in waiting):
                    return
            address = self._directory.choose(self._avoid)
            frames = [frame for call in waiting for frame in call.frames]
            outcome = yield Attempt(address, frames, self._share_of(remaining))
            if self._take(address, waiting, outcome):
                continue
            yield from self._pause()

    def _share_of(self, remaining: float) -> float:
        return min(remaining, self._policy.attempt_timeout)

    def _look_for_the_leader(self, remaining: float) -> Generator[Step, Outcome, None]:
        """CLUSTER SLOTS names the leader first, then the others."""
        address = self._directory.choose(self._avoid)
        outcome = yield Attempt(address, [("CLUSTER", "SLOTS")], self._share_of(remaining))
        if outcome.refused and outcome.lost is not None:
            for call in self.calls:
                if not call.done:
                    call.refuse(outcome.lost)
            return
        if outcome.lost is not None:
            self._reason = outcome.lost
            self._avoid = address
            return
        slots = outcome.replies[0]
        if not isinstance(slots, list) or not slots:
            return
        nodes = [(text(node[0]), int(node[1])) for node in slots[0][2:]]
        for node in nodes:
            self._directory.learn(node)
        # What just failed is believed to lead by those who have not noticed yet: ask them instead,
        # they will know first.
        if nodes and nodes[0] != self._avoid:
            self._directory.follow(nodes[0])

    def _take(self, address: Address, waiting: Sequence[_Call], outcome: Outcome) -> bool:
        """True when the next attempt may be made at once."""
        if outcome.refused and outcome.lost is not None:
            for call in waiting:
                call.refuse(outcome.lost)
            return True
        at_once = True
        at = 0
        for call in waiting:
            answers = outcome.replies[at : at + len(call.frames)]
            at += len(call.frames)
            if len(answers) < len(call.frames):
                if outcome.sent and outcome.lost is not None:
                    call.unknown(outcome.lost)
                continue
            reply = _answer_of(answers)
            if isinstance(reply, ErrorReply):
                at_once = self._take_error(address, call, reply) and at_once
            else:
                call.finish(reply)
        if outcome.lost is None:
            return at_once
        self._directory.failed(address)
        self._avoid = address
        self._reason, self._reason_code = outcome.lost, ""
        return False

    def _take_error(self, address: Address, call: _Call, error: ErrorReply) -> bool:
        if error.code == "UNCERTAIN":
            self._reason, self._reason_code = error.message, error.code
            call.unknown(error.message)
            return False
        if error.code not in _ELSEWHERE:
            final = _final_error(error)
            if call.maybe_applied and isinstance(final, StorageError):
                # A node that takes nothing now says nothing of what an earlier attempt did.
                final = Timeout(f"the outcome is unknown: {error.message}")
            call.fail(final)
            return True
        self._reason, self._reason_code = f"{address[0]}:{address[1]}: {error.message}", error.code
        leader = _leader_in(error.message)
        if leader is not None and leader != address:
            self._directory.follow(leader)
            self._avoid = None
            self._redirections += 1
            # Two nodes may each believe that the other leads; that is worth a pause.
            return self._redirections <= _REDIRECTIONS_AT_ONCE
        self._directory.failed(address)
        return False

    def _pause(self) -> Generator[Step, Outcome, None]:
        seconds = min(FIRST_PAUSE_SECONDS * 2**self._failures, LONGEST_PAUSE_SECONDS)
        self._failures = min(self._failures + 1, 16)
        remaining = self._deadline - self._clock()
        if remaining > 0 and any(not call.done for call in self.calls):
            # Half of it is chance, so that many clients do not come back in one wave.
            yield Pause(min(seconds * random.uniform(0.5, 1.0), remaining))

    def _out_of_time(self, call: _Call) -> KvError:
        seconds = self._policy.timeout
        if call.maybe_applied:
            return Timeout(f"the outcome is unknown after {seconds} s: {self._reason}")
        if self._reason_code in _NO_LEADER_KNOWN:
            return NotLeader(f"no leader was found within {seconds} s: {self._reason}")
        return Unavailable(f"not applied within {seconds} s: {self._reason}")


def run(
    commands: Sequence[Command[Any]],
    directory: Directory,
    sessions: Sessions | None,
    policy: Policy,
    clock: Callable[[], float],
) -> Run:
    """Carries out the commands in order, as pipelines of at most `WINDOW`.

    Each item of the result is the command's value, or the `KvError` that it ended with. Without
    `sessions` a write is sent once only.
    """
    results: list[Any] = []
    for at in range(0, len(commands), WINDOW):
        batch = _Calls(commands[at : at + WINDOW], directory, sessions, policy, clock)
        try:
            yield from batch.run()
        finally:
            # A later request of the same session fences a lost one: it is older from then on.
            for call in batch.calls:
                if call.session is not None and sessions is not None:
                    sessions.give_back(call.session)
        results += [call.error if call.error is not None else call.result for call in batch.calls]
    return results
