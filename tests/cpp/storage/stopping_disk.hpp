// A disk that stops at a chosen operation: from then on nothing changes any more, as after a kill.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "storage/disk.hpp"

namespace kvcluster::storage::testing {

class StoppingDisk final : public Disk {
 public:
  explicit StoppingDisk(Disk& below, ErrorCode code = ErrorCode::kIo)
      : below_(below), code_(code) {}

  void stop_at(std::uint64_t operation) { stop_at_ = operation; }
  [[nodiscard]] std::uint64_t operations() const { return operations_; }
  [[nodiscard]] bool stopped() const { return operations_ > stop_at_; }

  Result<std::unique_ptr<File>> open(const std::string& name, OpenMode mode) override {
    if (mode == OpenMode::kCreateNew) KV_TRY(go_on());
    auto file = below_.open(name, mode);
    if (!file) return file;
    return std::make_unique<Stoppable>(*this, std::move(*file));
  }
  Status rename(const std::string& from, const std::string& to) override {
    KV_TRY(go_on());
    return below_.rename(from, to);
  }
  Status remove(const std::string& name) override {
    KV_TRY(go_on());
    return below_.remove(name);
  }
  Result<std::vector<std::string>> list(const std::string& directory) override {
    return below_.list(directory);
  }
  Status sync_directory(const std::string& directory) override {
    KV_TRY(go_on());
    return below_.sync_directory(directory);
  }
  Status make_directory(const std::string& name) override {
    KV_TRY(go_on());
    return below_.make_directory(name);
  }
  Result<bool> exists(const std::string& name) override { return below_.exists(name); }

 private:
  class Stoppable final : public File {
   public:
    Stoppable(StoppingDisk& disk, std::unique_ptr<File> file)
        : disk_(disk), file_(std::move(file)) {}
    Result<std::size_t> read_at(std::uint64_t offset, std::span<char> out) override {
      return file_->read_at(offset, out);
    }
    Status write_at(std::uint64_t offset, BytesView bytes) override {
      KV_TRY(disk_.go_on());
      return file_->write_at(offset, bytes);
    }
    Status sync_data() override {
      KV_TRY(disk_.go_on());
      return file_->sync_data();
    }
    Result<std::uint64_t> size() const override { return file_->size(); }
    Status fill_zero(std::uint64_t from, std::uint64_t to) override {
      KV_TRY(disk_.go_on());
      return file_->fill_zero(from, to);
    }

   private:
    StoppingDisk& disk_;
    std::unique_ptr<File> file_;
  };

  Status go_on() {
    if (operations_++ >= stop_at_) return fail(code_, "stopped");
    return {};
  }

  Disk& below_;
  ErrorCode code_;
  std::uint64_t stop_at_ = UINT64_MAX;
  std::uint64_t operations_ = 0;
};

}  // namespace kvcluster::storage::testing
