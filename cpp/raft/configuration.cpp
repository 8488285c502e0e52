#include "raft/configuration.hpp"

#include <algorithm>
#include <cstring>

#include "base/check.hpp"
#include "base/codec.hpp"

namespace kvcluster::raft {
namespace {

constexpr std::size_t kMaxAddressBytes = 512;

std::unexpected<Error> malformed(const char* what) {
  return fail(ErrorCode::kCorruption, std::string("configuration: ") + what);
}

}  // namespace

const Member* Configuration::find(NodeId id) const {
  const auto at = std::ranges::lower_bound(members, id, {}, &Member::id);
  return at != members.end() && at->id == id ? &*at : nullptr;
}

bool Configuration::is_voter(NodeId id) const {
  const Member* member = find(id);
  return member != nullptr && member->role == MemberRole::kVoter;
}

std::size_t Configuration::voter_count() const {
  return static_cast<std::size_t>(std::ranges::count(members, MemberRole::kVoter, &Member::role));
}

void encode(const Configuration& configuration, Bytes& out) {
  KV_CHECK(configuration.members.size() <= kMaxMembers, "a configuration is bounded");
  Encoder encoder(out);
  encoder.u8(static_cast<std::uint8_t>(configuration.members.size()));
  for (const Member& member : configuration.members) {
    encoder.u64(member.id.value());
    encoder.u8(static_cast<std::uint8_t>(member.role));
    encoder.raw(
        {reinterpret_cast<const char*>(member.incarnation.data()), member.incarnation.size()});
    encoder.bytes(member.address);
  }
}

Result<Configuration> decode_configuration(BytesView in) {
  Decoder decoder(in);
  const std::size_t count = decoder.u8();
  if (count > kMaxMembers) return malformed("too many members");
  Configuration configuration;
  for (std::size_t i = 0; i < count && decoder.ok(); ++i) {
    Member member;
    member.id = NodeId(decoder.u64());
    const std::uint8_t role = decoder.u8();
    if (role > static_cast<std::uint8_t>(MemberRole::kLearner)) return malformed("unknown role");
    member.role = static_cast<MemberRole>(role);
    const BytesView incarnation = decoder.raw(member.incarnation.size());
    const BytesView address = decoder.bytes();
    if (!decoder.ok()) break;
    if (address.size() > kMaxAddressBytes) return malformed("an address is too long");
    std::memcpy(member.incarnation.data(), incarnation.data(), incarnation.size());
    member.address = address;
    const NodeId previous = i == 0 ? kNoNode : configuration.members.back().id;
    if (member.id <= previous) return malformed("members out of order");
    configuration.members.push_back(std::move(member));
  }
  if (!decoder.finished()) return malformed("cut short or followed by more bytes");
  return configuration;
}

}  // namespace kvcluster::raft
