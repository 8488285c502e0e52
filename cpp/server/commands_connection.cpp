#include "server/commands_connection.hpp"

#include <fmt/format.h>
#include <openssl/crypto.h>

#include <algorithm>
#include <string>

#include "base/digest.hpp"
#include "wire/decimal.hpp"

namespace kvcluster::server {
namespace {

using kv::Reply;

constexpr const char* kWrongPass = "WRONGPASS invalid username-password pair or user is disabled.";
constexpr std::size_t kMaxNameBytes = 256;

// Takes as long for a near miss as for a wild guess: digests of one length are compared.
bool same_secret(BytesView given, BytesView expected) {
  const Digest a = blake2b_256(given);
  const Digest b = blake2b_256(expected);
  return CRYPTO_memcmp(a.bytes.data(), b.bytes.data(), a.bytes.size()) == 0;
}

// There is one user, "default". False: counted as a failure.
bool authenticate(const LocalCall& call, BytesView user, BytesView password) {
  const std::string& expected = call.context.options.password;
  const bool known = expected.empty() || same_secret(password, expected);
  if (known && user == "default") {
    call.client.authenticated = true;
    return true;
  }
  ++call.context.counters.auth_failures;
  return false;
}

// Printable and without blanks, so that CLIENT INFO stays one line of fields.
bool valid_name(BytesView name) {
  return name.size() <= kMaxNameBytes &&
         std::ranges::all_of(name, [](char c) { return c > ' ' && c < 0x7F; });
}

Reply invalid_name(BytesView what) {
  return Reply::error(fmt::format(
      "ERR {} cannot contain spaces, newlines or special characters, nor be longer than {} bytes",
      what, kMaxNameBytes));
}

Reply client_info(const LocalCall& call) {
  const ClientState& client = call.client;
  const auto age =
      std::chrono::duration_cast<std::chrono::seconds>(call.context.view.now() - client.since);
  return Reply::bulk(fmt::format(
      "id={} addr={} laddr={} name={} age={} flags={} db=0 multi={} resp={} lib-name={} "
      "lib-ver={} user=default readonly={} min-index={}\n",
      client.id, client.address, call.context.view.client_address(), client.name, age.count(),
      client.readonly ? "r" : "N", client.in_transaction ? 0 : -1, static_cast<int>(client.version),
      client.library_name, client.library_version, client.readonly ? 1 : 0,
      client.min_index.value()));
}

Reply client_set_info(const LocalCall& call) {
  const BytesView value = call.args[3];
  if (!valid_name(value)) return invalid_name(call.args[2]);
  if (equals_ignoring_case(call.args[2], "lib-name")) {
    call.client.library_name = value;
  } else if (equals_ignoring_case(call.args[2], "lib-ver")) {
    call.client.library_version = value;
  } else {
    return Reply::error(fmt::format("ERR Unrecognized option '{}'", call.args[2].substr(0, 128)));
  }
  return Reply::ok();
}

Reply hello_map(const LocalCall& call) {
  const bool leads = call.context.view.leads();
  const bool redirects = call.context.options.follower_mode == FollowerMode::kRedirect;
  return Reply::map({
      {Reply::bulk("server"), Reply::bulk("kvcluster")},
      {Reply::bulk("version"), Reply::bulk(KVCLUSTER_VERSION)},
      {Reply::bulk("proto"), Reply::integer(static_cast<int>(call.client.version))},
      {Reply::bulk("id"), Reply::integer(static_cast<std::int64_t>(call.client.id))},
      {Reply::bulk("mode"), Reply::bulk(redirects ? "cluster" : "standalone")},
      {Reply::bulk("role"), Reply::bulk(leads ? "master" : "replica")},
      {Reply::bulk("modules"), Reply::array({})},
  });
}

}  // namespace

Reply run_auth(const LocalCall& call) {
  if (call.args.size() > 3) return Reply::error("ERR syntax error");
  const bool named = call.args.size() == 3;
  if (!named && call.context.options.password.empty()) {
    return Reply::error(
        "ERR AUTH <password> called without any password configured for the default user. Are you "
        "sure your configuration is correct?");
  }
  const BytesView user = named ? call.args[1] : BytesView("default");
  if (!authenticate(call, user, call.args.back())) return Reply::error(kWrongPass);
  return Reply::ok();
}

Reply run_hello(const LocalCall& call) {
  const Args args = call.args;
  wire::RespVersion version = call.client.version;
  if (args.size() >= 2) {
    const auto asked = wire::parse_decimal(args[1]);
    if (!asked) return Reply::error("ERR Protocol version is not an integer or out of range");
    if (*asked != 2 && *asked != 3) return Reply::error("NOPROTO unsupported protocol version");
    version = *asked == 2 ? wire::RespVersion::kResp2 : wire::RespVersion::kResp3;
  }
  BytesView name;
  bool named = false;
  for (std::size_t i = 2; i < args.size();) {
    if (equals_ignoring_case(args[i], "auth") && i + 2 < args.size()) {
      if (!authenticate(call, args[i + 1], args[i + 2])) return Reply::error(kWrongPass);
      i += 3;
    } else if (equals_ignoring_case(args[i], "setname") && i + 1 < args.size()) {
      name = args[i + 1];
      named = true;
      i += 2;
    } else {
      return Reply::error(
          fmt::format("ERR Syntax error in HELLO option '{}'", args[i].substr(0, 128)));
    }
  }
  if (!call.client.authenticated) {
    return Reply::error(
        "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO "
        "<proto> AUTH <user> <pass> option can be used to authenticate the client and select the "
        "RESP protocol version at the same time");
  }
  if (named && !valid_name(name)) return invalid_name("Client names");
  if (named) call.client.name = name;
  call.client.version = version;
  return hello_map(call);
}

Reply run_ping(const LocalCall& call) {
  if (call.args.size() > 2) return wrong_arity("ping");
  return call.args.size() == 2 ? Reply::bulk(call.args[1]) : Reply::simple("PONG");
}

Reply run_echo(const LocalCall& call) { return Reply::bulk(call.args[1]); }

Reply run_quit(const LocalCall& call) {
  call.client.closing = true;
  return Reply::ok();
}

Reply run_select(const LocalCall& call) {
  const auto database = wire::parse_decimal(call.args[1]);
  if (!database) return Reply::error("ERR value is not an integer or out of range");
  if (*database != 0) return Reply::error("ERR DB index is out of range");
  return Reply::ok();
}

Reply run_readonly(const LocalCall& call) {
  call.client.readonly = true;
  return Reply::ok();
}

Reply run_readwrite(const LocalCall& call) {
  call.client.readonly = false;
  return Reply::ok();
}

Reply run_min_index(const LocalCall& call) {
  const auto index = wire::parse_decimal(call.args[1]);
  if (!index || *index < 0) return Reply::error("ERR value is not an integer or out of range");
  call.client.min_index = Index(static_cast<std::uint64_t>(*index));
  return Reply::ok();
}

Reply run_client(const LocalCall& call) {
  struct Subcommand {
    BytesView name;
    std::size_t args;
    Reply (*run)(const LocalCall&);
  };
  static constexpr Subcommand kSubcommands[] = {
      {"getname", 2,
       [](const LocalCall& c) {
         return c.client.name.empty() ? Reply::nil() : Reply::bulk(c.client.name);
       }},
      {"id", 2,
       [](const LocalCall& c) { return Reply::integer(static_cast<std::int64_t>(c.client.id)); }},
      {"info", 2, client_info},
      {"setinfo", 4, client_set_info},
      {"setname", 3,
       [](const LocalCall& c) {
         if (!valid_name(c.args[2])) return invalid_name("Client names");
         c.client.name = c.args[2];
         return Reply::ok();
       }},
  };
  for (const Subcommand& subcommand : kSubcommands) {
    if (!equals_ignoring_case(call.args[1], subcommand.name)) continue;
    if (call.args.size() != subcommand.args) {
      return wrong_arity(fmt::format("client|{}", subcommand.name));
    }
    return subcommand.run(call);
  }
  return unknown_subcommand("CLIENT", call.args[1], names_of(kSubcommands));
}

}  // namespace kvcluster::server
