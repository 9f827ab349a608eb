// Distributions of waiting times: exact while they are small, a histogram with a bounded relative
// error when they are not.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/time.hpp"
#include "trace/result.hpp"

namespace px::trace {

// Nearest-rank position (1-based) of the quantile numerator/denominator among `count` values: the
// least rank that has at least that share of the values at or below it. `count` must not be 0.
[[nodiscard]] std::uint64_t nearest_rank(std::uint64_t count, std::uint64_t numerator,
                                         std::uint64_t denominator);

// Counts of non-negative values in buckets. Values below 128 have a bucket each; above, every power
// of two is divided into 64 buckets. A bucket is at most 1/64 of its lower bound wide and answers
// with its middle, so that the error is at most 1/128 of the value (0.8 %).
class LatencyHistogram {
 public:
  LatencyHistogram();

  // Adds one value; negative ones count as 0. Does not allocate.
  void record(Nanos value);
  [[nodiscard]] std::uint64_t count() const { return count_; }
  // The value at `rank` (1 .. count()) in ascending order, within the error above.
  [[nodiscard]] Nanos value_at(std::uint64_t rank) const;

 private:
  std::vector<std::uint64_t> buckets_;
  std::uint64_t count_ = 0;
};

// The waiting times of one task: exact percentiles up to kExact contended samples, above that those
// of a LatencyHistogram. Samples of 0 (uncontended calls) are counted, not stored, so that a task
// which never waits costs no memory. `max` is always exact.
class LatencySamples {
 public:
  static constexpr std::size_t kExact = 100'000;

  // One lock call. Negative waits count as 0. Amortised constant time.
  void record(Nanos wait, bool contended);
  // A sample of 0 without contention: the cheap case.
  void record_uncontended() { ++zeros_; }

  // All fields 0 without samples.
  [[nodiscard]] LatencySummary summarize() const;

 private:
  std::uint64_t zeros_ = 0;
  std::uint64_t contended_ = 0;
  Nanos max_ = 0;
  std::vector<Nanos> exact_;                     // samples above 0, unsorted; empty once moved
  std::unique_ptr<LatencyHistogram> histogram_;  // samples above 0, once there are too many
};

}  // namespace px::trace
