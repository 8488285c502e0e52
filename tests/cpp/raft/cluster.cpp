#include "raft/cluster.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace kvcluster::raft::testing {
namespace {

Entry genesis() { return {Term(1), Index(1), EntryKind::kGenesis, Slice::copy_of("genesis")}; }

}  // namespace

Cluster::Cluster(Options options) : options_(std::move(options)) {
  for (unsigned n = 1; n <= options_.voters + options_.learners; ++n) {
    Member member;
    member.id = node_id(n);
    member.role = n <= options_.voters ? MemberRole::kVoter : MemberRole::kLearner;
    member.address = numbered("n", n);
    configuration_.members.push_back(std::move(member));
  }
  born_[genesis().id()] = {genesis(), EntryId{}};
  nodes_.resize(configuration_.members.size());
  for (unsigned n = 1; n <= size(); ++n) {
    TestDisk& disk = at(n).disk;
    disk.hard_state = {Term(1), kNoNode, Index(1)};
    disk.entries = {genesis()};
    disk.checkpoint.configuration = configuration_;
    at(n).config.self = node_id(n);
    // Told at once, unless a test is about the delay: nothing else has to wait for it then.
    at(n).config.commit_notice_delay = Duration::zero();
    if (options_.tune) options_.tune(at(n).config);
    start(n);
  }
}

void Cluster::start(unsigned node) {
  TestNode& self = at(node);
  const TestSnapshot& checkpoint = self.disk.checkpoint;
  Restored restored;
  restored.hard_state = self.disk.hard_state;
  restored.log_base = self.disk.base;
  restored.entries = self.disk.entries;
  const bool behind = checkpoint.last.index > self.disk.base.index &&
                      std::ranges::none_of(self.disk.entries, [&](const Entry& entry) {
                        return entry.id() == checkpoint.last;
                      });
  if (behind) {
    // The crash came between the snapshot's installation and the log's reset.
    restored.log_base = checkpoint.last;
    restored.entries.clear();
    self.disk.base = checkpoint.last;
    self.disk.entries.clear();
  }
  restored.applied = std::max(checkpoint.last.index, restored.log_base.index);
  restored.configuration = checkpoint.configuration;
  self.applied = checkpoint.applied;
  const std::uint64_t seed = options_.seed * 1000 + ++starts_;
  self.core.emplace(self.config, std::move(restored), seed, now_);
}

Effects Cluster::step(unsigned node, Event event) {
  EXPECT_TRUE(up(node)) << "node " << node << " is down";
  Effects effects = core(node).step(now_, std::move(event));
  absorb(node, effects);
  return effects;
}

void Cluster::absorb(unsigned node, Effects& effects) {
  TestNode& self = at(node);
  for (const Trace& line : effects.trace) {
    self.trace.push_back(line);
    if (on_trace) on_trace(node, line);
  }
  if (effects.persist) {
    check_appended(node, *effects.persist);
    self.in_flight.push_back(*effects.persist);
  }
  check_leader(node);
  for (const Message& message : effects.messages_now) network_.push_back(message);
  for (const Entry& entry : effects.committed) {
    const Index last = self.applied.empty() ? Index(0) : self.applied.back().index;
    EXPECT_EQ(entry.index, last.next()) << "an entry was skipped or repeated";
    check_committed(entry);
    self.applied.push_back(entry);
  }
  for (const ReadOutcome& outcome : effects.reads) {
    check_read(node, outcome);
    reads[outcome.id] = outcome.confirmed;
  }
  std::ranges::copy(effects.snapshot_reads, std::back_inserter(self.snapshot_reads));
  if (effects.snapshot_store) self.snapshot_stores.push_back(*effects.snapshot_store);
  if (effects.log_compacted) {
    const Index through = *effects.log_compacted;
    EXPECT_LE(through, self.disk.checkpoint.last.index) << "compacted beyond the checkpoint";
    for (const Entry& entry : self.disk.entries) {
      if (entry.index == through) self.disk.base = entry.id();
    }
    std::erase_if(self.disk.entries, [&](const Entry& entry) { return entry.index <= through; });
  }
  if (!effects.committed.empty()) {
    const Index through = effects.committed.back().index;
    static_cast<void>(step(node, Applied{through}));
  }
}

