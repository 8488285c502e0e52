#include "server/command_docs.hpp"

#include <fmt/format.h>

#include <string>
#include <vector>

#include "kv/command_table.hpp"
#include "kv/stream_options.hpp"

namespace kvcluster::server {
namespace {

using kv::CommandSpec;
using kv::Reply;

// What local and data commands have in common.
struct Description {
  BytesView name;
  int arity;
  std::vector<Reply> flags;
  std::vector<Reply> categories;
  int first_key, last_key, key_step;
  BytesView group;
  BytesView summary;
};

Description describe(const CommandSpec& spec) {
  Description made{spec.name,     spec.arity,    {},         {},          spec.first_key,
                   spec.last_key, spec.key_step, spec.group, spec.summary};
  const auto add = [&](CommandSpec::Flag flag, const char* name, const char* category) {
    if (!spec.has(flag)) return;
    made.flags.push_back(Reply::simple(name));
    if (*category != '\0') made.categories.push_back(Reply::simple(category));
  };
  add(CommandSpec::kWrite, "write", "@write");
  add(CommandSpec::kReadonly, "readonly", "@read");
  add(CommandSpec::kDenyOom, "denyoom", "");
  add(CommandSpec::kFast, "fast", "@fast");
  add(CommandSpec::kMovableKeys, "movablekeys", "");
  add(CommandSpec::kBlocking, "blocking", "@blocking");
  return made;
}

Description describe(const LocalCommand& command) {
  Description made{
      command.name,  command.arity,  {}, {}, command.first_key, command.last_key, command.key_step,
      command.group, command.summary};
  made.flags = {Reply::simple("loading"), Reply::simple("stale"), Reply::simple("fast")};
  if (command.before_auth) made.flags.push_back(Reply::simple("no_auth"));
  return made;
}

std::vector<Description> all_commands() {
  std::vector<Description> all;
  for (const CommandSpec& spec : kv::data_commands()) {
    // A local command of the same name stands before a data command.
    if (find_local_command(spec.name) == nullptr) all.push_back(describe(spec));
  }
  for (const LocalCommand& command : local_commands()) all.push_back(describe(command));
  return all;
}

std::optional<Description> find_command(BytesView name) {
  if (const LocalCommand* local = find_local_command(name)) return describe(*local);
  if (const CommandSpec* data = kv::find_data_command(name)) return describe(*data);
  return std::nullopt;
}

// The last three (tips, key specifications, subcommands) may be empty.
Reply info_reply(Description description) {
  return Reply::array({Reply::bulk(description.name), Reply::integer(description.arity),
                       Reply::array(std::move(description.flags)),
                       Reply::integer(description.first_key), Reply::integer(description.last_key),
                       Reply::integer(description.key_step),
                       Reply::array(std::move(description.categories)), Reply::array({}),
                       Reply::array({}), Reply::array({})});
}

std::pair<Reply, Reply> docs_reply(const Description& description) {
  return {Reply::bulk(description.name),
          Reply::map({{Reply::bulk("summary"), Reply::bulk(description.summary)},
                      {Reply::bulk("since"), Reply::bulk("1.0.0")},
                      {Reply::bulk("group"), Reply::bulk(description.group)}})};
}

}  // namespace

Reply all_command_infos() {
  std::vector<Reply> infos;
  for (Description& description : all_commands()) {
    infos.push_back(info_reply(std::move(description)));
  }
  return Reply::array(std::move(infos));
}

Reply command_info(BytesView name) {
  auto found = find_command(name);
  return found ? info_reply(std::move(*found)) : Reply::nil();
}

std::int64_t command_count() { return static_cast<std::int64_t>(all_commands().size()); }

Reply command_docs(Args names) {
  std::vector<std::pair<Reply, Reply>> docs;
  if (names.empty()) {
    for (const Description& description : all_commands()) docs.push_back(docs_reply(description));
  }
  for (const BytesView name : names) {
    if (const auto found = find_command(name)) docs.push_back(docs_reply(*found));
  }
  return Reply::map(std::move(docs));
}

Reply command_keys(Args command) {
  // KV.ONCE client seq <command...>: the keys are those of what it carries.
  if (command.size() > 3 && equals_ignoring_case(command[0], "kv.once")) {
    command = command.subspan(3);
  }
  const auto found = find_command(command[0]);
  if (!found) return Reply::error("ERR Invalid command specified");
  const auto count = static_cast<int>(command.size());
  const bool arity_holds = found->arity >= 0 ? count == found->arity : count >= -found->arity;
  if (!arity_holds) {
    return Reply::error("ERR Invalid number of arguments specified for command");
  }
  if (equals_ignoring_case(command[0], "xread")) {
    const kv::StreamReadKeys at = kv::stream_read_keys(command);
    if (at.count == 0) return Reply::error("ERR The command has no key arguments");
    std::vector<Reply> streams;
    for (const BytesView key : command.subspan(at.first, at.count)) {
      streams.push_back(Reply::bulk(key));
    }
    return Reply::array(std::move(streams));
  }
  if (found->first_key == 0 || found->key_step <= 0) {
    return Reply::error("ERR The command has no key arguments");
  }
  const int last = found->last_key < 0 ? count + found->last_key : found->last_key;
  std::vector<Reply> keys;
  for (int at = found->first_key; at <= last && at < count; at += found->key_step) {
    keys.push_back(Reply::bulk(command[static_cast<std::size_t>(at)]));
  }
  return Reply::array(std::move(keys));
}

}  // namespace kvcluster::server
