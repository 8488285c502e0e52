// A core for curious hands. Where its owner breaks a precondition the core ends the process, as it
// must in a node; here the precondition is looked at first, and breaking it is a ValueError that
// changes nothing.
#pragma once

#include <cstdint>
#include <map>
#include <optional>

#include "raft/core.hpp"

namespace kvcluster::python {

class CheckedCore {
 public:
  // Throws std::invalid_argument when the arguments contradict themselves or each other.
  CheckedCore(const raft::Config& config, const raft::Restored& restored, std::uint64_t seed,
              Instant now);

  // Throws std::invalid_argument for an event that no correct owner and no correct peer can give.
  raft::Effects step(Instant now, raft::Event event);

  [[nodiscard]] const raft::Core& core() const { return core_; }

 private:
  void check(const raft::Receive& event) const;
  void check(const raft::Propose& event) const;
  void check(const raft::Persisted& event) const;
  void check(const raft::Applied& event) const;
  void check(const raft::Compact& event) const;
  void check(const raft::SnapshotChunk& event) const;
  void check(const raft::SnapshotStored& event) const;
  template <typename Other>
  void check(const Other&) const {}

  void check_sender(const raft::Message& message) const;
  void check_append(const raft::AppendEntries& request) const;
  void check_committed(raft::EntryId claimed) const;
  void note_committed(raft::EntryId id);
  void note(const raft::Effects& effects);

  raft::Core core_;
  Instant now_;
  Index emitted_;                                 // handed out as committed
  std::map<Index, Term> committed_terms_;         // where each term of what is emitted begins
  std::uint64_t handed_out_ = 0;                  // persist batches
  std::optional<raft::EntryId> being_installed_;  // the snapshot whose last chunk was handed out
};

}  // namespace kvcluster::python
