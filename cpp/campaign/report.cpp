#include "campaign/report.hpp"

#include <fmt/format.h>

#include "kvcluster_commit.hpp"
#include "sim/replay_line.hpp"

namespace kvcluster::campaign {
namespace {

double seconds(Duration duration) { return static_cast<double>(duration.count()) * 1e-6; }

double ratio(double simulated, double real) { return real > 0 ? simulated / real : 0; }

}  // namespace

std::string progress_line(const CampaignTotals& totals, std::uint64_t seeds) {
  return fmt::format("{} of {} seeds, {:.0f} s simulated in {:.0f} s, {} operations, {} violations",
                     totals.seeds, seeds, seconds(totals.simulated), seconds(totals.real),
                     totals.clients.asked, totals.failures.size());
}

std::string summary(const CampaignTotals& totals) {
  std::string faults;
  std::uint64_t fault_count = 0;
  for (std::size_t kind = 0; kind < sim::kFaultKinds; ++kind) {
    fault_count += totals.faults[kind];
    faults +=
        fmt::format(" {} {}", to_string(static_cast<sim::FaultKind>(kind)), totals.faults[kind]);
    faults += kind + 1 < sim::kFaultKinds ? "," : "";
  }
  std::string entered;
  std::string never;
  for (std::size_t i = 0; i < sim::kPaths; ++i) {
    const std::uint64_t count = totals.coverage.count(static_cast<sim::Path>(i));
    if (count > 0) {
      entered += fmt::format("  {:>12}  {}\n", count, sim::kPathNames[i].text);
    } else {
      never += fmt::format("  {}: {}\n", sim::kPathNames[i].name, sim::kPathNames[i].text);
    }
  }
  const double simulated = seconds(totals.simulated);
  return fmt::format(
      "version            {} ({})\n"
      "seeds              {}\n"
      "simulated          {:.0f} s in {:.1f} s real, {:.1f} s of CPU: {:.0f} x a core\n"
      "operations         {} asked: {} answered, {} unknown, {} certainly not applied\n"
      "elections          {} terms; {} entries committed, {} syncs, {} frames, {} events\n"
      "faults             {}:{}\n"
      "histories          {} too tangled to be judged\n"
      "violations         {}\n"
      "differing reruns   {}\n"
      "rare paths entered\n{}{}{}",
      KVCLUSTER_VERSION, KVCLUSTER_COMMIT, totals.seeds, simulated, seconds(totals.real),
      totals.cpu_seconds, ratio(simulated, totals.cpu_seconds), totals.clients.asked,
      totals.clients.answered, totals.clients.unknown, totals.clients.failed, totals.terms,
      totals.committed, totals.syncs, totals.frames, totals.events, fault_count, faults,
      totals.undecided, totals.failures.size(), totals.nondeterministic.size(), entered,
      never.empty() ? "" : "NEVER entered\n", never);
}

std::string failure_text(const Failure& failure) {
  const sim::Violation& violation = failure.violation;
  return fmt::format(
      "VIOLATION of {}: seed {}, version {} ({}), at {:.6f} s, node {}\n  {}\n  repeat it: kv_sim "
      "--replay \"{}\" --verbose\n  make it small: kv_sim --replay \"{}\" --shrink\n",
      to_string(violation.check), failure.options.seed, KVCLUSTER_VERSION, KVCLUSTER_COMMIT,
      seconds(violation.at), violation.node, violation.text, replay_line(failure.options),
      replay_line(failure.options));
}

std::string timeline_text(const sim::SimulationResult& result) {
  std::string text = result.profile + "\n";
  for (const sim::TimelineItem& item : result.timeline) {
    const std::string who = item.node == 0 ? "" : fmt::format("node {}", item.node);
    text +=
        fmt::format("{:>12.6f}  {:<7} {:<10} {}\n", seconds(item.at), who, item.kind, item.text);
  }
  return text;
}

}  // namespace kvcluster::campaign
