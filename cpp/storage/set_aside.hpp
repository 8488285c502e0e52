// While log and state are taken anew from the peers, what was damaged stays on the disk under other
// names: should no peer be left that holds it, a person can still look into it.
//
// Pure over Disk. Thread-safety: none.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.hpp"
#include "storage/disk.hpp"

namespace kvcluster::storage {

// Segments before `newest`, unless others stand aside already: those are the ones from before the
// repair, and what is there now is only a part of what the peers have sent.
[[nodiscard]] Status set_aside_log(Disk& disk, std::uint64_t newest);
// The directory `name` of a checkpoint, unless another stands aside already. False: it stays.
[[nodiscard]] Result<bool> set_aside_checkpoint(Disk& disk, const std::string& name);
// Removes all that stands aside; nothing, mostly.
[[nodiscard]] Status discard_set_aside(Disk& disk);

}  // namespace kvcluster::storage
