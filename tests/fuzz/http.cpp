// The head of an HTTP request: each gets one whole response, and no path reaches a handler that is
// not one.
#include "base/check.hpp"
#include "fuzz/fuzz_input.hpp"
#include "server/http_server.hpp"

namespace kvcluster::server {
namespace {

void run(fuzz::FuzzInput input) {
  const BytesView head = input.rest();
  const Bytes response = answer_http(head, [](BytesView path) {
    KV_CHECK(path.starts_with('/'), "a path begins at the root");
    KV_CHECK(path.find_first_of("? \t\r\n") == BytesView::npos, "a path is one word");
    return HttpResponse{.body = Bytes(path)};
  });
  KV_CHECK(response.starts_with("HTTP/1.1 "), "an answer has a status");
  KV_CHECK(response.find("\r\n\r\n") != Bytes::npos, "an answer has a whole head");
}

}  // namespace
}  // namespace kvcluster::server

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  kvcluster::server::run({data, size});
  return 0;
}
