// What consensus orders: entries, their ids, and the state that must survive a crash.
#pragma once

#include <compare>
#include <cstdint>

#include "base/bytes.hpp"
#include "base/ids.hpp"

namespace kvcluster::raft {

// Names one entry for all time: two logs that hold the same EntryId hold the same entry, and the
// same entries before it (Log Matching; Raft dissertation, 3.5). Compares as the election
// restriction does: by term, then by index (3.6.1).
struct EntryId {
  Term term;
  Index index;

  friend constexpr auto operator<=>(const EntryId&, const EntryId&) = default;
};

// Written to disk and wire: values are never reused.
enum class EntryKind : std::uint8_t {
  kNoop = 0,           // a new leader's first entry (dissertation, 6.4)
  kCommand = 1,        // for the state machine; opaque here
  kConfiguration = 2,  // an encoded Configuration
  kGenesis = 3,        // entry 1 of every log: the cluster's identity and first members
};

struct Entry {
  Term term;
  Index index;
  EntryKind kind = EntryKind::kNoop;
  Slice payload;

  [[nodiscard]] EntryId id() const { return {term, index}; }
  friend bool operator==(const Entry&, const Entry&) = default;
};

// Durable before any message that depends on it leaves (dissertation, figure 3.1: "persistent
// state on all servers"). `commit_index` is a hint that saves work after a restart; it may lag.
struct HardState {
  Term current_term;
  NodeId voted_for = kNoNode;
  Index commit_index;

  friend bool operator==(const HardState&, const HardState&) = default;
};

}  // namespace kvcluster::raft
