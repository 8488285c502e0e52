#include "server/node_log.hpp"

#include <fmt/format.h>
#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <array>
#include <nlohmann/json.hpp>
#include <utility>

namespace kvcluster::server {

namespace {

constexpr std::array kLevels = {
    std::pair{std::string_view("trace"), spdlog::level::trace},
    std::pair{std::string_view("debug"), spdlog::level::debug},
    std::pair{std::string_view("info"), spdlog::level::info},
    std::pair{std::string_view("warn"), spdlog::level::warn},
    std::pair{std::string_view("error"), spdlog::level::err},
    std::pair{std::string_view("critical"), spdlog::level::critical},
    std::pair{std::string_view("off"), spdlog::level::off},
};

spdlog::level::level_enum spdlog_level(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarn:
      return spdlog::level::warn;
    case LogLevel::kError:
      return spdlog::level::err;
    case LogLevel::kCritical:
      break;
  }
  return spdlog::level::critical;
}

// Text that came from outside must not start a line of its own.
void append_on_one_line(std::string& out, std::string_view text) {
  for (const char c : text) {
    out.push_back(static_cast<unsigned char>(c) < 0x20 ? ' ' : c);
  }
}

std::string as_text(std::string_view sentence, std::initializer_list<LogField> fields) {
  std::string line;
  append_on_one_line(line, sentence);
  for (const LogField& field : fields) {
    line.append(" ").append(field.key).append("=");
    if (const auto* number = std::get_if<std::uint64_t>(&field.value)) {
      fmt::format_to(std::back_inserter(line), "{}", *number);
    } else {
      const auto text = std::get<std::string_view>(field.value);
      const bool quote = text.empty() || text.find(' ') != std::string_view::npos;
      if (quote) line.push_back('"');
      append_on_one_line(line, text);
      if (quote) line.push_back('"');
    }
  }
  return line;
}

// The members after time and level, which the pattern writes.
std::string as_json(NodeId node, std::string_view sentence,
                    std::initializer_list<LogField> fields) {
  nlohmann::ordered_json object;
  object["node"] = node.value();
  object["message"] = sentence;
  for (const LogField& field : fields) {
    if (const auto* number = std::get_if<std::uint64_t>(&field.value)) {
      object[std::string(field.key)] = *number;
    } else {
      object[std::string(field.key)] = std::get<std::string_view>(field.value);
    }
  }
  // Bytes that are no UTF-8 are replaced: a log line must never throw.
  return object.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace).substr(1);
}

Result<spdlog::sink_ptr> make_sink(const NodeOptions& options) {
  if (options.log_file.empty()) return std::make_shared<spdlog::sinks::stderr_sink_mt>();
  try {
    return std::make_shared<spdlog::sinks::basic_file_sink_mt>(options.log_file);
  } catch (const spdlog::spdlog_ex& error) {
    return fail(ErrorCode::kIo, std::string("cannot open the log file: ") + error.what());
  }
}

}  // namespace

Result<std::shared_ptr<NodeLog>> NodeLog::open(const NodeOptions& options) {
  auto level = spdlog::level::n_levels;
  for (const auto& [name, value] : kLevels) {
    if (name == options.log_level) level = value;
  }
  if (level == spdlog::level::n_levels) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("'{}' is no log level; use one of trace, debug, info, warn, error, "
                            "critical, off",
                            options.log_level));
  }
  auto sink = make_sink(options);
  if (!sink) return std::unexpected(std::move(sink).error());
  auto logger = std::make_shared<spdlog::logger>(fmt::format("node {}", options.id.value()),
                                                 std::move(*sink));
  logger->set_level(level);
  logger->flush_on(spdlog::level::info);
  const char* pattern = options.log_format == LogFormat::kJson
                            ? R"({"time":"%Y-%m-%dT%H:%M:%S.%fZ","level":"%l",%v)"
                            : "%Y-%m-%dT%H:%M:%S.%fZ %-8l %n: %v";
  logger->set_formatter(
      std::make_unique<spdlog::pattern_formatter>(pattern, spdlog::pattern_time_type::utc));
  return std::shared_ptr<NodeLog>(new NodeLog(std::move(logger), options.id, options.log_format));
}

NodeLog::NodeLog(std::shared_ptr<spdlog::logger> logger, NodeId node, LogFormat format)
    : logger_(std::move(logger)), node_(node), format_(format) {}

NodeLog::~NodeLog() = default;

bool NodeLog::wants(LogLevel level) const { return logger_->should_log(spdlog_level(level)); }

void NodeLog::write(LogLevel level, std::string_view sentence,
                    std::initializer_list<LogField> fields) {
  if (!wants(level)) return;
  logger_->log(spdlog_level(level), format_ == LogFormat::kJson ? as_json(node_, sentence, fields)
                                                                : as_text(sentence, fields));
}

}  // namespace kvcluster::server
