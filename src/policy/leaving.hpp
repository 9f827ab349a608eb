// Bandwidth of deadline tasks that have ended. It counts until its zero-lag instant, when its owner
// would have had exactly its share: before, a task that takes its place would get a second budget
// out of one period, and the deadlines of others would pay for it.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "base/time.hpp"

namespace px::policy {

// Guarded by whoever owns it. No allocation: at most kMax instants are told apart. One more joins
// the latest of them, or makes it later, and so counts for longer than it must, never for less.
class LeavingBandwidth {
 public:
  static constexpr std::size_t kMax = 16;

  struct Gone {
    std::int64_t bandwidth = 0;
    int entries = 0;
  };

  // `bandwidth` counts until `until`. True: it has an entry of its own.
  bool add(std::int64_t bandwidth, Nanos until) {
    if (size_ < kMax) {
      entries_[size_++] = {until, bandwidth};
      return true;
    }
    Entry& latest =
        *std::max_element(entries_.begin(), entries_.end(),
                          [](const Entry& a, const Entry& b) { return a.until_ns < b.until_ns; });
    latest = {std::max(latest.until_ns, until), latest.bandwidth + bandwidth};
    return false;
  }

  // Forgets what counts until `now` or before, and says what that was.
  Gone expire(Nanos now) {
    Gone gone;
    for (std::size_t i = 0; i < size_;) {
      if (entries_[i].until_ns > now) {
        ++i;
        continue;
      }
      gone.bandwidth += entries_[i].bandwidth;
      ++gone.entries;
      entries_[i] = entries_[--size_];
    }
    return gone;
  }

  // The first instant at which something expires; kNever: there is nothing.
  [[nodiscard]] Nanos next() const {
    Nanos first = kNever;
    for (std::size_t i = 0; i < size_; ++i) first = std::min(first, entries_[i].until_ns);
    return first;
  }

 private:
  struct Entry {
    Nanos until_ns = 0;
    std::int64_t bandwidth = 0;
  };

  std::array<Entry, kMax> entries_{};
  std::size_t size_ = 0;
};

}  // namespace px::policy
