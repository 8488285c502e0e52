// Writes first inputs for the fuzz targets, made by the real encoders: fuzz_seeds DIRECTORY.
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "base/random.hpp"
#include "storage/snapshot_format.hpp"
#include "wire/peer_frame.hpp"
#include "wire/peer_hello.hpp"
#include "wire/random_peer_message.hpp"
#include "wire/resp_encoder.hpp"

namespace kvcluster {
namespace {

class Seeds {
 public:
  explicit Seeds(std::filesystem::path root) : root_(std::move(root)) {}

  // `head`: the bytes by which the target chooses what to do with the rest.
  void put(const std::string& target, BytesView head, BytesView rest) {
    const auto folder = root_ / target;
    std::filesystem::create_directories(folder);
    std::ofstream file(folder / ("seed-" + std::to_string(++made_)), std::ios::binary);
    file << head << rest;
    ok_ = ok_ && file.good();
  }

  [[nodiscard]] bool ok() const { return ok_; }

 private:
  std::filesystem::path root_;
  int made_ = 0;
  bool ok_ = true;
};

Bytes random_bytes(Random& random, std::size_t size) {
  Bytes bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random.below(256));
  return bytes;
}

void peer_frames(Seeds& seeds) {
  wire::RandomPeerMessage messages(1);
  for (std::uint64_t kind = 0; kind < wire::kMessageKinds; ++kind) {
    wire::PeerFrameBuilder builder;
    if (builder.add(messages.of_kind(kind)) != wire::PeerFrameBuilder::Added::kYes) continue;
    seeds.put("peer_frame", BytesView("\0", 1), builder.finish().substr(wire::kFrameHeadBytes));
  }
  Bytes greeting;
  wire::encode(messages.hello(), greeting);
  seeds.put("peer_frame", "\1", greeting);
  greeting.clear();
  wire::encode(wire::Refusal{wire::RefusalCode::kNotNow, "not now"}, greeting);
  seeds.put("peer_frame", "\1", greeting);
}

// What clients send; `resp` and `session` choose by two bytes and by three.
void commands(Seeds& seeds) {
  Bytes resp;
  wire::encode_command(std::vector<BytesView>{"SET", "a", "1", "PX", "100"}, resp);
  wire::encode_command(std::vector<BytesView>{"MULTI"}, resp);
  wire::encode_command(std::vector<BytesView>{"GET", "a"}, resp);
  wire::encode_command(std::vector<BytesView>{"EXEC"}, resp);
  wire::encode_command(std::vector<BytesView>{"XADD", "s", "MAXLEN", "2", "*", "f", "v"}, resp);
  wire::encode_command(std::vector<BytesView>{"XREAD", "BLOCK", "1", "STREAMS", "s", "0"}, resp);
  wire::encode_command(std::vector<BytesView>{"XREAD", "BLOCK", "1", "STREAMS", "s", "$"}, resp);
  seeds.put("resp", "\2\7", resp);
  seeds.put("session", BytesView("\0\7\xFF", 3), resp);
  seeds.put("http", "", "GET /health/ready HTTP/1.1\r\nHost: localhost\r\n\r\n");
}

void replies(Seeds& seeds) {
  using kv::Reply;
  const Reply every = Reply::array(
      {Reply::nil(), Reply::ok(), Reply::error("ERR no"), Reply::integer(-7), Reply{true},
       Reply{1.5}, Reply::bulk("bulk"), Reply::map({{Reply::bulk("k"), Reply::array({})}}),
       Reply::map_of_pairs({{Reply::bulk("k"), Reply::array({})}})});
  for (const auto version : {wire::RespVersion::kResp2, wire::RespVersion::kResp3}) {
    Bytes resp;
    wire::encode_reply(every, version, resp);
    seeds.put("reply", "\1\3", resp);
  }
  Bytes binary;
  kv::encode(every, binary);
  seeds.put("reply", "\1\3", binary);
}

void snapshots(Seeds& seeds) {
  storage::CheckpointMeta meta;
  meta.applied = {Term(2), Index(30)};
  meta.configuration.members = {{NodeId(1), raft::MemberRole::kVoter, {7}, "127.0.0.1:9001"}};
  for (int records = 0; records < 3; ++records) {
    Bytes stream;
    storage::encode_snapshot_header({1, 2}, meta, stream);
    for (int i = 0; i < records; ++i) {
      storage::encode_snapshot_record({kv::Space::kData, Bytes(1, static_cast<char>('a' + i)), "v"},
                                      stream);
      seeds.put("snapshot", BytesView("\0\1", 2), stream);
    }
    storage::encode_snapshot_record({kv::Space::kSession, "client", "kept"}, stream);
    seeds.put("snapshot", BytesView("\0\7", 2), stream);
  }
}

// For the targets whose input is a row of choices.
void choices(Seeds& seeds) {
  Random random(1);
  for (const char* const target : {"wal", "wal_damage", "command"}) {
    for (std::size_t size = 16; size <= 1024; size *= 2) {
      seeds.put(target, "", random_bytes(random, size));
    }
  }
}

}  // namespace
}  // namespace kvcluster

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("usage: fuzz_seeds DIRECTORY\n", stderr);
    return 2;
  }
  kvcluster::Seeds seeds(argv[1]);
  kvcluster::peer_frames(seeds);
  kvcluster::commands(seeds);
  kvcluster::replies(seeds);
  kvcluster::snapshots(seeds);
  kvcluster::choices(seeds);
  return seeds.ok() ? 0 : 1;
}
