#include "wire/inline_command.hpp"

#include <optional>

namespace kvcluster::wire {
namespace {

bool is_blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

std::optional<unsigned> hex_digit(char c) {
  if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a') + 10U;
  if (c >= 'A' && c <= 'F') return static_cast<unsigned>(c - 'A') + 10U;
  return std::nullopt;
}

char unescaped(char c) {
  switch (c) {
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    case 'b':
      return '\b';
    case 'a':
      return '\a';
    default:
      return c;
  }
}

// Reads from one line; every word goes to the end of one string.
class Splitter {
 public:
  Splitter(BytesView line, Bytes& out) : line_(line), out_(out) {}

  void skip_blanks() {
    while (!at_end() && is_blank(line_[at_])) ++at_;
  }
  [[nodiscard]] bool at_end() const { return at_ == line_.size(); }

  // False when a quote is not closed, or closed in the middle of a word.
  bool word() {
    while (!at_end() && !is_blank(line_[at_])) {
      const char c = line_[at_++];
      if (c == '"') return double_quoted() && word_ends();
      if (c == '\'') return single_quoted() && word_ends();
      out_.push_back(c);
    }
    return true;
  }

 private:
  [[nodiscard]] bool word_ends() const { return at_end() || is_blank(line_[at_]); }
  [[nodiscard]] std::size_t left() const { return line_.size() - at_; }

  bool single_quoted() {
    while (!at_end()) {
      char c = line_[at_++];
      if (c == '\'') return true;
      if (c == '\\' && !at_end() && line_[at_] == '\'') c = line_[at_++];
      out_.push_back(c);
    }
    return false;
  }

  bool double_quoted() {
    while (!at_end()) {
      const char c = line_[at_++];
      if (c == '"') return true;
      if (c == '\\' && !at_end()) {
        escape();
      } else {
        out_.push_back(c);
      }
    }
    return false;
  }

  void escape() {
    const char c = line_[at_++];
    if (c == 'x' && left() >= 2) {
      const auto high = hex_digit(line_[at_]);
      const auto low = hex_digit(line_[at_ + 1]);
      if (high && low) {
        out_.push_back(static_cast<char>(*high * 16U + *low));
        at_ += 2;
        return;
      }
    }
    out_.push_back(unescaped(c));
  }

  BytesView line_;
  Bytes& out_;
  std::size_t at_ = 0;
};

}  // namespace

bool split_inline_command(BytesView line, Bytes& storage, std::vector<BytesView>& args) {
  storage.clear();
  storage.reserve(line.size());  // unquoting only shortens: views into storage stay valid
  args.clear();
  Splitter splitter(line, storage);
  for (splitter.skip_blanks(); !splitter.at_end(); splitter.skip_blanks()) {
    const std::size_t start = storage.size();
    if (!splitter.word()) return false;
    args.push_back(BytesView(storage).substr(start));
  }
  return true;
}

}  // namespace kvcluster::wire
