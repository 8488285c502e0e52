// What a memtable knows of one key, in one block of memory: a lookup that missed every cache pays
// for one place, not for a cell, its key and its value apart.
//
// Thread-safety: none while it changes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "base/bytes.hpp"
#include "kv/table.hpp"

namespace kvcluster::storage {

class Cell {
 public:
  struct Free {
    void operator()(Cell* cell) const;
  };
  using Owner = std::unique_ptr<Cell, Free>;

  // Has room for `capacity` bytes of value at least. Requires: a key of 1 to 511 bytes.
  [[nodiscard]] static Owner make(BytesView key, std::size_t capacity);
  Cell(const Cell&) = delete;
  Cell& operator=(const Cell&) = delete;

  [[nodiscard]] BytesView key() const { return {bytes(), key_bytes_}; }
  [[nodiscard]] BytesView value() const { return {bytes() + key_bytes_, value_bytes_}; }
  // nullptr: none was given with the value.
  [[nodiscard]] const kv::Table::Note* note() const { return has_note_ ? &note_ : nullptr; }
  // Hides the layers below.
  [[nodiscard]] bool erased() const { return erased_; }

  // False when the value has outgrown the block, or left most of it empty.
  [[nodiscard]] bool suits(std::size_t value_bytes) const;
  // Requires: suits(). Forgets the note.
  void assign(BytesView value);
  void assign(BytesView value, const kv::Table::Note& note);
  // Requires: suits(0).
  void erase();

  // What it takes of memory.
  [[nodiscard]] std::size_t block_bytes() const;

  // The next cell under the same hash; the memtable's.
  Cell* next = nullptr;

 private:
  Cell(std::size_t key_bytes, std::size_t capacity);
  [[nodiscard]] const char* bytes() const { return reinterpret_cast<const char*>(this + 1); }
  [[nodiscard]] char* bytes() { return reinterpret_cast<char*>(this + 1); }

  std::uint32_t capacity_;
  std::uint32_t value_bytes_ = 0;
  std::uint16_t key_bytes_;
  bool erased_ = false;
  bool has_note_ = false;
  kv::Table::Note note_;  // set when has_note_
};

}  // namespace kvcluster::storage
