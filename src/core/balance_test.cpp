// Goal: no runnable end of a chain waits while a CPU that is allowed to it runs a lower rank
// (invariant 20), through wakeups, locks, sleeps and changes; and what moves is a whole chain.
// Method: FIFO tasks on two to four virtual CPUs; each timeline is derived by hand at its test. The
// lab checks invariant 20 at the end of each instant.
#include "sim/test_lab.hpp"

namespace px::core {
namespace {

CpuMask only(int cpu) { return CpuMask::only(cpu); }

// The example of B.14. P98 waits on CPU 0 for P2's lock and lends it its rank; P99 takes CPU 0.
// Then CPU 1, which runs P50, must run P2 as P98: both go there, and P50 waits.
TEST(Balance, AChainIsPushedAsAWhole) {
  TestLab lab(2);
  TestLab::Mutex m;
  lab.fifo_on(CpuMask::first(2), "P2", 2, 0, [&] {
    lab.lock(m);
    lab.work(6);
    lab.unlock(m);
  });
  lab.fifo_on(only(1), "P50", 50, 1, [&] { lab.work(6); });
  lab.fifo_on(only(0), "P98", 98, 2, [&] {
    lab.lock(m);
    lab.work(1);
    lab.unlock(m);
  });
  lab.fifo_on(only(0), "P99", 99, 3, [&] { lab.work(5); });
  lab.run();
  EXPECT_EQ(lab.on_cpu(0), (Segs{{0, 0, 2, "P2", "P2"},
                                 {0, 2, 3, "P2", "P98"},
                                 {0, 3, 8, "P99", "P99"},
                                 {0, 8, 9, "P98", "P98"}}));
  EXPECT_EQ(lab.on_cpu(1),
            (Segs{{1, 1, 3, "P50", "P50"}, {1, 3, 6, "P2", "P98"}, {1, 6, 10, "P50", "P50"}}));
}

// The same with the lender's CPU pinned and the owner allowed only there: it waits.
TEST(Balance, AChainGoesWhereItsEndMayGo) {
  TestLab lab(2);
  TestLab::Mutex m;
  lab.fifo_on(only(0), "P2", 2, 0, [&] {
    lab.lock(m);
    lab.work(4);
    lab.unlock(m);
  });
  lab.fifo("P98", 98, 1, [&] {
    lab.lock(m);
    lab.work(1);
    lab.unlock(m);
  });
  lab.fifo_on(only(0), "P99", 99, 2, [&] { lab.work(5); });
  lab.run();
  EXPECT_EQ(lab.on_cpu(0), (Segs{{0, 0, 1, "P2", "P2"},
                                 {0, 1, 2, "P2", "P98"},
                                 {0, 2, 7, "P99", "P99"},
                                 {0, 7, 9, "P2", "P98"}}));
  EXPECT_EQ(lab.on_cpu(1), (Segs{{1, 9, 10, "P98", "P98"}}));
}

// E67. O was lent to by H and is paid for no more; when N takes the CPU, O goes to the other one,
// which Z leaves then.
TEST(Balance, AnOwnerIsPushedAgainOnceItIsPaidForNoMore) {
  TestLab lab(2);
  TestLab::Mutex m;
  lab.fifo("O", 5, 0, [&] {
    lab.lock(m);
    lab.work(3);
    lab.unlock(m);
    lab.work(4);
  });
  lab.fifo_on(only(0), "H", 9, 1, [&] {
    lab.lock(m);
    lab.unlock(m);
  });
  lab.fifo_on(only(0), "N", 7, 4, [&] { lab.work(5); });
  lab.fifo_on(only(1), "Z", 20, 0, [&] { lab.work(4); });
  lab.run();
  EXPECT_EQ(
      lab.on_cpu(0),
      (Segs{{0, 0, 1, "O", "O"}, {0, 1, 3, "O", "H"}, {0, 3, 4, "O", "O"}, {0, 4, 9, "N", "N"}}));
  EXPECT_EQ(lab.on_cpu(1), (Segs{{1, 0, 4, "Z", "Z"}, {1, 4, 7, "O", "O"}}));
}

// Four ranks on two CPUs: at every instant the two highest that are ready run.
TEST(Balance, TheHighestRun) {
  TestLab lab(2);
  lab.fifo("A", 1, 0, [&] { lab.work(4); });
  lab.fifo("B", 2, 0, [&] { lab.work(4); });
  lab.fifo("C", 3, 1, [&] { lab.work(2); });
  lab.fifo("D", 4, 2, [&] { lab.work(2); });
  lab.run();
  // A, B at 0; B, C at 1; C, D at 2; D, B at 3; B, A at 4 and on.
  EXPECT_EQ(lab.finished["C"], 3);
  EXPECT_EQ(lab.finished["D"], 4);
  EXPECT_EQ(lab.finished["B"], 5);
  EXPECT_EQ(lab.finished["A"], 7);
}

// A CPU falls idle and pulls; another task is let go by a change of its affinity, a third starts to
// run as the rank of the one before it sinks.
TEST(Balance, PullsAfterChanges) {
  TestLab lab(2);
  auto& pinned = lab.fifo_on(only(0), "B", 2, 0, [&] { lab.work(4); });
  auto& a = lab.fifo_on(only(1), "A", 9, 0, [&] { lab.work(6); });
  lab.fifo_on(only(0), "X", 5, 1, [&] {
    lab.work(1);
    lab.simulator->scheduler().set_params(a, policy::RealtimeParams{1, false});
    lab.work(1);
    lab.simulator->scheduler().set_affinity(pinned, CpuMask::first(2));
    lab.work(3);
  });
  lab.run();
  // B runs on CPU 0 until 1, waits for X until it may go to CPU 1 at 3, where A's rank is 1.
  EXPECT_EQ(lab.on_cpu(0), (Segs{{0, 0, 1, "B", "B"}, {0, 1, 6, "X", "X"}}));
  EXPECT_EQ(lab.on_cpu(1), (Segs{{1, 0, 3, "A", "A"}, {1, 3, 6, "B", "B"}, {1, 6, 9, "A", "A"}}));
}

// A chain over two CPUs: H waits for M's lock behind X, M for L's behind Y. Once L may run on CPU 2
// the whole chain is there, and L runs with H's rank although P runs there.
TEST(Balance, AChainOverTwoCpusGathersWhereItsEndMayRun) {
  TestLab lab(3);
  TestLab::Mutex a;
  TestLab::Mutex b;
  auto& l = lab.fifo_on(only(0), "L", 1, 0, [&] {
    lab.lock(a);
    lab.work(5);
    lab.unlock(a);
  });
  lab.fifo_on(only(1), "M", 2, 1, [&] {
    lab.lock(b);
    lab.lock(a);
    lab.unlock(a);
    lab.unlock(b);
  });
  lab.fifo_on(only(2), "P", 50, 1, [&] { lab.work(9); });
  lab.fifo_on(only(1), "H", 90, 2, [&] {
    lab.lock(b);
    lab.unlock(b);
  });
  lab.fifo_on(only(0), "Y", 95, 3, [&] { lab.work(9); });
  lab.fifo_on(only(1), "X", 99, 3, [&] {
    lab.work(1);
    CpuMask mask = only(0);
    mask.add(2);
    lab.simulator->scheduler().set_affinity(l, mask);
    lab.work(8);
  });
  lab.run();
  EXPECT_EQ(lab.on_cpu(2), (Segs{{2, 1, 4, "P", "P"}, {2, 4, 6, "L", "H"}, {2, 6, 12, "P", "P"}}));
}

// Without proxy execution a blocked task lends nothing, and balancing moves single tasks.
TEST(Balance, WithoutLendingTheOwnerIsATaskLikeAnyOther) {
  TestLab lab(2, false);
  TestLab::Mutex m;
  lab.fifo("P2", 2, 0, [&] {
    lab.lock(m);
    lab.work(6);
    lab.unlock(m);
  });
  lab.fifo_on(only(1), "P50", 50, 1, [&] { lab.work(6); });
  lab.fifo_on(only(0), "P98", 98, 2, [&] {
    lab.lock(m);
    lab.unlock(m);
  });
  lab.fifo_on(only(0), "P99", 99, 3, [&] { lab.work(5); });
  lab.run();
  // P2 waits from 3 for whichever CPU is free first: CPU 1 at 7.
  EXPECT_EQ(lab.on_cpu(1), (Segs{{1, 1, 7, "P50", "P50"}, {1, 7, 10, "P2", "P2"}}));
}

}  // namespace
}  // namespace px::core
