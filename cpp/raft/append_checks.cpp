#include "raft/core_impl.hpp"

namespace kvcluster::raft {

bool well_formed(const AppendEntries& request, Term term) {
  EntryId previous = request.prev;
  if (previous.index == Index(0) && previous.term != Term(0)) return false;
  if (previous.term > term) return false;
  for (const Entry& entry : request.entries) {
    if (entry.index != previous.index.next()) return false;
    if (entry.term < previous.term || entry.term == Term(0) || entry.term > term) return false;
    previous = entry.id();
  }
  return true;
}

}  // namespace kvcluster::raft
