#include "storage/snapshot_writer.hpp"

#include <fmt/format.h>

#include <utility>

#include "base/check.hpp"
#include "base/codec.hpp"

namespace kvcluster::storage {
namespace {

// Records go into the environment in transactions of about this size. None of them counts before
// CURRENT names the environment.
constexpr std::size_t kBatchBytes = 16U << 20U;

std::unexpected<Error> malformed(std::string_view what) {
  return fail(ErrorCode::kCorruption, fmt::format("the snapshot's stream is malformed: {}", what));
}

}  // namespace

Result<std::unique_ptr<SnapshotWriter>> SnapshotWriter::begin(CheckpointStore& store,
                                                              const ClusterId& cluster) {
  auto environment = store.make_successor();
  if (!environment) return std::unexpected(std::move(environment).error());
  return std::unique_ptr<SnapshotWriter>(
      new SnapshotWriter(store, cluster, std::move(*environment)));
}

SnapshotWriter::SnapshotWriter(CheckpointStore& store, const ClusterId& cluster,
                               std::shared_ptr<Environment> environment)
    : store_(store), cluster_(cluster), environment_(std::move(environment)) {}

SnapshotWriter::~SnapshotWriter() {
  if (!environment_) return;
  const std::uint64_t number = environment_->number();
  environment_.reset();
  store_.discard_successor(number);
}

Status SnapshotWriter::write(std::uint64_t offset, BytesView data) {
  if (offset != received_) {
    return fail(
        ErrorCode::kInvalidArgument,
        fmt::format("snapshot bytes from {} on were expected, not from {}", received_, offset));
  }
  if (failed_) return malformed("it was refused before");
  unparsed_.append(data);
  received_ += data.size();
  const Status taken = take_all();
  failed_ = !taken;
  return taken;
}

Status SnapshotWriter::take_all() {
  BytesView in = unparsed_;
  auto consumed = [&, before = in]() mutable {
    hash_.update(before.substr(0, before.size() - in.size()));
    before = in;
  };
  if (!header_) {
    auto header = take_snapshot_header(in);
    if (!header) return std::unexpected(std::move(header).error());
    if (!*header) return {};
    if (cluster_ != ClusterId{} && (*header)->cluster != cluster_) {
      return fail(ErrorCode::kWrongIdentity, "the snapshot comes from another cluster");
    }
    header_ = std::move(**header);
    consumed();
  }
  while (!in.empty()) {
    if (complete_) return malformed("bytes follow its end");
    if (static_cast<std::uint8_t>(in.front()) == kTrailerTag) {
      if (in.size() < kTrailerBytes) break;
      KV_TRY(take_trailer(in.substr(0, kTrailerBytes)));
      in.remove_prefix(kTrailerBytes);
      continue;
    }
    const auto record = take_snapshot_record(in);
    if (!record) return std::unexpected(record.error());
    if (!*record) break;
    KV_TRY(add(**record));
    consumed();
  }
  unparsed_.erase(0, unparsed_.size() - in.size());
  return {};
}

Status SnapshotWriter::take_trailer(BytesView in) {
  hash_.update(in.substr(0, kTrailerBytes - 32));
  if (hash_.finish().view() != in.substr(kTrailerBytes - 32)) {
    return fail(ErrorCode::kCorruption, "the snapshot's digest is wrong: bytes were changed");
  }
  Decoder decoder(in.substr(1));
  for (const std::uint64_t count : counts_) {
    if (decoder.u64() != count) return malformed("records are missing");
  }
  complete_ = true;
  return {};
}

Status SnapshotWriter::add(const SnapshotRecord& record) {
  const bool ascends = !last_space_ || record.space > *last_space_ ||
                       (record.space == *last_space_ && record.key > BytesView(last_key_));
  if (!ascends) return malformed("its keys do not ascend");
  last_space_ = record.space;
  last_key_.assign(record.key);
  ++counts_[static_cast<std::size_t>(record.space)];
  batch_records_.push_back({record.space, batch_.size(), record.key.size(), record.value.size()});
  batch_.append(record.key);
  batch_.append(record.value);
  if (batch_.size() >= kBatchBytes) return store_batch(nullptr);
  return {};
}

Status SnapshotWriter::store_batch(const CheckpointMeta* meta) {
  for (;;) {
    const Status stored = store_batch_once(meta);
    if (stored || stored.error().code != ErrorCode::kLimitExceeded) {
      batch_.clear();
      batch_records_.clear();
      return stored;
    }
    KV_TRY(environment_->grow());
  }
}

Status SnapshotWriter::store_batch_once(const CheckpointMeta* meta) {
  auto transaction = WriteTransaction::begin(*environment_);
  if (!transaction) return std::unexpected(std::move(transaction).error());
  for (const Pending& record : batch_records_) {
    const BytesView key = BytesView(batch_).substr(record.offset, record.key_size);
    const BytesView value =
        BytesView(batch_).substr(record.offset + record.key_size, record.value_size);
    KV_TRY(transaction->append(record.space, key, value));
  }
  if (meta != nullptr) {
    Bytes encoded;
    encode(*meta, encoded);
    KV_TRY(transaction->put_meta(encoded));
  }
  return transaction->commit();
}

Result<InstalledSnapshot> SnapshotWriter::finish(const raft::EntryId& last) {
  if (failed_ || !complete_) return malformed("it ends too early");
  if (header_->meta.applied != last) {
    return fail(ErrorCode::kCorruption, "the snapshot does not stand where its sender said");
  }
  failed_ = true;  // finished once
  KV_TRY(store_batch(&header_->meta));
  const std::shared_ptr<Environment> environment = std::exchange(environment_, nullptr);
  // When the switch fails it may not be known which of the two counts: the files stay, both.
  KV_TRY(store_.switch_to(environment));
  return InstalledSnapshot{header_->meta, environment};
}

}  // namespace kvcluster::storage
