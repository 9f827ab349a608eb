#include "trace/latency_histogram.hpp"

#include <algorithm>
#include <bit>

#include "base/check.hpp"

namespace px::trace {

namespace {

constexpr unsigned kSubBits = 6;  // 64 buckets to a power of two
constexpr std::uint64_t kSub = std::uint64_t{1} << kSubBits;
// Values below 2 * kSub are their own bucket; 63 - (kSubBits + 1) powers of two lie above.
constexpr std::size_t kBuckets = 2 * kSub + (63 - (kSubBits + 1)) * kSub;

std::size_t bucket_of(std::uint64_t value) {
  if (value < 2 * kSub) return value;
  const auto shift = static_cast<unsigned>(std::bit_width(value)) - (kSubBits + 1);
  return shift * kSub + (value >> shift);
}

Nanos middle_of(std::size_t bucket) {
  if (bucket < 2 * kSub) return static_cast<Nanos>(bucket);
  const std::uint64_t shift = bucket / kSub - 1;
  const std::uint64_t low = (bucket - shift * kSub) << shift;
  return static_cast<Nanos>(low + ((std::uint64_t{1} << shift) - 1) / 2);
}

}  // namespace

std::uint64_t nearest_rank(std::uint64_t count, std::uint64_t numerator,
                           std::uint64_t denominator) {
  PX_CHECK(count > 0 && numerator <= denominator, "a quantile of at least one value");
  return std::max<std::uint64_t>(1, (count * numerator + denominator - 1) / denominator);
}

LatencyHistogram::LatencyHistogram() : buckets_(kBuckets) {}

void LatencyHistogram::record(Nanos value) {
  ++buckets_[bucket_of(static_cast<std::uint64_t>(std::max<Nanos>(value, 0)))];
  ++count_;
}

Nanos LatencyHistogram::value_at(std::uint64_t rank) const {
  PX_CHECK(rank >= 1 && rank <= count_, "a rank counts from 1 to the number of values");
  std::uint64_t below = 0;
  for (std::size_t bucket = 0; bucket < buckets_.size(); ++bucket) {
    below += buckets_[bucket];
    if (below >= rank) return middle_of(bucket);
  }
  PX_CHECK(false, "the buckets hold count() values");
  return 0;
}

void LatencySamples::record(Nanos wait, bool contended) {
  if (contended) ++contended_;
  if (wait <= 0) {
    ++zeros_;
    return;
  }
  max_ = std::max(max_, wait);
  if (histogram_ != nullptr) {
    histogram_->record(wait);
    return;
  }
  exact_.push_back(wait);
  if (exact_.size() > kExact) {
    histogram_ = std::make_unique<LatencyHistogram>();
    for (const Nanos sample : exact_) histogram_->record(sample);
    exact_ = {};
  }
}

LatencySummary LatencySamples::summarize() const {
  LatencySummary summary;
  summary.count = zeros_ + (histogram_ != nullptr ? histogram_->count() : exact_.size());
  summary.contended = contended_;
  summary.max = max_;
  if (summary.count == 0) return summary;
  std::vector<Nanos> sorted = exact_;
  std::sort(sorted.begin(), sorted.end());
  const auto quantile = [&](std::uint64_t numerator, std::uint64_t denominator) -> Nanos {
    const std::uint64_t rank = nearest_rank(summary.count, numerator, denominator);
    if (rank <= zeros_) return 0;
    if (histogram_ == nullptr) return sorted[rank - zeros_ - 1];
    return std::min(histogram_->value_at(rank - zeros_), max_);
  };
  summary.p50 = quantile(50, 100);
  summary.p99 = quantile(99, 100);
  summary.p999 = quantile(999, 1000);
  return summary;
}

}  // namespace px::trace
