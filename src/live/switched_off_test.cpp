// Goal: proxy execution that is switched off at run time costs nothing: lock, unlock and yield,
// which is schedule(), execute at most two instructions more than in a build without it.
// Method: two builds of instruction_counts.cpp print their counts; a yield is counted there and
// back.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <string>

namespace {

struct Counts {
  long lock = 0;
  long unlock = 0;
  long yield = 0;
};

Counts run_once(const char* program) {
  Counts counts;
  FILE* const output = popen(program, "r");
  if (output == nullptr) return counts;
  if (std::fscanf(output, "%ld %ld %ld", &counts.lock, &counts.unlock, &counts.yield) != 3) {
    counts = {};
  }
  pclose(output);
  return counts;
}

// The least of some runs: single steps take so long that in a run each turn may meet the end of a
// slice.
Counts run(const char* program) {
  Counts least = run_once(program);
  for (int i = 1; i < 5; ++i) {
    const Counts counts = run_once(program);
    least.lock = std::min(least.lock, counts.lock);
    least.unlock = std::min(least.unlock, counts.unlock);
    least.yield = std::min(least.yield, counts.yield);
  }
  return least;
}

TEST(SwitchedOff, ExecutesAtMostTwoInstructionsMoreThanCompiledOut) {
  const Counts with = run(PX_COUNTS_WITH);
  const Counts without = run(PX_COUNTS_WITHOUT);
  std::printf(
      "instructions with proxy execution switched off: lock %ld, unlock %ld, yield and back "
      "%ld; compiled out: %ld, %ld, %ld\n",
      with.lock, with.unlock, with.yield, without.lock, without.unlock, without.yield);
  // Else nothing was counted.
  ASSERT_GT(without.lock, 5);
  ASSERT_GT(without.unlock, 5);
  ASSERT_GT(without.yield, 100);
  ASSERT_LT(without.yield, 100'000);
  EXPECT_LE(with.lock, without.lock + 2);
  EXPECT_LE(with.unlock, without.unlock + 2);
  EXPECT_LE(with.yield, without.yield + 2 * 2);
}

}  // namespace
