// The layout of LMDB 0.9's pages on 64 bits, as far as page_check.cpp follows it.
// Source: liblmdb's mdb.c (MDB_page, MDB_node, MDB_db, MDB_meta).
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "base/bytes.hpp"

namespace kvcluster::storage::lmdb {

inline constexpr std::size_t kPageHeaderBytes = 16;
inline constexpr std::size_t kNodeHeaderBytes = 8;
inline constexpr std::size_t kMaxKeyBytes = 511;
inline constexpr std::size_t kMaxDepth = 32;
inline constexpr std::uint64_t kNoPage = UINT64_MAX;
inline constexpr std::uint64_t kFirstDataPage = 2;  // two meta pages stand before

// Kinds of pages.
inline constexpr std::uint16_t kBranch = 0x01;
inline constexpr std::uint16_t kLeaf = 0x02;
inline constexpr std::uint16_t kOverflow = 0x04;
inline constexpr std::uint16_t kMeta = 0x08;

// Flags of a leaf's node.
inline constexpr std::uint16_t kBigData = 0x01;  // the value is in overflow pages
inline constexpr std::uint16_t kSubDatabase = 0x02;

inline constexpr std::uint16_t kIntegerKeys = 0x08;  // of the database of free pages

inline constexpr std::uint32_t kMagic = 0xBEEFC0DE;
inline constexpr std::uint32_t kVersion = 1;

template <typename T>
T load(BytesView bytes, std::size_t at) {
  T value{};
  std::memcpy(&value, bytes.data() + at, sizeof(value));
  return value;
}

// One tree.
struct Database {
  static constexpr std::size_t kBytes = 48;
  std::uint32_t pad = 0;  // of the free pages' database in a meta page: the page size
  std::uint16_t flags = 0;
  std::uint16_t depth = 0;
  std::uint64_t branch_pages = 0;
  std::uint64_t leaf_pages = 0;
  std::uint64_t overflow_pages = 0;
  std::uint64_t entries = 0;
  std::uint64_t root = kNoPage;
};

// Requires: Database::kBytes from `at` on.
inline Database load_database(BytesView bytes, std::size_t at) {
  Database made;
  made.pad = load<std::uint32_t>(bytes, at);
  made.flags = load<std::uint16_t>(bytes, at + 4);
  made.depth = load<std::uint16_t>(bytes, at + 6);
  made.branch_pages = load<std::uint64_t>(bytes, at + 8);
  made.leaf_pages = load<std::uint64_t>(bytes, at + 16);
  made.overflow_pages = load<std::uint64_t>(bytes, at + 24);
  made.entries = load<std::uint64_t>(bytes, at + 32);
  made.root = load<std::uint64_t>(bytes, at + 40);
  return made;
}

struct Meta {
  static constexpr std::size_t kBytes = kPageHeaderBytes + 136;
  std::uint64_t page = 0;
  std::uint16_t kind = 0;
  std::uint32_t magic = 0;
  std::uint32_t version = 0;
  Database free;
  Database main;
  std::uint64_t last_page = 0;
  std::uint64_t transaction = 0;
};

// Requires: Meta::kBytes.
inline Meta load_meta(BytesView bytes) {
  Meta meta;
  meta.page = load<std::uint64_t>(bytes, 0);
  meta.kind = load<std::uint16_t>(bytes, 10);
  meta.magic = load<std::uint32_t>(bytes, kPageHeaderBytes);
  meta.version = load<std::uint32_t>(bytes, kPageHeaderBytes + 4);
  meta.free = load_database(bytes, kPageHeaderBytes + 24);
  meta.main = load_database(bytes, kPageHeaderBytes + 24 + Database::kBytes);
  meta.last_page = load<std::uint64_t>(bytes, kPageHeaderBytes + 120);
  meta.transaction = load<std::uint64_t>(bytes, kPageHeaderBytes + 128);
  return meta;
}

// Of a branch or leaf page; every field still to be held against its bounds.
struct PageHeader {
  std::uint64_t page = 0;
  std::uint16_t kind = 0;
  std::uint16_t lower = 0;  // end of the node offsets
  std::uint16_t upper = 0;  // begin of the nodes
  std::uint32_t overflow_pages = 0;
};

inline PageHeader load_header(BytesView bytes) {
  PageHeader header;
  header.page = load<std::uint64_t>(bytes, 0);
  header.kind = load<std::uint16_t>(bytes, 10);
  header.lower = load<std::uint16_t>(bytes, 12);
  header.upper = load<std::uint16_t>(bytes, 14);
  header.overflow_pages = load<std::uint32_t>(bytes, 12);
  return header;
}

struct Node {
  std::uint16_t flags = 0;      // of a leaf's
  std::size_t value_bytes = 0;  // of a leaf's
  std::uint64_t child = 0;      // of a branch's
  std::size_t key_bytes = 0;
};

// Requires: kNodeHeaderBytes from `at` on.
inline Node load_node(BytesView page, std::size_t at) {
  const std::uint64_t low = load<std::uint16_t>(page, at);
  const std::uint64_t high = load<std::uint16_t>(page, at + 2);
  Node node;
  node.flags = load<std::uint16_t>(page, at + 4);
  node.key_bytes = load<std::uint16_t>(page, at + 6);
  node.value_bytes = low | high << 16U;
  node.child = low | high << 16U | static_cast<std::uint64_t>(node.flags) << 32U;
  return node;
}

}  // namespace kvcluster::storage::lmdb
