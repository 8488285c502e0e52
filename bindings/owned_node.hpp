// A node in this process as Python owns it: it belongs to the process that started it. A fork has
// none of its threads, so every call there is refused and its end is left to the parent.
//
// Thread-safety: all functions from any thread, without the GIL.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "server/node.hpp"

namespace kvcluster::python {

class OwnedNode {
 public:
  // Starts. Throws NativeError, as all functions below may.
  explicit OwnedNode(server::NodeOptions options);
  ~OwnedNode();
  OwnedNode(const OwnedNode&) = delete;
  OwnedNode& operator=(const OwnedNode&) = delete;

  // Throws std::runtime_error in a fork.
  [[nodiscard]] server::Node& node() const;

  [[nodiscard]] std::optional<std::string> failed() const;
  [[nodiscard]] server::NodeStatus status() const;
  [[nodiscard]] std::string why() const;

 private:
  const pid_t owner_;
  std::unique_ptr<server::Node> node_;
};

}  // namespace kvcluster::python
