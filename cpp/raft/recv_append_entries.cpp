// AppendEntries at the follower (dissertation, 3.5).
#include <algorithm>
#include <utility>

#include "base/check.hpp"
#include "base/mutant.hpp"
#include "raft/core_impl.hpp"

namespace kvcluster::raft {

void Core::Impl::receive(NodeId from, AppendEntries& request) {
  if (!well_formed(request, term)) return;
  heard_from_leader(from);

  const Index prev = request.prev.index;
  // Below the base all is committed, so it agrees with every leader (Leader Completeness).
  const bool agrees = prev < log.base().index || log.holds(request.prev);
  if (!agrees) {
    KV_CHECK(prev > commit_index, "committed entries agree with every leader's log");
    refuse_append(from, request);
    return;
  }

  const std::size_t count = request.entries.size();
  const Index vouched = prev.plus(count);
  bool appending = false;
  for (Entry& entry : request.entries) {
    if (!appending) {
      if (entry.index <= log.base().index || log.holds(entry.id())) continue;
      // Everything after a conflict goes; what only lies beyond this message stays, for a message
      // that was overtaken must not cut what a later one appended.
      if (entry.index <= log.last_index()) truncate(entry.index);
      appending = true;
      unwritten.reserve(count);
    }
    append(std::move(entry));
  }
  if (mutated(Mutant::kCutOvertaken) && count > 0 && vouched < log.last_index()) {
    truncate(vouched.next());
  }

  // Beyond the last entry that this message vouches for the log may still be another's.
  const Index known = mutated(Mutant::kCommitBeyondMessage) ? log.last_index() : vouched;
  commit_index = std::max(commit_index, std::min(request.commit_index, known));

  // With entries the answer waits until they are durable. A heartbeat is answered at once, for what
  // is durable already: it must show a living leader even while the disk works.
  const Index upto = mutated(Mutant::kAckOwnTail) ? log.last_index() : vouched;
  const Index durable = count == 0 ? std::min(upto, tracker.durable_index()) : upto;
  const AppendReply reply{.success = true,
                          .index = durable,
                          .hint = {},
                          .read_round = request.read_round,
                          .promise = promise()};
  if (mutated(Mutant::kAckBeforeSync)) {
    send_now(from, reply);
    return;
  }
  answer(from, reply, durable);
}

void Core::Impl::refuse_append(NodeId from, const AppendEntries& request) {
  const EntryId hint = log.largest_at_most(request.prev).value_or(log.base());
  answer(from, AppendReply{.success = false,
                           .index = request.prev.index,
                           .hint = hint,
                           .read_round = request.read_round,
                           .promise = promise()});
}

}  // namespace kvcluster::raft
