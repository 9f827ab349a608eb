// Goal: waiters of a sleeping owner hang on it as a tree, come back with it, and each part of the
// tree follows the task that it waits for.
// Method: FIFO tasks on virtual CPUs; each timeline is derived by hand at its test.
#include "sim/test_lab.hpp"

namespace px::core {
namespace {

CpuMask only(int cpu) { return CpuMask::only(cpu); }

// E57. D -> m -> B -> n -> O, O asleep to 10: B hangs on O and D on B. B gives up at 4: D goes with
// B, and B runs on D, past X.
//   0-0 O sleeps; 3-4 X; 4-6 B on D; 6-7 D; 7-11 X; then O.
TEST(Park, ALinkInMidTreeTakesItsOwnSubtreeAlong) {
  TestLab lab;
  TestLab::Mutex m;
  TestLab::Mutex n;
  lab.fifo("O", 1, 0, [&] {
    lab.lock(n);
    lab.sleep(10);
    lab.unlock(n);
  });
  lab.fifo("B", 5, 1, [&] {
    lab.lock(m);
    EXPECT_EQ(lab.lock_until(n, 4), WaitEnd::kTimedOut);
    lab.work(2);
    lab.unlock(m);
  });
  lab.fifo("D", 9, 2, [&] {
    lab.lock(m);
    lab.work(1);
    lab.unlock(m);
  });
  lab.fifo("X", 7, 3, [&] { lab.work(5); });
  lab.run();
  const Segs expected = {
      {0, 3, 4, "X", "X"}, {0, 4, 6, "B", "D"}, {0, 6, 7, "D", "D"}, {0, 7, 11, "X", "X"}};
  EXPECT_EQ(lab.segments, expected);
}

// The whole tree D -> B -> O comes back when O wakes at 5, on O's CPU, and outranks X there.
//   CPU 0: 1-5 X; 5-7 O on D (O's section); then n goes to B, at home on CPU 1: 7-9 B on D; then D.
TEST(Park, TheTreeComesBackWithTheOwner) {
  TestLab lab(2);
  TestLab::Mutex m;
  TestLab::Mutex n;
  lab.fifo_on(only(0), "O", 1, 0, [&] {
    lab.lock(n);
    lab.sleep(5);
    lab.work(2);
    lab.unlock(n);
  });
  lab.fifo_on(only(1), "B", 5, 1, [&] {
    lab.lock(m);
    lab.lock(n);
    lab.work(2);
    lab.unlock(n);
    lab.unlock(m);
  });
  lab.fifo_on(only(1), "D", 9, 2, [&] {
    lab.lock(m);
    lab.work(1);
    lab.unlock(m);
  });
  lab.fifo_on(only(0), "X", 7, 1, [&] { lab.work(6); });
  lab.run();
  EXPECT_EQ(lab.on_cpu(0), (Segs{{0, 1, 5, "X", "X"}, {0, 5, 7, "O", "D"}, {0, 7, 9, "X", "X"}}));
  EXPECT_EQ(lab.on_cpu(1), (Segs{{1, 7, 9, "B", "D"}, {1, 9, 10, "D", "D"}}));
}

// E60. O wakes at 3. D wants m before, at, and after that instant, from CPU 1. In each case O,
// which competes with X on CPU 0, has D's context from then on: its section of 2 starts at once.
TEST(Park, ParkingAndWakingAtOneInstantLoseNobody) {
  for (const Nanos arrival : {2, 3, 4}) {
    for (const bool at_once : {false, true}) {
      TestLab lab(2);
      TestLab::Mutex m;
      lab.fifo_on(only(0), "O", 1, 0, [&] {
        lab.lock(m);
        lab.sleep(3);
        lab.work(2);
        lab.unlock(m);
      });
      lab.fifo_on(only(0), "X", 7, 1, [&] { lab.work(9); });
      lab.fifo_on(only(1), "D", 9, 1, [&] {
        lab.work(arrival - 1);
        if (!at_once) lab.simulator->settle();
        EXPECT_EQ(lab.lock_now(m), WaitEnd::kGranted);
        lab.work(1);
        lab.unlock(m);
      });
      lab.run();
      const Nanos boosted = std::max<Nanos>(arrival, 3);
      EXPECT_EQ(lab.finished["D"], boosted + 3) << arrival << at_once;
      EXPECT_EQ(lab.finished["X"], 12) << arrival << at_once;
    }
  }
}

// E53. D, which ran on CPU 1, comes back on CPU 0 with O at 3 to lend, and goes home to run,
// although its affinity has come to allow CPU 0.
//   CPU 0: 3-5 O on D; 5-8 O. CPU 1: 5-6 D.
TEST(Park, AParkedWaiterGoesHomeToRun) {
  TestLab lab(2);
  TestLab::Mutex m;
  lab.fifo_on(only(0), "O", 1, 0, [&] {
    lab.lock(m);
    lab.sleep(3);
    lab.work(2);
    lab.unlock(m);
    lab.work(3);
  });
  auto& d = lab.fifo_on(only(1), "D", 9, 1, [&] {
    lab.lock(m);
    lab.work(1);
    lab.unlock(m);
  });
  lab.fifo_on(only(1), "S", 1, 2,
              [&] { lab.simulator->scheduler().set_affinity(d, CpuMask::first(2)); });
  lab.run();
  EXPECT_EQ(lab.on_cpu(0), (Segs{{0, 3, 5, "O", "D"}, {0, 5, 8, "O", "O"}}));
  EXPECT_EQ(lab.on_cpu(1), (Segs{{1, 5, 6, "D", "D"}}));
}

// O wakes and sleeps again, three times, in one section: its waiters park anew each time (E54) and
// cost nobody else anything.
TEST(Park, AnOwnerThatSleepsAgainIsWaitedForAgain) {
  TestLab lab(2);
  TestLab::Mutex m;
  lab.fifo_on(only(0), "O", 1, 0, [&] {
    lab.lock(m);
    for (int i = 0; i < 3; ++i) {
      lab.sleep(2);
      lab.work(1);
    }
    lab.unlock(m);
  });
  for (const char* name : {"D1", "D2", "D3"}) {
    lab.fifo_on(only(1), name, 5, 1, [&] {
      lab.lock(m);
      lab.work(1);
      lab.unlock(m);
    });
  }
  lab.fifo_on(only(1), "X", 2, 0, [&] { lab.work(9); });
  lab.run();
  // O works at 2-3, 5-6, 8-9, each time on D1; meanwhile X has CPU 1; then D1, D2, D3 take turns.
  EXPECT_EQ(lab.on_cpu(0),
            (Segs{{0, 2, 3, "O", "D1"}, {0, 5, 6, "O", "D1"}, {0, 8, 9, "O", "D1"}}));
  EXPECT_EQ(lab.finished["D3"], 12);
  EXPECT_EQ(lab.finished["X"], 9);
}

// A chain far deeper than any stack would bear as a recursion (E65) hangs on one sleeper and comes
// back with it: task i holds lock i and wants lock i - 1.
TEST(Park, ADeepTreeComesBackWithoutRecursion) {
  constexpr int kDepth = 40;
  TestLab lab;
  std::vector<TestLab::Mutex> locks(kDepth);
  std::vector<std::string> names;
  for (int i = 0; i < kDepth; ++i) names.push_back(std::to_string(i));
  for (int i = 0; i < kDepth; ++i) {
    lab.fifo(names[static_cast<std::size_t>(i)].c_str(), i + 1, i, [&, i] {
      lab.lock(locks[static_cast<std::size_t>(i)]);
      if (i == 0) {
        lab.sleep(kDepth + 10);
      } else {
        lab.lock(locks[static_cast<std::size_t>(i - 1)]);
        lab.unlock(locks[static_cast<std::size_t>(i - 1)]);
      }
      lab.work(1);
      lab.unlock(locks[static_cast<std::size_t>(i)]);
    });
  }
  lab.run();
  // The end of the chain works first, each on the context of the last task, which ends last.
  EXPECT_EQ(lab.segments.size(), static_cast<std::size_t>(kDepth));
  EXPECT_EQ(lab.finished[names.back()], kDepth + 10 + kDepth);
}

}  // namespace
}  // namespace px::core
