#include "storage/page_check.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>
#include <vector>

#include "kv/table.hpp"
#include "storage/environment.hpp"
#include "storage/page_format.hpp"
#include "storage/record_checksum.hpp"

namespace kvcluster::storage {
namespace {

// How far a commit's last page may stand beyond the file: pages that were taken and given back in
// one transaction are never written.
constexpr std::uint64_t kMaxUnwrittenPages = 1U << 18U;
constexpr std::size_t kMinPageBytes = 512;
constexpr std::size_t kMaxPageBytes = 32768;
constexpr std::size_t kLengthOfTheList = 8;

enum class Kind : std::uint8_t { kFree, kMain, kRecords };

class Walk {
 public:
  Walk(File& file, std::string name) : file_(file), name_(std::move(name)) {}

  Result<PageCheck> run() {
    const auto size = file_.size();
    if (!size) return std::unexpected(size.error());
    file_bytes_ = *size;
    auto meta = newest_meta();
    if (!meta) return std::unexpected(std::move(meta).error());
    seen_.assign(static_cast<std::size_t>(meta->last_page) + 1, false);
    KV_TRY(walk(meta->main, Kind::kMain, 0));
    KV_TRY(walk(meta->free, Kind::kFree, 0));
    return check_;
  }

 private:
  struct Tree {
    Kind kind;
    std::uint8_t space;
    lmdb::Database expected;
    lmdb::Database found;
    std::optional<Bytes> last_key;
  };
  struct Bounds {
    std::optional<Bytes> from;   // keys are not below
    std::optional<Bytes> until;  // keys are below
  };

  [[nodiscard]] std::unexpected<Error> damaged(std::uint64_t page, std::string_view what) const {
    return fail(ErrorCode::kCorruption,
                fmt::format("{}, offset {}: page {}: {}", name_, page * page_bytes_, page, what));
  }

  // `count` pages from `page` on.
  Result<Bytes> read(std::uint64_t page, std::uint64_t count = 1) {
    const std::uint64_t offset = page * page_bytes_;
    const std::uint64_t bytes = count * page_bytes_;
    if (offset > file_bytes_ || bytes > file_bytes_ - offset) {
      return damaged(page, "it is not in the file");
    }
    Bytes raw(static_cast<std::size_t>(bytes), '\0');
    const auto got = file_.read_at(offset, raw);
    if (!got) return std::unexpected(got.error());
    if (*got != raw.size()) return damaged(page, "it is not in the file");
    check_.pages += count;
    return raw;
  }

  // As LMDB chooses it: of both, the one of the later transaction.
  Result<lmdb::Meta> newest_meta() {
    std::array<lmdb::Meta, 2> metas;
    page_bytes_ = kMinPageBytes;
    for (std::uint64_t i = 0; i < metas.size(); ++i) {
      auto raw = read(i);
      if (!raw) return std::unexpected(std::move(raw).error());
      metas[i] = lmdb::load_meta(*raw);
      const lmdb::Meta& meta = metas[i];
      const std::uint32_t size = meta.free.pad;
      const bool whole = meta.page == i && meta.kind == lmdb::kMeta && meta.magic == lmdb::kMagic &&
                         meta.version == lmdb::kVersion && size >= kMinPageBytes &&
                         size <= kMaxPageBytes && (size & (size - 1)) == 0 &&
                         (i == 0 || size == metas[0].free.pad);
      if (!whole) return damaged(i, "the meta page is damaged");
      page_bytes_ = size;
    }
    const std::size_t newest = metas[1].transaction > metas[0].transaction ? 1 : 0;
    const lmdb::Meta& meta = metas[newest];
    const bool possible = meta.free.flags == lmdb::kIntegerKeys && meta.main.flags == 0 &&
                          meta.last_page + 1 >= lmdb::kFirstDataPage &&
                          meta.last_page <= file_bytes_ / page_bytes_ + kMaxUnwrittenPages;
    if (!possible) return damaged(newest, "the meta page is damaged");
    return meta;
  }

  // Each page has one owner.
  Status take(std::uint64_t page, std::uint64_t count, std::uint64_t owner) {
    if (page < lmdb::kFirstDataPage || page >= seen_.size() || count > seen_.size() - page) {
      return damaged(owner, fmt::format("it names page {}, which does not exist", page));
    }
    for (std::uint64_t i = page; i < page + count; ++i) {
      if (seen_[static_cast<std::size_t>(i)]) {
        return damaged(owner, fmt::format("it names page {}, which is in use elsewhere", i));
      }
      seen_[static_cast<std::size_t>(i)] = true;
    }
    return {};
  }

