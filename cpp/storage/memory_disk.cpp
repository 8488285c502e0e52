#include "storage/memory_disk.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/check.hpp"
#include "base/random.hpp"

namespace kvcluster::storage {
namespace {

constexpr std::size_t kSector = 512;

std::string directory_of(const std::string& name) {
  const auto slash = name.rfind('/');
  return slash == std::string::npos ? "" : name.substr(0, slash);
}

}  // namespace

struct MemoryDisk::Inode {
  bool is_directory = false;
  Bytes live;
  Bytes durable;
  // Sectors in which the two may differ.
  std::set<std::size_t> dirty;

  void touch(std::size_t from, std::size_t to) {
    for (std::size_t sector = from / kSector; sector * kSector < to; ++sector) {
      dirty.insert(dirty.end(), sector);
    }
  }
  void write(std::size_t offset, BytesView bytes) {
    if (live.size() < offset + bytes.size()) {
      touch(live.size(), offset);
      live.resize(offset + bytes.size(), '\0');
    }
    live.replace(offset, bytes.size(), bytes);
    touch(offset, offset + bytes.size());
  }
  void sync() {
    durable.resize(live.size(), '\0');
    for (const std::size_t sector : dirty) {
      const std::size_t at = sector * kSector;
      if (at >= live.size()) continue;
      durable.replace(at, std::min(kSector, live.size() - at), live, at,
                      std::min(kSector, live.size() - at));
    }
    dirty.clear();
  }
  // The pages count as clean, but they never reached the disk.
  void lose_sync() { dirty.clear(); }

  void crash(Random& random) {
    if (live.size() != durable.size() && random.chance(1, 2)) {
      durable.resize(live.size(), '\0');  // the new size was written, its bytes perhaps not
    }
    for (const std::size_t sector : dirty) {
      const std::size_t at = sector * kSector;
      if (at >= durable.size()) continue;
      const std::size_t size = std::min({kSector, durable.size() - at, live.size() - at});
      const std::uint64_t fate = random.below(3);
      const std::size_t kept =
          fate == 0 ? 0 : (fate == 1 ? size : static_cast<std::size_t>(random.below(size + 1)));
      durable.replace(at, kept, live, at, kept);
    }
    live = durable;
    dirty.clear();
  }
};

// What the disk and its open files share.
struct MemoryDisk::Controls {
  std::uint64_t operations = 0;
  std::map<std::uint64_t, ErrorCode> failures;
  std::uint64_t stopped_from = UINT64_MAX;
  std::uint64_t capacity = UINT64_MAX;
  std::uint64_t used = 0;
  std::uint64_t restarts = 0;

  // Counts one operation; the error that was injected for it.
  std::optional<Error> begin(const std::string& name) {
    const std::uint64_t number = operations++;
    if (number >= stopped_from) {
      return Error{ErrorCode::kIo, fmt::format("{}: the power is off", name)};
    }
    const auto failure = failures.find(number);
    if (failure == failures.end()) return std::nullopt;
    const ErrorCode code = failure->second;
    failures.erase(failure);
    return Error{code, fmt::format("{}: injected failure at operation {}", name, number)};
  }
  [[nodiscard]] bool powered() const { return operations <= stopped_from; }
};

class MemoryDisk::OpenFile final : public File {
 public:
  OpenFile(std::shared_ptr<Controls> controls, std::shared_ptr<Inode> inode, std::string name)
      : controls_(std::move(controls)),
        inode_(std::move(inode)),
        name_(std::move(name)),
        opened_in_(controls_->restarts) {}

  Result<std::size_t> read_at(std::uint64_t offset, std::span<char> out) override {
    KV_TRY(check_open());
    if (offset >= inode_->live.size()) return std::size_t{0};
    const std::size_t count = std::min(out.size(), inode_->live.size() - offset);
    inode_->live.copy(out.data(), count, static_cast<std::size_t>(offset));
    return count;
  }

  Status write_at(std::uint64_t offset, BytesView bytes) override {
    KV_TRY(check_open());
    const auto at = static_cast<std::size_t>(offset);
    if (auto error = controls_->begin(name_)) {
      const std::size_t part = std::min(bytes.size() / 2, room(at));
      if (controls_->powered() && part > 0) write(at, bytes.substr(0, part));
      return std::unexpected(std::move(*error));
    }
    const std::size_t fits = std::min(bytes.size(), room(at));
    if (fits > 0) write(at, bytes.substr(0, fits));
    if (fits < bytes.size()) {
      return fail(ErrorCode::kDiskFull, fmt::format("cannot write {}: no room", name_));
    }
    return {};
  }

