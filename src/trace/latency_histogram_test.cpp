// Goal: percentiles are exact nearest-rank values up to the stated number of samples and within one
// percent above it.
// Method: literals for small sets; for large ones random samples over many magnitudes, compared
// with the sorted samples themselves.
#include "trace/latency_histogram.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <vector>

#include "base/prng.hpp"

namespace px::trace {
namespace {

TEST(NearestRank, IsTheLeastRankWithThatShareAtOrBelowIt) {
  EXPECT_EQ(nearest_rank(1, 50, 100), 1U);
  EXPECT_EQ(nearest_rank(2, 50, 100), 1U);
  EXPECT_EQ(nearest_rank(3, 50, 100), 2U);
  EXPECT_EQ(nearest_rank(100, 99, 100), 99U);
  EXPECT_EQ(nearest_rank(101, 99, 100), 100U);
  EXPECT_EQ(nearest_rank(999, 999, 1000), 999U);
  EXPECT_EQ(nearest_rank(1000, 999, 1000), 999U);
  EXPECT_EQ(nearest_rank(1001, 999, 1000), 1000U);
  EXPECT_EQ(nearest_rank(7, 0, 100), 1U);
  EXPECT_EQ(nearest_rank(7, 100, 100), 7U);
}

TEST(LatencyHistogram, IsExactForSmallValues) {
  LatencyHistogram histogram;
  for (Nanos value = 0; value < 128; ++value) histogram.record(value);
  for (Nanos value = 0; value < 128; ++value) {
    EXPECT_EQ(histogram.value_at(static_cast<std::uint64_t>(value) + 1), value);
  }
}

TEST(LatencyHistogram, TakesTheWholeRange) {
  LatencyHistogram histogram;
  histogram.record(-5);
  histogram.record(std::numeric_limits<Nanos>::max());
  EXPECT_EQ(histogram.count(), 2U);
  EXPECT_EQ(histogram.value_at(1), 0);
  EXPECT_GT(histogram.value_at(2), std::numeric_limits<Nanos>::max() / 100 * 99);
}

TEST(LatencyHistogram, IsWithinOnePercentAtEveryMagnitude) {
  Prng prng(7);
  for (int bits = 1; bits < 63; ++bits) {
    for (int i = 0; i < 200; ++i) {
      const Nanos value = prng.between(Nanos{1} << (bits - 1), (Nanos{1} << bits) - 1);
      LatencyHistogram histogram;
      histogram.record(value);
      const Nanos answer = histogram.value_at(1);
      EXPECT_LE(std::abs(answer - value), value / 100) << value;
    }
  }
}

TEST(LatencySamples, IsAllZeroWithoutSamples) {
  const LatencySummary summary = LatencySamples().summarize();
  EXPECT_EQ(summary.count, 0U);
  EXPECT_EQ(summary.p50, 0);
  EXPECT_EQ(summary.max, 0);
}

TEST(LatencySamples, GivesExactPercentiles) {
  LatencySamples samples;
  for (Nanos value = 1000; value >= 1; --value) samples.record(value, value % 2 == 0);
  const LatencySummary summary = samples.summarize();
  EXPECT_EQ(summary.count, 1000U);
  EXPECT_EQ(summary.contended, 500U);
  EXPECT_EQ(summary.p50, 500);
  EXPECT_EQ(summary.p99, 990);
  EXPECT_EQ(summary.p999, 999);
  EXPECT_EQ(summary.max, 1000);
}

TEST(LatencySamples, CountsUncontendedCallsAsZero) {
  LatencySamples samples;
  for (int i = 0; i < 98; ++i) samples.record_uncontended();
  samples.record(0, true);
  samples.record(7, true);
  const LatencySummary summary = samples.summarize();
  EXPECT_EQ(summary.count, 100U);
  EXPECT_EQ(summary.contended, 2U);
  EXPECT_EQ(summary.p50, 0);
  EXPECT_EQ(summary.p99, 0);
  EXPECT_EQ(summary.p999, 7);
}

// As many samples as the exact store takes, then one more: the answers may move by one percent.
class LatencySamplesOf : public testing::TestWithParam<std::size_t> {};

TEST_P(LatencySamplesOf, StayWithinTheBound) {
  Prng prng(GetParam());
  LatencySamples samples;
  std::vector<Nanos> sorted;
  for (std::size_t i = 0; i < GetParam(); ++i) {
    const Nanos value = prng.between(1, Nanos{1} << prng.between(1, 40));
    samples.record(value, true);
    sorted.push_back(value);
  }
  std::sort(sorted.begin(), sorted.end());
  const LatencySummary summary = samples.summarize();
  const bool exact = GetParam() <= LatencySamples::kExact;
  const auto check = [&](Nanos answer, std::uint64_t numerator, std::uint64_t denominator) {
    const Nanos truth = sorted[nearest_rank(sorted.size(), numerator, denominator) - 1];
    if (exact) {
      EXPECT_EQ(answer, truth);
    } else {
      EXPECT_LE(std::abs(answer - truth), truth / 100) << truth;
    }
  };
  EXPECT_EQ(summary.count, GetParam());
  check(summary.p50, 50, 100);
  check(summary.p99, 99, 100);
  check(summary.p999, 999, 1000);
  EXPECT_EQ(summary.max, sorted.back());
}

INSTANTIATE_TEST_SUITE_P(Sizes, LatencySamplesOf,
                         testing::Values(1, 2, 999, LatencySamples::kExact,
                                         LatencySamples::kExact + 1, 250'000));

}  // namespace
}  // namespace px::trace
