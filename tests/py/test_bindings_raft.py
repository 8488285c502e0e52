"""The pure core from Python: an election message by message, the vote rules, the log."""

import pytest

from kvcluster.raft import (
    AppendEntries,
    AppendReply,
    Applied,
    Bench,
    Compact,
    Config,
    Configuration,
    Core,
    Effects,
    Entry,
    EntryId,
    EntryKind,
    HardState,
    Member,
    MemberRole,
    Message,
    PeerLost,
    Persisted,
    Propose,
    ProposeItem,
    ReadRequest,
    Receive,
    RequestVote,
    Role,
    Tick,
    TraceKind,
    TransferLeadership,
    VoteReply,
    new_core,
    voters,
)

LATER_US = 1_000_000  # beyond any election timeout


def server(*, term: int = 0, entries: tuple[Entry, ...] = ()) -> Core:
    """Server 1 of three, whose disk remembers a term and a log."""
    return new_core(1, members=[1, 2, 3], hard_state=HardState(term), entries=entries)


def ask_vote(core: Core, candidate: int, *, term: int, last_log: EntryId) -> VoteReply:
    """The durable answer to a candidate."""
    request = Message(candidate, 1, term, RequestVote(last_log))
    effects = core.step(0, Receive(request))
    answers = list(effects.messages_now)
    if effects.persist is not None:
        answers += effects.persist.messages
        core.step(0, Persisted(effects.persist.sequence))
    (answer,) = answers
    assert isinstance(answer.body, VoteReply)
    assert answer.to == candidate
    return answer.body


def refusals(effects: Effects) -> list[str]:
    return [each.detail for each in effects.trace if each.kind is TraceKind.VOTE_REFUSED]


# --- vote rules (dissertation, 3.4, 3.6.1) ---


def test_a_vote_request_with_a_lower_term_is_refused() -> None:
    core = server(term=5)
    reply = ask_vote(core, 2, term=4, last_log=EntryId(4, 10))
    assert not reply.granted
    assert core.status().voted_for == 0
    assert core.status().term == 5


def test_the_first_candidate_of_a_term_gets_the_vote_and_the_second_does_not() -> None:
    core = server()
    assert ask_vote(core, 2, term=1, last_log=EntryId(0, 0)).granted
    assert not ask_vote(core, 3, term=1, last_log=EntryId(0, 0)).granted
    assert core.status().voted_for == 2


def test_the_same_candidate_asked_twice_gets_the_same_vote() -> None:
    core = server()
    assert ask_vote(core, 2, term=1, last_log=EntryId(0, 0)).granted
    assert ask_vote(core, 2, term=1, last_log=EntryId(0, 0)).granted


def test_a_vote_is_given_anew_in_a_newer_term() -> None:
    core = server()
    assert ask_vote(core, 2, term=1, last_log=EntryId(0, 0)).granted
    assert ask_vote(core, 3, term=2, last_log=EntryId(0, 0)).granted
    assert core.status().voted_for == 3


@pytest.mark.parametrize(
    ("last_log", "granted"),
    [
        (EntryId(1, 9), False),  # longer, but of an older term
        (EntryId(2, 1), False),  # shorter
        (EntryId(2, 2), True),  # equal
        (EntryId(2, 3), True),  # longer
        (EntryId(3, 1), True),  # of a newer term
    ],
)
def test_only_a_log_that_is_as_new_gets_the_vote(last_log: EntryId, granted: bool) -> None:
    core = server(term=3, entries=(Entry(1, 1), Entry(2, 2)))
    assert ask_vote(core, 2, term=4, last_log=last_log).granted is granted


def test_a_vote_leaves_only_when_it_is_durable() -> None:
    core = server()
    effects = core.step(0, Receive(Message(2, 1, 1, RequestVote(EntryId(0, 0)))))
    assert effects.messages_now == ()
    assert effects.persist is not None
    assert effects.persist.hard_state == HardState(1, 2)
    (answer,) = effects.persist.messages
    assert answer.body == VoteReply(granted=True, for_term=1)


def test_a_refusal_says_why() -> None:
    core = server(term=3, entries=(Entry(3, 1),))
    effects = core.step(0, Receive(Message(2, 1, 4, RequestVote(EntryId(2, 9)))))
    assert refusals(effects) == ["its log is behind"]


