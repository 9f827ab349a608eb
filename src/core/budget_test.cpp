// Goal: deadline tasks in the core: a donor's budget is charged while its lock's owner runs; a
// donor throttled in mid-section stops lending and lends again when it is replenished; a throttled
// owner runs for others; yields, changes of class and admission keep budgets whole.
// Method: hand-drawn timelines in the simulator, one unit = 1 ns, every invariant checked after
// every phase; what is left of budgets is read from the tasks.
#include <gtest/gtest.h>

#include "sim/test_lab.hpp"

namespace px::core {
namespace {

policy::DeadlineParams dl(Nanos runtime, Nanos deadline, Nanos period) {
  return {runtime, deadline, period};
}

// H's context pays for L; throttled at 10 it waits for its next period, M runs, then H lends again.
TEST(Budget, ThrottledInMidSectionTheDonorLendsAgainWhenReplenished) {
  TestLab lab;
  TestLab::Mutex m;
  lab.fifo("L", 1, 0, [&] {
    lab.lock(m);
    lab.work(20);
    lab.unlock(m);
  });
  lab.fifo("M", 10, 3, [&] { lab.work(30); });
  auto& h = lab.spawn("H", dl(10, 20, 20), CpuMask::first(1), 2, [&] {
    lab.work(2);
    lab.lock(m);
    lab.work(3);
    lab.unlock(m);
  });
  lab.run();
  EXPECT_EQ(lab.segments, (Segs{{0, 0, 2, "L", "L"},
                                {0, 2, 4, "H", "H"},
                                {0, 4, 12, "L", "H"},
                                {0, 12, 22, "M", "M"},
                                {0, 22, 32, "L", "H"},
                                {0, 32, 42, "M", "M"},
                                {0, 42, 45, "H", "H"},
                                {0, 45, 55, "M", "M"}}));
  EXPECT_EQ(h.times.donated_ns, 18);
  EXPECT_EQ(h.se.dl.overruns, 2U);
}

// O is throttled while it holds the lock; F, which it could not run for by itself, lends to it.
TEST(Budget, AThrottledOwnerRunsForADonor) {
  TestLab lab;
  TestLab::Mutex m;
  lab.spawn("O", dl(4, 100, 100), CpuMask::first(1), 0, [&] {
    lab.lock(m);
    lab.work(10);
    lab.unlock(m);
    lab.work(2);
  });
  lab.fifo("F", 5, 1, [&] {
    lab.work(3);
    lab.lock(m);
    lab.work(1);
    lab.unlock(m);
  });
  lab.run();
  EXPECT_EQ(lab.segments, (Segs{{0, 0, 4, "O", "O"},
                                {0, 4, 7, "F", "F"},
                                {0, 7, 13, "O", "F"},
                                {0, 13, 14, "F", "F"},
                                {0, 100, 102, "O", "O"}}));
}

TEST(Budget, WhoCompletesAsItsBudgetEndsIsNotThrottled) {
  TestLab lab;
  auto& a = lab.spawn("A", dl(4, 10, 10), CpuMask::first(1), 0, [&] {
    for (int i = 0; i < 3; ++i) {
      lab.work(4);
      lab.sleep(10 * (i + 1) - lab.simulator->now());
    }
  });
  lab.fifo("F", 1, 0, [&] { lab.work(12); });
  lab.run();
  EXPECT_EQ(a.se.dl.overruns, 0U);
  EXPECT_EQ(lab.segments, (Segs{{0, 0, 4, "A", "A"},
                                {0, 4, 10, "F", "F"},
                                {0, 10, 14, "A", "A"},
                                {0, 14, 20, "F", "F"},
                                {0, 20, 24, "A", "A"}}));
}

// E72: the yield of a proxy must not cost the donor its budget.
TEST(Budget, AProxysYieldIsIgnoredAnOwnOneGivesTheBudgetUp) {
  TestLab lab;
  TestLab::Mutex m;
  lab.fifo("L", 1, 0, [&] {
    lab.lock(m);
    lab.work(4);
    lab.yield();
    lab.work(4);
    lab.unlock(m);
  });
  auto& h = lab.spawn("H", dl(20, 100, 100), CpuMask::first(1), 2, [&] {
    lab.lock(m);
    lab.unlock(m);
    lab.yield();
    lab.work(1);
  });
  lab.run();
  EXPECT_EQ(lab.segments,
            (Segs{{0, 0, 2, "L", "L"}, {0, 2, 8, "L", "H"}, {0, 102, 103, "H", "H"}}));
  EXPECT_EQ(h.se.dl.overruns, 0U);
}

// Nested budgets: the earliest deadline lends first; equal work, other order of deadlines.
TEST(Budget, LockGoesToTheEarliestDeadlineThatIsNotThrottled) {
  TestLab lab;
  TestLab::Mutex m;
  std::string order;
  lab.fifo("L", 50, 0, [&] {
    lab.lock(m);
    lab.work(30);
    lab.unlock(m);
  });
  const auto waiter = [&](const char* name, Nanos runtime, Nanos period, Nanos start) {
    lab.spawn(name, dl(runtime, period, period), CpuMask::first(1), start,
              [&lab, &m, &order, name] {
                lab.lock(m);
                order += name;
                lab.work(1);
                lab.unlock(m);
              });
  };
  // A pays from 1 to 11 and is throttled until 1001; B pays from 11 on.
  waiter("A", 10, 1000, 1);
  waiter("B", 100, 2000, 2);
  waiter("C", 100, 3000, 3);
  lab.run();
  EXPECT_EQ(order, "BCA");
  EXPECT_EQ(lab.finished["A"], 1002);
}

TEST(Budget, AChangeOfClassEndsAndBeginsThrottling) {
  TestLab lab;
  TestLab::Task* a = nullptr;
  a = &lab.spawn("A", dl(4, 50, 50), CpuMask::first(1), 0, [&] { lab.work(20); });
  lab.fifo("F", 9, 10, [&] {
    lab.work(1);
    EXPECT_TRUE(
        lab.simulator->scheduler().set_params(*a, policy::RealtimeParams{20, false}).granted);
    lab.work(3);
    EXPECT_TRUE(lab.simulator->scheduler().set_params(*a, dl(4, 50, 50)).granted);
  });
  lab.run();
  // Throttled at 4; realtime at 11: all it wants.
  EXPECT_EQ(lab.segments, (Segs{{0, 0, 4, "A", "A"},
                                {0, 10, 11, "F", "F"},
                                {0, 11, 27, "A", "A"},
                                {0, 27, 30, "F", "F"}}));
}

TEST(Budget, BackInTheClassItIsStillThrottled) {
  TestLab lab;
  TestLab::Task* a = nullptr;
  a = &lab.spawn("A", dl(4, 50, 50), CpuMask::first(1), 0, [&] { lab.work(12); });
  lab.fifo("F", 9, 10, [&] {
    (void)lab.simulator->scheduler().set_params(*a, policy::RealtimeParams{5, false});
    lab.work(2);
    (void)lab.simulator->scheduler().set_params(*a, dl(4, 50, 50));
    lab.work(1);
  });
  lab.run();
  EXPECT_EQ(lab.segments, (Segs{{0, 0, 4, "A", "A"},
                                {0, 10, 13, "F", "F"},
                                {0, 50, 54, "A", "A"},
                                {0, 100, 104, "A", "A"}}));
}

TEST(Budget, TheRunningTaskMayChangeItself) {
  TestLab lab;
  lab.fifo("A", 9, 0, [&] {
    lab.work(3);
    (void)lab.simulator->scheduler().set_params(lab.simulator->current(), dl(2, 10, 10));
    lab.work(3);
    (void)lab.simulator->scheduler().set_params(lab.simulator->current(), policy::FairParams{});
    lab.work(2);
  });
  lab.fifo("F", 1, 0, [&] { lab.work(4); });
  lab.run();
  EXPECT_EQ(lab.segments, (Segs{{0, 0, 5, "A", "A"}, {0, 5, 9, "F", "F"}, {0, 13, 16, "A", "A"}}));
}

TEST(Budget, AdmissionRefusesAndChangesNothing) {
  TestLab lab;
  auto& a = lab.spawn("A", dl(6, 10, 10), CpuMask::first(1), 0, [&] {
    auto& scheduler = lab.simulator->scheduler();
    auto& me = lab.simulator->current();
    const policy::Admitted refused = scheduler.set_params(me, dl(7, 10, 10));
    EXPECT_FALSE(refused.granted);
    EXPECT_EQ(me.se.dl_params, dl(6, 10, 10));
    EXPECT_TRUE(scheduler.set_params(me, dl(5, 10, 10)).granted);
    lab.work(1);
  });
  lab.spawn("B", dl(4, 10, 10), CpuMask::first(1), 0, [&] { lab.work(1); });
  EXPECT_GT(lab.simulator->scheduler().admitted_bandwidth(), policy::kBandwidthOne / 100 * 99);
  lab.run();
  EXPECT_EQ(a.se.dl_params, dl(5, 10, 10));
}

// A ends at 10 with 40 of its 50 left: until 100 - 40 * 100/50 its place is taken.
TEST(Budget, WhoHasEndedMakesRoomWhenItsLagIsZero) {
  TestLab lab;
  lab.spawn("A", dl(50, 100, 100), CpuMask::first(1), 0, [&] { lab.work(10); });
  lab.fifo("F", 1, 0, [&] {
    auto& scheduler = lab.simulator->scheduler();
    auto& me = lab.simulator->current();
    lab.work(9);
    EXPECT_FALSE(scheduler.set_params(me, dl(60, 100, 100)).granted);
    EXPECT_EQ(scheduler.admitted_bandwidth(), policy::kBandwidthOne / 2);
    lab.work(1);
    EXPECT_EQ(scheduler.admitted_bandwidth(), 0);
    EXPECT_TRUE(scheduler.set_params(me, dl(60, 100, 100)).granted);
  });
  lab.run();
  EXPECT_EQ(lab.segments, (Segs{{0, 0, 10, "A", "A"}, {0, 10, 20, "F", "F"}}));
}

// On two CPUs a blocked donor's context goes to the owner's CPU, its budget with it.
TEST(Budget, ABudgetTravelsWithTheContext) {
  TestLab lab(2);
  TestLab::Mutex m;
  lab.fifo_on(CpuMask::only(0), "L", 1, 0, [&] {
    lab.lock(m);
    lab.work(10);
    lab.unlock(m);
  });
  lab.fifo_on(CpuMask::only(0), "M", 5, 2, [&] { lab.work(20); });
  auto& h = lab.spawn("H", dl(6, 50, 50), CpuMask::only(1), 3, [&] {
    lab.work(1);
    lab.lock(m);
    lab.work(1);
    lab.unlock(m);
  });
  lab.run();
  EXPECT_EQ(lab.on_cpu(0), (Segs{{0, 0, 2, "L", "L"},
                                 {0, 2, 4, "M", "M"},
                                 {0, 4, 9, "L", "H"},
                                 {0, 9, 27, "M", "M"},
                                 {0, 27, 30, "L", "L"}}));
  EXPECT_EQ(lab.on_cpu(1), (Segs{{1, 3, 4, "H", "H"}, {1, 53, 54, "H", "H"}}));
  EXPECT_EQ(h.se.dl.overruns, 1U);
}

}  // namespace
}  // namespace px::core
