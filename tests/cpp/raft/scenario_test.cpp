// Runs the scenario files of tests/cpp/scenarios (their README tells the format): a verb a line,
// the trace it leaves indented below it. With KV_REWRITE in the environment the traces are renewed;
// what a scenario states with `expect` is never rewritten.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <sstream>

#include "raft/cluster.hpp"

namespace kvcluster::raft::testing {
namespace {

using Words = std::vector<std::string>;

struct Line {
  std::string text;                   // a verb, a comment, or nothing
  std::vector<std::string> expected;  // the trace below a verb
  [[nodiscard]] bool is_verb() const { return !text.empty() && text[0] != '#'; }
};

Words split(const std::string& text) {
  std::istringstream in(text);
  Words words;
  for (std::string word; in >> word;) words.push_back(word);
  return words;
}

std::string join(const Words& words, std::size_t from) {
  std::string text;
  for (std::size_t i = from; i < words.size(); ++i) text += (i == from ? "" : " ") + words[i];
  return text;
}

std::vector<Line> parse(const std::filesystem::path& path) {
  std::ifstream in(path);
  std::vector<Line> lines;
  for (std::string text; std::getline(in, text);) {
    if (text.starts_with("  ")) {
      if (lines.empty()) throw std::runtime_error("a trace before the first verb");
      lines.back().expected.push_back(text.substr(2));
    } else {
      lines.push_back({text, {}});
    }
  }
  return lines;
}

std::string describe(unsigned node, const Trace& line) {
  static const std::map<Trace::Kind, std::string> kWords = {
      {Trace::Kind::kElectionTimeout, "election timeout"},
      {Trace::Kind::kLeaderLost, "lost the leader's connection"},
      {Trace::Kind::kPreCandidate, "pre-candidate"},
      {Trace::Kind::kCandidate, "candidate"},
      {Trace::Kind::kVoteGranted, "grants"},
      {Trace::Kind::kVoteRefused, "refuses"},
      {Trace::Kind::kVoteReceived, "has"},
      {Trace::Kind::kBecameLeader, "leader"},
      {Trace::Kind::kBecameFollower, "follower"},
      {Trace::Kind::kSteppedDown, "steps down"},
      {Trace::Kind::kLogTruncated, "cuts its log from"},
      {Trace::Kind::kSnapshotSending, "sends a snapshot at"},
      {Trace::Kind::kSnapshotInstalled, "installed a snapshot at"},
      {Trace::Kind::kFollowerCaughtUp, "caught up at"},
      {Trace::Kind::kTransferStarted, "hands over"},
      {Trace::Kind::kTransferAborted, "gives up handing over"},
  };
  std::string text = numbered("n", node) + numbered(" t", line.term.value());
  text += ' ';
  text += kWords.at(line.kind);
  const bool counts = line.kind != Trace::Kind::kElectionTimeout && line.value != 0;
  if (counts) text += numbered(" ", line.value);
  if (line.peer != kNoNode) text += numbered(" n", line.peer.value());
  if (line.detail[0] != '\0') text.append(" (").append(line.detail).append(")");
  return text;
}

class Scenario {
 public:
  std::vector<std::string> run(const std::string& text) {
    output_.clear();
    const Words words = split(text);
    const auto verb = verbs_.find(words.at(0));
    if (verb == verbs_.end()) {
      ADD_FAILURE() << "no such verb: " << text;
      return {};
    }
    if (words[0] != "cluster" && !cluster_) {
      ADD_FAILURE() << "a scenario begins with `cluster`";
      return {};
    }
    verb->second(words);
    return output_;
  }

 private:
  static unsigned number(const Words& words, std::size_t at) {
    return static_cast<unsigned>(std::stoul(words.at(at)));
  }
  // The value of a word "name=value".
  static std::uint64_t option(const Words& words, const std::string& name, std::uint64_t missing) {
    for (const std::string& word : words) {
      if (word.starts_with(name + "=")) return std::stoull(word.substr(name.size() + 1));
    }
    return missing;
  }

