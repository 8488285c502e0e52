#include "owned_node.hpp"

#include <unistd.h>

#include <stdexcept>
#include <utility>

#include "errors.hpp"

namespace kvcluster::python {

OwnedNode::OwnedNode(server::NodeOptions options)
    : owner_(getpid()), node_(value_or_throw(server::Node::start(std::move(options)))) {}

OwnedNode::~OwnedNode() {
  // In a fork the threads to be joined do not exist, and the files are the parent's.
  if (owner_ == getpid()) return;
  const server::Node* abandoned = node_.release();
  static_cast<void>(abandoned);
}

server::Node& OwnedNode::node() const {
  if (owner_ != getpid()) {
    throw std::runtime_error(
        "this node belongs to the process that this one was forked from: start processes with "
        "multiprocessing's method 'spawn'");
  }
  return *node_;
}

std::optional<std::string> OwnedNode::failed() const {
  const auto failure = node().failed();
  return failure ? std::optional(failure->message()) : std::nullopt;
}

server::NodeStatus OwnedNode::status() const { return value_or_throw(node().status()); }

std::string OwnedNode::why() const { return value_or_throw(node().why()); }

}  // namespace kvcluster::python
