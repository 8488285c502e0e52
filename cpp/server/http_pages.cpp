#include "server/http_pages.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "server/client_errors.hpp"
#include "server/metrics.hpp"
#include "server/status_json.hpp"

namespace kvcluster::server {

HttpResponse http_page(BytesView path, const NodeView& view, const FrontCounters& counters) {
  if (path == "/healthz") return {.body = "ok\n"};
  if (path == "/readyz") {
    if (const auto error = not_serving_error(view)) return {.status = 503, .body = *error + "\n"};
    if (view.leader() == kNoNode) {
      return {.status = 503, .body = fmt::format("no leader: {}\n", view.why())};
    }
    return {.body = "ok\n"};
  }
  if (path == "/metrics") {
    return {.content_type = "text/plain; version=0.0.4; charset=utf-8",
            .body = metrics_text(view, counters)};
  }
  if (path == "/status") {
    // Bytes that are no UTF-8 (in an address) become replacement characters.
    return {.content_type = "application/json",
            .body = status_json(view, counters)
                        .dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) +
                    "\n"};
  }
  return {.status = 404, .body = "there are /metrics, /healthz, /readyz and /status here\n"};
}

}  // namespace kvcluster::server
