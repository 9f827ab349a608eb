// Goal: the clock follows CLOCK_MONOTONIC within its stated error, never goes back in a thread,
// also while another thread refines it, and falls back with one notice. Method: readings are
// compared with CLOCK_MONOTONIC readings taken on both sides of them, so that a test that is
// descheduled in between compares against a wider interval and not against a wrong one.
#include "live/clock.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <ctime>
#include <string>
#include <thread>
#include <vector>

namespace px::live {
namespace {

Nanos monotonic() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * kSecond + time.tv_nsec;
}

void wait_for(Nanos duration) {
  const timespec pause{0, duration};
  clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, nullptr);
}

TEST(TscClock, StartsAtZeroAndAdvances) {
  const Nanos before = monotonic();
  const TscClock clock;
  const Nanos first = clock.now();
  EXPECT_GE(first, -kMicrosecond);
  wait_for(kMillisecond);
  const Nanos second = clock.now();
  EXPECT_GE(second - first, kMillisecond - kMicrosecond);
  EXPECT_LE(second, monotonic() - before) << "more time passed on this clock than at all";
}

TEST(TscClock, ReadingsOfAThreadNeverDecrease) {
  TscClock clock;
  Nanos last = clock.now();
  // Long enough for a dozen refinements, many more than will ever be due in that time.
  while (last < 300 * kMillisecond) {
    clock.refine_if_due(kNever);
    for (int i = 0; i < 1000; ++i) {
      const Nanos next = clock.now();
      ASSERT_GE(next, last);
      last = next;
    }
  }
}

// The allowed error: 50 ppm of the longest distance to a measurement, and the width of a sample.
constexpr Nanos kTolerance = 5 * kMicrosecond;

TEST(TscClock, ConvertsToMonotonicAndBack) {
  TscClock clock;
  for (int i = 0; i < 50; ++i) {
    const Nanos low = monotonic();
    const Nanos now = clock.now();
    const Nanos high = monotonic();
    EXPECT_GE(clock.absolute_monotonic(now), low - kTolerance);
    EXPECT_LE(clock.absolute_monotonic(now), high + kTolerance);
    EXPECT_EQ(clock.from_monotonic(clock.absolute_monotonic(now)), now);
    wait_for(4 * kMillisecond);
    if (i % 10 == 9) clock.refine_if_due(kNever);
  }
  EXPECT_EQ(clock.absolute_monotonic(kNever), kNever);
  EXPECT_EQ(clock.from_monotonic(kNever), kNever);
}

TEST(TscClock, RefinesOnlyWhenDue) {
  TscClock clock;
  if (!clock.uses_tsc()) GTEST_SKIP() << clock.fallback_reason();
  const Nanos offset = clock.absolute_monotonic(0);
  wait_for(10 * kMillisecond);
  clock.refine_if_due(0);
  EXPECT_EQ(clock.absolute_monotonic(0), offset) << "refined before its time";
}

// Torn readings of the scale would be off by whole bases; readers must see old or new, never both.
TEST(TscClock, ReadersAndRefinersMayMeet) {
  TscClock clock;
  std::atomic<bool> stop{false};
  std::atomic<int> backwards{0};
  std::vector<std::thread> readers;
  readers.reserve(3);
  for (int i = 0; i < 3; ++i) {
    readers.emplace_back([&] {
      Nanos last = clock.now();
      while (!stop.load(std::memory_order_relaxed)) {
        const Nanos next = clock.now();
        if (next < last || next - last > 100 * kSecond) ++backwards;
        last = next;
      }
    });
  }
  for (int i = 0; i < 300; ++i) {
    clock.refine_if_due(kNever);
    wait_for(kMillisecond);
  }
  stop = true;
  for (auto& reader : readers) reader.join();
  EXPECT_EQ(backwards.load(), 0);
}

// A value read on one thread and passed to another lies in the past there, give or take the error.
TEST(TscClock, AgreesBetweenThreads) {
  TscClock clock;
  std::atomic<Nanos> passed{0};
  std::atomic<int> ahead{0};
  std::thread reader([&] {
    Nanos seen = 0;
    while (seen >= 0) {
      seen = passed.load(std::memory_order_acquire);
      if (seen > clock.now() + kTolerance) ++ahead;
    }
  });
  while (clock.now() < 100 * kMillisecond) {
    for (int i = 0; i < 1000; ++i) passed.store(clock.now(), std::memory_order_release);
    clock.refine_if_due(kNever);
  }
  passed = -1;
  reader.join();
  EXPECT_EQ(ahead.load(), 0);
}

int notices = 0;
std::string last_notice;
void record_notice(const char* line) noexcept {
  ++notices;
  last_notice = line;
}

TEST(TscClock, WithoutTheCounterItReadsClockMonotonic) {
  notices = 0;
  TscClock clock({.use_tsc = false, .notice = &record_notice});
  EXPECT_FALSE(clock.uses_tsc());
  EXPECT_EQ(notices, 0) << "the caller asked for it and needs no notice";
  const Nanos low = monotonic();
  const Nanos now = clock.absolute_monotonic(clock.now());
  EXPECT_GE(now, low);
  EXPECT_LE(now, monotonic());
  clock.refine_if_due(kNever);
  EXPECT_GE(clock.absolute_monotonic(clock.now()), now);
}

TEST(TscClock, NoticeOnlyWhereTheCounterIsRefused) {
  notices = 0;
  const TscClock clock({.notice = &record_notice});
  EXPECT_EQ(notices, clock.uses_tsc() ? 0 : 1);
  if (notices != 0) {
    EXPECT_NE(last_notice.find(clock.fallback_reason()), std::string::npos);
  }
}

}  // namespace
}  // namespace px::live
