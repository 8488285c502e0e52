// The log of one node: one event a line, as a sentence with key=value fields, or as JSON.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <variant>

#include "base/ids.hpp"
#include "base/result.hpp"
#include "server/node_options.hpp"

namespace spdlog {
class logger;  // NOLINT(readability-identifier-naming): spdlog's name
}

namespace kvcluster::server {

enum class LogLevel : std::uint8_t { kDebug, kInfo, kWarn, kError, kCritical };

struct LogField {
  LogField(std::string_view name, std::uint64_t number) : key(name), value(number) {}
  LogField(std::string_view name, std::string_view text) : key(name), value(text) {}
  LogField(std::string_view name, const char* text) : key(name), value(std::string_view(text)) {}
  LogField(std::string_view name, const std::string& text)
      : key(name), value(std::string_view(text)) {}
  template <typename Tag>
  LogField(std::string_view name, StrongId<Tag> id) : key(name), value(id.value()) {}

  std::string_view key;
  std::variant<std::uint64_t, std::string_view> value;
};

// Thread-safety: any thread. A logger of its own, outside spdlog's registry: several nodes may
// live in one process.
class NodeLog {
 public:
  // Errors: kInvalidArgument (level), kIo (the file cannot be opened).
  [[nodiscard]] static Result<std::shared_ptr<NodeLog>> open(const NodeOptions& options);

  ~NodeLog();
  NodeLog(const NodeLog&) = delete;
  NodeLog& operator=(const NodeLog&) = delete;

  [[nodiscard]] bool wants(LogLevel level) const;
  void write(LogLevel level, std::string_view sentence,
             std::initializer_list<LogField> fields = {});

  void debug(std::string_view sentence, std::initializer_list<LogField> fields = {}) {
    write(LogLevel::kDebug, sentence, fields);
  }
  void info(std::string_view sentence, std::initializer_list<LogField> fields = {}) {
    write(LogLevel::kInfo, sentence, fields);
  }
  void warn(std::string_view sentence, std::initializer_list<LogField> fields = {}) {
    write(LogLevel::kWarn, sentence, fields);
  }
  void error(std::string_view sentence, std::initializer_list<LogField> fields = {}) {
    write(LogLevel::kError, sentence, fields);
  }
  void critical(std::string_view sentence, std::initializer_list<LogField> fields = {}) {
    write(LogLevel::kCritical, sentence, fields);
  }

 private:
  NodeLog(std::shared_ptr<spdlog::logger> logger, NodeId node, LogFormat format);

  std::shared_ptr<spdlog::logger> logger_;
  NodeId node_;
  LogFormat format_;
};

}  // namespace kvcluster::server
