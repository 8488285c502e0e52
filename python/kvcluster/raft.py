"""The consensus core as a pure function, to step through by hand.

A `Core` is one server without clock, disk or network: `step(now_us, event)` takes what happened
and answers with the `Effects`, all that is to be written, sent and applied. Same events, same seed,
same effects. Ids are integers from 1 (0: nobody), times integer microseconds since an origin of
the caller's choice.

>>> core = new_core(1, members=[1, 2, 3], seed=7)
>>> effects = core.step(core.next_deadline_us, Tick())
>>> [type(message.body).__name__ for message in effects.messages_now]
['RequestVote', 'RequestVote']

`Bench` joins several cores, with every message and every disk write in your hands.

Source: D. Ongaro, "Consensus: Bridging Theory and Practice", 2014; section numbers mean it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from kvcluster._core.raft import (
    AppendEntries,
    AppendReply,
    Applied,
    Compact,
    Config,
    Configuration,
    Core,
    CoreStatus,
    Effects,
    Entry,
    EntryId,
    EntryKind,
    HardState,
    InstallSnapshot,
    Member,
    MemberRole,
    Message,
    PeerConnected,
    PeerLost,
    PeerStatus,
    PersistBatch,
    Persisted,
    Propose,
    Proposed,
    ProposeItem,
    ReadOutcome,
    ReadRequest,
    Receive,
    RequestVote,
    Restored,
    Role,
    SnapshotChunk,
    SnapshotRead,
    SnapshotReply,
    SnapshotStore,
    SnapshotStored,
    SnapshotUnavailable,
    Tick,
    TimeoutNow,
    Trace,
    TraceKind,
    TransferLeadership,
    VoteReply,
)

Event = (
    Tick
    | Receive
    | Propose
    | Persisted
    | ReadRequest
    | PeerConnected
    | PeerLost
    | Applied
    | Compact
    | SnapshotChunk
    | SnapshotUnavailable
    | SnapshotStored
    | TransferLeadership
)
Body = (
    RequestVote
    | VoteReply
    | AppendEntries
    | AppendReply
    | InstallSnapshot
    | SnapshotReply
    | TimeoutNow
)


def voters(ids: Iterable[int]) -> Configuration:
    """The configuration in which all of `ids` vote."""
    return Configuration(tuple(Member(id) for id in sorted(ids)))


def new_core(
    id: int,
    *,
    members: Iterable[int],
    seed: int = 0,
    now_us: int = 0,
    config: Config | None = None,
    hard_state: HardState | None = None,
    entries: Sequence[Entry] = (),
) -> Core:
    """One server of a cluster in which all `members` vote.

    Args:
        id: its own; must be among `members` for it to vote.
        members: the ids of all.
        seed: of its election timeouts.
        now_us: when it starts, in microseconds.
        config: its settings; those of `Config(id)` when left out.
        hard_state: the term, vote and commit index that its disk remembers.
        entries: the log that its disk remembers, from index 1 on, none of it applied yet.

    Raises:
        ValueError: when these contradict themselves or each other.
    """
    restored = Restored(voters(members), hard_state or HardState(), entries=tuple(entries))
    return Core(config or Config(id), restored, seed, now_us)


@dataclass(frozen=True, slots=True)
class Step:
    """One line of a `Bench`'s story.

    Attributes:
        now_us: when, in microseconds.
        server: whose step it was.
        trace: what it did.
    """

    now_us: int
    server: int
    trace: Trace

    def __str__(self) -> str:
        told = f"{self.now_us / 1000:9.3f} ms  server {self.server}  term {self.trace.term}  "
        told += self.trace.kind.name.lower().replace("_", " ")
        if self.trace.peer:
            told += f" {self.trace.peer}"
        return told + (f" ({self.trace.detail})" if self.trace.detail else "")


class Bench:
    """Several cores on one table: messages wait in `network`, writes in `disks`, time stands still.

    Nothing moves before one of the verbs says so. All committed entries are taken as applied. With
    the settings that servers have here by default, followers are told at once what is committed.

    Args:
        members: the ids of all; all vote.
        seed: of the election timeouts.
        configs: other settings, by server.

    Attributes:
        now_us: the time of all servers, in microseconds.
        cores: the servers by id.
        network: the messages that were sent and neither delivered nor dropped, oldest first.
        disks: by server the batches that are not yet durable, oldest first.
        applied: by server what was committed there, in order.
        story: what all servers did so far.
    """

    def __init__(
        self,
        members: Iterable[int] = (1, 2, 3),
        *,
        seed: int = 0,
        configs: Mapping[int, Config] = MappingProxyType({}),
    ) -> None:
        ids = sorted(members)
        self.now_us = 0
        self.cores = {
            id: new_core(
                id,
                members=ids,
                seed=seed + id,
                config=configs.get(id, Config(id, commit_notice_delay_us=0)),
            )
            for id in ids
        }
        self.network: list[Message] = []
        self.disks: dict[int, list[PersistBatch]] = {id: [] for id in ids}
        self.applied: dict[int, list[Entry]] = {id: [] for id in ids}
        self.story: list[Step] = []

    def step(self, server: int, event: Event) -> Effects:
        """Gives one server one event now, and files its effects away."""
        effects = self.cores[server].step(self.now_us, event)
        self.story += [Step(self.now_us, server, trace) for trace in effects.trace]
        self.network += effects.messages_now
        if effects.persist is not None:
            self.disks[server].append(effects.persist)
        if effects.committed:
            self.applied[server] += effects.committed
            self.step(server, Applied(effects.committed[-1].index))
        return effects

    def tick(self, server: int) -> Effects:
        """Lets the time pass until `server` is due, and tells it alone."""
        self.now_us = max(self.now_us, self.cores[server].next_deadline_us)
        return self.step(server, Tick())

    def sync(self, server: int) -> None:
        """Makes durable all that `server` has written, and sends what waited for that."""
        while self.disks[server]:
            batch = self.disks[server].pop(0)
            self.network += batch.messages
            self.step(server, Persisted(batch.sequence))

    def deliver(self, message: Message) -> Effects:
        """Hands a message of `network` to its receiver. Raises ValueError when it is not there."""
        self.network.remove(message)
        return self.step(message.to, Receive(message))

    def drop(self, lost: Callable[[Message], bool]) -> int:
        """Loses the messages of `network` for which `lost` is true; how many there were."""
        kept = [message for message in self.network if not lost(message)]
        dropped = len(self.network) - len(kept)
        self.network = kept
        return dropped

    def settle(self, *, steps: int = 10_000) -> None:
        """Syncs all disks and delivers all messages, until nothing is left.

        Raises:
            RuntimeError: when something is left after so many steps.
        """
        for _ in range(steps):
            for server in self.cores:
                self.sync(server)
            if not self.network:
                return
            self.deliver(self.network[0])
        raise RuntimeError(f"messages are still on their way after {steps} steps")

    def elect(self, server: int) -> None:
        """Makes `server` lead: all lose the leader that there is, and `server` times out first.

        Raises:
            RuntimeError: when it does not win, because its log is behind for instance.
        """
        leader = self.leader()
        for other in self.cores:
            if leader not in (0, other):
                self.step(other, PeerLost(leader))
        self.tick(server)
        self.settle()
        if self.leader() != server:
            raise RuntimeError(f"server {server} was not elected")

    def leader(self) -> int:
        """The leader of the newest term that has one; 0: there is none."""
        leading = [s for s in map(Core.status, self.cores.values()) if s.role is Role.LEADER]
        return max(leading, key=lambda status: status.term).self_id if leading else 0

    def propose(self, server: int, *payloads: bytes) -> Proposed:
        """Asks `server` to append commands. Refused, for certain, when it does not lead."""
        effects = self.step(server, Propose(tuple(ProposeItem(each) for each in payloads)))
        if effects.proposed is None:
            raise RuntimeError("a proposal is always answered")
        return effects.proposed


__all__ = [
    "AppendEntries",
    "AppendReply",
    "Applied",
    "Bench",
    "Body",
    "Compact",
    "Config",
    "Configuration",
    "Core",
    "CoreStatus",
    "Effects",
    "Entry",
    "EntryId",
    "EntryKind",
    "Event",
    "HardState",
    "InstallSnapshot",
    "Member",
    "MemberRole",
    "Message",
    "PeerConnected",
    "PeerLost",
    "PeerStatus",
    "PersistBatch",
    "Persisted",
    "Propose",
    "ProposeItem",
    "Proposed",
    "ReadOutcome",
    "ReadRequest",
    "Receive",
    "RequestVote",
    "Restored",
    "Role",
    "SnapshotChunk",
    "SnapshotRead",
    "SnapshotReply",
    "SnapshotStore",
    "SnapshotStored",
    "SnapshotUnavailable",
    "Step",
    "Tick",
    "TimeoutNow",
    "Trace",
    "TraceKind",
    "TransferLeadership",
    "VoteReply",
    "new_core",
    "voters",
]