  Status walk(const lmdb::Database& database, Kind kind, std::uint64_t owner,
              std::uint8_t space = 0) {
    Tree tree{kind, space, database, {}, {}};
    if (database.root == lmdb::kNoPage) {
      if (database.depth != 0 || database.entries != 0) return damaged(owner, "a tree is lost");
      return {};
    }
    if (database.depth == 0 || database.depth > lmdb::kMaxDepth) {
      return damaged(owner, "a tree has an impossible depth");
    }
    KV_TRY(visit(tree, database.root, owner, 1, {}));
    const lmdb::Database& found = tree.found;
    if (found.branch_pages != database.branch_pages || found.leaf_pages != database.leaf_pages ||
        found.overflow_pages != database.overflow_pages || found.entries != database.entries) {
      return damaged(owner, "a tree does not have the pages and entries that it counts");
    }
    return {};
  }

  Status visit(Tree& tree, std::uint64_t page, std::uint64_t owner, std::size_t level,
               const Bounds& bounds) {
    KV_TRY(take(page, 1, owner));
    const auto raw = read(page);
    if (!raw) return std::unexpected(raw.error());
    const lmdb::PageHeader header = lmdb::load_header(*raw);
    const bool leaf = level == tree.expected.depth;
    if (header.page != page || header.kind != (leaf ? lmdb::kLeaf : lmdb::kBranch)) {
      return damaged(page, "it is not the page that belongs here");
    }
    const auto offsets = node_offsets(page, *raw, header, leaf);
    if (!offsets) return std::unexpected(offsets.error());
    // LMDB expects two children at least, but for the free pages' tree.
    if (offsets->empty() || (!leaf && tree.kind != Kind::kFree && offsets->size() < 2)) {
      return damaged(page, "it has too few nodes");
    }
    ++(leaf ? tree.found.leaf_pages : tree.found.branch_pages);
    return leaf ? visit_leaf(tree, page, *raw, *offsets, bounds)
                : visit_branch(tree, page, *raw, *offsets, level, bounds);
  }

  // Where the nodes are; they fill the page from `upper` on and do not overlap.
  Result<std::vector<std::size_t>> node_offsets(std::uint64_t page, BytesView raw,
                                                const lmdb::PageHeader& header, bool leaf) {
    if (header.lower < lmdb::kPageHeaderBytes || header.lower % 2 != 0 ||
        header.lower > header.upper || header.upper > raw.size()) {
      return damaged(page, "its bounds are impossible");
    }
    std::vector<std::size_t> offsets;
    for (std::size_t at = lmdb::kPageHeaderBytes; at < header.lower; at += 2) {
      offsets.push_back(lmdb::load<std::uint16_t>(raw, at));
    }
    std::vector<std::size_t> sorted = offsets;
    std::ranges::sort(sorted);
    std::size_t end = header.upper;
    for (const std::size_t at : sorted) {
      if (at != end || raw.size() - at < lmdb::kNodeHeaderBytes) {
        return damaged(page, "its nodes do not follow each other");
      }
      const lmdb::Node node = lmdb::load_node(raw, at);
      const bool big = (node.flags & lmdb::kBigData) != 0;
      const std::size_t value = !leaf ? 0 : big ? sizeof(std::uint64_t) : node.value_bytes;
      const std::size_t room = raw.size() - at - lmdb::kNodeHeaderBytes;
      if (node.key_bytes > lmdb::kMaxKeyBytes || node.key_bytes > room ||
          value > room - node.key_bytes) {
        return damaged(page, "a node is too long");
      }
      end = at + lmdb::kNodeHeaderBytes + node.key_bytes + value;
      end += end % 2;
    }
    if (end != raw.size()) return damaged(page, "its nodes do not fill it");
    return offsets;
  }

  static BytesView key_at(BytesView raw, std::size_t at) {
    return raw.substr(at + lmdb::kNodeHeaderBytes, lmdb::load_node(raw, at).key_bytes);
  }

  // As LMDB compares them: numbers in the tree of free pages, bytes elsewhere.
  static bool less(const Tree& tree, BytesView left, BytesView right) {
    if (tree.kind != Kind::kFree) return left < right;
    if (left.size() != sizeof(std::uint64_t) || right.size() != sizeof(std::uint64_t)) return false;
    return lmdb::load<std::uint64_t>(left, 0) < lmdb::load<std::uint64_t>(right, 0);
  }

  Status visit_branch(Tree& tree, std::uint64_t page, const Bytes& raw,
                      const std::vector<std::size_t>& offsets, std::size_t level,
                      const Bounds& bounds) {
    for (std::size_t i = 0; i < offsets.size(); ++i) {
      // The first node's key is not looked at: its child begins where the page does.
      Bounds inner;
      inner.from = i == 0 ? bounds.from : std::optional(Bytes(key_at(raw, offsets[i])));
      inner.until = i + 1 == offsets.size() ? bounds.until
                                            : std::optional(Bytes(key_at(raw, offsets[i + 1])));
      if (inner.from && inner.until && !less(tree, *inner.from, *inner.until)) {
        return damaged(page, "its keys do not ascend");
      }
      KV_TRY(visit(tree, lmdb::load_node(raw, offsets[i]).child, page, level + 1, inner));
    }
    return {};
  }

