// Long random histories against a model that is a plain std::map.
#include <map>
#include <optional>

#include "base/random.hpp"
#include "kv/machine_fixture.hpp"
#include "kv/record.hpp"
#include "kv/stream.hpp"

namespace kvcluster::kv {
namespace {

constexpr std::uint64_t kSeeds[] = {1, 2, 3};
constexpr int kCommands = 4000;

// What a few commands do, in the plainest way.
class Model {
 public:
  std::string run(const Words& words, WallMillis now) {
    std::erase_if(values_, [&](const auto& item) { return item.second.expires_at <= now; });
    const std::string& name = words[0];
    const std::string& key = words[1];
    const auto found = values_.find(key);
    const bool there = found != values_.end();
    if (name == "GET") return there ? '"' + found->second.value + '"' : "nil";
    if (name == "DEL") return std::to_string(values_.erase(key));
    if (name == "SET") return set(words, now, there);
    if (name == "PEXPIRE") {
      if (there) found->second.expires_at = now + std::stoull(words[2]);
      return there ? "1" : "0";
    }
    if (name == "PERSIST") {
      const bool expired = there && found->second.expires_at != kNever;
      if (expired) found->second.expires_at = kNever;
      return expired ? "1" : "0";
    }
    if (name == "APPEND") {
      values_[key].value += words[2];
      return std::to_string(values_[key].value.size());
    }
    return "?";
  }

 private:
  static constexpr WallMillis kNever = UINT64_MAX;
  struct Value {
    std::string value;
    WallMillis expires_at = kNever;
  };

  std::string set(const Words& words, WallMillis now, bool there) {
    Value value{.value = words[2]};
    for (std::size_t i = 3; i < words.size(); ++i) {
      if (words[i] == "NX" && there) return "nil";
      if (words[i] == "XX" && !there) return "nil";
      if (words[i] == "PX") value.expires_at = now + std::stoull(words[i + 1]);
    }
    values_[words[1]] = value;
    return "+OK";
  }

