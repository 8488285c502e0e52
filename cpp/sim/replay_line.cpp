#include "sim/replay_line.hpp"

#include <fmt/format.h>

#include <charconv>
#include <chrono>
#include <optional>

namespace kvcluster::sim {
namespace {

constexpr std::uint64_t kMaxTimeMs = 24ULL * 3600 * 1000;

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// Takes the part before the separator off the front.
std::string_view take(std::string_view& text, char separator) {
  const std::size_t end = std::min(text.find(separator), text.size());
  const std::string_view part = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return part;
}

std::unexpected<Error> bad(std::string_view word) {
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("'{}' is no part of a run: it reads like seed=7 time=60000 drop=3,5-9 "
                          "(milliseconds, numbers of faults)",
                          word));
}

// Faults are written as ranges: 3,5-9.
std::string ranges(const std::set<std::uint32_t>& numbers) {
  std::string text;
  for (auto at = numbers.begin(); at != numbers.end();) {
    const std::uint32_t first = *at;
    std::uint32_t last = first;
    for (++at; at != numbers.end() && *at == last + 1; ++at) last = *at;
    text += text.empty() ? "" : ",";
    text += first == last ? fmt::format("{}", first) : fmt::format("{}-{}", first, last);
  }
  return text;
}

bool parse_ranges(std::string_view text, std::set<std::uint32_t>& numbers) {
  while (!text.empty()) {
    std::string_view part = take(text, ',');
    const auto first = number(take(part, '-'));
    const auto last = part.empty() ? first : number(part);
    if (!first || !last || *last < *first || *last > 100'000) return false;
    for (std::uint64_t i = *first; i <= *last; ++i) numbers.insert(static_cast<std::uint32_t>(i));
  }
  return true;
}

}  // namespace

std::string replay_line(const SimulationOptions& options) {
  std::string line =
      fmt::format("seed={} time={}", options.seed,
                  std::chrono::duration_cast<std::chrono::milliseconds>(options.time).count());
  if (!options.dropped.empty()) line += " drop=" + ranges(options.dropped);
  return line;
}

Result<SimulationOptions> parse_replay_line(std::string_view line) {
  SimulationOptions options;
  bool has_seed = false;
  while (!line.empty()) {
    const std::string_view word = take(line, ' ');
    if (word.empty()) continue;
    std::string_view value = word;
    const std::string_view name = take(value, '=');
    if (name == "drop") {
      if (!parse_ranges(value, options.dropped)) return bad(word);
      continue;
    }
    const auto given = number(value);
    if (!given) return bad(word);
    if (name == "seed") {
      options.seed = *given;
      has_seed = true;
    } else if (name == "time" && *given <= kMaxTimeMs) {
      options.time = std::chrono::milliseconds(*given);
    } else {
      return bad(word);
    }
  }
  if (!has_seed) return bad("");
  return options;
}

}  // namespace kvcluster::sim
