// Goal: a shared mutex lends to its holders, hands over in the order of ranks, and lets nobody
// starve. Method: timelines derived on paper, in units; all invariants checked in every state.
#include "core/shared_mutex.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <memory>

#include "sim/test_lab.hpp"

namespace px::core {
namespace {

class SharedMutexTest : public ::testing::Test {
 protected:
  using Shared = SharedMutex<sim::Platform>;
  using Hold = Shared::Helper;

  // A task that takes the lock at `start`, sleeps and works with it, and gives it up.
  void user(const char* name, int priority, Nanos start, bool shared, Nanos sleeps, Nanos works) {
    Hold& hold = holds_.emplace_back();
    hold.shared = shared;
    lab.fifo(name, priority, start, [this, &hold, shared, sleeps, works] {
      auto& scheduler = lab.simulator->scheduler();
      auto& me = lab.simulator->current();
      lab.simulator->settle();
      ASSERT_EQ(lock->acquire(scheduler, me, hold), WaitEnd::kGranted);
      if (sleeps > 0) lab.sleep(sleeps);
      lab.work(works);
      ASSERT_EQ(lock->release(scheduler, me, shared), &hold);
    });
  }
  void reader(const char* name, int priority, Nanos start, Nanos sleeps, Nanos works) {
    user(name, priority, start, true, sleeps, works);
  }
  void writer(const char* name, int priority, Nanos start, Nanos works) {
    user(name, priority, start, false, 0, works);
  }
  void worker(const char* name, int priority, Nanos start, Nanos works) {
    lab.fifo(name, priority, start, [this, works] { lab.work(works); });
  }

  TestLab lab;
  std::unique_ptr<Shared> lock = std::make_unique<Shared>(true);

 private:
  std::deque<Hold> holds_;
};

// The textbook inversion with a writer behind two readers. At 0 A takes the lock and sleeps until
// 2; B takes it and works. At 3 W waits, lends to B, which can run and came last, for its last
// unit; from 4 on to A for 2 units; at 6 the last reader has left. M, in between by rank, waits.
TEST_F(SharedMutexTest, AWriterLendsToOneReaderAfterAnother) {
  reader("A", 1, 0, 2, 2);
  reader("B", 1, 0, 0, 4);
  worker("M", 2, 3, 5);
  writer("W", 3, 3, 1);
  lab.run();
  const Segs expected = {{0, 0, 3, "B", "B"},
                         {0, 3, 4, "B", "W"},
                         {0, 4, 6, "A", "W"},
                         {0, 6, 7, "W", "W"},
                         {0, 7, 12, "M", "M"}};
  EXPECT_EQ(lab.segments, expected);
}

// At 2 R waits and lends to L for its last 2 units.
TEST_F(SharedMutexTest, AReaderLendsToTheWriter) {
  writer("L", 1, 0, 4);
  worker("M", 2, 2, 5);
  reader("R", 3, 2, 0, 1);
  lab.run();
  const Segs expected = {
      {0, 0, 2, "L", "L"}, {0, 2, 4, "L", "R"}, {0, 4, 5, "R", "R"}, {0, 5, 10, "M", "M"}};
  EXPECT_EQ(lab.segments, expected);
}

// The same without a cure: M first, then L, and R last.
TEST_F(SharedMutexTest, WithoutLendingTheInversionIsThere) {
  lock = std::make_unique<Shared>(false);
  writer("L", 1, 0, 4);
  worker("M", 2, 2, 5);
  reader("R", 3, 2, 0, 1);
  lab.run();
  const Segs expected = {
      {0, 0, 2, "L", "L"}, {0, 2, 7, "M", "M"}, {0, 7, 9, "L", "L"}, {0, 9, 10, "R", "R"}};
  EXPECT_EQ(lab.segments, expected);
}

// A reads until 4. W waits from 1 on, so its equal B, who comes at 2, waits behind it.
TEST_F(SharedMutexTest, AReaderWaitsBehindAnEqualWriter) {
  reader("A", 1, 0, 4, 0);
  writer("W", 1, 1, 2);
  reader("B", 1, 2, 0, 1);
  lab.run();
  const Segs expected = {{0, 4, 6, "W", "W"}, {0, 6, 7, "B", "B"}};
  EXPECT_EQ(lab.segments, expected);
}

// As before, but B outranks the writer, and reads at once.
TEST_F(SharedMutexTest, AReaderGoesPastAWriterThatItOutranks) {
  reader("A", 1, 0, 4, 0);
  writer("W", 1, 1, 2);
  reader("B", 2, 2, 0, 1);
  lab.run();
  const Segs expected = {{0, 2, 3, "B", "B"}, {0, 4, 6, "W", "W"}};
  EXPECT_EQ(lab.segments, expected);
}

// V sleeps with the lock until 3, and all others wait. Then the readers up to the next writer get
// it together: C, who came after that writer, does not. A sleeps with it until 5, B works
// meanwhile; then W lends to A.
TEST_F(SharedMutexTest, ReadersUpToTheNextWriterGetItTogether) {
  user("V", 9, 0, false, 3, 0);
  reader("A", 8, 1, 2, 1);
  reader("B", 8, 1, 0, 2);
  writer("W", 8, 2, 1);
  reader("C", 8, 2, 0, 1);
  lab.run();
  const Segs expected = {
      {0, 3, 5, "B", "B"}, {0, 5, 6, "A", "W"}, {0, 6, 7, "W", "W"}, {0, 7, 8, "C", "C"}};
  EXPECT_EQ(lab.segments, expected);
}

}  // namespace
}  // namespace px::core