  std::map<std::string, Value> values_;
};

Words random_model_command(Random& random) {
  const std::string key = "key:" + std::to_string(random.below(40));
  const std::string number = std::to_string(random.between(1, 2000));
  switch (random.below(10)) {
    case 0:
      return {"DEL", key};
    case 1:
      return {"PEXPIRE", key, number};
    case 2:
      return {"PERSIST", key};
    case 3:
      return {"APPEND", key, number};
    case 4:
      return {"SET", key, number, "PX", number};
    case 5:
      return {"SET", key, number, "NX"};
    case 6:
      return {"SET", key, number, "XX"};
    case 7:
      return {"SET", key, std::string(random.below(300), 'v')};
    default:
      return {"GET", key};
  }
}

// On the same keys as the others, so that each type meets the commands of the other.
Words random_stream_command(Random& random, const std::string& key) {
  switch (random.below(5)) {
    case 0:
      return {"XADD", key, "MAXLEN", std::to_string(random.below(20)), "*", "field", "value"};
    case 1:
      return {"XADD", key, "MAXLEN", "~", "5", "*", "field", "value"};
    case 2:
      return {"XTRIM", key, "MAXLEN", std::to_string(random.below(5))};
    case 3:
      return {"KV.ONCE", "reader", std::to_string(random.between(1, 2000)), "XREAD", "STREAMS",
              key,       "0"};
    default:
      return {"XADD", key, "*", "field", std::string(random.below(50), 'v')};
  }
}

// Any command, also those that fail.
Words random_command(Random& random) {
  const std::string key = "key:" + std::to_string(random.below(40));
  const std::string other = "key:" + std::to_string(random.below(40));
  const std::string number = std::to_string(random.between(1, 2000));
  switch (random.below(20)) {
    case 10:
    case 11:
    case 12:
    case 13:
    case 14:
      return random_stream_command(random, key);
    case 0:
      return {"MSET", key, number, other, number};
    case 1:
      return {"INCRBY", key, number};
    case 2:
      return {"KV.ONCE", "client:" + std::to_string(random.below(5)), number, "INCR", key};
    case 3:
      return {"KV.CAS", key, "0", number};
    case 4:
      return {"GETDEL", key};
    case 5:
      return {"GETEX", key, "PX", number};
    case 6:
      return {"SETRANGE", key, std::to_string(random.below(100)), "part"};
    case 7:
      return {"MSETNX", key, number, other, number};
    case 8:
      return {"EXPIRE", key, "-1"};
    case 9:
      return random.chance(1, 50) ? Words{"FLUSHALL"} : Words{"UNLINK", key, other};
    default:
      return random_model_command(random);
  }
}

// Each element belongs to a stream's record, which names no other.
void expect_elements_of_streams_only(const Machine& machine) {
  std::uint64_t named = 0;
  machine.table.scan(Space::kData, "", [&](BytesView, BytesView stored) {
    const Record record = decode_record(stored);
    if (record.type == RecordType::kStream) named += decode_stream_head(record.value).length();
    return true;
  });
  std::uint64_t held = 0;
  machine.table.scan(Space::kStream, "", [&](BytesView, BytesView) { return ++held > 0; });
  EXPECT_EQ(held, named);
  EXPECT_GT(held, 0U);
}

WallMillis random_step(Random& random) {
  // Now and then long enough for sessions to be forgotten.
  return random.chance(1, 500) ? WallMillis{8} * 24 * 3'600'000 : random.below(60);
}

std::vector<Bytes> random_payloads(std::uint64_t seed) {
  Random random(seed);
  WallMillis clock_ms = kStartMs;
  std::vector<Bytes> payloads;
  while (payloads.size() < kCommands) {
    clock_ms += random_step(random);
    Bytes encoded;
    const auto info = encode_words(random_command(random), encoded);
    EXPECT_TRUE(info) << "seed " << seed;
    if (!info || !info->is_write) continue;
    StateMachine::encode_entry(clock_ms, encoded, payloads.emplace_back());
  }
  return payloads;
}

TEST(RandomHistory, EveryReplyIsThatOfTheModel) {
  for (const std::uint64_t seed : kSeeds) {
    Random random(seed);
    Machine machine;
    Model model;
    for (int i = 0; i < kCommands; ++i) {
      machine.pass(random.below(60));
      const Words words = random_model_command(random);
      ASSERT_EQ(machine.run(words), model.run(words, machine.clock_ms))
          << words[0] << ' ' << words[1] << ", seed " << seed << ", command " << i;
    }
  }
}

TEST(RandomHistory, TheIncrementalHashIsTheRecomputedOne) {
  for (const std::uint64_t seed : kSeeds) {
    Machine machine;
    int applied = 0;
    for (const Bytes& payload : random_payloads(seed)) {
      machine.apply(payload);
      if (++applied % 97 == 0) {
        ASSERT_TRUE(machine.hash_is_exact()) << "seed " << seed << ", entry " << applied;
      }
    }
    EXPECT_TRUE(machine.hash_is_exact()) << "seed " << seed;
    std::uint64_t keys = 0;
    machine.table.scan(Space::kData, "", [&](BytesView, BytesView) { return ++keys > 0; });
    EXPECT_EQ(machine.state.key_count(), keys);
    expect_elements_of_streams_only(machine);
  }
}

// A batch ends with a checkpoint and a restore: where batches end must not reach any byte.
TEST(RandomHistory, WhereBatchesEndReachesNoByte) {
  for (const std::uint64_t seed : kSeeds) {
    const std::vector<Bytes> payloads = random_payloads(seed);
    Machine whole;
    std::vector<Reply> replies;
    replies.reserve(payloads.size());
    for (const Bytes& payload : payloads) replies.push_back(whole.apply(payload));

    Random random(seed + 1000);
    MapTable table;
    auto state = std::make_unique<StateMachine>(table);
    state->apply_genesis({.index = Index(1), .term = Term(1)}, test_key(), "genesis");
    for (std::size_t i = 0; i < payloads.size(); ++i) {
      if (random.chance(1, 50)) {
        Bytes meta;
        state->encode_meta(meta);
        state = std::make_unique<StateMachine>(table);
        ASSERT_TRUE(state->restore(meta));
      }
      const Reply reply =
          state->apply({.index = state->applied().next(), .term = Term(1)}, payloads[i]);
      ASSERT_EQ(reply, replies[i]) << "seed " << seed << ", entry " << i;
    }
    EXPECT_EQ(table, whole.table) << "seed " << seed;
    EXPECT_EQ(state->digests(), whole.state.digests()) << "seed " << seed;
    EXPECT_EQ(state->full_digest(), whole.state.full_digest()) << "seed " << seed;
  }
}

TEST(RandomHistory, TheExpiryIndexIsExact) {
  for (const std::uint64_t seed : kSeeds) {
    Machine machine;
    for (const Bytes& payload : random_payloads(seed)) machine.apply(payload);
    // Far in the future nothing that expires is left, and nothing that stays is gone.
    std::uint64_t staying = 0;
    machine.table.scan(Space::kData, "", [&](BytesView key, BytesView) {
      Bytes encoded;
      EXPECT_TRUE(encode_words({"PTTL", std::string(key)}, encoded));
      if (shown(machine.state.read(encoded, 0)) == "-1") ++staying;
      return true;
    });
    machine.clock_ms = machine.state.cluster_time() + WallMillis{30} * 24 * 3'600'000;
    for (int i = 0; i < 5; ++i) machine.pass(0);
    EXPECT_EQ(machine.state.key_count(), staying) << "seed " << seed;
    EXPECT_EQ(machine.state.session_count(), 0U) << "seed " << seed;
    EXPECT_EQ(machine.state.next_expiry(), std::nullopt) << "seed " << seed;
    EXPECT_TRUE(machine.hash_is_exact()) << "seed " << seed;
  }
}

}  // namespace
}  // namespace kvcluster::kv
