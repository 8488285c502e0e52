#include "server/node_view.hpp"

namespace kvcluster::server {

std::string_view to_string(Phase phase) {
  switch (phase) {
    case Phase::kBootstrapping:
      return "bootstrapping";
    case Phase::kServing:
      return "serving";
    case Phase::kRepairing:
      return "repairing";
    case Phase::kStopping:
      return "stopping";
    case Phase::kFailed:
      break;
  }
  return "failed";
}

}  // namespace kvcluster::server
