// A snapshot from the leader (dissertation, 5.1, figure 5.3): the owner stores the chunks, in
// order, one at a time; the log follows when the whole is installed and durable.
#include <algorithm>
#include <utility>

#include "base/check.hpp"
#include "base/mutant.hpp"
#include "raft/core_impl.hpp"

namespace kvcluster::raft {

void Core::Impl::receive(NodeId from, const InstallSnapshot& request) {
  if (request.last.term > term || request.last.index == Index(0)) return;
  heard_from_leader(from);

  SnapshotReply reply{.last = request.last, .read_round = request.read_round};
  if (request.last.index <= commit_index) {
    // All of it is here already: nothing is stored. The leader will count this node up to there,
    // so that much must be durable.
    reply.next_offset = request.offset + request.data.size();
    reply.installed = true;
    answer(from, reply, request.last.index);
    return;
  }
  const bool same = receiving && receiving->last == request.last;
  if (!same) {
    if (receiving && receiving->storing) return;  // one at a time; the leader sends it again
    if (request.offset == 0) receiving.emplace().last = request.last;
  }
  if (!receiving || receiving->last != request.last || receiving->storing ||
      request.offset != receiving->next_offset) {
    reply.next_offset = receiving && receiving->last == request.last ? receiving->next_offset : 0;
    answer(from, reply);
    return;
  }
  receiving->storing = true;
  receiving->final = request.done;
  out.snapshot_store = SnapshotStore{request.last, request.configuration, request.offset,
                                     request.data, request.done};
  if (request.done) receiving->configuration = request.configuration;
  // The chunk is answered when it is stored; a waiting read is answered now.
  reply.next_offset = receiving->next_offset;
  if (request.read_round != 0) answer(from, reply);
}

void Core::Impl::on(SnapshotStored event) {
  if (!receiving || !receiving->storing || receiving->last != event.last) return;
  const bool final = receiving->final;
  receiving->storing = false;
  receiving->final = false;
  SnapshotReply reply{.last = event.last, .next_offset = event.next_offset};
  if (event.refused) {
    receiving.reset();
    reply.next_offset = 0;
    reply.refused = true;
  } else if (event.installed) {
    KV_CHECK(final, "only a whole snapshot is installed");
    Configuration snapshot_configuration = std::move(receiving->configuration);
    receiving.reset();
    install(event.last, std::move(snapshot_configuration));
    reply.installed = true;
  } else {
    receiving->next_offset = event.next_offset;
  }
  // Whoever leads now; it asks again if it is another than the one that sent this.
  if (role != Role::kFollower || leader == kNoNode) return;
  if (log_reset) {
    send_after_persist(leader, reply);  // once the WAL has started anew
  } else {
    answer(leader, reply);
  }
}

void Core::Impl::install(EntryId last, Configuration snapshot_configuration) {
  KV_CHECK(emitted < last.index, "a snapshot never takes the state machine back");
  const bool keeps_tail =
      log.holds(last) || (mutated(Mutant::kSnapshotKeepsTail) && log.last_index() >= last.index);
  if (keeps_tail) {
    // What follows in the log still follows: it is kept (figure 5.3, step 6).
    const Index at = last.index;
    std::erase_if(configurations,
                  [at](const EffectiveConfiguration& known) { return known.since <= at; });
    configurations.insert(configurations.begin(), {at, std::move(snapshot_configuration)});
  } else {
    KV_CHECK(commit_index < last.index, "a committed entry is never replaced");
    tracker.truncated(last.index.next());
    log.reset(last);
    log_reset = last;
    configurations.assign(1, {last.index, std::move(snapshot_configuration)});
  }
  tracker.covered(last.index);
  commit_index = std::max(commit_index, last.index);
  emitted = last.index;
  applied = last.index;
  clear_repair_floor();
  trace(Trace::Kind::kSnapshotInstalled, leader, last.index.value());
}

}  // namespace kvcluster::raft
