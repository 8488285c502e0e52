#include "server/checkpoint_schedule.hpp"

#include <fmt/format.h>

#include <chrono>
#include <utility>

#include "replica/genesis.hpp"

namespace kvcluster::server {

namespace {

constexpr auto kRetry = std::chrono::seconds(1);

std::uint64_t millis(Duration duration) {
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(duration).count());
}

}  // namespace

CheckpointSchedule::CheckpointSchedule(const Parts& parts, Index restored, std::uint64_t log_bytes)
    : parts_(parts), log_bytes_begin_(0) {
  counters_.checkpoint_index = restored;
  // What was logged before this start counts too: the unsigned difference is the same.
  log_bytes_begin_ = parts_.persistence.counters().logged_bytes - log_bytes;
}

// All nodes apply the same entries, so their memtables fill up together; a checkpoint's commit
// disturbs the disk under the log. Followers go one after the other, the leader last, so that a
// quorum of logs is always quiet.
bool CheckpointSchedule::due() const {
  if (under_way_ || retry_ || parts_.state.applied() <= counters_.checkpoint_index) return false;
  if (wanted_) return true;
  const std::uint64_t percent =
      100 + 20 * (parts_.options.id.value() % 3) + (parts_.replica.leads() ? 60 : 0);
  const std::uint64_t logged = parts_.persistence.counters().logged_bytes - log_bytes_begin_;
  return parts_.store.table().memory_bytes() * 100 >= parts_.options.memtable_bytes * percent ||
         logged * 100 >= parts_.options.wal_checkpoint_bytes * percent;
}

// The configuration as of the applied index; consensus may know a newer one that is only logged.
Result<storage::CheckpointMeta> CheckpointSchedule::meta() const {
  storage::CheckpointMeta meta;
  meta.applied = {parts_.state.applied_term(), parts_.state.applied()};
  parts_.state.encode_meta(meta.state_machine);
  if (!parts_.state.configuration_payload().empty()) {
    auto configuration = raft::decode_configuration(parts_.state.configuration_payload());
    if (!configuration) return std::unexpected(std::move(configuration).error());
    meta.configuration = std::move(*configuration);
  } else {
    auto genesis = replica::decode_genesis(parts_.state.genesis_payload());
    if (!genesis) return std::unexpected(std::move(genesis).error());
    meta.configuration = std::move(genesis->configuration);
  }
  return meta;
}

Status CheckpointSchedule::begin_if_due(Instant now) {
  if (retry_ && now >= retry_at_) {
    KV_TRY(parts_.checkpointer.write(*std::exchange(retry_, std::nullopt)));
    under_way_ = true;
  }
  if (!due()) return {};
  auto stand = meta();
  if (!stand) return std::unexpected(std::move(stand).error());
  parts_.log.debug("checkpoint begins", {{"event", "checkpoint_begin"},
                                         {"index", stand->applied.index},
                                         {"bytes", parts_.store.table().memory_bytes()}});
  under_way_ = true;
  wanted_ = false;
  log_bytes_begin_ = parts_.persistence.counters().logged_bytes;
  return parts_.checkpointer.write(parts_.store.begin_checkpoint(std::move(*stand)));
}

Status CheckpointSchedule::reported(Instant now, CheckpointerReport report) {
  return std::visit([&](auto& what) { return answer(now, std::move(what)); }, report);
}

Status CheckpointSchedule::answer(Instant now, CheckpointWritten written) {
  // An installed snapshot has overtaken it.
  if (written.job.environment != parts_.store.table().environment_number()) {
    return parts_.checkpointer.dispose(std::move(written.job.frozen));
  }
  under_way_ = false;
  const auto ended = parts_.store.end_checkpoint(written.status);
  if (!ended && ended.error().code == ErrorCode::kBusy) {
    // Views for snapshots keep the map from growing. Their transfers start anew; the job finds the
    // map full once more and comes back here.
    KV_TRY(parts_.checkpointer.end_reads());
    under_way_ = true;
    return parts_.checkpointer.write(std::move(written.job));
  }
  if (!ended) return std::unexpected(ended.error());
  if (!*ended) {
    retry_ = std::move(written.job);
    retry_at_ = now;
    if (!written.status && written.status.error().code == ErrorCode::kDiskFull) {
      retry_at_ = now + kRetry;
      parts_.log.warn("checkpoint postponed: " + written.status.error().message(),
                      {{"event", "checkpoint_postponed"}});
    }
    return {};
  }
  const Index index = written.job.meta.applied.index;
  counters_.checkpoint_index = index;
  counters_.checkpoint_time += written.took;
  ++counters_.checkpoints;
  parts_.log.info(
      fmt::format("checkpoint at index {} in {} ms", index.value(), millis(written.took)),
      {{"event", "checkpoint"}, {"index", index}, {"took_ms", millis(written.took)}});
  parts_.replica.checkpointed(now, index);
  // The table has let go of it, so this is the last hold on many thousand records: not to be freed
  // between two turns.
  return parts_.checkpointer.dispose(std::move(written.job.frozen));
}

Status CheckpointSchedule::answer(Instant now, SnapshotChunkRead read) {
  if (read.chunk.done) ++counters_.snapshots_sent;
  parts_.replica.snapshot_chunk(now, std::move(read.chunk));
  return {};
}

Status CheckpointSchedule::answer(Instant now, SnapshotNotRead failed) {
  const ErrorCode code = failed.error.code;
  if (code == ErrorCode::kIo || code == ErrorCode::kCorruption) {
    return std::unexpected(std::move(failed.error));
  }
  if (code == ErrorCode::kNotFound) wanted_ = true;
  parts_.log.debug("snapshot not ready: " + failed.error.message(),
                   {{"event", "snapshot_unavailable"}, {"peer", failed.to}});
  parts_.replica.snapshot_unavailable(now, failed.to);
  return {};
}

Status CheckpointSchedule::answer(Instant now, SnapshotChunkStored stored) {
  if (stored.error) {
    if (stored.error->code == ErrorCode::kIo) return std::unexpected(std::move(*stored.error));
    parts_.log.warn("snapshot refused: " + stored.error->message(),
                    {{"event", "snapshot_refused"}, {"index", stored.stored.last.index}});
  }
  if (stored.installed) {
    const storage::InstalledSnapshot& snapshot = *stored.installed;
    KV_CHECK(snapshot.meta.applied.index > parts_.state.applied(),
             "a snapshot never takes the state back");
    KV_TRY(parts_.store.adopt(snapshot));
    KV_TRY(parts_.state.restore(snapshot.meta.state_machine));
    under_way_ = false;
    retry_.reset();
    log_bytes_begin_ = parts_.persistence.counters().logged_bytes;
    counters_.checkpoint_index = snapshot.meta.applied.index;
    ++counters_.snapshots_installed;
  }
  parts_.replica.snapshot_stored(now, stored.stored);
  return {};
}

Status CheckpointSchedule::read_snapshots(const std::vector<raft::SnapshotRead>& reads) {
  for (const raft::SnapshotRead& read : reads) {
    reading_.insert(read.to);
    KV_TRY(parts_.checkpointer.read(read));
  }
  return {};
}

Status CheckpointSchedule::store_snapshot(raft::SnapshotStore chunk) {
  return parts_.checkpointer.store(std::move(chunk));
}

Status CheckpointSchedule::end_transfer(NodeId peer) {
  if (peer != kNoNode) {
    return reading_.erase(peer) > 0 ? parts_.checkpointer.end_read(peer) : Status{};
  }
  if (reading_.empty()) return {};
  reading_.clear();
  return parts_.checkpointer.end_reads();
}

}  // namespace kvcluster::server
