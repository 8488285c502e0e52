#include "raft/core.hpp"

#include <algorithm>
#include <utility>

#include "base/check.hpp"
#include "raft/core_impl.hpp"

namespace kvcluster::raft {

Core::Impl::Impl(const Config& config_in, Restored restored, std::uint64_t seed, Instant start)
    : config(config_in),
      random(seed),
      now(start),
      term(restored.hard_state.current_term),
      voted_for(restored.hard_state.voted_for),
      log(restored.log_base, std::move(restored.entries)),
      tracker(log.last_index()),
      repair_floor(restored.repair_floor),
      commit_index(
          std::max(restored.applied, std::min(restored.hard_state.commit_index, log.last_index()))),
      emitted(restored.applied),
      applied(restored.applied),
      last_heard(start) {  // for all it knows (lease.cpp)
  KV_CHECK(config.self != kNoNode, "a node has an id");
  KV_CHECK(config.election_timeout_min <= config.election_timeout_max &&
               config.heartbeat_interval < config.election_timeout_min &&
               config.heartbeat_interval > Duration::zero(),
           "a leader must be heard before anyone times out");
  KV_CHECK(config.lease_drift_percent < 100, "clocks run");
  KV_CHECK(applied >= log.base().index && applied <= log.last_index(),
           "the state machine stands inside the log");
  KV_CHECK(log.last().term <= term, "no entry is newer than the current term");
  configurations.push_back({applied, std::move(restored.configuration)});
  for (Index index = applied; index < log.last_index(); index = index.next()) {
    const Entry& entry = log.at(index.next());
    if (entry.kind != EntryKind::kConfiguration) continue;
    auto decoded = decode_configuration(entry.payload.view());
    KV_CHECK(decoded.has_value(), "a configuration in the log is readable");
    configurations.push_back({entry.index, *std::move(decoded)});
  }
  clear_repair_floor();
  restart_election_timer();
}

Core::Core(const Config& config, Restored restored, std::uint64_t seed, Instant now)
    : impl_(std::make_unique<Impl>(config, std::move(restored), seed, now)) {}
Core::~Core() = default;
Core::Core(Core&&) noexcept = default;
Core& Core::operator=(Core&&) noexcept = default;

Effects Core::step(Instant now, Event event) { return impl_->step(now, std::move(event)); }

CoreStatus Core::status() const { return impl_->status(); }
Role Core::role() const { return impl_->role; }
Term Core::term() const { return impl_->term; }
NodeId Core::leader() const { return impl_->leader; }
Index Core::commit_index() const { return impl_->commit_index; }
Index Core::last_index() const { return impl_->log.last_index(); }
bool Core::ready() const { return impl_->ready(); }
Instant Core::next_deadline() const { return impl_->next_deadline(); }
const Configuration& Core::configuration() const { return impl_->configuration(); }

std::optional<Entry> Core::entry(Index index) const {
  if (index <= impl_->log.base().index || index > impl_->log.last_index()) return std::nullopt;
  return impl_->log.at(index);
}

}  // namespace kvcluster::raft
