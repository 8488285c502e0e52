// What a node that listens tells whoever started it.
#pragma once

#include <string>

#include "base/result.hpp"
#include "server/node.hpp"

namespace kvcluster::server {

// "kvstore 1 ready: clients and peers on 127.0.0.1:9001, data in data/node-1"
[[nodiscard]] std::string ready_line(const Node& node);
// {"id":1,"pid":123,"host":"127.0.0.1","port":9001,"peer_port":9001,"http_port":0} and a newline
[[nodiscard]] std::string ready_json(const Node& node);

// Replaces `path` with `text` as one step: a reader sees all of it or nothing. Errors: kIo.
[[nodiscard]] Status write_whole_file(const std::string& path, const std::string& text);
// Writes to the descriptor and closes it. Errors: kIo.
[[nodiscard]] Status write_and_close(int fd, const std::string& text);

}  // namespace kvcluster::server
