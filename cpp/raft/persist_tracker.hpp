// What of the log is durable on the own disk while writes are in flight.
//
// The core goes on while its disk works, so several batches may be in flight. Each remembers the
// last index it makes durable. A truncation takes back what it cut from all of them: otherwise the
// late completion of an old write would vouch for an entry that was cut and appended anew.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>

#include "base/ids.hpp"
#include "base/time.hpp"

namespace kvcluster::raft {

class PersistTracker {
 public:
  explicit PersistTracker(Index durable) : durable_index_(durable) {}

  // The number that the next batch will get.
  [[nodiscard]] std::uint64_t next_sequence() const { return next_sequence_; }
  // All batches up to and including this one are durable.
  [[nodiscard]] std::uint64_t completed() const { return completed_; }
  // Invariant: durable_index <= last index of the log.
  [[nodiscard]] Index durable_index() const { return durable_index_; }
  // When the oldest batch in flight was handed out; empty when none is.
  [[nodiscard]] std::optional<Instant> oldest_since() const;

  // Hands out the next number for a batch after which the log is durable up to `last`.
  std::uint64_t open(Index last, Instant now);
  // The batch and all before it are durable. A repeated or late completion changes nothing.
  // Requires: the batch was opened.
  void complete(std::uint64_t sequence);
  // `from` and all after it left the log.
  void truncated(Index from);
  // A durable snapshot covers the log up to `index`.
  void covered(Index index);

 private:
  struct InFlight {
    std::uint64_t sequence;
    Index last;
    Instant since;
  };

  std::uint64_t next_sequence_ = 1;
  std::uint64_t completed_ = 0;
  Index durable_index_;
  std::deque<InFlight> in_flight_;
};

}  // namespace kvcluster::raft
