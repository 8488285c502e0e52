// What a campaign or a run has to say, as text.
#pragma once

#include <string>

#include "campaign/campaign.hpp"

namespace kvcluster::campaign {

[[nodiscard]] std::string progress_line(const CampaignTotals& totals, std::uint64_t seeds);
[[nodiscard]] std::string summary(const CampaignTotals& totals);
// Seed, version, rule, and the command that repeats it.
[[nodiscard]] std::string failure_text(const Failure& failure);
[[nodiscard]] std::string timeline_text(const sim::SimulationResult& result);

}  // namespace kvcluster::campaign
