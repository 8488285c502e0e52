// The state machine's table: a memtable over a frozen memtable (while a checkpoint is written) over
// the newest checkpoint.
//
// Thread-safety: one owner (the reactor). The frozen part may be read by the checkpointer at the
// same time. Views that get() gives live until the next non-const call.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "kv/table.hpp"
#include "storage/environment.hpp"
#include "storage/memtable.hpp"

namespace kvcluster::storage {

class LayeredTable final : public kv::Table {
 public:
  // Errors: kIo.
  [[nodiscard]] static Result<std::unique_ptr<LayeredTable>> open(
      std::shared_ptr<Environment> base);

  [[nodiscard]] std::optional<BytesView> get(kv::Space space, BytesView key) const override;
  void put(kv::Space space, BytesView key, BytesView value) override;
  void put_noted(kv::Space space, BytesView key, BytesView value, const Note& note) override;
  [[nodiscard]] const Note* note(kv::Space space, BytesView key) const override;
  void erase(kv::Space space, BytesView key) override;
  void scan(kv::Space space, BytesView from, const Visitor& visitor) const override;
  void prefetch(kv::Space space, std::span<const BytesView> keys) const override;
  void clear() override;

  // The changes since the last checkpoint, to be written by the next one. Requires: no part is
  // frozen yet.
  [[nodiscard]] std::shared_ptr<const Memtable> freeze();
  [[nodiscard]] bool is_frozen() const { return frozen_ != nullptr; }
  // The frozen part is in the checkpoint now: it is dropped here and read from there.
  // Without a frozen part nothing happens. Errors: kIo.
  [[nodiscard]] Status checkpoint_done();
  // Lets go of the view, doubles the map, takes the view again. Requires: the checkpointer rests.
  // Errors: kBusy while a snapshot is read; kIo.
  [[nodiscard]] Status grow_base();
  // All is replaced by an installed snapshot. Errors: kIo; then nothing was changed.
  [[nodiscard]] Status replace_base(std::shared_ptr<Environment> base);

  // Not empty: the checkpoint gave a damaged record as absent; see ReadTransaction::damage().
  [[nodiscard]] const std::string& damage() const { return base_.damage(); }

  // Of the memtable and the frozen part.
  [[nodiscard]] std::size_t memory_bytes() const;
  [[nodiscard]] std::uint64_t environment_number() const;

 private:
  explicit LayeredTable(ReadTransaction base);

  // What is known of a key above the checkpoint. nullptr: nothing.
  [[nodiscard]] const Cell* find_cell(kv::Space space, BytesView key) const;
  // The checkpoint is not to be asked.
  [[nodiscard]] bool hides_base() const;

  std::unique_ptr<Memtable> active_;
  std::shared_ptr<const Memtable> frozen_;
  ReadTransaction base_;
};

}  // namespace kvcluster::storage
