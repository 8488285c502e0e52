// When writes are refused for want of room.
#include <gtest/gtest.h>

#include "server/disk_space.hpp"

namespace kvcluster::server {
namespace {

TEST(NodeDiskSpace, RefusesBelowTheMark) {
  DiskSpace space(1000);
  EXPECT_FALSE(space.measured(1000));
  EXPECT_FALSE(space.full());
  EXPECT_TRUE(space.measured(999));
  EXPECT_TRUE(space.full());
}

TEST(NodeDiskSpace, AllowsAgainOnlyAQuarterAboveTheMark) {
  DiskSpace space(1000);
  EXPECT_TRUE(space.measured(1));
  EXPECT_FALSE(space.measured(1249));
  EXPECT_TRUE(space.full());
  EXPECT_TRUE(space.measured(1250));
  EXPECT_FALSE(space.full());
}

TEST(NodeDiskSpace, RefusesWhileTheLogFindsNoRoom) {
  DiskSpace space(1000);
  EXPECT_FALSE(space.measured(1U << 20U));
  EXPECT_TRUE(space.append_refused(true));
  EXPECT_TRUE(space.full());
  EXPECT_TRUE(space.append_refused(false));
  EXPECT_FALSE(space.full());
}

TEST(NodeDiskSpace, TellsTheFreeBytesOfAPathThatExists) {
  EXPECT_GT(free_disk_bytes("/").value(), 0U);
  EXPECT_FALSE(free_disk_bytes("/no/such/path").has_value());
}

}  // namespace
}  // namespace kvcluster::server
