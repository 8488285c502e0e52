#include "campaign/campaign.hpp"

#include <gtest/gtest.h>

#include <chrono>

namespace kvcluster::campaign {
namespace {

CampaignOptions small() {
  CampaignOptions options;
  options.first_seed = 1;
  options.seeds = 12;
  options.time = std::chrono::seconds(5);
  return options;
}

TEST(Campaign, AddsUpTheSameOnOneThreadAndOnTwo) {
  CampaignOptions options = small();
  const CampaignTotals one = run_campaign(options, nullptr);
  options.jobs = 2;
  const CampaignTotals two = run_campaign(options, nullptr);
  EXPECT_EQ(one.seeds, 12U);
  EXPECT_EQ(two.seeds, 12U);
  EXPECT_GT(one.events, 0U);
  EXPECT_EQ(one.events, two.events);
  EXPECT_EQ(one.frames, two.frames);
  EXPECT_EQ(one.committed, two.committed);
  EXPECT_EQ(one.faults, two.faults);
}

TEST(Campaign, ShowsAllOfItWhenItIsOver) {
  std::uint64_t shown = 0;
  const CampaignTotals totals =
      run_campaign(small(), [&](const CampaignTotals& so_far) { shown = so_far.seeds; });
  EXPECT_EQ(totals.seeds, 12U);
  EXPECT_EQ(shown, 12U);
}

TEST(Campaign, RunsEverySeedTwiceToSeeThatItRepeats) {
  CampaignOptions options = small();
  options.check_determinism = true;
  const CampaignTotals totals = run_campaign(options, nullptr);
  EXPECT_EQ(totals.seeds, 12U);
  EXPECT_TRUE(totals.nondeterministic.empty());
}

TEST(Campaign, BeginsNoSeedAfterItsTimeLimit) {
  CampaignOptions options = small();
  options.seeds = 1'000'000;
  options.time_limit = std::chrono::milliseconds(1);
  const CampaignTotals totals = run_campaign(options, nullptr);
  EXPECT_LT(totals.seeds, 1'000U);
}

}  // namespace
}  // namespace kvcluster::campaign
