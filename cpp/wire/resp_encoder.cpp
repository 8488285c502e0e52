#include "wire/resp_encoder.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <string>
#include <variant>

namespace kvcluster::wire {
namespace {

void append_head(char type, std::int64_t number, Bytes& out) {
  std::array<char, 24> raw{};
  raw[0] = type;
  // 20 characters hold any 64-bit number.
  char* end = std::to_chars(raw.data() + 1, raw.data() + raw.size() - 2, number).ptr;
  *end++ = '\r';
  *end++ = '\n';
  out.append(raw.data(), static_cast<std::size_t>(end - raw.data()));
}

void append_head(char type, std::size_t count, Bytes& out) {
  append_head(type, static_cast<std::int64_t>(count), out);
}

void append_line(char type, BytesView text, Bytes& out) {
  out.push_back(type);
  for (const char c : text) out.push_back(c == '\r' || c == '\n' ? ' ' : c);
  out.append("\r\n");
}

// The shortest text that reads back as the same number, in any locale.
std::string decimal(double number) {
  if (std::isnan(number)) return "nan";
  if (std::isinf(number)) return number > 0 ? "inf" : "-inf";
  std::array<char, 32> raw{};
  char* const end = std::to_chars(raw.data(), raw.data() + raw.size(), number).ptr;
  return {raw.data(), end};
}

class ReplyWriter {
 public:
  ReplyWriter(RespVersion version, Bytes& out) : version_(version), out_(out) {}

  void operator()(const kv::Nil& /*nil*/) const { encode_nil(version_, out_); }
  void operator()(const kv::SimpleString& simple) const { encode_simple(simple.text, out_); }
  void operator()(const kv::ErrorReply& error) const { encode_error(error.text, out_); }
  void operator()(std::int64_t number) const { encode_integer(number, out_); }
  void operator()(bool value) const {
    if (version_ == RespVersion::kResp2) return encode_integer(value ? 1 : 0, out_);
    out_.append(value ? "#t\r\n" : "#f\r\n");
  }
  void operator()(double number) const {
    if (version_ == RespVersion::kResp2) return encode_bulk(decimal(number), out_);
    append_line(',', decimal(number), out_);
  }
  void operator()(const kv::BulkString& bulk) const { encode_bulk(bulk.bytes, out_); }
  void operator()(const kv::Array& array) const {
    encode_array_head(array.items.size(), out_);
    for (const kv::Reply& item : array.items) std::visit(*this, item.value);
  }
  void operator()(const kv::Map& map) const {
    const bool in_pairs = map.in_pairs && version_ == RespVersion::kResp2;
    if (in_pairs) {
      encode_array_head(map.items.size(), out_);
    } else {
      encode_map_head(map.items.size(), version_, out_);
    }
    for (const auto& [key, value] : map.items) {
      if (in_pairs) encode_array_head(2, out_);
      std::visit(*this, key.value);
      std::visit(*this, value.value);
    }
  }

 private:
  RespVersion version_;
  Bytes& out_;
};

}  // namespace

void encode_nil(RespVersion version, Bytes& out) {
  out.append(version == RespVersion::kResp2 ? "$-1\r\n" : "_\r\n");
}

void encode_integer(std::int64_t number, Bytes& out) { append_head(':', number, out); }

void encode_bulk(BytesView bytes, Bytes& out) {
  append_head('$', bytes.size(), out);
  out.append(bytes);
  out.append("\r\n");
}

void encode_simple(BytesView text, Bytes& out) { append_line('+', text, out); }

void encode_error(BytesView text, Bytes& out) { append_line('-', text, out); }

void encode_array_head(std::size_t count, Bytes& out) { append_head('*', count, out); }

void encode_map_head(std::size_t count, RespVersion version, Bytes& out) {
  if (version == RespVersion::kResp2) return append_head('*', 2 * count, out);
  append_head('%', count, out);
}

void encode_push_head(std::size_t count, Bytes& out) { append_head('>', count, out); }

void encode_reply(const kv::Reply& reply, RespVersion version, Bytes& out) {
  // Most replies are +OK.
  if (const auto* simple = std::get_if<kv::SimpleString>(&reply.value);
      simple != nullptr && simple->text == "OK") {
    return encode_ok(out);
  }
  std::visit(ReplyWriter(version, out), reply.value);
}

void encode_command(std::span<const BytesView> args, Bytes& out) {
  encode_array_head(args.size(), out);
  for (const BytesView arg : args) encode_bulk(arg, out);
}

}  // namespace kvcluster::wire
