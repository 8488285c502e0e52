#include "check/interning.hpp"

#include <array>

#include "base/check.hpp"

namespace kvcluster::check {
namespace {

constexpr std::size_t kFirstSlots = 64;

}  // namespace

std::pair<std::uint32_t, bool> WordTable::intern(std::uint64_t word) {
  if ((words_.size() + 1) * 2 > slots_.size()) grow();
  const std::size_t mask = slots_.size() - 1;
  std::size_t at = mix(word) & mask;
  while (slots_[at] != 0) {
    const std::uint32_t number = slots_[at] - 1;
    if (words_[number] == word) return {number, false};
    at = (at + 1) & mask;
  }
  KV_CHECK(words_.size() < UINT32_MAX - 1, "the memory bound of the search comes first");
  words_.push_back(word);
  slots_[at] = static_cast<std::uint32_t>(words_.size());
  return {slots_[at] - 1, true};
}

void WordTable::grow() {
  const std::size_t size = slots_.empty() ? kFirstSlots : slots_.size() * 2;
  slots_.assign(size, 0);
  for (std::size_t number = 0; number < words_.size(); ++number) {
    std::size_t at = mix(words_[number]) & (size - 1);
    while (slots_[at] != 0) at = (at + 1) & (size - 1);
    slots_[at] = static_cast<std::uint32_t>(number + 1);
  }
}

ConsedArrays::Root ConsedArrays::filled(std::uint32_t value) {
  Root root = value;
  for (unsigned level = 0; level < depth_; ++level) root = node(root, root);
  return root;
}

std::uint32_t ConsedArrays::get(Root root, std::size_t index) const {
  for (unsigned level = depth_; level-- > 0;) {
    const std::uint64_t pair = nodes_[root];
    const bool right = ((index >> level) & 1U) != 0;
    root = static_cast<std::uint32_t>(right ? pair : pair >> 32U);
  }
  return root;
}

ConsedArrays::Root ConsedArrays::set(Root root, std::size_t index, std::uint32_t value) {
  std::array<Root, 64> siblings;  // NOLINT(*-member-init): written before it is read
  for (unsigned level = depth_; level-- > 0;) {
    const std::uint64_t pair = nodes_[root];
    const auto left = static_cast<Root>(pair >> 32U);
    const auto right = static_cast<Root>(pair);
    const bool go_right = ((index >> level) & 1U) != 0;
    siblings[level] = go_right ? left : right;
    root = go_right ? right : left;
  }
  Root made = value;
  for (unsigned level = 0; level < depth_; ++level) {
    const bool is_right = ((index >> level) & 1U) != 0;
    made = is_right ? node(siblings[level], made) : node(made, siblings[level]);
  }
  return made;
}

}  // namespace kvcluster::check