  void make_cluster(const Words& words) {
    cluster_ = std::make_unique<Cluster>(Cluster::Options{
        .voters = static_cast<unsigned>(option(words, "voters", 3)),
        .learners = static_cast<unsigned>(option(words, "learners", 0)),
        .seed = option(words, "seed", 1),
        .tune =
            [words](Config& config) {
              config.retained_log_bytes = option(words, "retained", config.retained_log_bytes);
              config.max_append_bytes = option(words, "append", config.max_append_bytes);
            },
    });
    cluster_->on_trace = [this](unsigned node, const Trace& line) {
      output_.push_back(describe(node, line));
    };
  }

  void until_leader(unsigned node) {
    for (int i = 0; i < 1000 && cluster_->core(node).role() != Role::kLeader; ++i) {
      if (!cluster_->network().empty()) cluster_->overtake(0);
      for (unsigned n = 1; n <= cluster_->size(); ++n) {
        if (cluster_->core(node).role() != Role::kLeader) cluster_->persist_one(n);
      }
    }
    EXPECT_EQ(cluster_->core(node).role(), Role::kLeader);
  }

  void expect(const Words& words) {
    const std::string& what = words.at(1);
    const unsigned node = number(words, 2);
    const std::string rest = join(words, 3);
    if (what == "leader") {
      EXPECT_EQ(cluster_->leader(), node);
    } else if (what == "applied") {
      EXPECT_EQ(cluster_->applied(node), rest);
    } else if (what == "log") {
      EXPECT_EQ(cluster_->log_terms(node), rest);
    } else if (what == "term") {
      EXPECT_EQ(std::to_string(cluster_->core(node).term().value()), rest);
    } else if (what == "commit") {
      EXPECT_EQ(std::to_string(cluster_->core(node).commit_index().value()), rest);
    } else if (what == "read") {
      const auto outcome = cluster_->reads.find(node);
      const std::string seen = outcome == cluster_->reads.end() ? "open"
                               : outcome->second                ? "confirmed"
                                                                : "refused";
      EXPECT_EQ(seen, rest);
    } else {
      ADD_FAILURE() << "nothing called " << what;
    }
  }

