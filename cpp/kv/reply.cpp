#include "kv/reply.hpp"

#include <algorithm>
#include <bit>

#include "base/codec.hpp"

namespace kvcluster::kv {
namespace {

// Written to disk with a session: values are never reused.
enum class Tag : std::uint8_t {
  kNil = 0,
  kSimple = 1,
  kError = 2,
  kInteger = 3,
  kFalse = 4,
  kTrue = 5,
  kDouble = 6,
  kBulk = 7,
  kArray = 8,
  kMap = 9,
  kMapOfPairs = 10,
};

constexpr int kMaxDepth = 8;
// What is taken ahead of the items themselves: a count from a peer must not size an allocation.
constexpr std::size_t kMaxReserve = 1024;

void put_tag(Encoder& out, Tag tag) { out.u8(static_cast<std::uint8_t>(tag)); }

struct EncodeValue {
  Encoder& out;
  Bytes& bytes;

  void operator()(const Nil&) { put_tag(out, Tag::kNil); }
  void operator()(const SimpleString& simple) {
    put_tag(out, Tag::kSimple);
    out.bytes(simple.text);
  }
  void operator()(const ErrorReply& error) {
    put_tag(out, Tag::kError);
    out.bytes(error.text);
  }
  void operator()(std::int64_t number) {
    put_tag(out, Tag::kInteger);
    out.u64(static_cast<std::uint64_t>(number));
  }
  void operator()(bool truth) { put_tag(out, truth ? Tag::kTrue : Tag::kFalse); }
  void operator()(double number) {
    put_tag(out, Tag::kDouble);
    out.u64(std::bit_cast<std::uint64_t>(number));
  }
  void operator()(const BulkString& bulk) {
    put_tag(out, Tag::kBulk);
    out.bytes(bulk.bytes);
  }
  void operator()(const Array& array) {
    put_tag(out, Tag::kArray);
    out.varint(array.items.size());
    for (const Reply& item : array.items) encode(item, bytes);
  }
  void operator()(const Map& map) {
    put_tag(out, map.in_pairs ? Tag::kMapOfPairs : Tag::kMap);
    out.varint(map.items.size());
    for (const auto& [key, value] : map.items) {
      encode(key, bytes);
      encode(value, bytes);
    }
  }
};

Reply decode_item(Decoder& in, int depth);

// The number of items, each of which takes at least `item_bytes` bytes.
std::size_t decode_count(Decoder& in, std::size_t item_bytes) {
  const std::uint64_t count = in.varint();
  if (count > in.remaining() / item_bytes) {
    in.mark_bad();
    return 0;
  }
  return static_cast<std::size_t>(count);
}

Reply decode_array(Decoder& in, int depth) {
  const std::size_t count = decode_count(in, 1);
  std::vector<Reply> items;
  items.reserve(std::min(count, kMaxReserve));
  for (std::size_t i = 0; i < count && in.ok(); ++i) items.push_back(decode_item(in, depth + 1));
  return Reply::array(std::move(items));
}

Reply decode_map(Decoder& in, bool in_pairs, int depth) {
  const std::size_t count = decode_count(in, 2);
  std::vector<std::pair<Reply, Reply>> items;
  items.reserve(std::min(count, kMaxReserve));
  for (std::size_t i = 0; i < count && in.ok(); ++i) {
    Reply key = decode_item(in, depth + 1);
    Reply value = decode_item(in, depth + 1);
    items.emplace_back(std::move(key), std::move(value));
  }
  return in_pairs ? Reply::map_of_pairs(std::move(items)) : Reply::map(std::move(items));
}

Reply decode_item(Decoder& in, int depth) {
  if (depth > kMaxDepth) {
    in.mark_bad();
    return Reply::nil();
  }
  switch (static_cast<Tag>(in.u8())) {
    case Tag::kNil:
      return Reply::nil();
    case Tag::kSimple:
      return Reply::simple(Bytes(in.bytes()));
    case Tag::kError:
      return Reply::error(Bytes(in.bytes()));
    case Tag::kInteger:
      return Reply::integer(static_cast<std::int64_t>(in.u64()));
    case Tag::kFalse:
      return {false};
    case Tag::kTrue:
      return {true};
    case Tag::kDouble:
      return {std::bit_cast<double>(in.u64())};
    case Tag::kBulk:
      return Reply::bulk(in.bytes());
    case Tag::kArray:
      return decode_array(in, depth);
    case Tag::kMap:
      return decode_map(in, false, depth);
    case Tag::kMapOfPairs:
      return decode_map(in, true, depth);
  }
  in.mark_bad();
  return Reply::nil();
}

}  // namespace

void encode(const Reply& reply, Bytes& out) {
  Encoder encoder(out);
  std::visit(EncodeValue{encoder, out}, reply.value);
}

Result<Reply> decode_reply(BytesView in) {
  Decoder decoder(in);
  Reply reply = decode_item(decoder, 0);
  if (!decoder.finished()) {
    return fail(ErrorCode::kCorruption, "a reply of another form than this version writes");
  }
  return reply;
}

}  // namespace kvcluster::kv