  Status sync_data() override {
    KV_TRY(check_open());
    if (auto error = controls_->begin(name_)) {
      if (controls_->powered()) inode_->lose_sync();
      return std::unexpected(std::move(*error));
    }
    inode_->sync();
    return {};
  }

  Result<std::uint64_t> size() const override {
    KV_TRY(check_open());
    return inode_->live.size();
  }

  Status fill_zero(std::uint64_t from, std::uint64_t to) override {
    if (from >= to) return {};
    return write_at(from, Bytes(static_cast<std::size_t>(to - from), '\0'));
  }

 private:
  [[nodiscard]] Status check_open() const {
    if (opened_in_ == controls_->restarts) return {};
    return fail(ErrorCode::kIo, fmt::format("{}: opened before the crash", name_));
  }
  // How many bytes can be written at `offset`.
  [[nodiscard]] std::size_t room(std::size_t offset) const {
    const std::uint64_t free = controls_->capacity - std::min(controls_->capacity, controls_->used);
    const std::uint64_t reach = inode_->live.size() + std::min(free, UINT64_MAX / 2);
    return offset < reach ? static_cast<std::size_t>(reach - offset) : 0;
  }
  void write(std::size_t offset, BytesView bytes) {
    const std::size_t before = inode_->live.size();
    inode_->write(offset, bytes);
    controls_->used += inode_->live.size() - before;
  }

