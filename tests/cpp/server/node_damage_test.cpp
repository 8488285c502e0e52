// Damage to what a node has on its disk: noticed, never served, never voted on, and repaired from
// the peers without a person.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "server/node_cluster.hpp"
#include "storage/wal_format.hpp"

namespace kvcluster::server {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class NodeDamage : public testing::NodeClusterTest {
 protected:
  [[nodiscard]] std::string first_segment(std::uint64_t id) const {
    std::string first;
    for (const auto& file : std::filesystem::directory_iterator(directory(id) + "/wal")) {
      const std::string name = file.path().string();
      if (name.find("/segment-") == std::string::npos) continue;
      if (first.empty() || name < first) first = name;
    }
    return first;
  }

  static void flip(const std::string& path, std::uint64_t at) {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(static_cast<std::streamoff>(at));
    const int byte = file.get();
    ASSERT_NE(byte, EOF) << path;
    file.seekp(static_cast<std::streamoff>(at));
    file.put(static_cast<char>(byte ^ 4));
  }

  // Offsets of all records in the first segment of a node that is down.
  [[nodiscard]] std::vector<std::size_t> records(std::uint64_t id) const {
    const std::string name = first_segment(id);
    const std::uint64_t sequence = std::stoull(name.substr(name.rfind('-') + 1));
    std::ifstream file(name, std::ios::binary);
    const Bytes raw{std::istreambuf_iterator<char>(file), {}};
    std::vector<std::size_t> offsets;
    std::size_t at = storage::kSegmentHeaderBytes;
    std::uint32_t chain = storage::chain_start(sequence);
    while (const auto record = storage::parse_record(raw, at, sequence, chain)) {
      offsets.push_back(at);
      at += record->size;
      chain = record->checksum;
    }
    return offsets;
  }

  // The node noticed, named what is damaged, and is whole again.
  void expect_repaired(std::uint64_t id, const std::string& what, std::uint64_t keys) {
    ASSERT_TRUE(eventually([&] { return status(id).phase == Phase::kServing && converged(keys); }))
        << status(id).core.applied.value();
    EXPECT_THAT(log_of(id), AllOf(HasSubstr("damaged: "), HasSubstr(what),
                                  HasSubstr("the state is the majority's again")));
    EXPECT_FALSE(std::filesystem::exists(directory(id) + "/REPAIR"));
    std::filesystem::remove(log_file(id));
  }
};

TEST_F(NodeDamage, ALogThatIsDamagedAnywhereIsRepairedFromThePeers) {
  start_all();
  write(leader(), "key", 30);
  const std::uint64_t victim = follower();
  ASSERT_TRUE(eventually([&] { return converged(30); }));
  stop(victim);
  // The header, then records from the first mark to the middle; each time of the log that the
  // repair before has made.
  for (int round = 0; round < 6; ++round) {
    SCOPED_TRACE(round);
    const std::vector<std::size_t> offsets = records(victim);
    ASSERT_GT(offsets.size(), 10U);
    const std::size_t which = offsets.size() / 2 * static_cast<std::size_t>(round) / 6;
    flip(first_segment(victim), round == 0 ? 20 : offsets[which] + 5);
    start(victim);
    ASSERT_NO_FATAL_FAILURE(expect_repaired(victim, "wal/segment-", 30));
    stop(victim);
  }
}

TEST_F(NodeDamage, ALogWithoutItsGenesisIsRepairedByThoseItWasToldOf) {
  start_all();
  write(leader(), "key", 30);
  const std::uint64_t victim = follower();
  ASSERT_TRUE(eventually([&] { return converged(30); }));
  stop(victim);
  // All records up to the fifth: the genesis is among them.
  const std::vector<std::size_t> offsets = records(victim);
  ASSERT_GT(offsets.size(), 40U);
  for (std::size_t i = 1; i < 5; ++i) flip(first_segment(victim), offsets[i] + 10);
  start(victim);
  ASSERT_NO_FATAL_FAILURE(expect_repaired(victim, "wal/segment-", 30));
  // It knows its peers again, and counts: with it and without another one the cluster goes on.
  const std::uint64_t gone = leader() == victim ? follower() : leader();
  kill(gone);
  write(leader(), "more", 10);
  EXPECT_TRUE(eventually([&] { return converged(40); }));
}

TEST_F(NodeDamage, AMissingNameOfTheCheckpointIsRepaired) {
  start_all();
  write(leader(), "key", 30);
  const std::uint64_t victim = follower();
  ASSERT_TRUE(eventually([&] { return converged(30); }));
  kill(victim);
  flip(directory(victim) + "/CURRENT", 11);
  start(victim);
  ASSERT_NO_FATAL_FAILURE(expect_repaired(victim, "CURRENT", 30));
  kill(victim);
  start(victim);
  EXPECT_TRUE(eventually([&] { return converged(30); })) << "the repair is durable";
}

// A node whose state is in a checkpoint soon.
class NodeCheckpointDamage : public NodeDamage {
 protected:
  NodeCheckpointDamage() {
    configure = [](NodeOptions& options) {
      options.memtable_bytes = 4U << 10U;
      options.retained_log_bytes = 4U << 10U;
    };
  }

