// Replies to clients, and commands to servers: values -> RESP, appended to a buffer that the caller
// owns.
#pragma once

#include <cstdint>
#include <span>

#include "base/bytes.hpp"
#include "kv/reply.hpp"

namespace kvcluster::wire {

// Chosen by HELLO, a connection at a time.
enum class RespVersion : std::uint8_t { kResp2 = 2, kResp3 = 3 };

// RESP2 has no map (a flat array, or one of pairs), no boolean (:1, :0), no double (a bulk string)
// and two nils, of which this is "$-1". Line breaks inside a simple string or an error become
// blanks: nothing that a client sent can forge a reply.
void encode_reply(const kv::Reply& reply, RespVersion version, Bytes& out);

inline void encode_ok(Bytes& out) { out.append("+OK\r\n"); }
void encode_nil(RespVersion version, Bytes& out);
void encode_integer(std::int64_t number, Bytes& out);
void encode_bulk(BytesView bytes, Bytes& out);
void encode_simple(BytesView text, Bytes& out);
// `text` without the leading '-'.
void encode_error(BytesView text, Bytes& out);
// The head only; `count` replies follow.
void encode_array_head(std::size_t count, Bytes& out);
// The head only; `count` pairs of replies follow.
void encode_map_head(std::size_t count, RespVersion version, Bytes& out);

// The head of a push, of RESP3 only; `count` replies follow.
void encode_push_head(std::size_t count, Bytes& out);

// A command as clients send it: an array of bulk strings.
void encode_command(std::span<const BytesView> args, Bytes& out);

}  // namespace kvcluster::wire
