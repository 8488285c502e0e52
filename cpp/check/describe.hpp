// Operations and verdicts in words.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "check/history.hpp"

namespace kvcluster::check {

// "text" with what is not printable escaped, cut when it is long; `absent` without a value.
[[nodiscard]] std::string quoted(const std::optional<Bytes>& value);

// put "x" = "1"; a transaction in braces.
[[nodiscard]] std::string describe_call(const Operation& operation);
// What the client was told: "1", ok, refused, unknown.
[[nodiscard]] std::string describe_result(const Operation& operation);

// A table of the operations with their intervals, one a line, numbered #1, #2, ...
[[nodiscard]] std::string describe_table(std::span<const Operation* const> operations);

}  // namespace kvcluster::check
