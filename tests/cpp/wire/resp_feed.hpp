// Feeds bytes to a RESP parser as a connection would: in pieces, through a buffer that grows and
// moves.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "wire/resp_parser.hpp"

namespace kvcluster::wire {

using Command = std::vector<std::string>;

struct Fed {
  std::vector<Command> commands;
  std::string error;       // empty: none
  std::size_t left = 0;    // bytes of an unfinished command in the buffer
  std::size_t wanted = 0;  // the parser's last hint
  friend bool operator==(const Fed&, const Fed&) = default;
};

inline Fed feed(BytesView input, std::size_t piece, const RespLimits& limits = {}) {
  RespParser parser(limits);
  Bytes buffer;
  Fed fed;
  for (std::size_t at = 0; at < input.size(); at += piece) {
    buffer += input.substr(at, piece);
    for (bool more = true; more;) {
      switch (parser.parse(buffer)) {
        case RespParser::Outcome::kCommand:
          fed.commands.emplace_back(parser.args().begin(), parser.args().end());
          break;
        case RespParser::Outcome::kNeedMore:
          fed.wanted = parser.bytes_wanted();
          more = false;
          break;
        case RespParser::Outcome::kError:
          fed.error = parser.error();
          return fed;
      }
      buffer.erase(0, parser.consumed());
    }
  }
  fed.left = buffer.size();
  return fed;
}

inline std::vector<std::size_t> piece_sizes(BytesView input) {
  return {1, 2, 3, 7, 64, input.size() + 1};
}

}  // namespace kvcluster::wire
