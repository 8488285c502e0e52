#include "server/node.hpp"

#include <condition_variable>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>

#include "server/driver.hpp"

namespace kvcluster::server {

struct Node::Impl {
  explicit Impl(std::unique_ptr<Driver> made) : driver(std::move(made)) {}

  void run() {
    driver->run();
    {
      const std::scoped_lock lock(mutex);
      ended = true;
      failure = driver->failure();
    }
    // Whoever posted before `ended` was set is answered by this.
    driver->run_leftovers();
    driver->release();
    const std::scoped_lock lock(mutex);
    finished = true;
    changed.notify_all();
  }

  // False when the loop has ended: the task will not run.
  bool post(std::function<void()> task) const {
    const std::scoped_lock lock(mutex);
    if (ended) return false;
    driver->post(std::move(task));
    return true;
  }

  // Asks the reactor. Errors: kClosed.
  template <typename T>
  Result<T> ask(std::function<T(const Driver&)> question) const {
    auto answer = std::make_shared<std::promise<T>>();
    auto future = answer->get_future();
    if (!post([this, answer, question = std::move(question)] {
          answer->set_value(question(*driver));
        })) {
      return fail(ErrorCode::kClosed, "the node has ended");
    }
    return future.get();
  }

  void join() {
    const std::scoped_lock lock(join_mutex);
    if (thread.joinable()) thread.join();
  }

  std::unique_ptr<Driver> driver;
  mutable std::mutex mutex;
  std::condition_variable changed;
  bool ended = false;            // guarded by mutex; nothing is posted any more
  bool finished = false;         // likewise; the data directory and the ports are free
  std::optional<Error> failure;  // likewise
  std::mutex join_mutex;
  std::thread thread;  // guarded by join_mutex
};

Result<std::unique_ptr<Node>> Node::start(NodeOptions options) {
  auto driver = Driver::open(std::move(options));
  if (!driver) return std::unexpected(std::move(driver).error());
  auto impl = std::make_unique<Impl>(std::move(*driver));
  impl->thread = std::thread([raw = impl.get()] { raw->run(); });
  return std::unique_ptr<Node>(new Node(std::move(impl)));
}

Node::Node(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Node::~Node() { stop_now(); }

void Node::request_stop() {
  Driver* driver = impl_->driver.get();
  impl_->post([driver] { driver->begin_stop(); });
}

void Node::stop() {
  request_stop();
  impl_->join();
}

void Node::stop_now() {
  Driver* driver = impl_->driver.get();
  impl_->post([driver] { driver->stop_now(); });
  impl_->join();
}

void Node::wait() {
  std::unique_lock lock(impl_->mutex);
  impl_->changed.wait(lock, [this] { return impl_->finished; });
}

bool Node::wait_for(std::chrono::milliseconds timeout) {
  std::unique_lock lock(impl_->mutex);
  return impl_->changed.wait_for(lock, timeout, [this] { return impl_->finished; });
}

bool Node::running() const {
  const std::scoped_lock lock(impl_->mutex);
  return !impl_->ended;
}

std::optional<Error> Node::failed() const {
  const std::scoped_lock lock(impl_->mutex);
  return impl_->failure;
}

std::uint16_t Node::client_port() const { return impl_->driver->client_port(); }
std::uint16_t Node::peer_port() const { return impl_->driver->peer_port(); }
std::uint16_t Node::http_port() const { return impl_->driver->http_port(); }
const NodeOptions& Node::options() const { return impl_->driver->options(); }

Result<NodeStatus> Node::status() const {
  return impl_->ask<NodeStatus>([](const Driver& driver) { return driver.status(); });
}

Result<std::string> Node::why() const {
  return impl_->ask<std::string>([](const Driver& driver) { return driver.why(); });
}

void Node::transfer_leadership(NodeId to) {
  Driver* driver = impl_->driver.get();
  impl_->post([driver, to] { driver->transfer_leadership(to); });
}

}  // namespace kvcluster::server