  Status visit_leaf(Tree& tree, std::uint64_t page, const Bytes& raw,
                    const std::vector<std::size_t>& offsets, const Bounds& bounds) {
    for (const std::size_t at : offsets) {
      const lmdb::Node node = lmdb::load_node(raw, at);
      const BytesView key = key_at(raw, at);
      const bool ascends = (!bounds.from || !less(tree, key, *bounds.from)) &&
                           (!bounds.until || less(tree, key, *bounds.until)) &&
                           (!tree.last_key || less(tree, *tree.last_key, key));
      if (key.empty() || !ascends) return damaged(page, "its keys do not ascend");
      tree.last_key = Bytes(key);
      ++tree.found.entries;
      const std::size_t value_at = at + lmdb::kNodeHeaderBytes + key.size();
      if ((node.flags & lmdb::kBigData) == 0) {
        KV_TRY(take_record(tree, page, node.flags, key,
                           BytesView(raw).substr(value_at, node.value_bytes)));
        continue;
      }
      const auto first = lmdb::load<std::uint64_t>(raw, value_at);
      const std::uint64_t count = (lmdb::kPageHeaderBytes - 1 + node.value_bytes) / page_bytes_ + 1;
      KV_TRY(take(first, count, page));
      const auto large = read(first, count);
      if (!large) return std::unexpected(large.error());
      const lmdb::PageHeader header = lmdb::load_header(*large);
      if (header.page != first || header.kind != lmdb::kOverflow ||
          header.overflow_pages != count) {
        return damaged(first, "it is not the page that belongs here");
      }
      tree.found.overflow_pages += count;
      KV_TRY(take_record(tree, page, static_cast<std::uint16_t>(node.flags & ~lmdb::kBigData), key,
                         BytesView(*large).substr(lmdb::kPageHeaderBytes, node.value_bytes)));
    }
    return {};
  }

  Status take_record(const Tree& tree, std::uint64_t page, std::uint16_t flags, BytesView key,
                     BytesView value) {
    const std::uint16_t expected = tree.kind == Kind::kMain ? lmdb::kSubDatabase : 0;
    if (flags != expected) return damaged(page, "a node has impossible flags");
    switch (tree.kind) {
      case Kind::kFree:
        return take_free_pages(page, value);
      case Kind::kMain:
        return take_database(page, key, value);
      case Kind::kRecords:
        break;
    }
    if (!checked_value(tree.space, key, value)) {
      return damaged(page, "a record does not have the checksum that was written with it");
    }
    ++check_.records;
    return {};
  }

  Status take_database(std::uint64_t page, BytesView name, BytesView value) {
    const auto space = space_of_database(name);
    if (!space || value.size() != lmdb::Database::kBytes) {
      return damaged(page, "it names a database that is not ours");
    }
    const lmdb::Database database = lmdb::load_database(value, 0);
    if (database.flags != 0) return damaged(page, "a database has impossible flags");
    return walk(database, Kind::kRecords, page, *space);
  }

  // A list of page numbers, its length first; the largest comes first.
  Status take_free_pages(std::uint64_t page, BytesView value) {
    if (value.size() < kLengthOfTheList) return damaged(page, "a list of free pages is cut off");
    const auto count = lmdb::load<std::uint64_t>(value, 0);
    if (count > (value.size() - kLengthOfTheList) / sizeof(std::uint64_t)) {
      return damaged(page, "a list of free pages is cut off");
    }
    std::uint64_t before = lmdb::kNoPage;
    for (std::uint64_t i = 1; i <= count; ++i) {
      const auto free =
          lmdb::load<std::uint64_t>(value, static_cast<std::size_t>(i) * sizeof(std::uint64_t));
      if (free >= before) return damaged(page, "a list of free pages does not descend");
      before = free;
      KV_TRY(take(free, 1, page));
    }
    return {};
  }

  File& file_;
  std::string name_;
  std::uint64_t file_bytes_ = 0;
  std::uint64_t page_bytes_ = 0;
  std::vector<bool> seen_;  // pages that have an owner
  PageCheck check_;
};

}  // namespace

Result<PageCheck> check_pages(Disk& disk, const std::string& name) {
  const auto file = disk.open(name, OpenMode::kExisting);
  if (!file) return std::unexpected(file.error());
  return Walk(**file, name).run();
}

}  // namespace kvcluster::storage
