// The states visited: an open-addressing hash set of digests, each with a small number of the
// search's own.
#pragma once

#include <cstdint>
#include <vector>

#include "check/digest.hpp"

namespace px::check {

class StateSet {
 public:
  // `wide`: states are told apart by 128 bits instead of 64.
  explicit StateSet(bool wide) : wide_(wide) { resize(1 << 16); }

  // The number stored with the state; a new state is added with `value`. `added` says which.
  std::uint32_t& find_or_add(const Digest& digest, std::uint32_t value, bool& added) {
    if (count_ * 8 > keys_.size() * 5) resize(keys_.size() * 2);
    std::uint64_t slot = find(digest.first(), digest.second());
    added = keys_[slot] == 0;
    if (added) {
      ++count_;
      keys_[slot] = key_of(digest.first());
      if (wide_) seconds_[slot] = digest.second();
      values_[slot] = value;
    }
    return values_[slot];
  }
  [[nodiscard]] std::uint64_t size() const { return count_; }
  [[nodiscard]] std::size_t bytes() const {
    return keys_.size() * 8 + seconds_.size() * 8 + values_.size() * 4;
  }
  // Probability that two of the states visited so far were taken for one.
  [[nodiscard]] double miss_probability() const {
    const double n = static_cast<double>(count_);
    return n * n / (wide_ ? 6.8e38 : 3.7e19);
  }

 private:
  static std::uint64_t key_of(std::uint64_t first) { return first != 0 ? first : 1; }

  std::uint64_t find(std::uint64_t first, std::uint64_t second) const {
    const std::uint64_t key = key_of(first);
    const std::uint64_t mask = keys_.size() - 1;
    std::uint64_t slot = (key ^ key >> 32) & mask;
    while (keys_[slot] != 0 && !(keys_[slot] == key && (!wide_ || seconds_[slot] == second))) {
      slot = (slot + 1) & mask;
    }
    return slot;
  }

  void resize(std::size_t capacity) {
    std::vector<std::uint64_t> keys(capacity);
    std::vector<std::uint64_t> seconds(wide_ ? capacity : 0);
    std::vector<std::uint32_t> values(capacity);
    keys.swap(keys_);
    seconds.swap(seconds_);
    values.swap(values_);
    for (std::size_t i = 0; i < keys.size(); ++i) {
      if (keys[i] == 0) continue;
      const std::uint64_t slot = find(keys[i], wide_ ? seconds[i] : 0);
      keys_[slot] = keys[i];
      if (wide_) seconds_[slot] = seconds[i];
      values_[slot] = values[i];
    }
  }

  bool wide_;
  std::uint64_t count_ = 0;
  std::vector<std::uint64_t> keys_;
  std::vector<std::uint64_t> seconds_;
  std::vector<std::uint32_t> values_;
};

}  // namespace px::check
