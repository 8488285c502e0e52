// Reads that wait: for the state to stand at their index, and for proof that this node led when
// they arrived (ReadIndex; Raft dissertation, 6.4).
//
// A read is evaluated exactly when the state machine stands at its index, and its reply is kept
// until its round is confirmed. So commands of one connection see each other in order, and a reply
// never comes from a state older than the read.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "base/bytes.hpp"
#include "base/ids.hpp"
#include "base/time.hpp"
#include "kv/reply.hpp"
#include "replica/origin.hpp"

namespace kvcluster::replica {

class PendingReads {
 public:
  struct Read {
    Origin origin;
    Slice request;
    Index index;  // the state that it needs
  };
  struct Answer {
    Origin origin;
    kv::Reply reply;
  };
  using Evaluate = std::function<kv::Reply(BytesView request)>;

  explicit PendingReads(Evaluate evaluate) : evaluate_(std::move(evaluate)) {}

  // Reads that need no proof of leadership; they belong to a round that is confirmed already.
  static constexpr std::uint64_t kLocalRound = 0;

  // Adds reads to a round; those that need no later state than `applied` are evaluated at once.
  // Requires: rounds ascend, but for kLocalRound.
  void add(std::uint64_t round, std::vector<Read> reads, Index applied, Instant deadline);
  // The state machine stands at `index` now. Call for every applied index.
  void applied(Index index) {
    if (!pinned_.empty() && pinned_.begin()->first <= index) evaluate_pinned(index);
  }
  void confirmed(std::uint64_t round);
  // The round will never be confirmed: gives its reads back.
  [[nodiscard]] std::vector<Read> rejected(std::uint64_t round);
  // Gives back the reads whose time is over.
  [[nodiscard]] std::vector<Read> expired(Instant now);
  [[nodiscard]] Instant next_deadline() const;

  // The answers that became ready, in order.
  [[nodiscard]] std::vector<Answer> take_answers() { return std::exchange(answers_, {}); }

  [[nodiscard]] std::size_t size() const { return open_; }

 private:
  struct Slot {
    Read read;
    std::optional<kv::Reply> reply;
    bool answered = false;
  };
  struct Round {
    std::vector<Slot> slots;
    std::size_t open = 0;
    bool confirmed = false;
    Instant deadline;
  };
  // Local reads arrive at any time, so each gets a batch of its own under a key of its own.
  struct Key {
    bool local = false;
    std::uint64_t number = 0;
    friend auto operator<=>(const Key&, const Key&) = default;
  };

  void evaluate_pinned(Index index);
  void answer(Round& round, Slot& slot);
  void forget_if_done(Key key);
  std::vector<Read> take_unanswered(Round& round);

  Evaluate evaluate_;
  std::map<Key, Round> rounds_;
  std::map<Index, std::vector<std::pair<Key, std::size_t>>> pinned_;  // slots not yet evaluated
  std::vector<Answer> answers_;
  std::uint64_t local_batches_ = 0;
  std::size_t open_ = 0;
};

}  // namespace kvcluster::replica
