// The arguments of the stream commands, as Redis words them. What is refused here is certainly not
// in the log; the errors carry the whole RESP text.
#pragma once

#include <cstdint>
#include <optional>

#include "base/result.hpp"
#include "kv/command_options.hpp"
#include "kv/request.hpp"
#include "kv/request_format.hpp"

namespace kvcluster::kv {

// XADD key [NOMKSTREAM] [MAXLEN [=|~] n] <* | id> field value [field value ...]
[[nodiscard]] Status parse_stream_add(Arguments args, const Limits& limits, Request& request);
// XTRIM key MAXLEN [=|~] n
[[nodiscard]] Status parse_stream_trim(Arguments args, Request& request);
// XRANGE key start end [COUNT n]; XREVRANGE key end start [COUNT n]
[[nodiscard]] Status parse_stream_range(Arguments args, bool reverse, const Limits& limits,
                                        Request& request);
// XREAD [COUNT n] [BLOCK ms] STREAMS key [key ...] id [id ...]. `block_ms` is set by BLOCK.
[[nodiscard]] Status parse_stream_read(Arguments args, const Limits& limits, Request& request,
                                       std::optional<std::int64_t>& block_ms);
// XINFO STREAM key
[[nodiscard]] Status parse_stream_info(Arguments args, Request& request);

// Where the keys of an XREAD stand: the first, and how many; nothing when it is malformed.
struct StreamReadKeys {
  std::size_t first = 0;
  std::size_t count = 0;
};
[[nodiscard]] StreamReadKeys stream_read_keys(Arguments args);

}  // namespace kvcluster::kv
