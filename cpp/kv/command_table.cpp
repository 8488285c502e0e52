#include "kv/command_table.hpp"

#include <array>

namespace kvcluster::kv {
namespace {

using Spec = CommandSpec;

// Arity, flags and key positions of what Redis has too are as Redis tells them: cluster clients
// route by them.
constexpr Spec kCommands[] = {
    {CommandId::kAppend, "append", 3, Spec::kWrite | Spec::kDenyOom | Spec::kFast, 1, 1, 1,
     "string", "Appends to the value of a key; creates it when missing."},
    {CommandId::kDbsize, "dbsize", 1, Spec::kReadonly | Spec::kFast, 0, 0, 0, "server",
     "The number of keys."},
    {CommandId::kDecr, "decr", 2, Spec::kWrite | Spec::kDenyOom | Spec::kFast, 1, 1, 1, "string",
     "Takes one from the integer under a key."},
    {CommandId::kDecrBy, "decrby", 3, Spec::kWrite | Spec::kDenyOom | Spec::kFast, 1, 1, 1,
     "string", "Takes a number from the integer under a key."},
    {CommandId::kDel, "del", -2, Spec::kWrite, 1, -1, 1, "generic",
     "Deletes keys; how many there were."},
    {CommandId::kExists, "exists", -2, Spec::kReadonly | Spec::kFast, 1, -1, 1, "generic",
     "How many of the keys exist."},
    {CommandId::kExpire, "expire", -3, Spec::kWrite | Spec::kFast, 1, 1, 1, "generic",
     "Lets a key expire after some seconds."},
    {CommandId::kExpireAt, "expireat", -3, Spec::kWrite | Spec::kFast, 1, 1, 1, "generic",
     "Lets a key expire at a Unix time in seconds."},
    {CommandId::kExpireTime, "expiretime", 2, Spec::kReadonly | Spec::kFast, 1, 1, 1, "generic",
     "The Unix time in seconds at which a key expires."},
    {CommandId::kFlushAll, "flushall", -1, Spec::kWrite, 0, 0, 0, "server", "Deletes all keys."},
    {CommandId::kFlushDb, "flushdb", -1, Spec::kWrite, 0, 0, 0, "server", "Deletes all keys."},
    {CommandId::kGet, "get", 2, Spec::kReadonly | Spec::kFast, 1, 1, 1, "string",
     "The value of a key."},
    {CommandId::kGetDel, "getdel", 2, Spec::kWrite | Spec::kFast, 1, 1, 1, "string",
     "The value of a key, which is deleted."},
    {CommandId::kGetEx, "getex", -2, Spec::kWrite | Spec::kFast, 1, 1, 1, "string",
     "The value of a key, whose expiry is changed."},
    {CommandId::kGetRange, "getrange", 4, Spec::kReadonly, 1, 1, 1, "string",
     "A part of the value of a key."},
    {CommandId::kGetSet, "getset", 3, Spec::kWrite | Spec::kDenyOom | Spec::kFast, 1, 1, 1,
     "string", "Sets a key; the value it had."},
    {CommandId::kIncr, "incr", 2, Spec::kWrite | Spec::kDenyOom | Spec::kFast, 1, 1, 1, "string",
     "Adds one to the integer under a key."},
    {CommandId::kIncrBy, "incrby", 3, Spec::kWrite | Spec::kDenyOom | Spec::kFast, 1, 1, 1,
     "string", "Adds a number to the integer under a key."},
    {CommandId::kKeys, "keys", 2, Spec::kReadonly, 0, 0, 0, "generic",
     "The keys that match a pattern, in order."},
    {CommandId::kKvCas, "kv.cas", 4, Spec::kWrite | Spec::kDenyOom | Spec::kFast, 1, 1, 1, "kv",
     "Sets a key if it still has a revision (0: if it is missing); the new revision."},
    {CommandId::kKvGet, "kv.get", 2, Spec::kReadonly | Spec::kFast, 1, 1, 1, "kv",
     "The value and revision of a key."},
    {CommandId::kKvHash, "kv.hash", -1, Spec::kReadonly, 0, 0, 0, "kv",
     "The state hash: index, history, state, keys. FULL: the canonical digest."},
    {CommandId::kKvOnce, "kv.once", -4, Spec::kWrite | Spec::kDenyOom | Spec::kMovableKeys, 0, 0, 0,
     "kv", "Applies a command exactly once for a client and sequence number."},
    {CommandId::kKvRange, "kv.range", -3, Spec::kReadonly, 0, 0, 0, "kv",
     "Keys, values and revisions from start up to end, which is excluded."},
    {CommandId::kMget, "mget", -2, Spec::kReadonly | Spec::kFast, 1, -1, 1, "string",
     "The values of keys."},
    {CommandId::kMset, "mset", -3, Spec::kWrite | Spec::kDenyOom, 1, -1, 2, "string",
     "Sets keys at once."},
    {CommandId::kMsetnx, "msetnx", -3, Spec::kWrite | Spec::kDenyOom, 1, -1, 2, "string",
     "Sets keys at once if none of them exists."},
    {CommandId::kPersist, "persist", 2, Spec::kWrite | Spec::kFast, 1, 1, 1, "generic",
     "Lets a key never expire."},
    {CommandId::kPexpire, "pexpire", -3, Spec::kWrite | Spec::kFast, 1, 1, 1, "generic",
     "Lets a key expire after some milliseconds."},
    {CommandId::kPexpireAt, "pexpireat", -3, Spec::kWrite | Spec::kFast, 1, 1, 1, "generic",
     "Lets a key expire at a Unix time in milliseconds."},
    {CommandId::kPexpireTime, "pexpiretime", 2, Spec::kReadonly | Spec::kFast, 1, 1, 1, "generic",
     "The Unix time in milliseconds at which a key expires."},
    {CommandId::kPsetex, "psetex", 4, Spec::kWrite | Spec::kDenyOom, 1, 1, 1, "string",
     "Sets a key that expires after some milliseconds."},
    {CommandId::kPttl, "pttl", 2, Spec::kReadonly | Spec::kFast, 1, 1, 1, "generic",
     "The milliseconds until a key expires."},
    {CommandId::kSet, "set", -3, Spec::kWrite | Spec::kDenyOom, 1, 1, 1, "string", "Sets a key."},
    {CommandId::kSetex, "setex", 4, Spec::kWrite | Spec::kDenyOom, 1, 1, 1, "string",
     "Sets a key that expires after some seconds."},
    {CommandId::kSetnx, "setnx", 3, Spec::kWrite | Spec::kDenyOom | Spec::kFast, 1, 1, 1, "string",
     "Sets a key if it is missing."},
    {CommandId::kSetRange, "setrange", 4, Spec::kWrite | Spec::kDenyOom, 1, 1, 1, "string",
     "Overwrites a part of the value of a key."},
    {CommandId::kStrlen, "strlen", 2, Spec::kReadonly | Spec::kFast, 1, 1, 1, "string",
     "The length of the value of a key."},
    {CommandId::kTouch, "touch", -2, Spec::kReadonly | Spec::kFast, 1, -1, 1, "generic",
     "How many of the keys exist."},
    {CommandId::kTtl, "ttl", 2, Spec::kReadonly | Spec::kFast, 1, 1, 1, "generic",
     "The seconds until a key expires."},
    {CommandId::kType, "type", 2, Spec::kReadonly | Spec::kFast, 1, 1, 1, "generic",
     "The type of the value of a key."},
    {CommandId::kUnlink, "unlink", -2, Spec::kWrite | Spec::kFast, 1, -1, 1, "generic",
     "Deletes keys; how many there were."},
    {CommandId::kXadd, "xadd", -5, Spec::kWrite | Spec::kDenyOom | Spec::kFast, 1, 1, 1, "stream",
     "Adds a message to a stream; its id, which is the next one."},
    {CommandId::kXinfo, "xinfo", -3, Spec::kReadonly, 2, 2, 1, "stream",
     "XINFO STREAM key: the length of a stream, its first and its last message."},
    {CommandId::kXlen, "xlen", 2, Spec::kReadonly | Spec::kFast, 1, 1, 1, "stream",
     "How many messages a stream holds."},
    {CommandId::kXrange, "xrange", -4, Spec::kReadonly, 1, 1, 1, "stream",
     "The messages of a stream from one id to another."},
    {CommandId::kXread, "xread", -4, Spec::kReadonly | Spec::kBlocking | Spec::kMovableKeys, 0, 0,
     0, "stream", "The messages of streams after an id each; may wait for one."},
    {CommandId::kXrevrange, "xrevrange", -4, Spec::kReadonly, 1, 1, 1, "stream",
     "The messages of a stream from one id back to another."},
    {CommandId::kXtrim, "xtrim", -4, Spec::kWrite, 1, 1, 1, "stream",
     "Forgets the oldest messages of a stream; how many that were."},
};

constexpr char lower(char byte) {
  return byte >= 'A' && byte <= 'Z' ? static_cast<char>(byte - 'A' + 'a') : byte;
}

constexpr bool same_name(BytesView lower_case, BytesView name) {
  if (lower_case.size() != name.size()) return false;
  for (std::size_t i = 0; i < name.size(); ++i) {
    if (lower_case[i] != lower(name[i])) return false;
  }
  return true;
}

constexpr std::size_t kBuckets = 256;

constexpr std::size_t bucket_of(BytesView name) {
  std::uint32_t hash = 2166136261U;  // FNV-1a
  for (const char byte : name) {
    hash = (hash ^ static_cast<std::uint8_t>(lower(byte))) * 16777619U;
  }
  return hash % kBuckets;
}

// Open addressing, filled at compile time: a command is looked up for every request.
constexpr auto kByName = [] {
  std::array<const Spec*, kBuckets> buckets{};
  for (const Spec& spec : kCommands) {
    std::size_t at = bucket_of(spec.name);
    while (buckets[at] != nullptr) at = (at + 1) % kBuckets;
    buckets[at] = &spec;
  }
  return buckets;
}();

constexpr std::size_t kLongestName = 16;

}  // namespace

std::span<const CommandSpec> data_commands() { return kCommands; }

const CommandSpec* find_data_command(BytesView name) {
  if (name.size() > kLongestName) return nullptr;
  for (std::size_t at = bucket_of(name); kByName[at] != nullptr; at = (at + 1) % kBuckets) {
    if (same_name(kByName[at]->name, name)) return kByName[at];
  }
  return nullptr;
}

}  // namespace kvcluster::kv
