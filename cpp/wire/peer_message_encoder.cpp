#include <cstring>
#include <variant>

#include "wire/fixed_bytes.hpp"
#include "wire/message_type.hpp"
#include "wire/peer_message_codec.hpp"

namespace kvcluster::wire {
namespace {

void put(Encoder& encoder, const raft::EntryId& id) {
  encoder.varint(id.term.value());
  encoder.varint(id.index.value());
}

class BodyWriter {
 public:
  BodyWriter(const raft::Message& message, Bytes& out)
      : message_(message), out_(out), encoder_(out) {}

  void operator()(const raft::RequestVote& body) {
    head(MessageType::kRequestVote);
    put(encoder_, body.last_log);
    encoder_.boolean(body.pre_vote);
    encoder_.boolean(body.transfer);
  }
  void operator()(const raft::VoteReply& body) {
    head(MessageType::kVoteReply);
    encoder_.boolean(body.pre_vote);
    encoder_.boolean(body.granted);
    encoder_.varint(body.for_term.value());
  }
  void operator()(const raft::AppendEntries& body) {
    head(MessageType::kAppendEntries);
    put(encoder_, body.prev);
    encoder_.varint(body.commit_index.value());
    encoder_.varint(body.read_round);
    encoder_.varint(body.entries.size());
    for (const raft::Entry& entry : body.entries) put_entry(entry);
  }
  void operator()(const raft::AppendReply& body) {
    head(MessageType::kAppendReply);
    encoder_.boolean(body.success);
    encoder_.varint(body.index.value());
    put(encoder_, body.hint);
    encoder_.varint(body.read_round);
    encoder_.varint(static_cast<std::uint64_t>(body.promise.count()));
  }
  void operator()(const raft::InstallSnapshot& body) {
    head(MessageType::kInstallSnapshot);
    put(encoder_, body.last);
    Bytes configuration;
    raft::encode(body.configuration, configuration);
    encoder_.bytes(configuration);
    encoder_.varint(body.offset);
    encoder_.boolean(body.done);
    encoder_.varint(body.read_round);
    encoder_.bytes(body.data.view());
  }
  void operator()(const raft::SnapshotReply& body) {
    head(MessageType::kSnapshotReply);
    put(encoder_, body.last);
    encoder_.varint(body.next_offset);
    encoder_.boolean(body.installed);
    encoder_.boolean(body.refused);
    encoder_.varint(body.read_round);
  }
  void operator()(const raft::TimeoutNow& /*body*/) { head(MessageType::kTimeoutNow); }

 private:
  void head(MessageType type) {
    encoder_.u8(static_cast<std::uint8_t>(type));
    encoder_.varint(message_.from.value());
    encoder_.varint(message_.to.value());
    encoder_.varint(message_.term.value());
  }
  // Fixed sizes: the hot path of replication, in one append for the head.
  void put_entry(const raft::Entry& entry) {
    char raw[kEntryHeadBytes];
    const std::uint64_t term = entry.term.value();
    const std::uint64_t index = entry.index.value();
    const auto size = static_cast<std::uint32_t>(entry.payload.size());
    raw[0] = static_cast<char>(entry.kind);
    std::memcpy(raw + 1, &term, sizeof(term));
    std::memcpy(raw + 9, &index, sizeof(index));
    std::memcpy(raw + 17, &size, sizeof(size));
    out_.append(raw, sizeof(raw));
    out_.append(entry.payload.view());
  }

  const raft::Message& message_;
  Bytes& out_;
  Encoder encoder_;
};

class MessageWriter {
 public:
  explicit MessageWriter(Bytes& out) : out_(out), encoder_(out) {}

  void operator()(const raft::Message& message) {
    std::visit(BodyWriter(message, out_), message.body);
  }
  void operator()(const replica::Forward& message) {
    type(MessageType::kForward);
    encoder_.varint(message.id);
    encoder_.varint(message.connection);
    encoder_.boolean(message.is_write);
    encoder_.bytes(message.request.view());
  }
  void operator()(const replica::ForwardReply& message) {
    type(MessageType::kForwardReply);
    encoder_.varint(message.id);
    encoder_.u8(static_cast<std::uint8_t>(message.outcome));
    encoder_.varint(message.index.value());
    encoder_.bytes(message.reply.view());
  }
  void operator()(const replica::RootReport& message) {
    type(MessageType::kRootReport);
    roots(message.index, message.history, message.state);
  }
  void operator()(const replica::RootVerdict& message) {
    type(MessageType::kRootVerdict);
    roots(message.index, message.history, message.state);
  }
  void operator()(const replica::GenesisOffer& message) {
    type(MessageType::kGenesisOffer);
    Bytes genesis;
    replica::encode(message.genesis, genesis);
    encoder_.bytes(genesis);
  }

 private:
  void type(MessageType type) { encoder_.u8(static_cast<std::uint8_t>(type)); }
  void roots(Index index, const Digest& history, const Digest& state) {
    encoder_.varint(index.value());
    encoder_.raw(view_of(history.bytes));
    encoder_.raw(view_of(state.bytes));
  }

  Bytes& out_;
  Encoder encoder_;
};

}  // namespace

void encode_message(const replica::PeerMessage& message, Bytes& out) {
  std::visit(MessageWriter(out), message);
}

std::size_t payload_bytes(const replica::PeerMessage& message) {
  if (const auto* forward = std::get_if<replica::Forward>(&message)) {
    return forward->request.size();
  }
  if (const auto* reply = std::get_if<replica::ForwardReply>(&message)) return reply->reply.size();
  const auto* raft_message = std::get_if<raft::Message>(&message);
  if (raft_message == nullptr) return 0;
  if (const auto* chunk = std::get_if<raft::InstallSnapshot>(&raft_message->body)) {
    return chunk->data.size();
  }
  const auto* append = std::get_if<raft::AppendEntries>(&raft_message->body);
  if (append == nullptr) return 0;
  std::size_t bytes = 0;
  for (const raft::Entry& entry : append->entries) bytes += kEntryHeadBytes + entry.payload.size();
  return bytes;
}

}  // namespace kvcluster::wire
