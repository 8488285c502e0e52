#include "client/reply_text.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <utility>
#include <variant>
#include <vector>

namespace kvcluster::client {
namespace {

using Json = nlohmann::ordered_json;
using Pairs = std::vector<std::pair<kv::Reply, kv::Reply>>;

template <typename... Cases>
struct Match : Cases... {
  using Cases::operator()...;
};

Pairs pairs_of(const std::vector<kv::Reply>& items) {
  Pairs pairs;
  for (std::size_t at = 0; at + 1 < items.size(); at += 2) {
    pairs.emplace_back(items[at], items[at + 1]);
  }
  return pairs;
}

bool is_container(const kv::Reply& reply) {
  return std::holds_alternative<kv::Array>(reply.value) ||
         std::holds_alternative<kv::Map>(reply.value);
}

void write(const kv::Reply& reply, Shape shape, std::string indent, std::string& out);

void write_pairs(const Pairs& pairs, const std::string& indent, std::string& out) {
  for (const auto& [name, value] : pairs) {
    if (&name != &pairs.front().first) out += '\n';
    out += indent;
    write(name, Shape::kPlain, "", out);
    out += is_container(value) ? ":\n" : ": ";
    write(value, Shape::kPlain, is_container(value) ? indent + "  " : "", out);
  }
}

// Items that are containers themselves stand on one line each: "key value revision".
void write_items(const std::vector<kv::Reply>& items, const std::string& indent, std::string& out) {
  for (std::size_t at = 0; at < items.size(); ++at) {
    if (at > 0) out += '\n';
    const auto* row = std::get_if<kv::Array>(&items[at].value);
    if (row == nullptr) {
      write(items[at], Shape::kPlain, indent, out);
      continue;
    }
    out += indent;
    for (std::size_t cell = 0; cell < row->items.size(); ++cell) {
      if (cell > 0) out += ' ';
      write(row->items[cell], Shape::kPlain, "", out);
    }
  }
}

void write(const kv::Reply& reply, Shape shape, std::string indent, std::string& out) {
  std::visit(Match{[&](const kv::Nil&) { out += indent + "(nil)"; },
                   [&](const kv::SimpleString& text) { out += indent + text.text; },
                   [&](const kv::ErrorReply& error) { out += indent + "(error) " + error.text; },
                   [&](std::int64_t number) { out += indent + std::to_string(number); },
                   [&](bool flag) { out += indent + (flag ? "true" : "false"); },
                   [&](double number) { out += indent + fmt::format("{}", number); },
                   [&](const kv::BulkString& bulk) { out += indent + bulk.bytes; },
                   [&](const kv::Array& array) {
                     if (array.items.empty()) out += indent + "(empty)";
                     if (shape == Shape::kPairs) {
                       write_pairs(pairs_of(array.items), indent, out);
                     } else {
                       write_items(array.items, indent, out);
                     }
                   },
                   [&](const kv::Map& map) {
                     if (map.items.empty()) out += indent + "(empty)";
                     write_pairs(map.items, indent, out);
                   }},
             reply.value);
}

bool is_utf8(const std::string& bytes) {
  // dump() in strict mode is the library's own check.
  try {
    (void)Json(bytes).dump();
    return true;
  } catch (const Json::type_error&) {
    return false;
  }
}

Json json_of(const std::string& bytes) {
  if (is_utf8(bytes)) return bytes;
  std::string hex;
  for (const char byte : bytes) hex += fmt::format("{:02x}", static_cast<unsigned char>(byte));
  return {{"hex", hex}};
}

std::string name_of(const kv::Reply& reply) { return to_text(reply, Shape::kPlain); }

Json json_of(const kv::Reply& reply, Shape shape);

Json json_of(const Pairs& pairs) {
  Json object = Json::object();
  for (const auto& [name, value] : pairs) object[name_of(name)] = json_of(value, Shape::kPlain);
  return object;
}

Json json_of(const kv::Reply& reply, Shape shape) {
  return std::visit(
      Match{[](const kv::Nil&) -> Json { return nullptr; },
            [](const kv::SimpleString& text) -> Json { return json_of(text.text); },
            [](const kv::ErrorReply& error) -> Json { return {{"error", json_of(error.text)}}; },
            [](std::int64_t number) -> Json { return number; },
            [](bool flag) -> Json { return flag; }, [](double number) -> Json { return number; },
            [](const kv::BulkString& bulk) -> Json { return json_of(bulk.bytes); },
            [shape](const kv::Array& array) -> Json {
              if (shape == Shape::kPairs) return json_of(pairs_of(array.items));
              Json list = Json::array();
              for (const auto& item : array.items) {
                list.push_back(json_of(item, Shape::kPlain));
              }
              return list;
            },
            [](const kv::Map& map) -> Json { return json_of(map.items); }},
      reply.value);
}

}  // namespace

std::string to_text(const kv::Reply& reply, Shape shape) {
  std::string out;
  write(reply, shape, "", out);
  return out;
}

std::string to_json(const kv::Reply& reply, Shape shape) {
  const Json line = {{"ok", true}, {"result", json_of(reply, shape)}};
  return line.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string error_json(const std::string& outcome, const std::string& error) {
  const Json line = {{"ok", false}, {"outcome", outcome}, {"error", error}};
  return line.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace kvcluster::client
