// Goal: what a fair context is owed outlives its sleep, and what it owes is paid off meanwhile, as
// fast as if it had stayed on the queue.
// Method: random weights and histories, lags compared before and after a sleep; a twin of the
// sleeper that stays on an equal queue.
#include <gtest/gtest.h>

#include <tuple>
#include <vector>

#include "base/prng.hpp"
#include "policy/fair_test_cpu.hpp"

namespace px::policy {
namespace {

constexpr Nanos kSlice = 3 * kMillisecond;

// A queue of up to ten with random weights and histories, and one more that sleeps.
struct SleeperAmongOthers {
  explicit SleeperAmongOthers(Prng& random) : prng(random) {
    const auto count = prng.between(1, 10);
    others.reserve(static_cast<std::size_t>(count));
    for (std::uint32_t i = 0; i < count; ++i) {
      others.push_back(fair_context(i + 1, {.nice = static_cast<int>(prng.between(-20, 19))}));
      cpu.start(others.back());
    }
    cpu.start(sleeper);
    cpu.schedule();
    run();
    owed = cpu.fair.lag_of(sleeper);
    vruntime = sleeper.fair.vruntime;
    cpu.sleep(sleeper);
    cpu.schedule();
  }
  void run() {
    for (int i = 0; i < 20; ++i) cpu.run_slice(cpu.now + prng.between(1, kSlice));
  }

  Prng& prng;
  FairTestCpu cpu;
  std::vector<SchedContext> others;
  SchedContext sleeper = fair_context(0, {.nice = static_cast<int>(prng.between(-20, 19))});
  std::int64_t owed = 0;
  std::int64_t vruntime = 0;
};

TEST(Fair, WhatASleeperIsOwedIsKeptWhateverTheWeights) {
  Prng prng(11);
  int seen = 0;
  for (int round = 0; round < 2000; ++round) {
    SleeperAmongOthers at(prng);
    ASSERT_EQ(at.sleeper.fair.lag, at.owed);
    at.run();
    at.cpu.wake(at.sleeper);
    if (at.owed < 0) continue;
    ++seen;
    ASSERT_NEAR(static_cast<double>(at.cpu.fair.lag_of(at.sleeper)), static_cast<double>(at.owed),
                2);
    at.cpu.expect_sound();
  }
  EXPECT_GT(seen, 500);
}

// Back before V has come to where it was, it is back in its place, as if it had stayed on the
// queue; later, it owes nothing.
TEST(Fair, WhatASleeperOwesItPaysOffWhileItSleeps) {
  Prng prng(12);
  int early = 0;
  int late = 0;
  for (int round = 0; round < 2000; ++round) {
    SleeperAmongOthers at(prng);
    if (at.owed >= 0) continue;
    for (int i = static_cast<int>(prng.between(0, 20)); i > 0; --i) {
      at.cpu.run_slice(at.cpu.now + prng.between(1, kSlice));
    }
    const std::int64_t average = at.cpu.fair.average_vruntime();
    at.cpu.wake(at.sleeper);
    if (average < at.vruntime) {
      ++early;
      ASSERT_NEAR(static_cast<double>(at.sleeper.fair.vruntime), static_cast<double>(at.vruntime),
                  1);
    } else {
      ++late;
      ASSERT_EQ(at.sleeper.fair.vruntime, average);
    }
    at.cpu.expect_sound();
  }
  EXPECT_GT(early, 100);
  EXPECT_GT(late, 100);
}

// The argument in fair.hpp: the debt is paid after just as much time as if the sleeper had stayed.
TEST(Fair, ADebtIsPaidAsFastOffTheQueueAsOnIt) {
  for (const int nice : {-10, 0, 10}) {
    FairTestCpu stays;
    FairTestCpu sleeps;
    auto here = fair_context(0, {.nice = nice});
    auto there = fair_context(0, {.nice = nice});
    auto other_here = fair_context(1);
    auto other_there = fair_context(1);
    for (const auto& [cpu, debtor, other] :
         {std::tuple(&stays, &here, &other_here), std::tuple(&sleeps, &there, &other_there)}) {
      cpu->start(*debtor);
      cpu->schedule();
      cpu->start(*other);
      (void)cpu->run(2 * kMillisecond);
      ASSERT_LT(cpu->fair.lag_of(*debtor), 0);
    }
    stays.interrupt();
    sleeps.sleep(there);
    sleeps.schedule();
    ASSERT_EQ(stays.current, &other_here);
    Nanos paid_here = 0;
    while (!stays.fair.eligible(here)) {
      (void)stays.run(kMicrosecond);
      paid_here += kMicrosecond;
    }
    Nanos paid_there = 0;
    while (sleeps.fair.unpaid(there.fair) > 0) {
      (void)sleeps.run(kMicrosecond);
      paid_there += kMicrosecond;
    }
    EXPECT_NEAR(static_cast<double>(paid_here), static_cast<double>(paid_there), kMicrosecond)
        << "nice " << nice;
  }
}

TEST(Fair, ADebtEndsWithTheQueueAndMovesWithItsDebtor) {
  FairTestCpu cpu;
  FairTestCpu elsewhere;
  auto debtor = fair_context(0);
  auto other = fair_context(1);
  auto third = fair_context(2);
  cpu.start(debtor);
  cpu.schedule();
  cpu.start(other);
  (void)cpu.run(2 * kMillisecond);
  const auto lag = cpu.fair.lag_of(debtor);
  ASSERT_LT(lag, 0);
  cpu.sleep(debtor);
  // On another queue it has what it left with.
  elsewhere.start(third);
  elsewhere.schedule();
  auto copy = debtor;
  elsewhere.wake(copy);
  EXPECT_NEAR(static_cast<double>(elsewhere.fair.lag_of(copy)), static_cast<double>(lag), 2);
  // Nobody is left whom it could owe anything.
  cpu.schedule();
  cpu.sleep(other);
  EXPECT_EQ(cpu.fair.unpaid(debtor.fair), 0);
}

}  // namespace
}  // namespace px::policy
