// One message between peers <-> bytes. A message ends by itself; the frame gives no lengths.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "base/bytes.hpp"
#include "base/codec.hpp"
#include "base/result.hpp"
#include "replica/peer_message.hpp"

namespace kvcluster::wire {

void encode_message(const replica::PeerMessage& message, Bytes& out);

// The opaque bytes that it carries: less than its encoded size.
[[nodiscard]] std::size_t payload_bytes(const replica::PeerMessage& message);

// Reads messages that stand one after the other.
class MessageReader {
 public:
  // `body` lies inside *owner; slices of it share `owner`.
  MessageReader(std::shared_ptr<const Bytes> owner, BytesView body)
      : owner_(std::move(owner)), decoder_(body) {}

  [[nodiscard]] bool at_end() const { return decoder_.finished(); }
  // Requires: !at_end(). Errors: kCorruption; the reader is then useless.
  [[nodiscard]] Result<replica::PeerMessage> next();

 private:
  Slice slice(BytesView view) const { return {owner_, view}; }

  Result<raft::Message> raft_message(std::uint8_t type);
  raft::EntryId entry_id();
  raft::RequestVote request_vote();
  raft::VoteReply vote_reply();
  Result<raft::AppendEntries> append_entries();
  Result<raft::AppendReply> append_reply();
  Result<raft::InstallSnapshot> install_snapshot();
  raft::SnapshotReply snapshot_reply();

  replica::Forward forward();
  Result<replica::ForwardReply> forward_reply();
  Digest digest();
  Result<replica::GenesisOffer> genesis_offer();

  std::shared_ptr<const Bytes> owner_;
  Decoder decoder_;
};

}  // namespace kvcluster::wire