  using Verb = std::function<void(const Words&)>;
  const std::map<std::string, Verb> verbs_ = {
      {"cluster", [this](const Words& w) { make_cluster(w); }},
      {"log",  // log NODE term=T TERM...: terms from index 2 on; entry 1 is the genesis, term 1
       [this](const Words& w) {
         std::vector<std::uint64_t> terms;
         for (std::size_t i = 3; i < w.size(); ++i) terms.push_back(std::stoull(w[i]));
         cluster_->set_log(number(w, 1), Term(option(w, "term", 1)), terms);
       }},
      {"elect", [this](const Words& w) { cluster_->elect(number(w, 1)); }},
      {"timeout", [this](const Words& w) { cluster_->time_out(number(w, 1)); }},
      {"until-leader", [this](const Words& w) { until_leader(number(w, 1)); }},
      {"wait-for-leader", [this](const Words&) { EXPECT_NE(cluster_->wait_for_leader(), 0U); }},
      {"settle", [this](const Words&) { cluster_->settle(); }},
      {"advance",  // milliseconds
       [this](const Words& w) { cluster_->advance(std::chrono::milliseconds(number(w, 1))); }},
      {"drift",  // milliseconds, without deliveries
       [this](const Words& w) { cluster_->drift(std::chrono::milliseconds(number(w, 1))); }},
      {"propose",
       [this](const Words& w) {
         for (std::size_t i = 2; i < w.size(); ++i) {
           EXPECT_TRUE(cluster_->propose(number(w, 1), w[i]).accepted);
         }
       }},
      {"write",
       [this](const Words& w) {
         for (std::size_t i = 2; i < w.size(); ++i) cluster_->write(number(w, 1), w[i]);
       }},
      {"read", [this](const Words& w) { static_cast<void>(cluster_->read(number(w, 1))); }},
      {"transfer",
       [this](const Words& w) {
         static_cast<void>(cluster_->step(number(w, 1), TransferLeadership{node_id(number(w, 2))}));
         cluster_->settle();
       }},
      {"deliver",
       [this](const Words& w) {
         EXPECT_TRUE(cluster_->deliver_one(number(w, 1), number(w, 2))) << "nothing to deliver";
       }},
      {"drop", [this](const Words& w) { cluster_->drop(number(w, 1), number(w, 2)); }},
      {"cut", [this](const Words& w) { cluster_->cut(number(w, 1), number(w, 2)); }},
      {"cut-one-way",
       [this](const Words& w) { cluster_->cut_one_way(number(w, 1), number(w, 2)); }},
      {"heal", [this](const Words& w) { cluster_->heal(number(w, 1), number(w, 2)); }},
      {"heal-all", [this](const Words&) { cluster_->heal_all(); }},
      {"isolate", [this](const Words& w) { cluster_->isolate(number(w, 1)); }},
      {"lose", [this](const Words& w) { cluster_->lose(number(w, 1), number(w, 2)); }},
      {"connect", [this](const Words& w) { cluster_->connect(number(w, 1), number(w, 2)); }},
      {"hold-writes", [this](const Words& w) { cluster_->hold_writes(number(w, 1)); }},
      {"persist",
       [this](const Words& w) {
         EXPECT_TRUE(cluster_->persist_one(number(w, 1))) << "nothing to persist";
       }},
      {"release-writes", [this](const Words& w) { cluster_->release_writes(number(w, 1)); }},
      {"crash", [this](const Words& w) { cluster_->crash(number(w, 1)); }},
      {"restart", [this](const Words& w) { cluster_->restart(number(w, 1)); }},
      {"checkpoint", [this](const Words& w) { cluster_->checkpoint(number(w, 1)); }},
      {"expect", [this](const Words& w) { expect(w); }},
      {"live", [this](const Words&) { EXPECT_TRUE(cluster_->is_live()); }},
  };

  std::unique_ptr<Cluster> cluster_;
  std::vector<std::string> output_;
};

std::vector<std::filesystem::path> scenario_files() {
  std::vector<std::filesystem::path> files;
  for (const auto& file :
       std::filesystem::directory_iterator(std::filesystem::path(KV_TEST_DATA_DIR) / "scenarios")) {
    if (file.path().extension() == ".txt") files.push_back(file.path());
  }
  std::ranges::sort(files);
  return files;
}

class RaftScenario : public ::testing::TestWithParam<std::filesystem::path> {};

TEST_P(RaftScenario, LeavesTheExpectedTrace) {
  std::vector<Line> lines = parse(GetParam());
  const auto last = std::ranges::find_if(lines.rbegin(), lines.rend(), &Line::is_verb);
  ASSERT_TRUE(last != lines.rend() && last->text == "live") << "a scenario ends with `live`";
  const bool rewrite = std::getenv("KV_REWRITE") != nullptr;
  Scenario scenario;
  for (Line& line : lines) {
    if (!line.is_verb()) continue;
    SCOPED_TRACE(line.text);
    const std::vector<std::string> seen = scenario.run(line.text);
    if (rewrite) {
      line.expected = seen;
    } else {
      EXPECT_EQ(seen, line.expected);
    }
    ASSERT_FALSE(HasFailure());
  }
  if (!rewrite) return;
  std::ofstream out(GetParam());
  for (const Line& line : lines) {
    out << line.text << '\n';
    for (const std::string& trace : line.expected) out << "  " << trace << '\n';
  }
}

INSTANTIATE_TEST_SUITE_P(Files, RaftScenario, ::testing::ValuesIn(scenario_files()),
                         [](const auto& file) { return file.param.stem().string(); });

}  // namespace
}  // namespace kvcluster::raft::testing
