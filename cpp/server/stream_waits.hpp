// Who waits for which stream: the clients whose XREAD BLOCK found nothing. A wait is this node's
// own affair; it ends when the state that this node has applied holds a newer message.
//
// Thread-safety: none; the reactor thread only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <span>
#include <utility>
#include <vector>

#include "base/bytes.hpp"
#include "base/time.hpp"

namespace kvcluster::server {

class StreamWaits {
 public:
  explicit StreamWaits(std::size_t max_waits) : max_waits_(max_waits) {}

  // False when so many wait that one more may not. `deadline`: Instant::max() when there is none.
  // Requires: the connection does not wait yet.
  [[nodiscard]] bool add(std::uint64_t connection, std::span<const BytesView> keys,
                         Instant deadline);
  // Nothing when it does not wait.
  void remove(std::uint64_t connection);

  [[nodiscard]] std::size_t size() const { return waits_.size(); }
  [[nodiscard]] bool empty() const { return waits_.empty(); }
  // The connections that wait for this stream, by id; likewise for all, and for those whose time
  // is over.
  [[nodiscard]] std::vector<std::uint64_t> for_stream(BytesView key) const;
  [[nodiscard]] std::vector<std::uint64_t> all() const;
  [[nodiscard]] std::vector<std::uint64_t> overdue(Instant now) const;
  // Instant::max() when no wait has one.
  [[nodiscard]] Instant next_deadline() const;

 private:
  struct Wait {
    std::vector<Bytes> keys;
    Instant deadline;
  };

  std::size_t max_waits_;
  std::map<std::uint64_t, Wait> waits_;  // by connection
  std::map<Bytes, std::set<std::uint64_t>, std::less<>> by_stream_;
  std::set<std::pair<Instant, std::uint64_t>> by_deadline_;
};

}  // namespace kvcluster::server
