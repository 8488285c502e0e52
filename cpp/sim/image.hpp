// A checkpoint as a value: the records, and where in the log they stand, together. In the place of
// LMDB, whose one transaction it stands for: it is durable as a whole or not at all.
#pragma once

#include <memory>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "kv/map_table.hpp"
#include "kv/state_machine.hpp"
#include "raft/configuration.hpp"
#include "raft/log_entry.hpp"

namespace kvcluster::sim {

struct Image {
  raft::EntryId last;
  raft::Configuration configuration;  // at `last`
  Bytes meta;                         // kv::StateMachine::encode_meta
  kv::MapTable table;
  bool damaged = false;       // only the world knows
  bool digest_wrong = false;  // likewise
};

// The state as it stands. Requires: the genesis is applied.
[[nodiscard]] std::shared_ptr<const Image> image_of(const kv::StateMachine& state,
                                                    const kv::MapTable& table, bool digest_wrong);

// The stream of a snapshot: what an image holds, and a digest at its end.
[[nodiscard]] Bytes snapshot_of(const Image& image);
// Errors: kCorruption.
[[nodiscard]] Result<std::shared_ptr<Image>> read_snapshot(BytesView stream);

// Another image, in which one byte of one record has changed; null when there is no record.
[[nodiscard]] std::shared_ptr<const Image> damaged(const Image& image, std::uint64_t where);

}  // namespace kvcluster::sim
