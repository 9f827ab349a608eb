// Goal: contexts move to the CPU where they are needed and come home by ordinary wake placement,
// whatever happens to affinities in the meantime; execution never leaves its affinity.
// Method: FIFO tasks on two or three virtual CPUs; each timeline is derived by hand at its test.
#include "sim/test_lab.hpp"

namespace px::core {
namespace {

CpuMask only(int cpu) { return CpuMask::only(cpu); }

// D blocks on CPU 1, lends on CPU 0 and comes home, although CPU 0 is allowed to it and CPU 1 was
// taken by nobody (E38).
TEST(Migration, ADonorReturnsToWhereItRan) {
  TestLab lab(2);
  TestLab::Mutex m;
  lab.fifo_on(only(0), "L", 1, 0, [&] {
    lab.lock(m);
    lab.work(4);
    lab.unlock(m);
    lab.work(2);
  });
  auto& d = lab.fifo("D", 9, 1, [&] {
    lab.lock(m);
    lab.work(2);
    lab.unlock(m);
  });
  lab.run();
  EXPECT_EQ(lab.on_cpu(0), (Segs{{0, 0, 1, "L", "L"}, {0, 1, 4, "L", "D"}, {0, 4, 6, "L", "L"}}));
  EXPECT_EQ(lab.on_cpu(1), (Segs{{1, 4, 6, "D", "D"}}));
  EXPECT_EQ(d.wake_cpu.get(), 1);
  EXPECT_EQ(lab.counters().migrations, 1U);
}

// E37. While D lends on CPU 0, X takes CPU 1 for long. D, handed the lock at 4, is placed on CPU 0:
// that is where it runs now, so wake_cpu must say so.
TEST(Migration, AWakeOnTheCpuItWasMovedToMakesThatItsHome) {
  TestLab lab(2);
  TestLab::Mutex m;
  lab.fifo_on(only(0), "L", 1, 0, [&] {
    lab.lock(m);
    lab.work(4);
    lab.unlock(m);
    lab.work(2);
  });
  auto& d = lab.fifo("D", 9, 1, [&] {
    lab.lock(m);
    lab.work(2);
    lab.unlock(m);
  });
  lab.fifo_on(only(1), "X", 50, 2, [&] { lab.work(10); });
  lab.run();
  EXPECT_EQ(
      lab.on_cpu(0),
      (Segs{{0, 0, 1, "L", "L"}, {0, 1, 4, "L", "D"}, {0, 4, 6, "D", "D"}, {0, 6, 8, "L", "L"}}));
  EXPECT_EQ(d.cpu.load(std::memory_order_relaxed), 0);
  EXPECT_EQ(d.wake_cpu.get(), 0);
}

// E36. D ran on CPU 1 and lends on CPU 0 when its affinity becomes {2}: it goes to CPU 2.
TEST(Migration, ReturnFollowsAnAffinityThatChangedMeanwhile) {
  TestLab lab(3);
  TestLab::Mutex m;
  lab.fifo_on(only(0), "L", 1, 0, [&] {
    lab.lock(m);
    lab.work(6);
    lab.unlock(m);
    lab.work(1);
  });
  auto& d = lab.fifo_on(only(1), "D", 9, 1, [&] {
    lab.lock(m);
    lab.work(2);
    lab.unlock(m);
  });
  lab.fifo_on(only(2), "S", 9, 3, [&] { lab.simulator->scheduler().set_affinity(d, only(2)); });
  lab.run();
  EXPECT_EQ(lab.on_cpu(0), (Segs{{0, 0, 1, "L", "L"}, {0, 1, 6, "L", "D"}, {0, 6, 7, "L", "L"}}));
  EXPECT_EQ(lab.on_cpu(1), Segs{});
  EXPECT_EQ(lab.on_cpu(2), (Segs{{2, 6, 8, "D", "D"}}));
}

// E39. a@0 -> m -> b@1 -> n -> c@2: b moves to c, then a moves to b; nothing bounces.
//   CPU 2: 0-1 c; 1-2 c on b; 2-6 c on a. At 6 b is handed n and goes home to CPU 1, and a after
//   it: CPU 1: 6-8 b on a. At 8 a is handed m and goes home: CPU 0: 8-9.
TEST(Migration, AChainMovesTowardsItsEnd) {
  TestLab lab(3);
  TestLab::Mutex m;
  TestLab::Mutex n;
  lab.fifo_on(only(2), "c", 1, 0, [&] {
    lab.lock(n);
    lab.work(6);
    lab.unlock(n);
  });
  lab.fifo_on(only(1), "b", 5, 1, [&] {
    lab.lock(m);
    lab.lock(n);
    lab.work(2);
    lab.unlock(m);
    lab.unlock(n);
  });
  lab.fifo_on(only(0), "a", 9, 2, [&] {
    lab.lock(m);
    lab.work(1);
    lab.unlock(m);
  });
  lab.run();
  EXPECT_EQ(lab.on_cpu(2), (Segs{{2, 0, 1, "c", "c"}, {2, 1, 2, "c", "b"}, {2, 2, 6, "c", "a"}}));
  EXPECT_EQ(lab.on_cpu(1), (Segs{{1, 6, 8, "b", "a"}}));
  EXPECT_EQ(lab.on_cpu(0), (Segs{{0, 8, 9, "a", "a"}}));
  EXPECT_EQ(lab.counters().migrations, 3U);
}

// 37. D lends on CPU 0 from 1 on and goes home when its time is up, at 5, while L runs on: D has
// paid for 1-5 and not a moment more.
TEST(Migration, ADonorThatGoesHomeHasPaidUntilThen) {
  TestLab lab(2);
  TestLab::Mutex m;
  auto& l = lab.fifo_on(only(0), "L", 1, 0, [&] {
    lab.lock(m);
    lab.work(10);
    lab.unlock(m);
  });
  auto& d = lab.fifo_on(only(1), "D", 9, 1, [&] {
    EXPECT_EQ(lab.lock_until(m, 5), WaitEnd::kTimedOut);
    lab.work(2);
  });
  lab.run();
  EXPECT_EQ(l.times.executed_ns, 10);
  EXPECT_EQ(l.times.received_ns, 4);
  EXPECT_EQ(l.se.charged_ns, 6);
  EXPECT_EQ(d.times.executed_ns, 2);
  EXPECT_EQ(d.times.donated_ns, 4);
  EXPECT_EQ(d.se.charged_ns, 6);
}

// L runs on H's 9 (come from CPU 2) when D (5, CPU 1) wants m: D forces nothing and is linked. H
// gives up at 4 and goes home; L runs on, on its own context. At 6 P (3) would preempt it: L leaves
// its CPU, so D comes over and L runs on D.
TEST(Migration, ALinkedWaiterLendsWhenTheOwnerIsPreempted) {
  TestLab lab(3);
  TestLab::Mutex m;
  lab.fifo_on(only(0), "L", 1, 0, [&] {
    lab.lock(m);
    lab.work(10);
    lab.unlock(m);
  });
  lab.fifo_on(only(2), "H", 9, 1, [&] { EXPECT_EQ(lab.lock_until(m, 4), WaitEnd::kTimedOut); });
  lab.fifo_on(only(1), "D", 5, 2, [&] {
    lab.lock(m);
    lab.work(1);
    lab.unlock(m);
  });
  lab.fifo_on(only(0), "P", 3, 6, [&] { lab.work(2); });
  lab.run();
  EXPECT_EQ(lab.on_cpu(0), (Segs{{0, 0, 1, "L", "L"},
                                 {0, 1, 4, "L", "H"},
                                 {0, 4, 6, "L", "L"},
                                 {0, 6, 10, "L", "D"},
                                 {0, 10, 12, "P", "P"}}));
  EXPECT_EQ(lab.on_cpu(1), (Segs{{1, 10, 11, "D", "D"}}));
  EXPECT_EQ(lab.counters().links, 1U);
}

// D's owner L may only use CPU 0 at first and is sent to CPU 1 in mid-section, at 3: D follows it.
//   CPU 0: 0-1 L; 1-3 L on D. CPU 1: 3-6 L on D; CPU 2: 6-7 D.
TEST(Migration, DonorsFollowAnOwnerThatIsSentAway) {
  TestLab lab(3);
  TestLab::Mutex m;
  auto& l = lab.fifo_on(only(0), "L", 1, 0, [&] {
    lab.lock(m);
    lab.work(6);
    lab.unlock(m);
  });
  lab.fifo_on(only(2), "D", 9, 1, [&] {
    lab.lock(m);
    lab.work(1);
    lab.unlock(m);
  });
  lab.fifo_on(only(2), "S", 9, 3, [&] { lab.simulator->scheduler().set_affinity(l, only(1)); });
  lab.run();
  EXPECT_EQ(lab.on_cpu(0), (Segs{{0, 0, 1, "L", "L"}, {0, 1, 3, "L", "D"}}));
  EXPECT_EQ(lab.on_cpu(1), (Segs{{1, 3, 6, "L", "D"}}));
  EXPECT_EQ(lab.on_cpu(2), (Segs{{2, 6, 7, "D", "D"}}));
}

// At instant 3 T (CPU 0) queues for m behind W; then L (CPU 1) releases m, which wakes W only, and
// forbids CPU 0 to T; then T blocks, finds m free, and must not go on where it is. W is stuck
// behind X on CPU 2 until 6; it has m to 7, when T gets it, on CPU 1.
TEST(Migration, AWaiterThatFindsTheLockFreeStillObeysItsNewAffinity) {
  TestLab lab(3);
  TestLab::Mutex m;
  TestLab::Task* waiter = nullptr;
  waiter = &lab.fifo("T", 5, 1, [&] {
    lab.work(2);
    EXPECT_EQ(lab.lock_now(m), WaitEnd::kGranted);
    lab.work(1);
    lab.unlock(m);
  });
  lab.simulator->scheduler().set_affinity(*waiter, only(0));
  lab.fifo_on(only(1), "L", 5, 0, [&] {
    lab.lock(m);
    lab.work(3);
    lab.unlock(m);
    lab.simulator->scheduler().set_affinity(*waiter, only(1));
  });
  lab.fifo_on(only(2), "W", 5, 1, [&] {
    lab.lock(m);
    lab.work(1);
    lab.unlock(m);
  });
  lab.fifo_on(only(2), "X", 8, 2, [&] { lab.work(4); });
  lab.run();
  EXPECT_EQ(lab.on_cpu(0), (Segs{{0, 1, 3, "T", "T"}}));
  EXPECT_EQ(lab.on_cpu(1), (Segs{{1, 0, 3, "L", "L"}, {1, 7, 8, "T", "T"}}));
}

}  // namespace
}  // namespace px::core
