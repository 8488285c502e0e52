// Counts the replies of a RESP stream without making values of them: a load generator must cost
// less than what it measures.
//
// Thread-safety: none; one owner.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace kvcluster::bench {

enum class ReplyKind : std::uint8_t { kValue, kNull, kError };

class ReplyCounter {
 public:
  static constexpr std::size_t kMaxLine = 4096;

  // Takes any piece of the stream; calls `each(kind, line)` for every reply that it completes,
  // where `line` is the first line of the reply without its type and its end, valid for the call
  // only. A reply with errors inside, like EXEC's, is a value. False: this is no RESP; nothing more
  // can be made of the stream.
  template <typename Each>
  [[nodiscard]] bool feed(std::string_view bytes, Each&& each) {
    while (!bytes.empty()) {
      if (skip_ > 0) {
        const std::size_t skipped = bytes.size() < skip_ ? bytes.size() : skip_;
        skip_ -= skipped;
        bytes.remove_prefix(skipped);
        if (skip_ > 0) return true;
        finish_element(each);
        continue;
      }
      const std::size_t end = bytes.find('\n');
      if (end == std::string_view::npos) {
        partial_.append(bytes);
        return partial_.size() <= kMaxLine;
      }
      std::string_view line = bytes.substr(0, end);
      bytes.remove_prefix(end + 1);
      if (!partial_.empty()) {
        partial_.append(line);
        line = partial_;
      }
      const bool known = take_line(line, each);
      partial_.clear();
      if (!known) return false;
    }
    return true;
  }

 private:
  enum class Header : std::uint8_t { kWhole, kPayload, kElements, kUnknown };

  template <typename Each>
  bool take_line(std::string_view line, Each&& each) {
    if (line.size() < 2 || line.size() > kMaxLine || line.back() != '\r') return false;
    line.remove_suffix(1);
    switch (read_header(line)) {
      case Header::kWhole:
        finish_element(each);
        return true;
      case Header::kPayload:
      case Header::kElements:
        return true;
      case Header::kUnknown:
        return false;
    }
    return false;
  }
  // Of one element; for what follows sets `skip_`, `open_` and, of a whole reply, kind and text.
  Header read_header(std::string_view line);

  template <typename Each>
  void finish_element(Each&& each) {
    if (open_ > 0) --open_;
    if (open_ > 0) return;
    each(kind_, std::string_view(text_));
    inside_ = false;
  }

  std::string partial_;
  std::size_t skip_ = 0;    // bytes of a payload, with its end, still to come
  std::uint64_t open_ = 0;  // elements still to come in all arrays that are open
  bool inside_ = false;     // of an array
  ReplyKind kind_ = ReplyKind::kValue;
  std::string text_;
};

}  // namespace kvcluster::bench
