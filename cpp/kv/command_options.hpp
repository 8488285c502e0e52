// The options of SET, GETEX and EXPIRE and the numbers of all commands, as Redis reads them. One
// thing differs: a wrong number is an error also where Redis, finding the key missing, would not
// have looked at it (GETEX). What is refused here is certainly not in the log.
#pragma once

#include <cstdint>
#include <span>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "kv/request_format.hpp"

namespace kvcluster::kv {

using Arguments = std::span<const BytesView>;

// Errors of this file carry the whole RESP text.
[[nodiscard]] std::unexpected<Error> syntax_error();
[[nodiscard]] std::unexpected<Error> invalid_argument(Bytes text);

// True when `option`, in any case, is `upper_case`.
[[nodiscard]] bool is_option(BytesView option, BytesView upper_case);

[[nodiscard]] Result<std::int64_t> parse_number(BytesView text);

// An expiry that must lie after the epoch: of SET, SETEX, GETEX... `command` is for the error.
struct ExpiryUnit {
  std::int64_t ms = 1;
  bool relative = true;
};
[[nodiscard]] Status set_positive_expiry(BytesView command, BytesView number, ExpiryUnit unit,
                                         Request& request);
// Of EXPIRE and its kind: a time in the past is a way to delete.
[[nodiscard]] Status set_any_expiry(BytesView command, BytesView number, ExpiryUnit unit,
                                    Request& request);

[[nodiscard]] Status parse_set_options(Arguments options, Request& request);
[[nodiscard]] Status parse_getex_options(Arguments options, Request& request);
[[nodiscard]] Status parse_expire_options(Arguments options, Request& request);

}  // namespace kvcluster::kv
