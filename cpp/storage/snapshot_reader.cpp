#include "storage/snapshot_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace kvcluster::storage {

Result<std::unique_ptr<SnapshotReader>> SnapshotReader::open(
    const std::shared_ptr<Environment>& environment, const ClusterId& cluster) {
  auto view = ReadTransaction::begin(environment);
  if (!view) return std::unexpected(std::move(view).error());
  const auto raw = view->meta();
  if (!view->damage().empty()) return fail(ErrorCode::kCorruption, view->damage());
  if (!raw) return fail(ErrorCode::kNotFound, "there is no checkpoint yet");
  auto meta = decode_checkpoint_meta(*raw);
  if (!meta) return std::unexpected(std::move(meta).error());
  std::unique_ptr<SnapshotReader> reader(new SnapshotReader(std::move(*view), std::move(*meta)));
  Bytes header;
  encode_snapshot_header(cluster, reader->meta_, header);
  reader->emit(header);
  return reader;
}

SnapshotReader::SnapshotReader(ReadTransaction view, CheckpointMeta meta)
    : view_(std::move(view)), meta_(std::move(meta)) {}

SnapshotReader::~SnapshotReader() = default;

Result<SnapshotReader::Chunk> SnapshotReader::read(std::uint64_t offset, std::size_t max_bytes) {
  if (offset == buffer_offset_ + given_) {
    buffer_.erase(0, given_);
    buffer_offset_ = offset;
  } else if (offset != buffer_offset_) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("the snapshot is read in order: byte {} is not at hand", offset));
  }
  fill(max_bytes);
  if (!view_.damage().empty()) return fail(ErrorCode::kCorruption, view_.damage());
  given_ = std::min(max_bytes, buffer_.size());
  return Chunk{Slice::copy_of(BytesView(buffer_).substr(0, given_)),
               ended_ && given_ == buffer_.size()};
}

// Makes bytes until `wanted` are there, or the end.
void SnapshotReader::fill(std::size_t wanted) {
  Bytes piece;
  while (buffer_.size() < wanted && !ended_) {
    piece.clear();
    if (space_ == kv::kSpaceCount) {
      encode_snapshot_counts(counts_, piece);
      emit(piece);
      buffer_.append(hash_.finish().view());
      ended_ = true;
      return;
    }
    const auto space = static_cast<kv::Space>(space_);
    if (!cursor_) {
      cursor_ = std::make_unique<ReadCursor>(view_, space);
      cursor_->seek({});
    }
    if (!cursor_->valid()) {
      cursor_.reset();
      ++space_;
      continue;
    }
    encode_snapshot_record({space, cursor_->key(), cursor_->value()}, piece);
    emit(piece);
    ++counts_[space_];
    cursor_->next();
  }
}

void SnapshotReader::emit(const Bytes& piece) {
  hash_.update(piece);
  buffer_.append(piece);
}

}  // namespace kvcluster::storage