  [[nodiscard]] std::string pages_file(std::uint64_t id) const {
    for (const auto& file : std::filesystem::directory_iterator(directory(id))) {
      const std::string name = file.path().string();
      if (name.find("/checkpoint-") != std::string::npos) return name + "/data.mdb";
    }
    return {};
  }

  [[nodiscard]] Bytes pages(std::uint64_t id) const {
    std::ifstream file(pages_file(id), std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
};

TEST_F(NodeCheckpointDamage, AnyPageThatIsDamagedIsRepairedOrWasNotNeeded) {
  start_all();
  write(leader(), "key", 300, Bytes(60, 'v'));
  const std::uint64_t victim = follower();
  ASSERT_TRUE(eventually([&] { return status(victim).storage.checkpoint_index > Index(200); }));
  stop(victim);
  int repaired = 0;
  for (std::size_t page = 0; page < pages(victim).size() / 4096; page += 1 + page / 4) {
    SCOPED_TRACE("page " + std::to_string(page));
    flip(pages_file(victim), page * 4096 + 18);
    start(victim);
    ASSERT_TRUE(
        eventually([&] { return status(victim).phase == Phase::kServing && converged(300); }));
    if (log_of(victim).find("damaged: checkpoint-") != std::string::npos) ++repaired;
    stop(victim);
    std::filesystem::remove(log_file(victim));
  }
  EXPECT_GT(repaired, 2);
}

TEST_F(NodeCheckpointDamage, ARecordThatIsDamagedWhileTheNodeLeadsIsNeverAnswered) {
  start_all();
  const std::uint64_t victim = leader();
  {
    testing::RespClient client(port(victim));
    ASSERT_EQ(client.text({"SET", "precious", "the value in question"}), "OK");
  }
  write(victim, "key", 200, Bytes(60, 'v'));
  ASSERT_TRUE(eventually([&] { return status(victim).storage.checkpoint_index > Index(100); }));
  // Every copy in the file: of what copy-on-write left behind too.
  const Bytes found = pages(victim);
  const std::string path = pages_file(victim);
  int copies = 0;
  for (std::size_t at = found.find("the value in question"); at != Bytes::npos;
       at = found.find("the value in question", at + 1)) {
    flip(path, at);
    ++copies;
  }
  ASSERT_GT(copies, 0);
  testing::RespClient client(port(victim));
  EXPECT_EQ(client.text({"GET", "precious"}), "(closed)");
  EXPECT_TRUE(eventually([&] {
    return log_of(victim).find("the state is the majority's again") != std::string::npos;
  }));
  EXPECT_THAT(log_of(victim), HasSubstr("damaged: " + directory(victim) + "/checkpoint-"));
  EXPECT_TRUE(eventually([&] { return converged(201); }));
  testing::RespClient again(port(leader()));
  EXPECT_EQ(again.text({"GET", "precious"}), "the value in question");
}

TEST_F(NodeDamage, WhenAllLogsAreDamagedEveryNodeRefusesAndSaysWhichFileAndOffset) {
  start_all();
  write(leader(), "key", 30);
  ASSERT_TRUE(eventually([&] { return converged(30); }));
  for (std::uint64_t id = 1; id <= 3; ++id) stop(id);
  for (std::uint64_t id = 1; id <= 3; ++id) {
    const std::vector<std::size_t> offsets = records(id);
    flip(first_segment(id), offsets[offsets.size() / 2] + 9);
  }
  start_all();
  for (std::uint64_t id = 1; id <= 3; ++id) {
    testing::RespClient client(port(id));
    EXPECT_TRUE(eventually([&] {
      return client.text({"KV.WHY"}).find("cannot be repaired") != std::string::npos;
    })) << client.text({"KV.WHY"});
    EXPECT_THAT(client.text({"KV.WHY"}),
                AllOf(HasSubstr("wal/segment-0000000001, offset "), HasSubstr("restore")));
    EXPECT_THAT(client.text({"GET", "key1"}), HasSubstr("LOADING"));
    EXPECT_EQ(status(id).core.leader, kNoNode);
    EXPECT_TRUE(
        eventually([&] { return log_of(id).find("cannot be repaired") != std::string::npos; }));
  }
}

}  // namespace
}  // namespace kvcluster::server
