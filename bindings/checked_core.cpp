#include "checked_core.hpp"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <stdexcept>
#include <utility>
#include <variant>
#include <vector>

namespace kvcluster::python {

using raft::AppendEntries;
using raft::Applied;
using raft::Compact;
using raft::Config;
using raft::Configuration;
using raft::Core;
using raft::CoreStatus;
using raft::decode_configuration;
using raft::Effects;
using raft::Entry;
using raft::EntryId;
using raft::EntryKind;
using raft::Event;
using raft::InstallSnapshot;
using raft::kMaxMembers;
using raft::Member;
using raft::MemberRole;
using raft::Message;
using raft::Persisted;
using raft::Propose;
using raft::Receive;
using raft::Restored;
using raft::SnapshotChunk;
using raft::SnapshotStored;

namespace {

void require(bool condition, const char* otherwise) {
  if (!condition) throw std::invalid_argument(otherwise);
}

void check_members(const Configuration& configuration) {
  require(configuration.members.size() <= kMaxMembers, "a configuration has at most 31 members");
  NodeId previous = kNoNode;
  for (const Member& member : configuration.members) {
    require(member.id > previous, "members have ids from 1, ascending, each once");
    previous = member.id;
  }
}

void check_payload(const Entry& entry) {
  require(entry.kind != EntryKind::kConfiguration || decode_configuration(entry.payload.view()),
          "a configuration entry holds an encoded configuration");
}

// Far from where sums of times would overflow.
constexpr Duration kEndOfTime{std::int64_t{1} << 60U};

void check_time(Instant now) {
  const Duration since_origin = now.time_since_epoch();
  require(since_origin >= Duration::zero() && since_origin < kEndOfTime,
          "now_us must be from 0 to 2**60");
}

void check_config(const Config& config) {
  for (const Duration duration :
       {config.election_timeout_max, config.commit_notice_delay, config.peer_lost_jitter_max,
        config.disk_stall_timeout, config.priority_transfer_delay}) {
    require(duration >= Duration::zero() && duration < kEndOfTime,
            "a duration must be from 0 to 2**60 microseconds");
  }
  require(config.self != kNoNode, "self: a server has an id from 1");
  require(config.heartbeat_interval > Duration::zero(), "heartbeat_interval_us must be positive");
  require(config.heartbeat_interval < config.election_timeout_min,
          "heartbeat_interval_us must be shorter than election_timeout_min_us");
  require(config.max_committed_per_step > 0 && config.max_committed_per_step <= UINT32_MAX,
          "max_committed_per_step must be from 1 to 2**32 - 1");
  require(config.election_timeout_min <= config.election_timeout_max,
          "election_timeout_min_us must not be longer than election_timeout_max_us");
}

void check_restored(const Restored& restored) {
  check_members(restored.configuration);
  EntryId last = restored.log_base;
  require(last.index > Index(0) || last.term == Term(0), "log_base: before entry 1 there is none");
  for (const Entry& entry : restored.entries) {
    require(entry.index == last.index.next(), "entries must follow log_base without gaps");
    require(entry.term >= last.term, "terms never go down along a log");
    check_payload(entry);
    last = entry.id();
  }
  require(last.term <= restored.hard_state.current_term, "no entry is newer than the current term");
  require(restored.applied >= restored.log_base.index && restored.applied <= last.index,
          "applied must lie inside the log");
}

Core checked_core(const Config& config, const Restored& restored, std::uint64_t seed, Instant now) {
  check_time(now);
  check_config(config);
  check_restored(restored);
  return {config, restored, seed, now};
}

std::vector<NodeId> voters_of(const Configuration& configuration) {
  std::vector<NodeId> voters;
  for (const Member& member : configuration.members) {
    if (member.role == MemberRole::kVoter) voters.push_back(member.id);
  }
  return voters;
}

}  // namespace

CheckedCore::CheckedCore(const Config& config, const Restored& restored, std::uint64_t seed,
                         Instant now)
    : core_(checked_core(config, restored, seed, now)), now_(now), emitted_(restored.applied) {
  note_committed(restored.log_base);
  for (const Entry& entry : restored.entries) {
    if (entry.index <= restored.applied) note_committed(entry.id());
  }
}

Effects CheckedCore::step(Instant now, Event event) {
  require(now >= now_, "time never goes back");
  check_time(now);
  std::visit([this](const auto& alternative) { check(alternative); }, event);
  now_ = now;
  if (std::holds_alternative<SnapshotStored>(event)) being_installed_.reset();
  Effects effects = core_.step(now, std::move(event));
  note(effects);
  return effects;
}

void CheckedCore::note(const Effects& effects) {
  if (effects.persist) {
    handed_out_ = effects.persist->sequence;
    if (effects.persist->log_reset) note_committed(*effects.persist->log_reset);
  }
  for (const Entry& entry : effects.committed) note_committed(entry.id());
  if (!effects.committed.empty()) emitted_ = effects.committed.back().index;
  emitted_ = std::max(emitted_, core_.status().applied);
  if (effects.snapshot_store && effects.snapshot_store->done) {
    being_installed_ = effects.snapshot_store->last;
  }
}

void CheckedCore::note_committed(EntryId id) {
  if (committed_terms_.empty() || committed_terms_.rbegin()->second < id.term) {
    committed_terms_.emplace(id.index, id.term);
  }
}

// What is committed here must be the same in the log of every leader (Leader Completeness, 3.6).
void CheckedCore::check_committed(EntryId claimed) const {
  const CoreStatus status = core_.status();
  if (claimed.index > status.commit_index || claimed.index.next() < status.first_index) return;
  std::optional<Term> held;
  if (const auto entry = core_.entry(claimed.index)) {
    held = entry->term;
  } else if (const auto after = committed_terms_.upper_bound(claimed.index);
             after != committed_terms_.begin()) {
    held = std::prev(after)->second;
  }
  require(!held || *held == claimed.term,
          "no leader of this cluster can lack an entry that is committed");
}

void CheckedCore::check_sender(const Message& message) const {
  require(
      message.term != core_.term() || core_.leader() == kNoNode || core_.leader() == message.from,
      "a term has at most one leader, and this server knows another");
}

void CheckedCore::check_append(const AppendEntries& request) const {
  check_committed(request.prev);
  for (const Entry& entry : request.entries) {
    check_committed(entry.id());
    check_payload(entry);
  }
}

void CheckedCore::check(const Receive& event) const {
  const Message& message = event.message;
  const bool ignored = message.to != core_.status().self || message.from == message.to;
  if (ignored || message.term < core_.term()) return;
  if (const auto* append = std::get_if<AppendEntries>(&message.body)) {
    check_sender(message);
    check_append(*append);
  } else if (const auto* snapshot = std::get_if<InstallSnapshot>(&message.body)) {
    check_sender(message);
    check_members(snapshot->configuration);
  }
}

void CheckedCore::check(const Propose& event) const {
  for (const Propose::Item& item : event.items) {
    if (item.kind != EntryKind::kConfiguration) continue;
    const auto proposed = decode_configuration(item.payload.view());
    require(proposed.has_value(), "a configuration entry holds an encoded configuration");
    require(voters_of(*proposed) == voters_of(core_.configuration()),
            "a proposed configuration keeps the voters");
  }
}

void CheckedCore::check(const Persisted& event) const {
  require(event.sequence <= handed_out_, "a batch is durable only after it was handed out");
}

void CheckedCore::check(const Applied& event) const {
  require(event.index <= emitted_, "only what was handed out as committed is applied");
}

void CheckedCore::check(const Compact& event) const {
  require(event.index <= core_.status().applied, "only what is applied is compacted");
}

void CheckedCore::check(const SnapshotChunk& event) const {
  require(event.last.index <= core_.commit_index(), "a snapshot holds only what is committed");
  check_members(event.configuration);
}

void CheckedCore::check(const SnapshotStored& event) const {
  require(!event.installed || being_installed_ == event.last,
          "a snapshot is installed after its last chunk was handed out");
}

}  // namespace kvcluster::python
