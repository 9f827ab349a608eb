// A set of addresses, kept as sorted disjoint ranges.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace px::live {

class TextRanges {
 public:
  struct Range {
    std::uintptr_t begin;
    std::uintptr_t end;  // one past the last address
  };

  TextRanges() = default;
  // In any order, overlapping or empty.
  explicit TextRanges(std::vector<Range> ranges) : ranges_(std::move(ranges)) { normalise(); }

  // Adds [begin, end); an empty range is ignored.
  void add(std::uintptr_t begin, std::uintptr_t end) { add(TextRanges({{begin, end}})); }
  void add(const TextRanges& other) {
    ranges_.insert(ranges_.end(), other.ranges_.begin(), other.ranges_.end());
    normalise();
  }
  // Takes all of `other` out.
  void subtract(const TextRanges& other) {
    std::vector<Range> result;
    auto hole = other.ranges_.begin();
    for (const Range& range : ranges_) {
      std::uintptr_t begin = range.begin;
      while (hole != other.ranges_.end() && hole->end <= begin) ++hole;
      for (auto next = hole; next != other.ranges_.end() && next->begin < range.end; ++next) {
        if (next->begin > begin) result.push_back({begin, next->begin});
        begin = std::max(begin, next->end);
      }
      if (begin < range.end) result.push_back({begin, range.end});
    }
    ranges_ = std::move(result);
  }

  // Async-signal-safe on a set that does not change.
  [[nodiscard]] bool contains(std::uintptr_t address) const noexcept {
    const Range* const first = ranges_.data();
    std::size_t low = 0, high = ranges_.size();
    while (low < high) {
      const std::size_t middle = low + (high - low) / 2;
      if (first[middle].end <= address) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low < ranges_.size() && first[low].begin <= address;
  }

  [[nodiscard]] const std::vector<Range>& ranges() const noexcept { return ranges_; }
  [[nodiscard]] bool empty() const noexcept { return ranges_.empty(); }

 private:
  void normalise() {
    std::sort(ranges_.begin(), ranges_.end(),
              [](const Range& a, const Range& b) { return a.begin < b.begin; });
    std::vector<Range> result;
    for (const Range& range : ranges_) {
      if (range.begin >= range.end) continue;
      if (!result.empty() && range.begin <= result.back().end) {
        result.back().end = std::max(result.back().end, range.end);
      } else {
        result.push_back(range);
      }
    }
    ranges_ = std::move(result);
  }

  std::vector<Range> ranges_;
};

}  // namespace px::live
