// Goal: stacks are handed out once, reused most recent first, give their memory back beyond the
// limit, and an overflow is found by the guard page or by the canary.
// Method: stacks are used as plain memory; residency is read with mincore; overflows are written by
// hand. The limit of guard pages is reached for real, with page protection and the smallest stacks.
#include "fiber/stack.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <atomic>
#include <cstdio>
#include <cstring>
#include <set>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "fiber/sanitizer.hpp"

namespace px::fiber {
namespace {

constexpr std::size_t k64KiB = 65'536;

int resident_pages(const Stack& stack) {
  std::vector<unsigned char> pages(stack.size / kPageSize);
  EXPECT_EQ(::mincore(stack.low, stack.size, pages.data()), 0);
  int count = 0;
  for (const auto page : pages) count += page & 1;
  return count;
}

std::string last_notice;
int notices = 0;
void record_notice(const char* line) noexcept {
  last_notice = line;
  ++notices;
}

TEST(StackPool, RefusesStacksTooSmallForASignalFrame) {
  EXPECT_EQ(min_stack_size() % kPageSize, 0u);
  EXPECT_GE(min_stack_size(), 16u * 1024 + 2048);
  EXPECT_NO_THROW(StackPool({.stack_size = min_stack_size()}));
  try {
    StackPool pool({.stack_size = min_stack_size() - 1});
    FAIL() << "a stack below the minimum was accepted";
  } catch (const std::system_error& error) {
    EXPECT_EQ(error.code(), std::errc::invalid_argument);
    EXPECT_NE(std::string(error.what()).find("stack_size"), std::string::npos);
  }
}

TEST(StackPool, RoundsUpToPagesAndHandsOutDistinctStacks) {
  StackPool pool({.stack_size = 100'001});
  EXPECT_EQ(pool.stack_size(), 102'400u);
  std::set<std::byte*> lows;
  std::vector<Stack> stacks;
  for (int i = 0; i < 100; ++i) {
    stacks.push_back(pool.acquire());
    std::memset(stacks.back().low, 0x5a, stacks.back().size);
    lows.insert(stacks.back().low);
  }
  EXPECT_EQ(lows.size(), 100u);
  const auto statistics = pool.statistics();
  EXPECT_EQ(statistics.in_use, 100u);
  EXPECT_EQ(statistics.guarded, 100u);
  EXPECT_EQ(statistics.reserved_bytes, 100u * (102'400 + kPageSize));
  for (const auto& stack : stacks) pool.release(stack);
  EXPECT_EQ(pool.statistics().in_use, 0u);
}

TEST(StackPool, ReusesTheMostRecentlyReleasedFirst) {
  StackPool pool;
  const Stack a = pool.acquire();
  const Stack b = pool.acquire();
  pool.release(a);
  pool.release(b);
  EXPECT_EQ(pool.acquire().low, b.low);
  EXPECT_EQ(pool.acquire().low, a.low);
  EXPECT_EQ(pool.statistics().mapped, 2u);
  pool.release(a);
  pool.release(b);
}

TEST(StackPool, GivesMemoryBackBeyondTheLimitAndOnTrim) {
  StackPool pool({.stack_size = k64KiB, .keep_warm = 1});
  const Stack a = pool.acquire();
  const Stack b = pool.acquire();
  std::memset(a.low, 1, a.size);
  std::memset(b.low, 1, b.size);
  pool.release(a);
  pool.release(b);
  EXPECT_EQ(resident_pages(a), 16) << "a stack within the limit lost its memory";
  EXPECT_EQ(resident_pages(b), 1) << "a stack beyond the limit kept its memory";
  EXPECT_EQ(pool.statistics().idle_warm, 1u);
  EXPECT_EQ(pool.statistics().idle_cold, 1u);
  pool.trim();
  EXPECT_EQ(resident_pages(a), 1);
  EXPECT_EQ(pool.statistics().idle_cold, 2u);
  const Stack again = pool.acquire();
  EXPECT_TRUE(again.low == a.low || again.low == b.low);
  pool.release(again);
}

TEST(StackPool, CanaryOfAnUnguardedStackSurvivesReuseAndFindsAnOverflow) {
  StackPool pool({.stack_size = k64KiB, .keep_warm = 0, .guard_pages = false});
  Stack stack = pool.acquire();
  EXPECT_FALSE(stack.guarded);
  EXPECT_TRUE(canary_intact(stack));
  pool.release(stack);  // gives its memory back, the canary with it
  stack = pool.acquire();
  EXPECT_TRUE(canary_intact(stack));
  stack.low[63] ^= std::byte{1};  // the first byte that an overflow reaches
  EXPECT_FALSE(canary_intact(stack));
  write_canary(stack);
  stack.low[0] ^= std::byte{0x80};
  EXPECT_FALSE(canary_intact(stack));
  EXPECT_DEATH(pool.release(stack), "stack overflow");
  write_canary(stack);
  pool.release(stack);
}

TEST(StackPool, GuardPageFaultsAndIsRecognised) {
  for (const bool regions : {true, false}) {
    StackPool pool({.guard_regions = regions});
    const Stack stack = pool.acquire();
    ASSERT_TRUE(stack.guarded);
    EXPECT_TRUE(in_guard(stack, stack.low - 1));
    EXPECT_TRUE(in_guard(stack, stack.low - kPageSize));
    EXPECT_FALSE(in_guard(stack, stack.low));
    EXPECT_FALSE(in_guard(stack, stack.low - kPageSize - 1));
    volatile std::byte* const low = stack.low;
    EXPECT_DEATH(low[-1] = std::byte{1}, "");
    low[0] = std::byte{1};
    pool.release(stack);
  }
}

TEST(StackPool, GoesOnWithoutGuardsAtTheLimitAndSaysSoOnce) {
  if (PX_TSAN != 0) GTEST_SKIP() << "the thread sanitizer needs more mappings than the reserve";
  long max_maps = 0;
  std::FILE* const file = std::fopen("/proc/sys/vm/max_map_count", "re");
  if (file == nullptr) GTEST_SKIP() << "vm.max_map_count cannot be read here";
  ASSERT_EQ(std::fscanf(file, "%ld", &max_maps), 1);
  std::fclose(file);
  if (max_maps > 300'000) GTEST_SKIP() << "vm.max_map_count is too high to reach it in a test";
  notices = 0;
  StackPool pool({.stack_size = min_stack_size(),
                  .keep_warm = 0,
                  .guard_regions = false,
                  .notice = &record_notice});
  const long limit = (max_maps - 2048) / 2;
  std::vector<Stack> stacks;
  for (long i = 0; i < limit + 100; ++i) stacks.push_back(pool.acquire());
  EXPECT_EQ(pool.statistics().guarded, static_cast<std::size_t>(limit));
  EXPECT_TRUE(stacks.front().guarded);
  EXPECT_FALSE(stacks.back().guarded);
  EXPECT_TRUE(canary_intact(stacks.back()));
  EXPECT_EQ(notices, 1);
  EXPECT_NE(last_notice.find("vm.max_map_count"), std::string::npos);
  for (const auto& stack : stacks) pool.release(stack);
  {
    StackPool second({.guard_regions = false});
    const Stack stack = second.acquire();
    EXPECT_FALSE(stack.guarded) << "the limit belongs to the process, not to the pool";
    second.release(stack);
  }
}

TEST(StackPool, GuardBudgetReturnsWithThePool) {
  StackPool pool({.guard_regions = false});
  const Stack stack = pool.acquire();
  EXPECT_TRUE(stack.guarded);
  pool.release(stack);
}

TEST(StackPool, ThreadsNeverShareAStack) {
  StackPool pool({.stack_size = k64KiB, .keep_warm = 2});
  std::atomic<int> shared{0};
  const auto work = [&](unsigned char mark) {
    for (int i = 0; i < 2000; ++i) {
      const Stack a = pool.acquire();
      const Stack b = pool.acquire();
      for (const auto& stack : {a, b}) std::memset(stack.low + 1024, mark, 256);
      for (const auto& stack : {a, b}) {
        for (int k = 0; k < 256; ++k) {
          if (stack.low[1024 + k] != std::byte{mark}) ++shared;
        }
        pool.release(stack);
      }
    }
  };
  std::vector<std::thread> threads;
  for (unsigned char mark = 1; mark <= 4; ++mark) threads.emplace_back(work, mark);
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(shared.load(), 0);
  EXPECT_EQ(pool.statistics().in_use, 0u);
  EXPECT_LE(pool.statistics().mapped, 8u);
}

TEST(StackPool, DestroyingItUnderAStackIsCaught) {
  EXPECT_DEATH(
      {
        StackPool pool;
        static_cast<void>(pool.acquire());
      },
      "while its stacks are in use");
}

TEST(StackSlab, CarvesInOrderAndReusesLastInFirstOut) {
  StackSlab slab(4, 8192);
  const Stack a = slab.acquire(), b = slab.acquire(), c = slab.acquire();
  EXPECT_EQ(b.low, a.low + 8192);
  EXPECT_EQ(c.low, b.low + 8192);
  EXPECT_EQ(slab.used_bytes(), StackSlab::bytes_for(3, 8192));
  slab.release(a);
  slab.release(c);
  EXPECT_EQ(slab.acquire().low, c.low);
  EXPECT_EQ(slab.acquire().low, a.low);
  EXPECT_EQ(slab.acquire().low, c.low + 8192);
  EXPECT_EQ(slab.acquire().low, nullptr) << "more stacks than the slab has";
  EXPECT_EQ(slab.in_use(), 4u);
  EXPECT_EQ(slab.peak_in_use(), 4u);
}

TEST(StackSlab, FillsTheCallersMemoryAndNotMore) {
  alignas(kPageSize) static std::byte memory[k64KiB + 1];
  memory[k64KiB] = std::byte{0x77};
  StackSlab slab(memory, k64KiB, 8192);
  EXPECT_EQ(slab.capacity(), 7u);
  for (Stack stack = slab.acquire(); stack.low != nullptr; stack = slab.acquire()) {
    ASSERT_GE(stack.low, memory);
    ASSERT_LE(stack.low + stack.size, memory + k64KiB);
    std::memset(stack.low + sizeof kCanary, 0x11, stack.size - sizeof kCanary);
  }
  EXPECT_EQ(slab.in_use(), 7u);
  EXPECT_EQ(memory[k64KiB], std::byte{0x77});
  EXPECT_LE(slab.used_bytes(), k64KiB);
}

TEST(StackSlab, FindsAnOverflowIntoTheCanary) {
  StackSlab slab(2, 8192);
  const Stack stack = slab.acquire();
  EXPECT_TRUE(canary_intact(stack));
  stack.low[40] = std::byte{0};
  EXPECT_FALSE(canary_intact(stack));
  EXPECT_DEATH(slab.release(stack), "stack overflow");
}

TEST(StackSlab, RefusesWhatIsNotItsOwn) {
  StackSlab slab(2, 8192);
  const Stack stack = slab.acquire();
  EXPECT_DEATH(slab.release({stack.low + 64, 8192, false}), "does not come from");
  EXPECT_DEATH(slab.release({stack.low + 8192, 8192, false}), "does not come from");
  EXPECT_THROW(StackSlab(4, 1000), std::system_error);
}

TEST(StackSlab, AMillionStacksCostAddressSpaceOnly) {
  StackSlab slab(1'000'000, 8192);
  const Stack stack = slab.acquire();
  EXPECT_NE(stack.low, nullptr);
  EXPECT_EQ(resident_pages(stack), 1);
}

}  // namespace
}  // namespace px::fiber
