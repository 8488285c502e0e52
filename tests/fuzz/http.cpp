// The head of an HTTP request: each gets one whole response, and no path reaches a handler that is
// not one.
#include "base/check.hpp"
#include "fuzz/fuzz_input.hpp"
#include "server/http_server.hpp"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace kvcluster;
  const BytesView head = fuzz::FuzzInput(data, size).rest();
  const Bytes response = server::answer_http(head, [](BytesView path) {
    KV_CHECK(path.starts_with('/'), "a path begins at the root");
    KV_CHECK(path.find_first_of("? \t\r\n") == BytesView::npos, "a path is one word");
    return server::HttpResponse{.body = Bytes(path)};
  });
  KV_CHECK(response.starts_with("HTTP/1.1 "), "an answer has a status");
  KV_CHECK(response.find("\r\n\r\n") != Bytes::npos, "an answer has a whole head");
  return 0;
}
