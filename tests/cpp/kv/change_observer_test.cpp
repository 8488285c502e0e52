// What the state machine tells of its changes: all of them, in order, entry by entry.
#include <array>
#include <map>
#include <utility>

#include "base/random.hpp"
#include "kv/change.hpp"
#include "kv/machine_fixture.hpp"

namespace kvcluster::kv {
namespace {

class Recorder final : public ChangeObserver {
 public:
  void changed(const Change& change) override {
    constexpr std::array<const char*, 4> kNames = {"put", "delete", "expire", "stream"};
    open_ += std::string(open_.empty() ? "" : " ") + kNames[static_cast<std::size_t>(change.kind)] +
             ' ' + std::string(change.key);
    if (!change.value.empty()) open_ += '=' + std::string(change.value);
  }
  void applied(Index index) override {
    last = index;
    entry = std::exchange(open_, {});
  }
  void restored(Index index) override { restored_at = index; }

  std::string entry;  // the changes of the last one
  Index last;
  Index restored_at;

 private:
  std::string open_;
};

class ChangeObserverTest : public ::testing::Test {
 protected:
  ChangeObserverTest() { machine.state.observe(&recorder); }
  std::string changes_of(const Words& words) {
    machine.run(words);
    EXPECT_EQ(recorder.last.value(), machine.index());
    return recorder.entry;
  }

  Machine machine;
  Recorder recorder;
};

TEST_F(ChangeObserverTest, TellsOfWhatIsWritten) {
  EXPECT_EQ(changes_of({"SET", "a", "1"}), "put a=1");
  EXPECT_EQ(changes_of({"APPEND", "a", "2"}), "put a=12");
  EXPECT_EQ(changes_of({"INCR", "a"}), "put a=13");
  EXPECT_EQ(changes_of({"MSET", "b", "1", "a", "2"}), "put b=1 put a=2");
  EXPECT_EQ(changes_of({"SET", "a", "3", "NX"}), "");
  EXPECT_EQ(changes_of({"DEL", "a", "missing", "b"}), "delete a delete b");
  EXPECT_EQ(changes_of({"KV.ONCE", "c", "1", "SET", "a", "4"}), "put a=4");
  EXPECT_EQ(changes_of({"KV.ONCE", "c", "1", "SET", "a", "4"}), "") << "a repeat changes nothing";
}

TEST_F(ChangeObserverTest, TellsOfExpiries) {
  EXPECT_EQ(changes_of({"SET", "a", "1", "PX", "10"}), "put a=1");
  EXPECT_EQ(changes_of({"PERSIST", "a"}), "put a=1");
  EXPECT_EQ(changes_of({"PEXPIRE", "a", "10"}), "put a=1");
  machine.pass(10);
  EXPECT_EQ(recorder.entry, "expire a");
  EXPECT_EQ(changes_of({"EXPIRE", "a", "1"}), "");
  changes_of({"SET", "a", "1"});
  EXPECT_EQ(changes_of({"EXPIRE", "a", "-1"}), "delete a");
}

TEST_F(ChangeObserverTest, TellsOfStreams) {
  EXPECT_EQ(changes_of({"XADD", "room", "*", "f", "v"}), "stream room=1-0");
  EXPECT_EQ(changes_of({"XADD", "room", "MAXLEN", "1", "*", "f", "v"}), "stream room=2-0");
  EXPECT_EQ(changes_of({"XTRIM", "room", "MAXLEN", "0"}), "stream room=2-0");
  EXPECT_EQ(changes_of({"SET", "room", "x"}), "put room=x");
  for (int i = 0; i < 100; ++i) changes_of({"XADD", "long", "*", "f", "v"});
  changes_of({"PEXPIRE", "long", "10"});
  machine.pass(10);
  EXPECT_EQ(recorder.entry, "") << "only a part of it is purged";
  machine.pass(0);
  EXPECT_EQ(recorder.entry, "expire long");
}

TEST_F(ChangeObserverTest, ATransactionIsOneEntry) {
  machine.run_transaction({{"SET", "a", "1"}, {"GET", "a"}, {"XADD", "s", "*", "f", "v"}});
  EXPECT_EQ(recorder.entry, "put a=1 stream s=1-0");
  EXPECT_EQ(changes_of({"FLUSHALL"}), "delete a delete s");
}

TEST_F(ChangeObserverTest, ARestoreIsTold) {
  changes_of({"SET", "a", "1"});
  Bytes meta;
  machine.state.encode_meta(meta);
  ASSERT_TRUE(machine.state.restore(meta));
  EXPECT_EQ(recorder.restored_at.value(), machine.index());
}

// Whoever applies what he is told has the same strings as the state.
TEST(ChangeObserverHistory, TheChangesMakeTheState) {
  class Mirror final : public ChangeObserver {
   public:
    void changed(const Change& change) override {
      const std::string key(change.key);
      switch (change.kind) {
        case ChangeKind::kPut:
        case ChangeKind::kStream:
          values[key] = std::string(change.value);
          break;
        case ChangeKind::kDelete:
        case ChangeKind::kExpire:
          EXPECT_EQ(values.erase(key), 1U) << key;
      }
    }
    void applied(Index) override {}
    void restored(Index) override {}
    std::map<std::string, std::string> values;
  };
  for (const std::uint64_t seed : {1U, 2U, 3U}) {
    Random random(seed);
    Machine machine;
    Mirror mirror;
    machine.state.observe(&mirror);
    for (int i = 0; i < 3000; ++i) {
      machine.clock_ms += random.below(40);
      const std::string key = "key:" + std::to_string(random.below(20));
      const std::string number = std::to_string(random.between(1, 500));
      const std::vector<Words> commands = {{"SET", key, number},
                                           {"SET", key, number, "PX", number},
                                           {"DEL", key},
                                           {"INCR", key},
                                           {"PEXPIRE", key, number},
                                           {"XADD", key, "MAXLEN", "9", "*", "f", number}};
      machine.run(commands[random.below(commands.size())]);
    }
    for (int i = 0; i < 50; ++i) machine.pass(0);  // until nothing that is due is left
    std::map<std::string, std::string> state;
    machine.table.scan(Space::kData, "", [&](BytesView key, BytesView) {
      const std::string name(key);
      const std::string value = machine.run({"GET", name});
      if (value.starts_with("-WRONGTYPE")) {
        const std::string info = machine.run({"XINFO", "STREAM", name});
        const std::size_t at = info.find("generated-id\":\"") + 15;
        state[name] = info.substr(at, info.find('"', at) - at);
      } else if (value != "nil") {
        state[name] = value.substr(1, value.size() - 2);
      }
      return true;
    });
    EXPECT_EQ(mirror.values, state) << "seed " << seed;
  }
}

}  // namespace
}  // namespace kvcluster::kv