bool Cluster::cut_off(NodeId from, NodeId to) const { return cuts_.contains({from, to}); }

void Cluster::deliver(Message message) {
  const unsigned to = static_cast<unsigned>(message.to.value());
  if (to == 0 || to > size() || !up(to) || cut_off(message.from, message.to)) return;
  static_cast<void>(step(to, Receive{std::move(message)}));
}

bool Cluster::deliver_one(unsigned from, unsigned to) {
  const auto oldest = std::ranges::find_if(network_, [&](const Message& message) {
    return message.from == node_id(from) && message.to == node_id(to);
  });
  if (oldest == network_.end()) return false;
  Message message = *oldest;
  network_.erase(oldest);
  deliver(std::move(message));
  return true;
}

void Cluster::overtake(std::size_t position) {
  const auto at_position = network_.begin() + static_cast<std::ptrdiff_t>(position);
  Message message = *at_position;
  network_.erase(at_position);
  deliver(std::move(message));
}

void Cluster::drift(Duration duration) {
  now_ += duration;
  for (unsigned n = 1; n <= size(); ++n) {
    if (up(n) && core(n).next_deadline() <= now_) static_cast<void>(step(n, Tick{}));
  }
}

void Cluster::drop(unsigned from, unsigned to) {
  std::erase_if(network_, [&](const Message& message) {
    return message.from == node_id(from) && message.to == node_id(to);
  });
}

std::size_t Cluster::queued(unsigned from, unsigned to) const {
  return static_cast<std::size_t>(std::ranges::count_if(network_, [&](const Message& message) {
    return message.from == node_id(from) && message.to == node_id(to);
  }));
}

void Cluster::settle() {
  for (int rounds = 0; rounds < 100000; ++rounds) {
    bool busy = false;
    if (!network_.empty()) {
      Message message = std::move(network_.front());
      network_.pop_front();
      deliver(std::move(message));
      busy = true;
    }
    for (unsigned n = 1; n <= size(); ++n) {
      if (!at(n).hold_writes && persist_one(n)) busy = true;
      if (serve_snapshots(n)) busy = true;
    }
    if (!busy) return;
    if (::testing::Test::HasFatalFailure()) return;
  }
  FAIL() << "the cluster never comes to rest";
}

void Cluster::advance(Duration duration) {
  settle();
  const Instant end = now_ + duration;
  for (int rounds = 0; rounds < 100000; ++rounds) {
    unsigned due = 0;
    for (unsigned n = 1; n <= size(); ++n) {
      if (!up(n) || core(n).next_deadline() > end) continue;
      if (due == 0 || core(n).next_deadline() < core(due).next_deadline()) due = n;
    }
    if (due == 0) {
      now_ = end;
      return;
    }
    now_ = std::max(now_, core(due).next_deadline());
    static_cast<void>(step(due, Tick{}));
    settle();
    if (::testing::Test::HasFatalFailure()) return;
  }
  FAIL() << "time stands still";
}

unsigned Cluster::wait_for_leader(Duration limit) {
  for (const Instant end = now_ + limit; now_ < end;) {
    const unsigned found = leader();
    if (found != 0 && core(found).ready()) return found;
    advance(10ms);
  }
  return 0;
}

void Cluster::time_out(unsigned node) {
  now_ = std::max(now_ + at(node).config.election_timeout_max, core(node).next_deadline());
  static_cast<void>(step(node, Tick{}));
}

void Cluster::elect(unsigned node) {
  time_out(node);
  settle();
}

Proposed Cluster::propose(unsigned node, std::string_view payload) {
  Propose batch;
  batch.items.push_back({EntryKind::kCommand, Slice::copy_of(payload)});
  return step(node, std::move(batch)).proposed.value();
}

