// How a connection between two nodes begins: the dialing side sends a Hello, the accepting side
// answers with its own or with a refusal. docs/format.md, "Peer frames", has it byte by byte.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "replica/peer_message.hpp"

namespace kvcluster::wire {

// The first byte is ESC, which begins neither RESP nor HTTP nor a word that anybody types: one port
// serves clients and peers.
inline constexpr BytesView kPeerMagic = "\x1BKVPEER";
inline constexpr std::uint8_t kPeerVersion = 1;

enum class Speaker : std::uint8_t { kNeedMore, kPeer, kClient };
// Who speaks, by the first bytes of a connection.
[[nodiscard]] Speaker classify(BytesView first_bytes);

// Written to the wire: values are never reused.
enum class RefusalCode : std::uint8_t {
  kWrongIdentity = 1,  // another cluster, another node, or a member that lost its disk
  kVersion = 2,        // the accepting side does not speak this version
  kNotNow = 3,         // may change by itself: try again
  kMalformed = 4,
};

struct Refusal {
  RefusalCode code = RefusalCode::kNotNow;
  std::string sentence;  // what is wrong and what to do; one line
  friend bool operator==(const Refusal&, const Refusal&) = default;
};

[[nodiscard]] RefusalCode refusal_code(ErrorCode code);

void encode(const replica::Hello& hello, Bytes& out);
// The sentence is cut when it is too long.
void encode(const Refusal& refusal, Bytes& out);

struct Greeting {
  std::variant<replica::Hello, Refusal> content;
  std::size_t size = 0;  // bytes of the input that it took
};

// nullopt: more bytes are needed; never more than kMaxGreetingBytes in all.
// Errors: kCorruption; kVersionMismatch when the other side speaks another version.
[[nodiscard]] Result<std::optional<Greeting>> decode_greeting(BytesView input);

inline constexpr std::size_t kMaxGreetingBytes = 4096;

}  // namespace kvcluster::wire
