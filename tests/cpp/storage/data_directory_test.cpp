#include "storage/data_directory.hpp"

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "storage/temporary_directory.hpp"

namespace kvcluster::storage::testing {
namespace {

using ::testing::HasSubstr;

class DataDirectoryTest : public ::testing::Test {
 protected:
  [[nodiscard]] std::string path() const { return parent.file("node-1"); }
  void expect_refused(NodeId node, ErrorCode code, const std::string& said) const {
    const auto opened = DataDirectory::open(path(), node);
    ASSERT_FALSE(opened.has_value());
    EXPECT_EQ(opened.error().code, code) << opened.error().message();
    EXPECT_THAT(opened.error().context, HasSubstr(said));
  }
  void make(const Identity& identity) const {
    auto opened = DataDirectory::open(path(), identity.node);
    ASSERT_TRUE(opened.has_value()) << opened.error().message();
    ASSERT_TRUE((*opened)->write_identity(identity).has_value());
  }
  TemporaryDirectory parent;
};

TEST_F(DataDirectoryTest, IsMadeWithItsParents) {
  const std::string deep = parent.file("a/b/c/");
  const auto opened = DataDirectory::open(deep, NodeId(1));
  ASSERT_TRUE(opened.has_value()) << opened.error().message();
  EXPECT_FALSE((*opened)->identity().has_value());
}

// /proc exists but takes no directories, and says ENOENT.
TEST_F(DataDirectoryTest, APlaceThatTakesNoDirectoryIsRefused) {
  const auto opened = DataDirectory::open("/proc/kvcluster/deep", NodeId(1));
  ASSERT_FALSE(opened.has_value());
  EXPECT_THAT(opened.error().context, HasSubstr("cannot make the data directory /proc/kvcluster"));
}

TEST_F(DataDirectoryTest, RemembersItsIdentity) {
  const Identity identity{NodeId(1), {1, 2, 3}, {4, 5, 6}};
  make(identity);
  const auto opened = DataDirectory::open(path(), NodeId(1));
  ASSERT_TRUE(opened.has_value());
  EXPECT_EQ((*opened)->identity(), identity);
}

TEST_F(DataDirectoryTest, BelongsToItsOwnerOnly) {
  make({NodeId(1), {}, {}});
  for (const auto& [name, mode] :
       {std::pair{"", 0700U}, std::pair{"/LOCK", 0600U}, std::pair{"/identity", 0600U}}) {
    struct stat info{};
    ASSERT_EQ(::stat((path() + name).c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 07777, mode) << name;
  }
}

TEST_F(DataDirectoryTest, IsHeldByOneProcessWhosePidIsNamed) {
  const auto first = DataDirectory::open(path(), NodeId(1));
  ASSERT_TRUE(first.has_value());
  expect_refused(NodeId(1), ErrorCode::kBusy, std::to_string(::getpid()));
}

TEST_F(DataDirectoryTest, IsFreeAgainAfterwards) {
  {
    const auto first = DataDirectory::open(path(), NodeId(1));
  }
  EXPECT_TRUE(DataDirectory::open(path(), NodeId(1)).has_value());
}

TEST_F(DataDirectoryTest, AnotherNodesDirectoryIsRefused) {
  make({NodeId(1), {}, {}});
  expect_refused(NodeId(2), ErrorCode::kWrongIdentity, "belongs to node 1");
}

TEST_F(DataDirectoryTest, AFlippedBitAnywhereInTheIdentityIsRefused) {
  make({NodeId(1), {1}, {2}});
  Bytes raw;
  encode(Identity{NodeId(1), {1}, {2}}, raw);
  ASSERT_EQ(raw.size(), kIdentityBytes);
  for (std::size_t at = 0; at < raw.size(); ++at) {
    Bytes flipped = raw;
    flipped[at] = static_cast<char>(flipped[at] ^ 1);
    const auto decoded = decode_identity(flipped);
    ASSERT_FALSE(decoded.has_value()) << at;
    EXPECT_EQ(decoded.error().code, ErrorCode::kCorruption) << at;
  }
}

TEST_F(DataDirectoryTest, ADirectoryWithOtherFilesIsNotTouched) {
  ASSERT_TRUE(std::filesystem::create_directory(path()));
  std::ofstream(path() + "/thesis.tex") << "years of work";
  expect_refused(NodeId(1), ErrorCode::kInvalidArgument, "thesis.tex");
  EXPECT_FALSE(std::filesystem::exists(path() + "/LOCK"));
}

TEST_F(DataDirectoryTest, AFileInItsPlaceIsRefused) {
  std::ofstream(path()) << "a file";
  const auto opened = DataDirectory::open(path(), NodeId(1));
  ASSERT_FALSE(opened.has_value());
  EXPECT_THAT(opened.error().context, HasSubstr("node-1"));
}

}  // namespace
}  // namespace kvcluster::storage::testing
