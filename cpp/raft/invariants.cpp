// What must hold after every step, in release builds too. The figures are those of the Raft
// dissertation's figure 3.2 as far as one server can see them.
#include "base/check.hpp"
#include "raft/core_impl.hpp"

namespace kvcluster::raft {

Core::Impl::Before Core::Impl::before() const {
  return {role, term, voted_for, leader, commit_index, applied, log.last_index()};
}

void Core::Impl::check_invariants(const Before& then) const {
  KV_CHECK(term >= then.term, "the term never goes down");
  KV_CHECK(term > then.term || then.voted_for == kNoNode || voted_for == then.voted_for,
           "a vote is given once a term");
  KV_CHECK(commit_index >= then.commit_index, "the commit index never goes down");
  KV_CHECK(applied >= then.applied, "the applied index never goes down");

  KV_CHECK(log.base().index <= applied, "only what is applied is compacted");
  KV_CHECK(applied <= emitted && emitted <= commit_index, "only what is committed is applied");
  KV_CHECK(commit_index <= log.last_index(), "only what the log holds is committed");
  KV_CHECK(emitted <= tracker.durable_index(), "only what is durable is applied");
  KV_CHECK(tracker.durable_index() <= log.last_index(), "only what the log holds is durable");
  KV_CHECK(log.last().term <= term, "no entry is newer than the term");
  KV_CHECK(!configurations.empty(), "some configuration is in force");

  KV_CHECK(role != Role::kLeader || leader == config.self, "a leader knows that it leads");
  KV_CHECK(role == Role::kLeader || leader != config.self, "only a leader leads");
  KV_CHECK(role == Role::kLeader || (reads.empty() && progress.empty()),
           "a lost lead leaves nothing behind");
  KV_CHECK(role != Role::kLeader || then.role != Role::kLeader || term != then.term ||
               log.last_index() >= then.last_index,
           "a leader only appends to its log");
  for (const Progress& peer : progress) {
    KV_CHECK(peer.match_index < peer.next_index, "next_index lies beyond match_index");
    KV_CHECK(peer.match_index <= log.last_index(), "a follower matches what the log holds");
  }
}

}  // namespace kvcluster::raft
