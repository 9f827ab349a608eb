// Goal: the generator is SplitMix64, the same everywhere, and its ranges are exact.
// Method: the first outputs published for seed 1234567; ranges by enumeration.
#include "base/prng.hpp"

#include <gtest/gtest.h>

#include <array>
#include <limits>

namespace px {
namespace {

TEST(Prng, IsSplitMix64) {
  Prng prng(1234567);
  EXPECT_EQ(prng.next(), 6457827717110365317ULL);
  EXPECT_EQ(prng.next(), 3203168211198807973ULL);
  EXPECT_EQ(prng.next(), 9817491932198370423ULL);
}

TEST(Prng, RangesIncludeBothEndsAndNothingElse) {
  Prng prng(1);
  std::array<int, 7> seen{};
  for (int i = 0; i < 7000; ++i) {
    const auto value = prng.between(-3, 3);
    ASSERT_GE(value, -3);
    ASSERT_LE(value, 3);
    ++seen[static_cast<std::size_t>(value + 3)];
  }
  for (const int count : seen) EXPECT_NEAR(count, 1000, 150);
  EXPECT_EQ(prng.between(5, 5), 5);
}

TEST(Prng, TheWholeRangeOfNumbersIsARange) {
  Prng a(7);
  Prng b(7);
  constexpr auto kLow = std::numeric_limits<std::int64_t>::min();
  constexpr auto kHigh = std::numeric_limits<std::int64_t>::max();
  EXPECT_EQ(a.between(kLow, kHigh),
            static_cast<std::int64_t>(static_cast<std::uint64_t>(kLow) + b.next()));
}

TEST(Prng, ChanceIsInPercent) {
  Prng prng(3);
  int hits = 0;
  for (int i = 0; i < 10'000; ++i) hits += prng.chance(30) ? 1 : 0;
  EXPECT_NEAR(hits, 3000, 200);
  EXPECT_FALSE(prng.chance(0));
  EXPECT_TRUE(prng.chance(100));
}

TEST(PrngDeath, EmptyRange) {
  Prng prng(1);
  EXPECT_DEATH((void)prng.between(1, 0), "empty range");
}

}  // namespace
}  // namespace px