# --- an election, message by message ---


def test_an_election_can_be_stepped_message_by_message() -> None:
    bench = Bench()
    bench.tick(1)
    assert bench.cores[1].status().role is Role.PRE_CANDIDATE

    ask = bench.network[0]
    assert ask == Message(1, 2, 1, RequestVote(EntryId(0, 0), pre_vote=True))
    bench.deliver(ask)
    promise = bench.network[-1]
    assert promise == Message(2, 1, 0, VoteReply(pre_vote=True, granted=True, for_term=1))
    bench.deliver(promise)
    assert bench.cores[1].status().role is Role.CANDIDATE
    bench.drop(lambda message: True)

    # Its own vote is durable, then its requests leave.
    bench.sync(1)
    assert [message.body for message in bench.network] == [RequestVote(EntryId(0, 0))] * 2
    bench.deliver(bench.network[0])
    assert bench.leader() == 0
    bench.sync(2)
    bench.deliver(bench.network[-1])
    assert bench.leader() == 1
    assert bench.cores[1].status().term == 1


def test_nothing_is_committed_before_a_quorum_has_it_on_disk() -> None:
    bench = Bench()
    bench.elect(1)
    proposed = bench.propose(1, b"x")
    assert proposed.accepted
    appends = [message for message in bench.network if isinstance(message.body, AppendEntries)]
    bench.deliver(appends[0])
    assert bench.cores[1].status().commit_index < proposed.first
    bench.settle()
    assert [entry.payload for entry in bench.applied[1]] == [b"", b"x"]
    assert bench.applied[1] == bench.applied[2] == bench.applied[3]


def test_what_is_committed_is_handed_out_in_pages() -> None:
    bench = Bench([1], configs={1: Config(1, max_committed_per_step=2)})
    bench.tick(1)
    bench.settle()
    bench.propose(1, *(b"%d" % number for number in range(5)))
    (batch,) = bench.disks[1]
    effects = bench.cores[1].step(bench.now_us, Persisted(batch.sequence))
    assert [entry.payload for entry in effects.committed] == [b"0", b"1"]
    assert effects.next_deadline_us == bench.now_us


def test_a_server_that_is_not_the_leader_refuses_proposals() -> None:
    bench = Bench()
    bench.elect(1)
    assert not bench.propose(2, b"x").accepted


def test_a_read_is_confirmed_by_a_round_that_left_after_it() -> None:
    bench = Bench()
    bench.elect(1)
    effects = bench.step(1, ReadRequest(7))
    assert effects.reads == ()
    bench.sync(2)
    bench.deliver(bench.network[0])
    answer = next(message for message in bench.network if message.to == 1)
    confirmed = bench.deliver(answer)
    assert [(read.id, read.confirmed) for read in confirmed.reads] == [(7, True)]


def test_a_follower_does_not_confirm_reads() -> None:
    bench = Bench()
    bench.elect(1)
    (outcome,) = bench.step(2, ReadRequest(7)).reads
    assert not outcome.confirmed


# --- leaders come and go ---


def test_a_stale_leader_steps_down_when_it_hears_a_newer_term() -> None:
    bench = Bench()
    bench.elect(1)
    # Server 1 is cut off; 2 wins the next term with the help of 3.
    bench.step(2, PeerLost(1))
    bench.step(3, PeerLost(1))
    bench.tick(2)
    while bench.leader() != 2:
        bench.sync(2)
        bench.sync(3)
        bench.drop(lambda message: 1 in (message.from_, message.to))
        bench.deliver(bench.network[0])
    assert bench.cores[1].status().role is Role.LEADER
    assert bench.cores[1].status().term == 1

    heartbeat = Message(2, 1, 2, AppendEntries())
    effects = bench.step(1, Receive(heartbeat))
    status = bench.cores[1].status()
    assert (status.role, status.term, status.leader) == (Role.FOLLOWER, 2, 2)
    assert TraceKind.STEPPED_DOWN in {each.kind for each in effects.trace}


