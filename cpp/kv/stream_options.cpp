#include "kv/stream_options.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "kv/stream.hpp"

namespace kvcluster::kv {
namespace {

constexpr std::int64_t kLastSequence = std::numeric_limits<std::int64_t>::max();

std::unexpected<Error> invalid_id() {
  return invalid_argument("ERR Invalid stream ID specified as stream command argument");
}

// MAXLEN [=|~] n, from args[at] on; returns how many arguments that were.
Result<std::size_t> parse_max_length(Arguments args, std::size_t at, Request& request) {
  const std::size_t begin = at++;
  if (at < args.size() && (args[at] == "=" || args[at] == "~")) {
    if (args[at] == "~") request.flags |= flag::kTrimSome;
    ++at;
  }
  if (at == args.size()) return syntax_error();
  const auto length = parse_number(args[at]);
  if (!length) return std::unexpected(length.error());
  if (*length < 0) return invalid_argument("ERR The MAXLEN argument must be >= 0.");
  request.flags |= flag::kTrim;
  request.numbers[1] = *length;
  return at + 1 - begin;
}

std::unexpected<Error> no_min_id() {
  return invalid_argument("ERR MINID is not supported: ids count the messages, so use MAXLEN");
}

// COUNT n of a range. 0 and below would ask for nothing.
Status parse_count(BytesView text, std::int64_t most, std::int64_t& count) {
  const auto number = parse_number(text);
  if (!number) return std::unexpected(number.error());
  if (*number < 1 || *number > most) {
    return invalid_argument(fmt::format("ERR COUNT must be from 1 to {}", most));
  }
  count = *number;
  return {};
}

// The first sequence that is not before the start of a range.
Result<std::int64_t> range_start(BytesView text) {
  if (text == "-") return 0;
  if (text == "+") return kLastSequence;
  const bool exclusive = text.starts_with('(');
  const auto id = parse_stream_id(text.substr(exclusive ? 1 : 0));
  if (!id) return invalid_id();
  const auto sequence = static_cast<std::int64_t>(id->sequence);
  if (!exclusive && !id->beyond) return sequence;
  if (sequence == kLastSequence) return invalid_argument("ERR invalid start ID for the interval");
  return sequence + 1;
}

// The last sequence that is not after the end of a range; -1: none.
Result<std::int64_t> range_end(BytesView text) {
  if (text == "-") return -1;
  if (text == "+") return kLastSequence;
  const bool exclusive = text.starts_with('(');
  const auto id = parse_stream_id(text.substr(exclusive ? 1 : 0));
  if (!id) return invalid_id();
  return static_cast<std::int64_t>(id->sequence) - (exclusive && !id->beyond ? 1 : 0);
}

// As the encoded form has it: "$", or the digits of the last sequence that was seen.
Result<BytesView> read_position(BytesView text) {
  if (text == "$") return text;
  if (text == ">") {
    return invalid_argument("ERR The > ID can be specified only when calling XREADGROUP");
  }
  const auto id = parse_stream_id(text);
  if (!id) return invalid_id();
  return id->digits;
}

}  // namespace

Status parse_stream_add(Arguments args, const Limits& limits, Request& request) {
  request.operation = Operation::kStreamAdd;
  std::size_t at = 2;
  for (; at < args.size(); ++at) {
    if (is_option(args[at], "NOMKSTREAM")) {
      request.flags |= flag::kIfPresent;
    } else if (is_option(args[at], "MAXLEN")) {
      const auto used = parse_max_length(args, at, request);
      if (!used) return std::unexpected(used.error());
      at += *used - 1;
    } else if (is_option(args[at], "MINID")) {
      return no_min_id();
    } else {
      break;
    }
  }
  if (at == args.size())
    return invalid_argument("ERR wrong number of arguments for 'xadd' command");
  const BytesView id_text = args[at++];
  if (id_text != "*") {
    const auto id = parse_stream_id(id_text);
    if (!id) return invalid_id();
    if (id->sequence == 0) {
      return invalid_argument("ERR The ID specified in XADD must be greater than 0-0");
    }
    if (id->beyond) {
      return invalid_argument("ERR ids are contiguous: every one ends in -0; use '*'");
    }
    request.numbers[0] = static_cast<std::int64_t>(id->sequence);
  }
  const Arguments fields = args.subspan(at);
  if (fields.empty() || fields.size() % 2 != 0) {
    return invalid_argument("ERR wrong number of arguments for 'xadd' command");
  }
  std::size_t bytes = 0;
  for (const BytesView field : fields) bytes += field.size();
  const std::size_t limit = std::min(limits.max_value_bytes, kHardMaxValueBytes);
  if (bytes > limit) {
    return fail(ErrorCode::kLimitExceeded,
                fmt::format("ERR a message of {} bytes: the limit is {}", bytes, limit));
  }
  if (args[1].size() > kMaxStreamKeyBytes) {
    return fail(ErrorCode::kLimitExceeded, fmt::format("ERR a stream's key of {} bytes: the limit "
                                                       "is {}",
                                                       args[1].size(), kMaxStreamKeyBytes));
  }
  request.args.push_back(args[1]);
  request.args.insert(request.args.end(), fields.begin(), fields.end());
  return {};
}

Status parse_stream_trim(Arguments args, Request& request) {
  request.operation = Operation::kStreamTrim;
  request.args.push_back(args[1]);
  if (is_option(args[2], "MINID")) return no_min_id();
  if (!is_option(args[2], "MAXLEN")) return syntax_error();
  const auto used = parse_max_length(args, 2, request);
  if (!used) return std::unexpected(used.error());
  return 2 + *used == args.size() ? Status() : syntax_error();
}

Status parse_stream_range(Arguments args, bool reverse, const Limits& limits, Request& request) {
  request.operation = Operation::kStreamRange;
  request.args.push_back(args[1]);
  const auto start = range_start(args[reverse ? 3 : 2]);
  if (!start) return std::unexpected(start.error());
  const auto end = range_end(args[reverse ? 2 : 3]);
  if (!end) return std::unexpected(end.error());
  const auto most = static_cast<std::int64_t>(limits.max_range_items);
  request.numbers = {*start, *end, most};
  if (reverse) request.flags |= flag::kReverse;
  if (args.size() == 4) return {};
  if (args.size() != 6 || !is_option(args[4], "COUNT")) return syntax_error();
  request.flags |= flag::kRangeLimited;
  return parse_count(args[5], most, request.numbers[2]);
}

Status parse_stream_read(Arguments args, const Limits& limits, Request& request,
                         std::optional<std::int64_t>& block_ms) {
  const auto most = static_cast<std::int64_t>(limits.max_range_items);
  request.operation = Operation::kStreamRead;
  request.numbers[0] = most;
  std::size_t at = 1;
  for (; at < args.size() && !is_option(args[at], "STREAMS"); at += 2) {
    const bool count = is_option(args[at], "COUNT");
    if ((!count && !is_option(args[at], "BLOCK")) || at + 1 == args.size()) return syntax_error();
    const auto number = parse_number(args[at + 1]);
    if (!number && count) return std::unexpected(number.error());
    if (!number) return invalid_argument("ERR timeout is not an integer or out of range");
    if (count) {
      // As in Redis 0 means all; a reader goes on where it stopped, so a bound takes nothing away.
      if (*number > 0) request.numbers[0] = std::min(*number, most);
    } else if (*number < 0) {
      return invalid_argument("ERR timeout is negative");
    } else {
      block_ms = *number;
    }
  }
  if (at >= args.size()) return syntax_error();
  const Arguments streams = args.subspan(at + 1);
  if (streams.empty() || streams.size() % 2 != 0) {
    return invalid_argument(
        "ERR Unbalanced 'xread' list of streams: for each stream key an ID or '$' must be "
        "specified.");
  }
  const std::size_t count = streams.size() / 2;
  if (count > kMaxReadStreams) {
    return fail(ErrorCode::kLimitExceeded,
                fmt::format("ERR an XREAD of {} streams: the limit is {}", count, kMaxReadStreams));
  }
  for (std::size_t i = 0; i < count; ++i) {
    const auto position = read_position(streams[count + i]);
    if (!position) return std::unexpected(position.error());
    request.args.push_back(streams[i]);
    request.args.push_back(*position);
  }
  return {};
}

Status parse_stream_info(Arguments args, Request& request) {
  if (!is_option(args[1], "STREAM") || args.size() != 3) {
    return invalid_argument("ERR of XINFO there is only XINFO STREAM key");
  }
  request.operation = Operation::kStreamInfo;
  request.args.push_back(args[2]);
  return {};
}

StreamReadKeys stream_read_keys(Arguments args) {
  for (std::size_t at = 1; at < args.size(); at += 2) {
    if (!is_option(args[at], "STREAMS")) continue;
    const std::size_t rest = args.size() - at - 1;
    return rest % 2 == 0 ? StreamReadKeys{at + 1, rest / 2} : StreamReadKeys{};
  }
  return {};
}

}  // namespace kvcluster::kv
