#include "client/election_trial.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <optional>
#include <ranges>
#include <thread>
#include <vector>

#include "client/child_process.hpp"
#include "client/cluster_client.hpp"
#include "client/reply_text.hpp"

namespace kvcluster::client {
namespace {

using Millis = std::chrono::milliseconds;

constexpr int kNodes = 3;
constexpr Millis kPoll{2};
constexpr Millis kAnswer{500};      // of one question to one node
constexpr Millis kStart{20'000};    // to a first leader, on a slow machine
constexpr Millis kElection{1'000};  // the bound that the trial is about
constexpr Millis kCatchUp{10'000};

struct TrialNode {
  int id;
  ReservedPort port;
  std::optional<ChildProcess> process;

  [[nodiscard]] Address address() const { return {"127.0.0.1", port.number()}; }
  [[nodiscard]] bool runs() const { return process.has_value(); }
};

using Fields = std::map<std::string, std::string>;

class Trial {
 public:
  explicit Trial(const TrialOptions& options) : options_(options) {}

  Status run() {
    KV_TRY(start());
    KV_TRY(write("before", "written to the first leader"));
    KV_TRY(kill_the_leader());
    KV_TRY(write("after", "written to the second leader"));
    KV_TRY(read_from_a_follower());
    KV_TRY(bring_the_old_leader_back());
    return compare_hashes();
  }

 private:
  void say(const std::string& line) const { options_.say(line); }

  // Polls until `done` says so. Errors: kTimeout with `what` was waited for.
  template <typename Done>
  Status wait_until(Millis limit, const std::string& what, const Done& done) {
    const auto deadline = Clock::now() + limit;
    while (!done()) {
      if (options_.interrupted != nullptr && options_.interrupted->load()) {
        return fail(ErrorCode::kClosed, "interrupted");
      }
      for (auto& node : nodes_) KV_TRY(still_runs(node));
      if (Clock::now() >= deadline) {
        return fail(ErrorCode::kTimeout, fmt::format("{} within {} ms", what, limit.count()));
      }
      std::this_thread::sleep_for(kPoll);
    }
    return {};
  }

  Status still_runs(TrialNode& node) {
    if (!node.runs()) return {};
    const auto status = node.process->ended();
    if (!status) return {};
    node.process.reset();
    return fail(ErrorCode::kClosed,
                fmt::format("node {} ended by itself with {}; its log is {}", node.id,
                            describe_wait_status(*status), log_of(node)));
  }

  [[nodiscard]] std::string log_of(const TrialNode& node) const {
    return fmt::format("{}/node-{}.log", options_.directory, node.id);
  }

  Status launch(TrialNode& node) {
    std::vector<std::string> peers;
    for (const auto& other : nodes_) {
      if (other.id != node.id)
        peers.push_back(fmt::format("{}@{}", other.id, other.address().text()));
    }
    auto process = ChildProcess::start(
        options_.kvstore,
        {"--id", std::to_string(node.id), "--port", std::to_string(node.port.number()), "--peers",
         fmt::format("{}", fmt::join(peers, ",")), "--data-dir",
         fmt::format("{}/node-{}", options_.directory, node.id)},
        log_of(node));
    if (!process) return std::unexpected(process.error());
    node.process.emplace(std::move(*process));
    return {};
  }

  Result<kv::Reply> ask(const TrialNode& node, const std::vector<std::string>& args) {
    auto connection = Connection::open(node.address(), Clock::now() + kAnswer);
    if (!connection) return std::unexpected(connection.error());
    return connection->call(args, Clock::now() + kAnswer);
  }

  // The answer as name -> value, nested ones as "outer.inner"; empty when the node does not answer.
  Fields fields_of(const TrialNode& node, const std::string& command) {
    Fields fields;
    auto connection = Connection::open(node.address(), Clock::now() + kAnswer);
    if (!connection) return fields;
    const auto hello = connection->call({"HELLO", "3"}, Clock::now() + kAnswer);
    if (!hello || hello->is_error()) return fields;
    const auto reply = connection->call({command}, Clock::now() + kAnswer);
    if (reply) flatten(*reply, "", fields);
    return fields;
  }

  static void flatten(const kv::Reply& reply, const std::string& prefix, Fields& fields) {
    const auto* map = std::get_if<kv::Map>(&reply.value);
    if (map == nullptr) return;
    for (const auto& [name, value] : map->items) {
      const std::string path = prefix + to_text(name, Shape::kPlain);
      if (std::holds_alternative<kv::Map>(value.value)) {
        flatten(value, path + ".", fields);
      } else {
        fields[path] = to_text(value, Shape::kPlain);
      }
    }
  }

  // A node that leads and may serve: its own first entry is committed.
  TrialNode* serving_leader() {
    for (auto& node : nodes_) {
      if (node.runs() && fields_of(node, "KV.STATUS")["ready"] == "true") return &node;
    }
    return nullptr;
  }

  Status start() {
    for (int id = 1; id <= kNodes; ++id) {
      auto port = ReservedPort::take();
      if (!port) return std::unexpected(port.error());
      nodes_.push_back({id, std::move(*port), std::nullopt});
    }
    for (auto& node : nodes_) KV_TRY(launch(node));
    KV_TRY(wait_until(kStart, "no leader was elected",
                      [this] { return (leader_ = serving_leader()) != nullptr; }));
    term_ = fields_of(*leader_, "KV.STATUS")["raft.term"];
    say(fmt::format("three nodes on ports {}, {}, {}: node {} leads in term {}",
                    nodes_[0].port.number(), nodes_[1].port.number(), nodes_[2].port.number(),
                    leader_->id, term_));
    return {};
  }

  Status write(const std::string& key, const std::string& value) {
    const auto began = Clock::now();
    const auto reply = ask(*leader_, {"SET", key, value});
    if (!reply) return std::unexpected(reply.error());
    if (*reply != kv::Reply::ok()) {
      return fail(ErrorCode::kUnavailable,
                  fmt::format("node {} answered the write with: {}", leader_->id,
                              to_text(*reply, Shape::kPlain)));
    }
    say(fmt::format("write to the leader, node {}: OK after {:.2f} ms", leader_->id,
                    milliseconds_since(began)));
    return {};
  }

  static double milliseconds_since(Clock::time_point began) {
    return std::chrono::duration<double, std::milli>(Clock::now() - began).count();
  }

  // A survivor that no longer follows the dead node.
  bool detected(const std::string& dead) {
    return std::ranges::any_of(nodes_, [&](TrialNode& node) {
      if (!node.runs()) return false;
      auto fields = fields_of(node, "KV.STATUS");
      return !fields.empty() && (fields["leader"] != dead || fields["role"] != "follower");
    });
  }

  Status kill_the_leader() {
    killed_ = leader_;
    const std::string dead = std::to_string(killed_->id);
    killed_->process->kill_now();
    killed_->process.reset();
    const auto began = Clock::now();
    say(fmt::format("node {} killed with SIGKILL", killed_->id));
    KV_TRY(wait_until(kElection, "no survivor noticed that the leader is gone",
                      [&] { return detected(dead); }));
    const double detected_ms = milliseconds_since(began);
    KV_TRY(wait_until(kElection, "no survivor was elected",
                      [this] { return (leader_ = serving_leader()) != nullptr; }));
    const double elected_ms = milliseconds_since(began);
    term_ = fields_of(*leader_, "KV.STATUS")["raft.term"];
    say(fmt::format("noticed after {:.0f} ms; node {} leads in term {} after {:.0f} ms",
                    detected_ms, leader_->id, term_, elected_ms));
    return {};
  }

  Status read_from_a_follower() {
    const auto follower = std::ranges::find_if(
        nodes_, [this](const TrialNode& node) { return node.runs() && &node != leader_; });
    const auto reply = ask(*follower, {"MGET", "before", "after"});
    if (!reply) return std::unexpected(reply.error());
    const auto expected = kv::Reply::array({kv::Reply::bulk("written to the first leader"),
                                            kv::Reply::bulk("written to the second leader")});
    if (*reply != expected) {
      return fail(ErrorCode::kCorruption,
                  fmt::format("follower {} answered the read with: {}", follower->id,
                              to_text(*reply, Shape::kPlain)));
    }
    say(fmt::format("read from a follower, node {}: both values", follower->id));
    return {};
  }

  Status bring_the_old_leader_back() {
    KV_TRY(launch(*killed_));
    const std::string leader = std::to_string(leader_->id);
    KV_TRY(wait_until(kCatchUp, "the old leader did not follow the new one", [&] {
      auto fields = fields_of(*killed_, "KV.STATUS");
      return fields["role"] == "follower" && fields["leader"] == leader;
    }));
    say(fmt::format("old leader, node {}, restarted: it is a follower in term {}", killed_->id,
                    fields_of(*killed_, "KV.STATUS")["raft.term"]));
    return {};
  }

  Status compare_hashes() {
    std::vector<Fields> hashes;
    KV_TRY(wait_until(kCatchUp, "the nodes did not reach one index", [&] {
      hashes.clear();
      for (const auto& node : nodes_) hashes.push_back(fields_of(node, "KV.HASH"));
      return std::ranges::all_of(hashes, [&](Fields& hash) {
        return !hash["index"].empty() && hash["index"] == hashes.front()["index"];
      });
    }));
    for (std::size_t at = 1; at < hashes.size(); ++at) {
      if (hashes[at] != hashes[0]) {
        return fail(ErrorCode::kCorruption,
                    fmt::format("nodes 1 and {} differ at index {}: state {} and {}", at + 1,
                                hashes[0]["index"], hashes[0]["state"], hashes[at]["state"]));
      }
    }
    say(fmt::format("all three at index {} with state {}", hashes[0]["index"], hashes[0]["state"]));
    return {};
  }

  const TrialOptions& options_;
  std::vector<TrialNode> nodes_;
  TrialNode* leader_ = nullptr;
  TrialNode* killed_ = nullptr;
  std::string term_;
};

}  // namespace

Status run_election_trial(const TrialOptions& options) { return Trial(options).run(); }

}  // namespace kvcluster::client
