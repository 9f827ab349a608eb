// Numbers for "longest waiting first" on one queue.
//
// Arrivals at one instant have waited equally long and share a number; the context's id (creation
// order) decides among them. Whoever gives way goes behind everybody, those of the same instant
// included.
#pragma once

#include <cstdint>

#include "base/time.hpp"

namespace px::policy {

class ArrivalOrder {
 public:
  // For a context that starts to wait at `now`.
  [[nodiscard]] std::uint64_t at(Nanos now) {
    if (!open_ || instant_ != now) {
      ++last_;
      instant_ = now;
      open_ = true;
    }
    return last_;
  }

  // What at(now) would return; gives no number away.
  [[nodiscard]] std::uint64_t peek(Nanos now) const {
    return open_ && instant_ == now ? last_ : last_ + 1;
  }

  // Behind every number given so far; later arrivals, even at the same instant, are behind it.
  [[nodiscard]] std::uint64_t behind_all() {
    open_ = false;
    return ++last_;
  }

  // Before every number given so far.
  [[nodiscard]] std::uint64_t before_all() { return --first_; }

 private:
  static constexpr std::uint64_t kMiddle = std::uint64_t{1} << 63;

  std::uint64_t first_ = kMiddle;
  std::uint64_t last_ = kMiddle;
  Nanos instant_ = 0;
  bool open_ = false;  // last_ was given to an arrival at instant_
};

}  // namespace px::policy
