#include "client/kv_client_commands.hpp"

#include <CLI/CLI.hpp>
#include <memory>
#include <utility>

#include "base/check.hpp"

namespace kvcluster::client {
namespace {

// What the options and words of all subcommands are parsed into; only one subcommand is parsed.
struct Words {
  std::string key;
  std::string value;
  std::string revision;
  std::string end;
  std::vector<std::string> many;
  std::string number;
  std::string by = "1";
  std::string limit;
  bool with_revision = false;
};

using WordsPtr = std::shared_ptr<Words>;

Request read(std::vector<std::string> args, Shape shape = Shape::kPlain) {
  return {.args = std::move(args), .repeat = Repeat::kSafe, .shape = shape};
}

Request write(std::vector<std::string> args) {
  return {.args = std::move(args), .repeat = Repeat::kNever, .is_write = true};
}

std::vector<std::string> with(std::string name, const std::vector<std::string>& rest) {
  std::vector<std::string> args{std::move(name)};
  args.insert(args.end(), rest.begin(), rest.end());
  return args;
}

void add_writes(CLI::App& app, const WordsPtr& words, Request& chosen) {
  auto* put = app.add_subcommand("put", "Store VALUE under KEY");
  put->add_option("key", words->key, "1 to 511 bytes")->required();
  put->add_option("value", words->value, "the bytes to store")->required();
  put->add_option("--ttl-ms", words->number, "forget it after so many milliseconds")
      ->check(CLI::PositiveNumber);
  put->callback([words, &chosen] {
    chosen = write({"SET", words->key, words->value});
    if (!words->number.empty()) {
      chosen.args.emplace_back("PX");
      chosen.args.push_back(words->number);
    }
  });

  auto* del = app.add_subcommand("del", "Delete keys; prints how many there were");
  del->add_option("keys", words->many, "one or more")->required();
  del->callback([words, &chosen] {
    chosen = write(with("DEL", words->many));
    chosen.zero_is_not_found = true;
  });

  auto* incr = app.add_subcommand("incr", "Add to the integer under KEY; prints the sum");
  incr->add_option("key", words->key)->required();
  incr->add_option("by", words->by, "what to add")->capture_default_str();
  incr->callback([words, &chosen] { chosen = write({"INCRBY", words->key, words->by}); });

  auto* cas = app.add_subcommand("cas", "Store VALUE only if KEY is at REVISION (0: is missing)");
  cas->add_option("key", words->key)->required();
  cas->add_option("revision", words->revision, "as `get --revision` shows it")->required();
  cas->add_option("value", words->value)->required();
  cas->callback(
      [words, &chosen] { chosen = write({"KV.CAS", words->key, words->revision, words->value}); });

  auto* expire = app.add_subcommand("expire", "Forget KEY after so many milliseconds");
  expire->add_option("key", words->key)->required();
  expire->add_option("ms", words->number)->required();
  expire->callback([words, &chosen] {
    chosen = write({"PEXPIRE", words->key, words->number});
    chosen.zero_is_not_found = true;
  });
}

void add_reads(CLI::App& app, const WordsPtr& words, Request& chosen) {
  auto* get = app.add_subcommand("get", "Print the value under KEY");
  get->add_option("key", words->key)->required();
  get->add_flag("--revision", words->with_revision, "print the revision too, on a second line");
  get->callback(
      [words, &chosen] { chosen = read({words->with_revision ? "KV.GET" : "GET", words->key}); });

  auto* exists = app.add_subcommand("exists", "Print how many of the keys there are");
  exists->add_option("keys", words->many)->required();
  exists->callback([words, &chosen] {
    chosen = read(with("EXISTS", words->many));
    chosen.zero_is_not_found = true;
  });

  auto* ttl = app.add_subcommand("ttl", "Print milliseconds to live (-1: forever, -2: missing)");
  ttl->add_option("key", words->key)->required();
  ttl->callback([words, &chosen] { chosen = read({"PTTL", words->key}); });

  auto* range = app.add_subcommand("range", "Print `key value revision`, by key, START to END");
  range->add_option("start", words->key, "first key")->required();
  range->add_option("end", words->end, "first key beyond (default: to the last)");
  range->add_option("--limit", words->limit, "at most so many")->check(CLI::PositiveNumber);
  range->callback([words, &chosen] {
    chosen = read({"KV.RANGE", words->key, words->end});
    if (!words->limit.empty()) {
      chosen.args.emplace_back("LIMIT");
      chosen.args.push_back(words->limit);
    }
  });
}

void add_node_commands(CLI::App& app, const WordsPtr& words, Request& chosen) {
  const auto add = [&](const char* name, const char* help, const char* command, Shape shape) {
    app.add_subcommand(name, help)->callback([command, shape, &chosen] {
      chosen = read({command}, shape);
    });
  };
  add("ping", "Ask the node for a sign of life", "PING", Shape::kPlain);
  add("status", "Print role, term, indices and members as the node sees them", "KV.STATUS",
      Shape::kPairs);
  add("hash", "Print the node's index and the digests of its log and state there", "KV.HASH",
      Shape::kPairs);
  add("why", "Say in plain words why there is no leader, or why a write waits", "KV.WHY",
      Shape::kPlain);

  auto* raw = app.add_subcommand("raw", "Send any command as it is, never twice");
  raw->add_option("words", words->many, "command and arguments")->required();
  raw->callback([words, &chosen] {
    chosen = {.args = words->many, .repeat = Repeat::kNever, .is_write = true};
  });
}

}  // namespace

void add_commands(CLI::App& app, Request& chosen) {
  auto words = std::make_shared<Words>();
  add_writes(app, words, chosen);
  add_reads(app, words, chosen);
  add_node_commands(app, words, chosen);
}

Request in_session(const Session& session, Request request) {
  KV_CHECK(request.is_write, "only a write needs a session");
  request.args.insert(request.args.begin(),
                      {"KV.ONCE", session.client_id, std::to_string(session.sequence)});
  request.repeat = Repeat::kSafe;
  return request;
}

bool is_not_found(const Request& request, const kv::Reply& reply) {
  if (std::holds_alternative<kv::Nil>(reply.value)) return true;
  const auto* number = std::get_if<std::int64_t>(&reply.value);
  return request.zero_is_not_found && number != nullptr && *number == 0;
}

}  // namespace kvcluster::client