Proposed Cluster::write(unsigned node, std::string_view payload) {
  const Proposed proposed = propose(node, payload);
  EXPECT_TRUE(proposed.accepted) << "node " << node << " took no proposal";
  settle();
  return proposed;
}

std::uint64_t Cluster::read(unsigned node) {
  const std::uint64_t id = next_read_++;
  asked_at_[id] = committed_.empty() ? Index(0) : committed_.rbegin()->first;
  static_cast<void>(step(node, ReadRequest{id}));
  return id;
}

void Cluster::cut(unsigned a, unsigned b) {
  cut_one_way(a, b);
  cut_one_way(b, a);
}

void Cluster::cut_one_way(unsigned from, unsigned to) {
  cuts_.insert({node_id(from), node_id(to)});
}

void Cluster::heal(unsigned a, unsigned b) {
  cuts_.erase({node_id(a), node_id(b)});
  cuts_.erase({node_id(b), node_id(a)});
}

void Cluster::isolate(unsigned node) {
  for (unsigned n = 1; n <= size(); ++n) {
    if (n != node) cut(node, n);
  }
}

void Cluster::heal_all() { cuts_.clear(); }

void Cluster::lose(unsigned node, unsigned peer) {
  static_cast<void>(step(node, PeerLost{node_id(peer)}));
}

void Cluster::connect(unsigned node, unsigned peer, std::uint32_t priority) {
  static_cast<void>(step(node, PeerConnected{node_id(peer), priority}));
}

void Cluster::crash(unsigned node) {
  TestNode& self = at(node);
  self.core.reset();
  self.in_flight.clear();
  self.snapshot_reads.clear();
  self.snapshot_stores.clear();
  std::erase_if(network_, [&](const Message& message) { return message.to == node_id(node); });
}

void Cluster::restart(unsigned node) {
  if (up(node)) crash(node);
  start(node);
}

void Cluster::set_log(unsigned node, Term current_term, const std::vector<std::uint64_t>& terms) {
  TestNode& self = at(node);
  crash(node);
  self.disk.entries = {genesis()};
  self.disk.hard_state = {current_term, kNoNode, Index(1)};
  for (const std::uint64_t term : terms) {
    const Entry& last = self.disk.entries.back();
    Entry entry{Term(term), last.index.next(), EntryKind::kCommand,
                Slice::of(numbered("t", term) + numbered("i", last.index.next().value()))};
    const auto known = born_.emplace(entry.id(), Born{entry, last.id()}).first;
    ASSERT_EQ(known->second.previous, last.id()) << "these logs cannot come from one cluster";
    self.disk.entries.push_back(std::move(entry));
  }
  start(node);
}

unsigned Cluster::leader() {
  unsigned found = 0;
  for (unsigned n = 1; n <= size(); ++n) {
    if (!up(n) || core(n).role() != Role::kLeader) continue;
    if (found == 0 || core(n).term() > core(found).term()) found = n;
  }
  return found;
}

std::string Cluster::applied(unsigned node) {
  std::string text;
  for (const Entry& entry : at(node).applied) {
    if (entry.kind != EntryKind::kCommand) continue;
    if (!text.empty()) text += ' ';
    text += entry.payload.view();
  }
  return text;
}

std::string Cluster::log_terms(unsigned node) {
  std::string text;
  for (Index index = core(node).status().first_index; index <= core(node).last_index();
       index = index.next()) {
    if (!text.empty()) text += ' ';
    text += std::to_string(core(node).entry(index)->term.value());
  }
  return text;
}

bool Cluster::is_live() {
  const unsigned found = wait_for_leader();
  if (found == 0) return false;
  const std::string payload =
      numbered("live", static_cast<std::uint64_t>(now_.time_since_epoch().count()));
  write(found, payload);
  advance(1s);
  for (unsigned n = 1; n <= size(); ++n) {
    if (up(n) && !applied(n).ends_with(payload)) return false;
  }
  return true;
}

}  // namespace kvcluster::raft::testing
