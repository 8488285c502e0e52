// The consensus core: what three of them cost together to commit a batch.

#include <benchmark/benchmark.h>

#include <deque>
#include <vector>

#include "bench/micro/commands.hpp"
#include "raft/core.hpp"

namespace kvcluster::bench {
namespace {

using namespace raft;  // NOLINT(google-build-using-namespace): one program's file

// Three cores with a perfect network and disks; what a core asks for is done at once.
class Trio {
 public:
  Trio() {
    for (std::uint64_t n = 1; n <= 3; ++n)
      configuration_.members.push_back({.id = NodeId(n), .address = "node"});
    const Entry genesis{Term(1), Index(1), EntryKind::kGenesis, Slice::copy_of("genesis")};
    for (std::uint64_t n = 1; n <= 3; ++n) {
      Config config;
      config.self = NodeId(n);
      config.retained_log_bytes = 1U << 20U;
      Restored restored;
      restored.hard_state = {Term(1), kNoNode, Index(1)};
      restored.entries = {genesis};
      restored.configuration = configuration_;
      cores_.emplace_back(config, std::move(restored), n, now_);
    }
    // Node 1 campaigns alone: the others do not see the time pass.
    while (!core(1).ready()) {
      now_ += std::chrono::milliseconds(10);
      step(1, Tick{});
      settle();
    }
  }

  // Commits the items on all three.
  void commit(const std::vector<Propose::Item>& items) {
    now_ += std::chrono::microseconds(100);
    step(1, Propose{items});
    settle();
  }

  [[nodiscard]] Index committed() { return core(1).commit_index(); }

  // Lets go of the log that is applied.
  void compact() {
    for (std::uint64_t n = 1; n <= 3; ++n) {
      step(n, Compact{core(n).status().applied});
    }
    settle();
  }

 private:
  Core& core(std::uint64_t node) { return cores_[node - 1]; }

  void step(std::uint64_t node, Event event) {
    Effects effects = core(node).step(now_, std::move(event));
    for (Message& message : effects.messages_now) network_.push_back(std::move(message));
    if (effects.persist) {
      const std::uint64_t sequence = effects.persist->sequence;
      std::vector<Message> after = std::move(effects.persist->messages);
      step(node, Persisted{sequence});
      for (Message& message : after) network_.push_back(std::move(message));
    }
    if (!effects.committed.empty()) step(node, Applied{effects.committed.back().index});
  }

  void settle() {
    while (!network_.empty()) {
      Message message = std::move(network_.front());
      network_.pop_front();
      const std::uint64_t to = message.to.value();
      step(to, Receive{std::move(message)});
    }
  }

  Instant now_{};
  Configuration configuration_;
  std::vector<Core> cores_;
  std::deque<Message> network_;
};

void commit_batch(benchmark::State& state) {
  std::vector<Propose::Item> items;
  for (const Bytes& payload : set_payloads(static_cast<std::size_t>(state.range(0)))) {
    items.push_back({.payload = Slice::copy_of(payload)});
  }
  Trio trio;
  const Index before = trio.committed();
  std::uint64_t batches = 0;
  for (auto _ : state) {
    trio.commit(items);
    if (++batches % 64 == 0) trio.compact();
  }
  KV_CHECK(trio.committed().value() >= before.value() + batches * items.size(),
           "every batch is committed");
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(commit_batch)->Arg(1)->Arg(16)->Arg(256);

}  // namespace
}  // namespace kvcluster::bench