def test_a_leader_that_hears_no_quorum_steps_down() -> None:
    bench = Bench()
    bench.elect(1)
    for _ in range(100):
        bench.tick(1)
        bench.drop(lambda message: True)
        if bench.leader() == 0:
            break
    assert bench.cores[1].status().role is Role.FOLLOWER
    assert any(step.trace.detail == "no answer from a quorum" for step in bench.story)


def test_entries_that_were_never_committed_are_replaced_by_the_new_leaders() -> None:
    bench = Bench()
    bench.elect(1)
    bench.propose(1, b"lost")
    bench.drop(lambda message: True)
    bench.sync(1)
    bench.drop(lambda message: True)
    bench.elect(2)
    bench.propose(2, b"kept")
    bench.settle()
    payloads = [entry.payload for entry in bench.applied[2] if entry.kind is EntryKind.COMMAND]
    assert payloads == [b"kept"]
    assert bench.applied[1] == bench.applied[2] == bench.applied[3]


def test_leadership_is_handed_over_on_request() -> None:
    bench = Bench()
    bench.elect(1)
    bench.step(1, TransferLeadership(3))
    bench.settle()
    assert bench.leader() == 3


def test_a_leader_knows_how_far_its_followers_are() -> None:
    bench = Bench()
    bench.elect(1)
    bench.propose(1, b"x")
    bench.settle()
    peers = bench.cores[1].status().peers
    assert [(peer.id, peer.match_index) for peer in peers] == [(2, 2), (3, 2)]


def test_the_story_of_an_election_can_be_read() -> None:
    bench = Bench()
    bench.elect(1)
    story = "\n".join(map(str, bench.story))
    assert "server 1  term 1  became leader" in story
    assert "server 2  term 1  vote granted 1 (vote)" in story


# --- determinism ---


def test_the_same_events_and_the_same_seed_give_the_same_effects() -> None:
    def run(seed: int) -> list[Effects]:
        core = new_core(1, members=[1, 2, 3], seed=seed)
        effects = [core.step(0, Tick())]
        for _ in range(5):
            effects.append(core.step(core.next_deadline_us, Tick()))
        return effects

    assert run(3) == run(3)
    assert run(3) != run(4)


def test_election_timeouts_lie_in_their_configured_range() -> None:
    config = Config(
        1,
        election_timeout_min_us=5_000_000,
        election_timeout_max_us=8_000_000,
        heartbeat_interval_us=2_000_000,
    )
    deadlines = {
        new_core(1, members=[1, 2], seed=seed, config=config).next_deadline_us for seed in range(50)
    }
    assert len(deadlines) > 10
    assert all(5_000_000 <= deadline <= 8_000_000 for deadline in deadlines)


# --- values ---


def test_values_are_equal_by_type_and_fields() -> None:
    assert EntryId(2, 3) == EntryId(term=2, index=3)
    assert EntryId(2, 3) != EntryId(2, 4)
    persisted: object = Persisted(1)
    assert persisted != Applied(1)
    assert hash(EntryId(2, 3)) == hash(EntryId(2, 3))


def test_entry_ids_compare_as_the_election_restriction_does() -> None:
    assert EntryId(1, 9) < EntryId(2, 1) < EntryId(2, 2)


def test_a_value_cannot_be_changed() -> None:
    entry = Entry(1, 1, EntryKind.COMMAND, b"x")
    with pytest.raises(AttributeError):
        entry.payload = b"y"  # type: ignore[misc]
    assert isinstance(AppendEntries(entries=(entry,)).entries, tuple)


def test_a_value_shows_its_fields() -> None:
    shown = repr(Message(1, 2, 3, AppendReply(success=True, index=4)))
    assert shown == (
        "Message(from_=1, to=2, term=3, body=AppendReply(success=True, index=4, "
        "hint=EntryId(term=0, index=0), read_round=0))"
    )


def test_a_message_can_be_matched_by_its_body() -> None:
    match Message(1, 2, 3, VoteReply(granted=True, for_term=3)):
        case Message(body=VoteReply(granted=True, for_term=term)):
            assert term == 3
        case _:
            pytest.fail("the pattern did not match")


