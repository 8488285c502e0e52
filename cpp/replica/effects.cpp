// What consensus says: persist, send, apply.
#include <absl/container/inlined_vector.h>

#include <algorithm>
#include <iterator>

#include "base/check.hpp"
#include "replica/replica_impl.hpp"

namespace kvcluster::replica {

std::optional<raft::Proposed> Replica::Impl::step(raft::Event event) {
  raft::Effects effects = core.step(now, std::move(event));
  if (effects.persist) {
    if (!effects.persist->messages.empty()) {
      held.emplace_back(effects.persist->sequence,
                        std::exchange(effects.persist->messages, std::vector<raft::Message>{}));
    }
    out.persist.push_back(std::move(*effects.persist));
  }
  for (raft::Message& message : effects.messages_now) {
    const NodeId to = message.to;
    send(to, std::move(message));
  }
  std::ranges::move(effects.snapshot_reads, std::back_inserter(out.snapshot_reads));
  if (effects.snapshot_store) out.snapshot_store = std::move(effects.snapshot_store);
  if (effects.log_compacted) out.log_compacted = effects.log_compacted;
  std::ranges::move(effects.trace, std::back_inserter(out.trace));
  if (effects.role_changed) {
    out.role_changed = true;
    role_may_have_changed();
  }
  apply(effects.committed);
  for (const raft::ReadOutcome& outcome : effects.reads) {
    if (outcome.confirmed) {
      reads.confirmed(outcome.id);
      continue;
    }
    // Not proven to lead: the reads were not answered, so another leader may answer them.
    for (PendingReads::Read& read : reads.rejected(outcome.id)) {
      not_appended({read.origin, false, std::move(read.request), now + options.leader_wait});
    }
  }
  return effects.proposed;
}

void Replica::Impl::apply(std::span<const raft::Entry> entries) {
  constexpr std::size_t kExpected = kv::StateMachine::kExpectedEntries;
  absl::InlinedVector<BytesView, kExpected> commands;
  while (!entries.empty()) {
    const auto next = entries.first(std::min(entries.size(), kExpected));
    commands.clear();
    for (const raft::Entry& entry : next) {
      if (entry.kind == raft::EntryKind::kCommand) commands.push_back(entry.payload.view());
    }
    state.expect(commands);
    for (const raft::Entry& entry : next) apply(entry);
    entries = entries.subspan(next.size());
  }
}

void Replica::Impl::apply(const raft::Entry& entry) {
  if (entry.index <= state.applied()) return;  // a snapshot covered it
  const kv::StateMachine::LogPosition at{entry.index, entry.term};
  kv::Reply result;
  switch (entry.kind) {
    case raft::EntryKind::kCommand:
      result = state.apply(at, entry.payload.view());
      break;
    case raft::EntryKind::kNoop:
      state.apply_empty(at, entry.payload.view(), false);
      break;
    case raft::EntryKind::kConfiguration:
      state.apply_empty(at, entry.payload.view(), true);
      break;
    case raft::EntryKind::kGenesis: {
      const auto genesis = decode_genesis(entry.payload.view());
      KV_CHECK(genesis.has_value(), "the genesis was checked before it was stored");
      state.apply_genesis(at, genesis->hash_key, entry.payload.view());
      break;
    }
  }
  writes.applied(entry.index, entry.term, [&](const PendingWrites::Write& write, bool applied) {
    forget_last_write(write);
    if (applied) {
      reply(write.origin, std::move(result), entry.index);
    } else {
      finish(write.origin, Completion::Outcome::kRefused, {},
             "TRYAGAIN the leader was replaced before this command was replicated; it was not "
             "applied");
    }
  });
  reads.applied(entry.index);
  if (auto answer = roots.applied(state)) send(answer->to, std::move(answer->message));
  if (clock_entry && *clock_entry <= entry.index) clock_entry.reset();
}

void Replica::Impl::tell_applied() {
  if (state.applied() <= applied_told) return;
  applied_told = state.applied();
  step(raft::Applied{applied_told});
}

void Replica::Impl::forget_last_write(const PendingWrites::Write& write) {
  const auto last = last_write.find({write.origin.node.value(), write.origin.connection});
  if (last != last_write.end() && last->second <= write.index) last_write.erase(last);
}

void Replica::Impl::role_may_have_changed() {
  const bool leads = core.role() == raft::Role::kLeader;
  leader_declines_until = {};
  // A former leader that runs answers what it was sent with what it knows: it has its time. One
  // that stands still, or is cut off, keeps nobody waiting.
  const bool known = leads || core.leader() != kNoNode;
  former_leader_deadline = known ? now + options.raft.election_timeout_min : Instant::max();
  if (was_leader && (!leads || core.term() != leader_term)) {
    writes.seal();
    last_write.clear();
    clock_entry.reset();
    roots.close();
  }
  if (leads && (!was_leader || core.term() != leader_term)) {
    leader_first_index = core.last_index();
    next_root_check = now;
  }
  was_leader = leads;
  leader_term = core.term();
}

// With every heartbeat interval the leader asks all for their digests at the index where it stands.
void Replica::Impl::compare_roots() {
  if (!core.ready() || now < next_root_check) return;
  next_root_check = now + options.raft.heartbeat_interval;
  const auto report = roots.open(state.digests());
  if (!report) return;
  for (const raft::Member& member : core.configuration().members) {
    if (member.id != options.raft.self) send(member.id, *report);
  }
}

}  // namespace kvcluster::replica
