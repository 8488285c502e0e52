// Walks the pages of an LMDB 0.9 file before LMDB maps it: LMDB follows every pointer that it reads
// and has no checksums, so that one flipped bit can end the process or give a wrong answer.
//
// Every page that the newest commit reaches is read once, with every offset held against its
// bounds: its number, its kind, its nodes, the order of its keys against its parent's, the counts
// of each tree, and the checksum of every record. No page may belong to two owners, the list of
// free pages included: LMDB would write over what is in use.
//
// Format: lmdb's mdb.c, "Internal" (MDB_page, MDB_node, MDB_db, MDB_meta), for 64 bits.
// Thread-safety: none. Pure over Disk.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.hpp"
#include "storage/disk.hpp"

namespace kvcluster::storage {

struct PageCheck {
  std::uint64_t pages = 0;    // read
  std::uint64_t records = 0;  // of the state, and the meta record
};

// `name`: of the file in `disk`. O(its size).
// Errors: kCorruption, naming file and offset; kIo.
[[nodiscard]] Result<PageCheck> check_pages(Disk& disk, const std::string& name);

}  // namespace kvcluster::storage
