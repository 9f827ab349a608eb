// Goal: CpuMask is a set of CPU numbers, over all words it is made of.
// Method: random operations from a fixed seed against std::set; the edges of words and of the
// range.
#include "base/cpu_mask.hpp"

#include <gtest/gtest.h>

#include <set>

#include "base/prng.hpp"

namespace px {
namespace {

TEST(CpuMask, MatchesASetOverRandomOperations) {
  Prng prng(1);
  for (const int range : {4, 64, 65, kMaxCpus}) {
    CpuMask mask;
    std::set<int> model;
    for (int step = 0; step < 2000; ++step) {
      const int cpu = static_cast<int>(prng.between(0, range - 1));
      if (prng.chance(50)) {
        mask.add(cpu);
        model.insert(cpu);
      } else {
        mask.remove(cpu);
        model.erase(cpu);
      }
      ASSERT_EQ(mask.has(cpu), model.count(cpu) == 1);
      ASSERT_EQ(mask.empty(), model.empty());
      ASSERT_EQ(mask.count(), static_cast<int>(model.size()));
      ASSERT_EQ(mask.single(), model.size() == 1);
      const int from = static_cast<int>(prng.between(-1, range - 1));
      const auto next = model.upper_bound(from);
      ASSERT_EQ(mask.next(from), next == model.end() ? -1 : *next) << "after " << from;
    }
  }
}

TEST(CpuMask, Edges) {
  EXPECT_TRUE(CpuMask().empty());
  EXPECT_EQ(CpuMask().next(-1), -1);
  EXPECT_EQ(CpuMask::first(0), CpuMask());
  EXPECT_EQ(CpuMask::first(kMaxCpus).count(), kMaxCpus);
  EXPECT_EQ(CpuMask::first(kMaxCpus).next(kMaxCpus - 1), -1);
  EXPECT_EQ(CpuMask::only(63).next(62), 63);
  EXPECT_EQ(CpuMask::only(64).next(62), 64);
  EXPECT_EQ(CpuMask::only(kMaxCpus - 1).next(-1), kMaxCpus - 1);
  EXPECT_FALSE(CpuMask::first(kMaxCpus).has(-1));
  EXPECT_FALSE(CpuMask::first(kMaxCpus).has(kMaxCpus));
}

TEST(CpuMask, Intersection) {
  EXPECT_EQ(CpuMask::first(100) & CpuMask::only(70), CpuMask::only(70));
  EXPECT_TRUE((CpuMask::first(70) & CpuMask::only(70)).empty());
}

TEST(CpuMaskDeath, NumbersOutOfRange) {
  CpuMask mask;
  EXPECT_DEATH(mask.add(kMaxCpus), "CPU number out of range");
  EXPECT_DEATH(mask.remove(-1), "CPU number out of range");
}

}  // namespace
}  // namespace px