  std::shared_ptr<Controls> controls_;
  std::shared_ptr<Inode> inode_;
  std::string name_;
  std::uint64_t opened_in_;
};

MemoryDisk::MemoryDisk() : controls_(std::make_shared<Controls>()) {}
MemoryDisk::~MemoryDisk() = default;

void MemoryDisk::set_name(const std::string& name, std::shared_ptr<Inode> inode, bool with_next) {
  if (inode) {
    live_[name] = inode;
  } else {
    live_.erase(name);
  }
  changes_.push_back({directory_of(name), name, std::move(inode), with_next});
}

Result<std::unique_ptr<File>> MemoryDisk::open(const std::string& name, OpenMode mode) {
  auto found = live_.find(name);
  if (mode == OpenMode::kExisting) {
    if (found == live_.end()) {
      return fail(ErrorCode::kNotFound, fmt::format("cannot open {}: no such file", name));
    }
    return std::make_unique<OpenFile>(controls_, found->second, name);
  }
  if (auto error = controls_->begin(name)) return std::unexpected(std::move(*error));
  const std::string directory = directory_of(name);
  if (!directory.empty() && !live_.contains(directory)) {
    return fail(ErrorCode::kNotFound, fmt::format("cannot make {}: no such directory", name));
  }
  if (found != live_.end()) controls_->used -= found->second->live.size();
  set_name(name, std::make_shared<Inode>());
  return std::make_unique<OpenFile>(controls_, live_.at(name), name);
}

Status MemoryDisk::rename(const std::string& from, const std::string& to) {
  if (auto error = controls_->begin(from)) return std::unexpected(std::move(*error));
  const auto found = live_.find(from);
  if (found == live_.end()) {
    return fail(ErrorCode::kNotFound, fmt::format("cannot rename {}: no such file", from));
  }
  if (const auto old = live_.find(to); old != live_.end()) {
    controls_->used -= old->second->live.size();
  }
  const std::shared_ptr<Inode> inode = found->second;
  set_name(to, inode, /*with_next=*/true);
  set_name(from, nullptr);
  return {};
}

Status MemoryDisk::remove(const std::string& name) {
  if (auto error = controls_->begin(name)) return std::unexpected(std::move(*error));
  const auto found = live_.find(name);
  if (found == live_.end()) return {};
  controls_->used -= found->second->live.size();
  set_name(name, nullptr);
  return {};
}

Result<std::vector<std::string>> MemoryDisk::list(const std::string& directory) {
  if (!directory.empty() && !live_.contains(directory)) {
    return fail(ErrorCode::kNotFound, fmt::format("cannot list {}: no such directory", directory));
  }
  std::vector<std::string> names;
  for (const auto& [name, inode] : live_) {
    if (directory_of(name) != directory) continue;
    names.push_back(directory.empty() ? name : name.substr(directory.size() + 1));
  }
  return names;
}

Status MemoryDisk::sync_directory(const std::string& directory) {
  if (auto error = controls_->begin(directory)) return std::unexpected(std::move(*error));
  std::erase_if(changes_, [&](const NameChange& change) {
    if (change.directory != directory) return false;
    if (change.inode) {
      durable_[change.name] = change.inode;
    } else {
      durable_.erase(change.name);
    }
    return true;
  });
  return {};
}

Status MemoryDisk::make_directory(const std::string& name) {
  if (auto error = controls_->begin(name)) return std::unexpected(std::move(*error));
  if (live_.contains(name)) return {};
  auto inode = std::make_shared<Inode>();
  inode->is_directory = true;
  set_name(name, std::move(inode));
  return {};
}

Result<bool> MemoryDisk::exists(const std::string& name) { return live_.contains(name); }

void MemoryDisk::crash(std::uint64_t seed) {
  Random random(seed);
  auto survivors = static_cast<std::size_t>(random.below(changes_.size() + 1));
  while (survivors > 0 && changes_[survivors - 1].with_next) --survivors;
  for (std::size_t i = 0; i < survivors; ++i) {
    if (changes_[i].inode) {
      durable_[changes_[i].name] = changes_[i].inode;
    } else {
      durable_.erase(changes_[i].name);
    }
  }
  std::set<const Inode*> crashed;  // membership only
  for (const auto& [name, inode] : durable_) {
    if (crashed.insert(inode.get()).second) inode->crash(random);
  }
  live_ = durable_;
  restart();
}

void MemoryDisk::crash_losing_nothing() { restart(); }

void MemoryDisk::wipe() {
  live_.clear();
  restart();
  controls_->operations = 0;
  controls_->capacity = UINT64_MAX;
}

void MemoryDisk::restart() {
  changes_.clear();
  durable_ = live_;
  ++controls_->restarts;
  controls_->failures.clear();
  controls_->stopped_from = UINT64_MAX;
  controls_->used = 0;
  for (const auto& [name, inode] : live_) {
    inode->sync();
    controls_->used += inode->live.size();
  }
}

std::uint64_t MemoryDisk::operations() const { return controls_->operations; }

void MemoryDisk::fail_at(std::uint64_t operation, ErrorCode code) {
  controls_->failures[operation] = code;
}

void MemoryDisk::forget_failures() { controls_->failures.clear(); }

void MemoryDisk::fail_from(std::uint64_t operation) { controls_->stopped_from = operation; }

void MemoryDisk::set_capacity(std::uint64_t bytes) { controls_->capacity = bytes; }

void MemoryDisk::flip_bit(const std::string& name, std::uint64_t offset, unsigned bit) {
  const auto at = static_cast<std::size_t>(offset);
  const char byte = static_cast<char>(static_cast<unsigned char>(live_.at(name)->live.at(at)) ^
                                      (1U << (bit % 8)));
  overwrite(name, offset, BytesView(&byte, 1));
}

void MemoryDisk::overwrite(const std::string& name, std::uint64_t offset, BytesView bytes) {
  Inode& inode = *live_.at(name);
  const auto at = static_cast<std::size_t>(offset);
  KV_CHECK(at + bytes.size() <= inode.live.size(), "only bytes that exist can be damaged");
  inode.live.replace(at, bytes.size(), bytes);
  if (at + bytes.size() <= inode.durable.size()) inode.durable.replace(at, bytes.size(), bytes);
}

const Bytes& MemoryDisk::contents(const std::string& name) const { return live_.at(name)->live; }

std::unique_ptr<MemoryDisk> MemoryDisk::clone() const {
  auto copy = std::make_unique<MemoryDisk>();
  copy->controls_->operations = controls_->operations;
  copy->controls_->capacity = controls_->capacity;
  copy->controls_->used = controls_->used;
  std::map<const Inode*, std::shared_ptr<Inode>> copies;  // looked up only
  const auto copy_of = [&](const std::shared_ptr<Inode>& inode) -> std::shared_ptr<Inode> {
    if (!inode) return nullptr;
    auto& made = copies[inode.get()];
    if (!made) made = std::make_shared<Inode>(*inode);
    return made;
  };
  for (const auto& [name, inode] : live_) copy->live_[name] = copy_of(inode);
  for (const auto& [name, inode] : durable_) copy->durable_[name] = copy_of(inode);
  for (const NameChange& change : changes_) {
    copy->changes_.push_back(
        {change.directory, change.name, copy_of(change.inode), change.with_next});
  }
  return copy;
}

}  // namespace kvcluster::storage
