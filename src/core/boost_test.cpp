// Goal: a context is lent along the chain for exactly as long as the chain leads to the task that
// runs: the boost begins, moves and ends at once, for locks and joins, and a yield cannot defeat
// it. Method: FIFO tasks on one virtual CPU; each timeline is derived by hand at its test.
#include "sim/test_lab.hpp"

namespace px::core {
namespace {

// H gives up at 5: from then on L has no one else's context, so M runs before it.
//   0-1 L; 1-5 L on H; 5-6 H; 6-9 M; then L has 5 of its 10 left: 9-14.
TEST(Boost, EndsAtOnceWhenTheDonorTimesOut) {
  TestLab lab;
  TestLab::Mutex m;
  lab.fifo("L", 1, 0, [&] {
    lab.lock(m);
    lab.work(10);
    lab.unlock(m);
  });
  lab.fifo("M", 2, 2, [&] { lab.work(3); });
  lab.fifo("H", 3, 1, [&] {
    EXPECT_EQ(lab.lock_until(m, 5), WaitEnd::kTimedOut);
    lab.work(1);
  });
  lab.run();
  const Segs expected = {{0, 0, 1, "L", "L"},
                         {0, 1, 5, "L", "H"},
                         {0, 5, 6, "H", "H"},
                         {0, 6, 9, "M", "M"},
                         {0, 9, 14, "L", "L"}};
  EXPECT_EQ(lab.segments, expected);
}

// E48. L ends its section at 4 with work of its own left; M is ready from 2. The hand-off to H ends
// the boost in the same instant, and so does H's last unlock.
//   0-1 L; 1-4 L on H; 4-5 H; 5-8 M; 8-13 L.
TEST(Boost, EndsAtOnceWithTheHandOff) {
  TestLab lab;
  TestLab::Mutex m;
  lab.fifo("L", 1, 0, [&] {
    lab.lock(m);
    lab.work(4);
    lab.unlock(m);
    lab.simulator->consume(5);  // at once: nothing but the reschedule may stop it
  });
  lab.fifo("M", 2, 2, [&] { lab.work(3); });
  lab.fifo("H", 3, 1, [&] {
    lab.lock(m);
    lab.work(1);
    lab.unlock(m);
  });
  lab.run();
  const Segs expected = {{0, 0, 1, "L", "L"},
                         {0, 1, 4, "L", "H"},
                         {0, 4, 5, "H", "H"},
                         {0, 5, 8, "M", "M"},
                         {0, 8, 13, "L", "L"}};
  EXPECT_EQ(lab.segments, expected);
}

// D -> m -> B -> n -> O. B gives up waiting for n at 6 and still holds m: D's context moves from O
// to B although B does not outrank D.
//   0-1 O; 1-2 O on B; 2-6 O on D; 6-8 B on D; 8-9 D; 9-10 B; 10-14 O.
TEST(Boost, MovesWhenALinkInMidChainEnds) {
  TestLab lab;
  TestLab::Mutex m;
  TestLab::Mutex n;
  lab.fifo("O", 1, 0, [&] {
    lab.lock(n);
    lab.work(10);
    lab.unlock(n);
  });
  lab.fifo("B", 5, 1, [&] {
    lab.lock(m);
    EXPECT_EQ(lab.lock_until(n, 6), WaitEnd::kTimedOut);
    lab.work(2);
    lab.unlock(m);
    lab.work(1);
  });
  lab.fifo("D", 9, 2, [&] {
    lab.lock(m);
    lab.work(1);
    lab.unlock(m);
  });
  lab.run();
  const Segs expected = {{0, 0, 1, "O", "O"},  {0, 1, 2, "O", "B"}, {0, 2, 6, "O", "D"},
                         {0, 6, 8, "B", "D"},  {0, 8, 9, "D", "D"}, {0, 9, 10, "B", "B"},
                         {0, 10, 14, "O", "O"}};
  EXPECT_EQ(lab.segments, expected);
}

// E71. L, which runs on H, yields: X, H's equal, has its turn.
//   0-1 L; 1-2 L on H; 2-5 X; 5-7 L on H; 7-8 H.
TEST(Boost, AYieldByTheProxyYieldsTheDonor) {
  TestLab lab;
  TestLab::Mutex m;
  lab.fifo("L", 1, 0, [&] {
    lab.lock(m);
    lab.work(2);
    lab.yield();
    lab.work(2);
    lab.unlock(m);
  });
  lab.fifo("H", 5, 1, [&] {
    lab.lock(m);
    lab.work(1);
    lab.unlock(m);
  });
  lab.fifo("X", 5, 1, [&] { lab.work(3); });
  lab.run();
  const Segs expected = {{0, 0, 1, "L", "L"},
                         {0, 1, 2, "L", "H"},
                         {0, 2, 5, "X", "X"},
                         {0, 5, 7, "L", "H"},
                         {0, 7, 8, "H", "H"}};
  EXPECT_EQ(lab.segments, expected);
}

// J waits for T to end and lends to it, past M.
//   0-1 T; 1-5 T on J; 5-8 M.
TEST(Boost, AJoinLends) {
  TestLab lab;
  auto& t = lab.fifo("T", 1, 0, [&] { lab.work(5); });
  lab.fifo("M", 5, 1, [&] { lab.work(3); });
  lab.fifo("J", 9, 1, [&] { EXPECT_EQ(lab.join(t), WaitEnd::kNotified); });
  lab.run();
  const Segs expected = {{0, 0, 1, "T", "T"}, {0, 1, 5, "T", "J"}, {0, 5, 8, "M", "M"}};
  EXPECT_EQ(lab.segments, expected);
  EXPECT_EQ(lab.finished["J"], 5);
}

// T starts at 2, after J has begun to wait for its end: J's context is there as soon as T is.
//   1-2 M; 2-5 T on J; 5-8 M.
TEST(Boost, AJoinLendsToATaskThatStartsLater) {
  TestLab lab;
  auto& t = lab.fifo("T", 1, 2, [&] { lab.work(3); });
  lab.fifo("M", 5, 1, [&] { lab.work(4); });
  lab.fifo("J", 9, 0, [&] { EXPECT_EQ(lab.join(t), WaitEnd::kNotified); });
  lab.run();
  const Segs expected = {{0, 1, 2, "M", "M"}, {0, 2, 5, "T", "J"}, {0, 5, 8, "M", "M"}};
  EXPECT_EQ(lab.segments, expected);
}

// J's time limit ends the boost at 3; M then runs before T.
//   0-1 T; 1-3 T on J; 3-6 M; 6-8 T.
TEST(Boost, AJoinThatTimesOutStopsLending) {
  TestLab lab;
  auto& t = lab.fifo("T", 1, 0, [&] { lab.work(5); });
  lab.fifo("M", 5, 1, [&] { lab.work(3); });
  lab.fifo("J", 9, 1, [&] { EXPECT_EQ(lab.join(t, 3), WaitEnd::kTimedOut); });
  lab.run();
  const Segs expected = {
      {0, 0, 1, "T", "T"}, {0, 1, 3, "T", "J"}, {0, 3, 6, "M", "M"}, {0, 6, 8, "T", "T"}};
  EXPECT_EQ(lab.segments, expected);
}

// A lock whose protocol is none passes nothing on: H waits for L, which waits for M.
TEST(Boost, AnEdgeWithoutProtocolPassesNothingOn) {
  TestLab lab;
  TestLab::Mutex m;
  m.protocol = Protocol::kNone;
  lab.fifo("L", 1, 0, [&] {
    lab.lock(m);
    lab.work(4);
    lab.unlock(m);
  });
  lab.fifo("M", 2, 2, [&] { lab.work(3); });
  lab.fifo("H", 3, 1, [&] {
    lab.lock(m);
    lab.work(1);
    lab.unlock(m);
  });
  lab.run();
  // 0-2 L; 2-5 M; 5-7 L; 7-8 H.
  const Segs expected = {
      {0, 0, 2, "L", "L"}, {0, 2, 5, "M", "M"}, {0, 5, 7, "L", "L"}, {0, 7, 8, "H", "H"}};
  EXPECT_EQ(lab.segments, expected);
}

}  // namespace
}  // namespace px::core
