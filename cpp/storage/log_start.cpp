#include "storage/log_start.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "storage/wal_salvage.hpp"

namespace kvcluster::storage {
namespace {

// The log as it was found: whole, or what can be said of a damaged one.
struct Found {
  std::unique_ptr<WalRecovered> whole;  // null: damaged
  WalSalvage salvage;                   // of a damaged one

  [[nodiscard]] const std::vector<raft::Entry>& entries() const {
    return whole ? whole->entries : salvage.intact;
  }
  [[nodiscard]] const raft::HardState& hard_state() const {
    return whole ? whole->hard_state : salvage.hard_state;
  }
  [[nodiscard]] raft::EntryId last() const { return whole ? whole->wal->last() : salvage.floor; }
};

Result<Found> look(Disk& disk, const WalOptions& options, const WalIdentity& identity) {
  Found found;
  auto opened = Wal::open(disk, options, identity);
  if (opened) {
    found.whole = std::make_unique<WalRecovered>(std::move(*opened));
    return found;
  }
  if (opened.error().code != ErrorCode::kCorruption) return std::unexpected(opened.error());
  auto salvaged = salvage_log(disk, identity);
  if (!salvaged) return std::unexpected(std::move(salvaged).error());
  found.salvage = std::move(*salvaged);
  return found;
}

// The term of the log's entry at `index`, as far as it reaches.
std::optional<Term> term_at(const WalRecovered& log, Index index) {
  if (index == log.log_base.index) return log.log_base.term;
  if (index < log.log_base.index) return std::nullopt;
  const std::uint64_t offset = index.value() - log.log_base.index.value() - 1;
  if (offset >= log.entries.size()) return std::nullopt;
  return log.entries[static_cast<std::size_t>(offset)].term;
}

// What lies between the state and the log's beginning is lost: an older state came back than the
// one that the log was compacted to.
std::string gap(const StateFound& state, const WalRecovered& log) {
  if (state.applied.index >= log.log_base.index) return {};
  return fmt::format("the checkpoint ends at entry {}, but the log begins after entry {}",
                     state.applied.index.value(), log.log_base.index.value());
}

// Where the log holds the very entry that the state stands at, the log counts. Otherwise a snapshot
// was installed and the log's reset did not come to pass: the log starts anew after the state.
Status reconcile(const StateFound& state, WalRecovered& log) {
  const raft::EntryId stands_at = state.applied;
  if (term_at(log, stands_at.index) == stands_at.term) return {};
  raft::HardState& hard_state = log.hard_state;
  if (hard_state.current_term < stands_at.term) {
    // The snapshot came to the disk before the term that it came with.
    hard_state.current_term = stands_at.term;
    hard_state.voted_for = kNoNode;
  }
  hard_state.commit_index = std::max(hard_state.commit_index, stands_at.index);
  KV_TRY(log.wal->reset(stands_at, hard_state));
  log.log_base = stands_at;
  log.entries.clear();
  return {};
}

// The newest that log, state and an earlier mark know; see RepairMark.
void fill_in_membership(const Found& log, const StateFound& state, const WalIdentity& identity,
                        RepairMark& mark) {
  if (!state.genesis.empty()) {
    mark.genesis = state.genesis;
    mark.configuration = state.configuration;
  }
  for (const raft::Entry& entry : log.entries()) {
    if (entry.kind == raft::EntryKind::kGenesis) mark.genesis = Bytes(entry.payload.view());
    if (entry.kind != raft::EntryKind::kConfiguration) continue;
    if (auto decoded = raft::decode_configuration(entry.payload.view())) {
      mark.configuration = std::move(*decoded);
    }
  }
  if (!mark.genesis.empty()) return;
  mark.configuration = state.told;
  for (raft::Member& member : mark.configuration.members) {
    if (member.id == identity.node) member.role = raft::MemberRole::kLearner;
  }
}

// A node that no peer can repair keeps what it has, as it is.
Status check_has_peers(const StateFound& state, const WalIdentity& identity, const RepairMark& mark,
                       const std::string& damage) {
  if (!state.members_of) return {};
  raft::Configuration members = mark.configuration;
  if (members.members.empty()) members = state.members_of(mark.genesis);
  if (members.members.size() > 1 || members.find(identity.node) == nullptr) return {};
  return fail(ErrorCode::kCorruption,
              fmt::format("{}; {}: restore the data directory from a copy", damage,
                          mark.genesis.empty()
                              ? "who its peers are is lost too, so name them (--peers), or, if it "
                                "has none"
                              : "the node has no peer that could repair it"));
}

// Nobody was ever promised anything.
bool is_blank(const Found& log, const StateFound& state) {
  return log.last() == raft::EntryId{} && log.hard_state() == raft::HardState{} &&
         state.applied == raft::EntryId{};
}

}  // namespace

Result<LogStart> start_log(Disk& disk, const WalOptions& options, const WalIdentity& identity,
                           const StateFound& state) {
  auto before = read_repair_mark(disk);
  if (!before) return std::unexpected(std::move(before).error());
  auto log = look(disk, options, identity);
  if (!log) return std::unexpected(std::move(log).error());

  LogStart start;
  start.damage = state.damage;
  if (!log->whole) start.damage += (start.damage.empty() ? "" : "; ") + log->salvage.damage;
  if (start.damage.empty() && !*before) start.damage = gap(state, *log->whole);
  const bool blank = !*before && is_blank(*log, state);
  if (*before || (!start.damage.empty() && !blank)) {
    RepairMark mark = before->value_or(RepairMark{});
    // A state that stands ahead of its log bounds what was acknowledged too. So does what the log
    // has taken and acknowledged since an earlier mark was written.
    mark.floor = std::max({mark.floor, log->last(), state.applied});
    if (!*before) {
      fill_in_membership(*log, state, identity, mark);
      KV_TRY(check_has_peers(state, identity, mark, start.damage));
    }
    if (!start.damage.empty()) mark.cause = start.damage.substr(0, kMaxCauseBytes);
    if (*before != mark) KV_TRY(write_repair_mark(disk, mark));
    start.mark = std::move(mark);
  }

  raft::HardState& hard_state = start.restored.hard_state;
  hard_state = log->hard_state();
  if (start.mark) {
    if (hard_state.current_term < start.mark->floor.term) {
      hard_state = {start.mark->floor.term, kNoNode, {}};
    }
    hard_state.commit_index = {};
  }
  std::uint64_t newest = log->salvage.newest_segment;
  bool renew = !log->whole;
  if (log->whole) {
    start.torn_bytes = log->whole->torn_bytes;
    if (!start.mark) KV_TRY(reconcile(state, *log->whole));
    hard_state = start.mark ? hard_state : log->whole->hard_state;
    start.wal = std::move(log->whole->wal);
    newest = start.wal->durable_position().sequence;
    renew = start.mark && start.wal->last() != raft::EntryId{};
  }
  if (renew) {
    start.wal.reset();
    auto renewed = renew_log(disk, options, identity, newest, hard_state);
    if (!renewed) return std::unexpected(std::move(renewed).error());
    start.wal = std::move(*renewed);
  }
  if (start.mark) {
    start.restored.configuration = start.mark->configuration;
    start.restored.repair_floor = start.mark->floor;
    return start;
  }
  if (log->whole) {
    start.restored.log_base = log->whole->log_base;
    start.restored.entries = std::move(log->whole->entries);
  }
  start.restored.applied = state.applied.index;
  start.restored.configuration = state.configuration;
  // The hint may have come to the disk before the entries that it counts.
  hard_state.commit_index = std::min(hard_state.commit_index, start.wal->last().index);
  return start;
}

}  // namespace kvcluster::storage
