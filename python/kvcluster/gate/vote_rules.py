"""Point 2 of week 11: the rules of voting, asked of the consensus core itself.

Server 2 of three is given RequestVote messages and its answers are read, as in the Raft
dissertation, figure 3.1. The core is the very code that runs in `kvstore`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kvcluster.gate.points import PointFailed, require

if TYPE_CHECKING:
    from kvcluster import raft

_TERM = 5
_LAST_TERM = 4
_LAST_INDEX = 3


class Voter:
    """Server 2, in term 5, with three entries of which the last is of term 4."""

    def __init__(self, *, voted_for: int = 0, term: int = _TERM) -> None:
        from kvcluster import raft  # needs the native module, which only this point needs

        self._raft = raft
        self.hard_state = raft.HardState(current_term=term, voted_for=voted_for)
        entries = [
            raft.Entry(1, 1, raft.EntryKind.NOOP),
            raft.Entry(1, 2, raft.EntryKind.NOOP),
            raft.Entry(_LAST_TERM, _LAST_INDEX, raft.EntryKind.NOOP),
        ]
        self._core = raft.new_core(
            2, members=[1, 2, 3], hard_state=self.hard_state, entries=entries
        )

    def grants(
        self,
        candidate: int,
        *,
        term: int = _TERM,
        last_term: int = _LAST_TERM,
        last_index: int = _LAST_INDEX,
    ) -> bool:
        """Whether it votes for the candidate; what it must remember is in `hard_state` then.

        Raises:
            PointFailed: it does not answer, or a vote leaves without its durable record.
        """
        raft = self._raft
        last_log = raft.EntryId(last_term, last_index)
        ask = raft.Message(candidate, 2, term, raft.RequestVote(last_log))
        effects = self._core.step(0, raft.Receive(ask))
        at_once = self._answer(effects.messages_now, candidate)
        batch = effects.persist
        later = self._answer(batch.messages, candidate) if batch is not None else None
        if batch is not None:
            if batch.hard_state is not None:
                self.hard_state = batch.hard_state
            self._core.step(0, raft.Persisted(batch.sequence))
        answer = at_once if at_once is not None else later
        if answer is None:
            raise PointFailed(f"no answer to candidate {candidate} in term {term}")
        remembered = (self.hard_state.current_term, self.hard_state.voted_for)
        require(
            not answer.granted or remembered == (term, candidate),
            f"a vote for {candidate} in term {term} left, while {remembered} is remembered",
        )
        return answer.granted

    def _answer(self, messages: tuple[raft.Message, ...], candidate: int) -> raft.VoteReply | None:
        for message in messages:
            if message.to == candidate and isinstance(message.body, self._raft.VoteReply):
                return message.body
        return None


def check() -> str:
    """One vote a term, only for logs that are as new, none for a lower term.

    Raises:
        PointFailed: a rule is broken, or the core cannot be asked.
    """
    try:
        voter = Voter()
    except ImportError as error:
        raise PointFailed(f"the consensus core's native module is missing: {error}") from error
    require(voter.grants(1), "the first candidate of a term was refused")
    require(not voter.grants(3), "a second candidate of the same term got a vote, too")
    require(voter.grants(1), "the vote was not confirmed when it was asked for again")
    require(voter.grants(3, term=_TERM + 1), "a candidate of the next term was refused")
    require(not voter.grants(1, term=_TERM), "a candidate of a lower term got a vote")

    again = Voter(voted_for=3, term=_TERM + 1)
    require(not again.grants(1, term=_TERM + 1), "the vote was forgotten over a restart")

    stale = {"an older last term": (_LAST_TERM - 1, 9), "a shorter log": (_LAST_TERM, 2)}
    for what, (last_term, last_index) in stale.items():
        granted = Voter().grants(1, last_term=last_term, last_index=last_index)
        require(not granted, f"a candidate with {what} got a vote")
    require(Voter().grants(1, last_term=_LAST_TERM + 1, last_index=1), "a newer log was refused")
    return (
        "one vote a term, also over a restart; logs with an older last term or fewer entries "
        "refused; lower terms refused"
    )
