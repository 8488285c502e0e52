// Replies as a person or a script reads them.
#pragma once

#include <cstdint>
#include <string>

#include "kv/reply.hpp"

namespace kvcluster::client {

// How the items of an array belong together: RESP2 sends a map as a flat array.
enum class Shape : std::uint8_t { kPlain, kPairs };

// One line a value; nested values are indented; pairs as "name: value". No final line break.
[[nodiscard]] std::string to_text(const kv::Reply& reply, Shape shape);

// One line. A byte string that is no UTF-8 becomes {"hex": "..."}.
[[nodiscard]] std::string to_json(const kv::Reply& reply, Shape shape);

// {"ok": false, "outcome": ..., "error": ...} on one line.
[[nodiscard]] std::string error_json(const std::string& outcome, const std::string& error);

}  // namespace kvcluster::client
