#include <fmt/format.h>

#include <utility>

#include "wire/fixed_bytes.hpp"
#include "wire/message_type.hpp"
#include "wire/peer_message_codec.hpp"

namespace kvcluster::wire {
namespace {

constexpr std::uint64_t kMaxPromise = std::uint64_t{1} << 40U;  // some twelve days

std::unexpected<Error> malformed(std::string what) {
  return fail(ErrorCode::kCorruption, "a message from a peer: " + std::move(what));
}

template <typename T>
Result<replica::PeerMessage> lift(Result<T> message) {
  if (!message) return std::unexpected(std::move(message).error());
  return replica::PeerMessage(std::move(*message));
}

}  // namespace

Result<replica::PeerMessage> MessageReader::next() {
  const std::uint8_t type = decoder_.u8();
  Result<replica::PeerMessage> message = malformed("unknown type");
  switch (static_cast<MessageType>(type)) {
    case MessageType::kRequestVote:
    case MessageType::kVoteReply:
    case MessageType::kAppendEntries:
    case MessageType::kAppendReply:
    case MessageType::kInstallSnapshot:
    case MessageType::kSnapshotReply:
    case MessageType::kTimeoutNow:
      message = lift(raft_message(type));
      break;
    case MessageType::kForward:
      message = forward();
      break;
    case MessageType::kForwardReply:
      message = lift(forward_reply());
      break;
    case MessageType::kRootReport: {
      const Index index(decoder_.varint());
      const Digest history = digest();
      message = replica::RootReport{index, history, digest()};
      break;
    }
    case MessageType::kRootVerdict: {
      const Index index(decoder_.varint());
      const Digest history = digest();
      message = replica::RootVerdict{index, history, digest()};
      break;
    }
    case MessageType::kGenesisOffer:
      message = lift(genesis_offer());
      break;
    default:
      return malformed(fmt::format("unknown type {}", type));
  }
  // Checked last: what was read past the end is zero or empty, and is dropped here.
  if (message && !decoder_.ok()) return malformed(fmt::format("type {} is malformed", type));
  return message;
}

Result<raft::Message> MessageReader::raft_message(std::uint8_t type) {
  raft::Message message;
  message.from = NodeId(decoder_.varint());
  message.to = NodeId(decoder_.varint());
  message.term = Term(decoder_.varint());
  switch (static_cast<MessageType>(type)) {
    case MessageType::kRequestVote:
      message.body = request_vote();
      break;
    case MessageType::kVoteReply:
      message.body = vote_reply();
      break;
    case MessageType::kAppendEntries: {
      auto append = append_entries();
      if (!append) return std::unexpected(std::move(append).error());
      message.body = std::move(*append);
      break;
    }
    case MessageType::kAppendReply: {
      const auto reply = append_reply();
      if (!reply) return std::unexpected(reply.error());
      message.body = *reply;
      break;
    }
    case MessageType::kInstallSnapshot: {
      auto chunk = install_snapshot();
      if (!chunk) return std::unexpected(std::move(chunk).error());
      message.body = std::move(*chunk);
      break;
    }
    case MessageType::kSnapshotReply:
      message.body = snapshot_reply();
      break;
    default:
      message.body = raft::TimeoutNow{};
      break;
  }
  return message;
}

raft::EntryId MessageReader::entry_id() {
  const Term term(decoder_.varint());
  return {term, Index(decoder_.varint())};
}

raft::RequestVote MessageReader::request_vote() {
  raft::RequestVote body;
  body.last_log = entry_id();
  body.pre_vote = decoder_.boolean();
  body.transfer = decoder_.boolean();
  return body;
}

raft::VoteReply MessageReader::vote_reply() {
  raft::VoteReply body;
  body.pre_vote = decoder_.boolean();
  body.granted = decoder_.boolean();
  body.for_term = Term(decoder_.varint());
  return body;
}

Result<raft::AppendEntries> MessageReader::append_entries() {
  raft::AppendEntries body;
  body.prev = entry_id();
  body.commit_index = Index(decoder_.varint());
  body.read_round = decoder_.varint();
  const std::uint64_t count = decoder_.varint();
  if (count > decoder_.remaining() / kEntryHeadBytes) return malformed("more entries than bytes");
  body.entries.reserve(static_cast<std::size_t>(count));
  raft::EntryId previous = body.prev;
  for (std::uint64_t i = 0; i < count && decoder_.ok(); ++i) {
    const std::uint8_t kind = decoder_.u8();
    if (kind > static_cast<std::uint8_t>(raft::EntryKind::kGenesis)) {
      return malformed(fmt::format("an entry of unknown kind {}", kind));
    }
    raft::Entry entry;
    entry.kind = static_cast<raft::EntryKind>(kind);
    entry.term = Term(decoder_.u64());
    entry.index = Index(decoder_.u64());
    entry.payload = slice(decoder_.raw(decoder_.u32()));
    if (!decoder_.ok()) break;
    // Log Matching: indices without a gap, terms that never go down (dissertation, 3.5).
    if (entry.index <= previous.index || entry.index != previous.index.next() ||
        entry.term < previous.term) {
      return malformed("entries out of order");
    }
    previous = entry.id();
    body.entries.push_back(std::move(entry));
  }
  return body;
}

Result<raft::AppendReply> MessageReader::append_reply() {
  raft::AppendReply body;
  body.success = decoder_.boolean();
  body.index = Index(decoder_.varint());
  body.hint = entry_id();
  body.read_round = decoder_.varint();
  const std::uint64_t promise = decoder_.varint();
  if (promise > kMaxPromise) return malformed("a promise without end");
  body.promise = Duration(static_cast<Duration::rep>(promise));
  return body;
}

Result<raft::InstallSnapshot> MessageReader::install_snapshot() {
  raft::InstallSnapshot body;
  body.last = entry_id();
  const BytesView members = decoder_.bytes();
  if (!decoder_.ok()) return malformed("a snapshot's chunk is cut short");
  auto configuration = raft::decode_configuration(members);
  if (!configuration) return std::unexpected(std::move(configuration).error());
  body.configuration = std::move(*configuration);
  body.offset = decoder_.varint();
  body.done = decoder_.boolean();
  body.read_round = decoder_.varint();
  body.data = slice(decoder_.bytes());
  return body;
}

raft::SnapshotReply MessageReader::snapshot_reply() {
  raft::SnapshotReply body;
  body.last = entry_id();
  body.next_offset = decoder_.varint();
  body.installed = decoder_.boolean();
  body.refused = decoder_.boolean();
  body.read_round = decoder_.varint();
  return body;
}

replica::Forward MessageReader::forward() {
  replica::Forward message;
  message.id = decoder_.varint();
  message.connection = decoder_.varint();
  message.is_write = decoder_.boolean();
  message.request = slice(decoder_.bytes());
  return message;
}

Result<replica::ForwardReply> MessageReader::forward_reply() {
  replica::ForwardReply message;
  message.id = decoder_.varint();
  const std::uint8_t outcome = decoder_.u8();
  if (outcome > static_cast<std::uint8_t>(replica::ForwardOutcome::kRefused)) {
    return malformed(fmt::format("unknown outcome {}", outcome));
  }
  message.outcome = static_cast<replica::ForwardOutcome>(outcome);
  message.index = Index(decoder_.varint());
  message.reply = slice(decoder_.bytes());
  return message;
}

Digest MessageReader::digest() {
  Digest value;
  read_fixed(decoder_, value.bytes);
  return value;
}

Result<replica::GenesisOffer> MessageReader::genesis_offer() {
  const BytesView raw = decoder_.bytes();
  if (!decoder_.ok()) return malformed("a genesis is cut short");
  auto genesis = replica::decode_genesis(raw);
  if (!genesis) return std::unexpected(std::move(genesis).error());
  return replica::GenesisOffer{std::move(*genesis)};
}

}  // namespace kvcluster::wire
