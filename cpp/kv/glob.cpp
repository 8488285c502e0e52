#include "kv/glob.hpp"

#include <algorithm>
#include <optional>
#include <utility>

namespace kvcluster::kv {
namespace {

struct Step {
  bool matches;
  std::size_t pattern_bytes;  // that the step used up
};

// `pattern` begins with '['. As in Redis, a class that is not closed goes to the pattern's end.
Step match_class(BytesView pattern, char byte) {
  const auto value = static_cast<unsigned char>(byte);
  std::size_t at = 1;
  const bool negated = at < pattern.size() && pattern[at] == '^';
  if (negated) ++at;
  bool found = false;
  while (at < pattern.size() && pattern[at] != ']') {
    const std::size_t left = pattern.size() - at;
    if (pattern[at] == '\\' && left >= 2) {
      found = found || pattern[at + 1] == byte;
      at += 2;
    } else if (left >= 3 && pattern[at + 1] == '-') {
      auto low = static_cast<unsigned char>(pattern[at]);
      auto high = static_cast<unsigned char>(pattern[at + 2]);
      if (low > high) std::swap(low, high);
      found = found || (low <= value && value <= high);
      at += 3;
    } else {
      found = found || pattern[at] == byte;
      ++at;
    }
  }
  return {found != negated, std::min(at + 1, pattern.size())};
}

// One element of the pattern, other than '*', against one byte.
Step match_one(BytesView pattern, char byte) {
  switch (pattern.front()) {
    case '?':
      return {true, 1};
    case '[':
      return match_class(pattern, byte);
    case '\\':
      if (pattern.size() >= 2) return {pattern[1] == byte, 2};
      [[fallthrough]];
    default:
      return {pattern.front() == byte, 1};
  }
}

}  // namespace

bool glob_matches(BytesView pattern, BytesView text) {
  std::size_t p = 0;
  std::size_t t = 0;
  // Where to go on when a guess about the last '*' was wrong. Earlier stars need no second guess:
  // what they took is the least they could, and a later star can take the rest.
  std::optional<std::size_t> after_star;
  std::size_t star_end = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      after_star = ++p;
      star_end = t;
      continue;
    }
    if (p < pattern.size()) {
      const Step step = match_one(pattern.substr(p), text[t]);
      if (step.matches) {
        p += step.pattern_bytes;
        ++t;
        continue;
      }
    }
    if (!after_star) return false;
    p = *after_star;
    t = ++star_end;
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

Bytes glob_prefix(BytesView pattern) {
  Bytes prefix;
  for (std::size_t at = 0; at < pattern.size(); ++at) {
    char byte = pattern[at];
    if (byte == '*' || byte == '?' || byte == '[') break;
    if (byte == '\\' && at + 1 < pattern.size()) byte = pattern[++at];
    prefix.push_back(byte);
  }
  return prefix;
}

}  // namespace kvcluster::kv