def test_a_configuration_survives_its_encoding() -> None:
    members = (Member(1, address="a:1"), Member(4, MemberRole.LEARNER, bytes(range(16)), "b:2"))
    configuration = Configuration(members)
    assert Configuration.decode(configuration.encode()) == configuration
    assert (configuration.voter_count, configuration.quorum) == (1, 1)


# --- misuse is an error in Python, not the end of the process ---


@pytest.mark.parametrize(
    ("event", "why"),
    [
        (Persisted(1), "handed out"),
        (Applied(1), "committed"),
        (Compact(1), "applied"),
        (Propose((ProposeItem(b"junk", EntryKind.CONFIGURATION),)), "configuration"),
        (Propose((ProposeItem(voters([1, 2]).encode(), EntryKind.CONFIGURATION),)), "voters"),
    ],
)
def test_an_event_that_cannot_be_is_refused(event: Propose, why: str) -> None:
    core = server()
    before = core.status()
    with pytest.raises(ValueError, match=why):
        core.step(0, event)
    assert core.status() == before


def test_time_that_goes_back_is_refused() -> None:
    core = server()
    core.step(LATER_US, PeerLost(2))
    with pytest.raises(ValueError, match="time never goes back"):
        core.step(LATER_US - 1, Tick())


def test_a_second_leader_of_a_term_is_refused() -> None:
    core = server()
    core.step(0, Receive(Message(2, 1, 1, AppendEntries())))
    with pytest.raises(ValueError, match="at most one leader"):
        core.step(0, Receive(Message(3, 1, 1, AppendEntries())))


def test_a_leader_without_a_committed_entry_is_refused() -> None:
    bench = Bench()
    bench.elect(1)
    bench.propose(1, b"x")
    bench.settle()
    bench.tick(1)
    bench.settle()
    with pytest.raises(ValueError, match="committed"):
        bench.step(2, Receive(Message(3, 2, 9, AppendEntries(EntryId(5, 2)))))
    with pytest.raises(ValueError, match="committed"):
        other = Entry(9, 2, EntryKind.COMMAND, b"y")
        bench.step(2, Receive(Message(3, 2, 9, AppendEntries(EntryId(1, 1), entries=(other,)))))


def test_an_entry_that_is_compacted_is_still_known_to_be_committed() -> None:
    bench = Bench(configs={2: Config(2, retained_log_bytes=0)})
    bench.elect(1)
    bench.propose(1, b"x", b"y")
    bench.settle()
    bench.tick(1)
    bench.settle()
    applied = bench.cores[2].status().applied
    effects = bench.step(2, Compact(applied))
    assert effects.log_compacted == applied
    with pytest.raises(ValueError, match="committed"):
        bench.step(2, Receive(Message(3, 2, 9, AppendEntries(EntryId(5, applied)))))
    bench.propose(1, b"z")
    bench.settle()
    assert bench.applied[2][-1].payload == b"z"


@pytest.mark.parametrize(
    ("config", "why"),
    [
        (Config(0), "self"),
        (Config(1, heartbeat_interval_us=150_000), "shorter"),
        (Config(1, heartbeat_interval_us=0), "positive"),
        (Config(1, election_timeout_min_us=400_000), "longer"),
        (Config(1, election_timeout_max_us=-1), "duration"),
        (Config(1, max_committed_per_step=0), "max_committed_per_step"),
    ],
)
def test_a_configuration_that_contradicts_itself_is_refused(config: Config, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        new_core(1, members=[1, 2, 3], config=config)


@pytest.mark.parametrize(
    ("entries", "why"),
    [
        ((Entry(1, 2),), "gaps"),
        ((Entry(2, 1), Entry(1, 2)), "terms"),
        ((Entry(9, 1),), "newer"),
        ((Entry(1, 1, EntryKind.CONFIGURATION, b"junk"),), "configuration"),
    ],
)
def test_a_log_that_cannot_be_is_refused(entries: tuple[Entry, ...], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        server(term=2, entries=entries)


def test_an_event_of_the_wrong_type_is_refused() -> None:
    with pytest.raises(TypeError):
        server().step(0, "tick")  # type: ignore[arg-type]


def test_a_negative_id_is_refused() -> None:
    with pytest.raises(TypeError):
        EntryId(-1, 0)
