// Goal: the reference scheduler, the judge of the simulator, is right itself.
// Method: schedules published in textbooks and measured by others (derivations in
// tests/golden/README.md), to the last interval; and for each seeded fault a small set, worked out
// by hand, on which it shows.
#include "reference_scheduler.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <ostream>

namespace px::oracle {

// For GoogleTest's messages; found by argument-dependent lookup.
static void PrintTo(const RefSegment& segment, std::ostream* out) {
  *out << "task " << segment.task << " [" << segment.start << "," << segment.end << ")";
}

namespace {

Instruction run(Nanos ns) { return {Step::kRun, ns, 0}; }
Instruction sleep(Nanos ns) { return {Step::kSleep, ns, 0}; }
Instruction lock(int index) { return {Step::kLock, 0, index}; }
Instruction unlock(int index) { return {Step::kUnlock, 0, index}; }

using Segments = std::vector<RefSegment>;
using Finish = std::vector<Nanos>;

// Liu, Real-Time Systems, figure 8-8, in half units; tasks 0 .. 4 are J1 .. J5, locks are S and B.
TaskSet liu_figure_8_8() {
  const int s = 0;
  const int b = 1;
  return {2,
          {{5, 14, {run(2), lock(s), run(2), unlock(s), run(2)}},
           {4, 10, {run(2), lock(b), run(2), unlock(b), run(2)}},
           {3, 8, {run(4)}},
           {2, 4, {run(2), lock(s), run(4), lock(b), run(3), unlock(b), run(1), unlock(s), run(2)}},
           {1, 0, {run(2), lock(b), run(8), unlock(b), run(2)}}}};
}

TEST(ReferenceScheduler, LiuFigure88WithInheritance) {
  const RefResult result = simulate(liu_figure_8_8(), RefProtocol::kInherit);
  EXPECT_EQ(result.finish, (Finish{30, 34, 36, 38, 40}));
  EXPECT_EQ(result.segments, (Segments{{0, 4, 4},
                                       {4, 8, 3},
                                       {8, 10, 2},
                                       {10, 12, 1},
                                       {12, 14, 4},
                                       {14, 16, 0},
                                       {16, 18, 3},
                                       {18, 22, 4},
                                       {22, 26, 3},
                                       {26, 30, 0},
                                       {30, 34, 1},
                                       {34, 36, 2},
                                       {36, 38, 3},
                                       {38, 40, 4}}));
  EXPECT_EQ(result.blocking.blocked_tasks, 3);
  EXPECT_EQ(result.blocking.longest_chain, 2);
  EXPECT_FALSE(result.blocking.chain_of_three_with_two);
}

TEST(ReferenceScheduler, LiuFigure88WithoutACure) {
  const RefResult result = simulate(liu_figure_8_8(), RefProtocol::kNone);
  EXPECT_EQ(result.finish, (Finish{36, 28, 14, 38, 40}));
  EXPECT_EQ(result.segments, (Segments{{0, 4, 4},
                                       {4, 8, 3},
                                       {8, 10, 2},
                                       {10, 12, 1},
                                       {12, 14, 2},
                                       {14, 16, 0},
                                       {16, 18, 3},
                                       {18, 24, 4},
                                       {24, 28, 1},
                                       {28, 32, 3},
                                       {32, 36, 0},
                                       {36, 38, 3},
                                       {38, 40, 4}}));
}

// Low, middle and high task of the textbook inversion.
TaskSet textbook_inversion() {
  return {1,
          {{1, 0, {run(1), lock(0), run(4), unlock(0), run(1)}},
           {2, 2, {run(6)}},
           {3, 3, {run(1), lock(0), run(1), unlock(0), run(1)}}}};
}

TEST(ReferenceScheduler, TextbookInversion) {
  const RefResult none = simulate(textbook_inversion(), RefProtocol::kNone);
  EXPECT_EQ(none.finish, (Finish{15, 9, 14}));
  const RefResult inherit = simulate(textbook_inversion(), RefProtocol::kInherit);
  EXPECT_EQ(inherit.finish, (Finish{15, 14, 9}));
  EXPECT_EQ(
      inherit.segments,
      (Segments{{0, 2, 0}, {2, 3, 1}, {3, 4, 2}, {4, 7, 0}, {7, 9, 2}, {9, 14, 1}, {14, 15, 0}}));
}

// Mars Pathfinder, milliseconds; one task per job, in the order of the published priorities.
TaskSet pathfinder(Nanos meteo) {
  TaskSet set{1, {}};
  const auto periodic = [&set](int priority, Nanos period, Nanos work, bool locks) {
    for (Nanos release = 0; release < 500; release += period) {
      if (locks) {
        set.tasks.push_back({priority, release, {lock(0), run(work), unlock(0)}});
      } else {
        set.tasks.push_back({priority, release, {run(work)}});
      }
    }
  };
  periodic(7, 125, 25, false);     // 0 .. 3: ORDO_BUS
  periodic(6, 125, 25, true);      // 4 .. 7: DISTRIB
  periodic(5, 250, 25, true);      // 8, 9: PILOTAGE
  periodic(4, 250, 25, false);     // 10, 11: RADIO
  periodic(3, 250, 25, false);     // 12, 13: CAMERA
  periodic(2, 5000, 50, true);     // 14: MESURES
  periodic(1, 5000, meteo, true);  // 15: METEO
  return set;
}

// The part of a run that lies in [from, to).
Segments window(const Segments& segments, Nanos from, Nanos to) {
  Segments inside;
  for (const RefSegment& segment : segments) {
    const RefSegment cut{std::max(segment.start, from), std::min(segment.end, to), segment.task};
    if (cut.start < cut.end) inside.push_back(cut);
  }
  return inside;
}

TEST(ReferenceScheduler, PathfinderResetsWithoutInheritance) {
  const RefResult result = simulate(pathfinder(60), RefProtocol::kNone);
  EXPECT_EQ(window(result.segments, 225, 375), (Segments{{225, 250, 15},
                                                         {250, 275, 2},
                                                         {275, 300, 11},
                                                         {300, 325, 13},
                                                         {325, 360, 15},
                                                         {360, 375, 6}}));
  EXPECT_GT(result.finish[6], 375) << "DISTRIB must miss the next ORDO_BUS";
}

TEST(ReferenceScheduler, PathfinderSurvivesWithInheritance) {
  const RefResult result = simulate(pathfinder(60), RefProtocol::kInherit);
  EXPECT_EQ(window(result.segments, 250, 425), (Segments{{250, 275, 2},
                                                         {275, 310, 15},
                                                         {310, 335, 6},
                                                         {335, 360, 9},
                                                         {360, 375, 11},
                                                         {375, 400, 3},
                                                         {400, 425, 7}}));
  EXPECT_EQ(result.finish[6], 335);
}

TEST(ReferenceScheduler, PathfinderWithAShorterMeteoNeedsNoInheritance) {
  const RefResult result = simulate(pathfinder(40), RefProtocol::kNone);
  EXPECT_EQ(window(result.segments, 225, 375), (Segments{{225, 250, 15},
                                                         {250, 275, 2},
                                                         {275, 300, 11},
                                                         {300, 325, 13},
                                                         {325, 340, 15},
                                                         {340, 365, 6},
                                                         {365, 375, 9}}));
}

TaskSet two_locks_held() {
  // 0 holds both locks; 3 waits for the inner one, 1 for the outer one; 2 only computes.
  return {2,
          {{1, 0, {lock(0), lock(1), run(4), unlock(1), run(4), unlock(0), run(1)}},
           {4, 1, {lock(0), run(1), unlock(0)}},
           {3, 2, {run(3)}},
           {5, 3, {lock(1), run(1), unlock(1)}}}};
}

TEST(ReferenceScheduler, AnArrivalComesBeforeALockOfTheSameInstant) {
  // The low task's work ends at 3, when the high task arrives: the high one finds the lock free.
  const TaskSet set{
      1, {{1, 0, {run(3), lock(0), run(4), unlock(0)}}, {2, 3, {lock(0), run(2), unlock(0)}}}};
  EXPECT_EQ(simulate(set, RefProtocol::kNone).finish, (Finish{9, 5}));
}

TEST(ReferenceScheduler, UnlocksInARowComeBeforeADecision) {
  // The low task gives both locks up at 4. Had the wake-up after the first of them preempted it at
  // once, the high task would wait for the second one behind the middle task.
  const TaskSet set{2,
                    {{1, 0, {lock(0), lock(1), run(4), unlock(1), unlock(0), run(1)}},
                     {3, 1, {lock(1), run(1), lock(0), run(1), unlock(0), unlock(1)}},
                     {2, 2, {run(5)}}}};
  EXPECT_EQ(simulate(set, RefProtocol::kNone).finish, (Finish{12, 11, 7}));
  const TaskSet late{2,
                     {{1, 0, {lock(0), lock(1), run(4), unlock(1), unlock(0), run(1)}},
                      {3, 1, {lock(1), run(1), lock(0), run(1), unlock(0), unlock(1)}},
                      {2, 5, {run(5)}}}};
  EXPECT_EQ(simulate(late, RefProtocol::kNone).finish, (Finish{12, 6, 11}));
}

TEST(ReferenceScheduler, ASleepingOwnerIsBoostedWhenItWakes) {
  // The low task sleeps from 1 to 5 with the lock; awake, it goes before the middle task.
  const TaskSet set{1,
                    {{1, 0, {lock(0), run(1), sleep(4), run(2), unlock(0), run(1)}},
                     {2, 3, {run(4)}},
                     {3, 2, {lock(0), run(1), unlock(0)}}}};
  EXPECT_EQ(simulate(set, RefProtocol::kInherit).finish, (Finish{11, 10, 8}));
  EXPECT_EQ(simulate(set, RefProtocol::kNone).finish, (Finish{11, 7, 10}));
}

TEST(ReferenceScheduler, ASleepBeginsWhenTheWorkBeforeItEnds) {
  // At 2 the low task begins to sleep although the high task arrives then: it is ready at 5.
  const TaskSet set{0, {{1, 0, {run(2), sleep(3), run(1)}}, {2, 2, {run(2)}}}};
  EXPECT_EQ(simulate(set, RefProtocol::kNone).finish, (Finish{6, 4}));
}

TEST(ReferenceScheduler, EqualsThatBecomeReadyTogetherRunInTheOrderOfTheSet) {
  // At 2 the low task wakes first 1, then 0, while 3 arrives; all have the same priority.
  const TaskSet set{2,
                    {{2, 1, {lock(0), run(1), unlock(0)}},
                     {2, 1, {lock(1), run(1), unlock(1)}},
                     {1, 0, {lock(0), lock(1), run(2), unlock(1), unlock(0)}},
                     {2, 2, {run(1)}}}};
  EXPECT_EQ(simulate(set, RefProtocol::kNone).finish, (Finish{3, 4, 2, 5}));
}

TEST(ReferenceScheduler, APreemptedTaskGoesBeforeItsEquals) {
  const TaskSet set{0, {{1, 1, {run(2)}}, {1, 0, {run(4)}}, {2, 2, {run(1)}}}};
  EXPECT_EQ(simulate(set, RefProtocol::kNone).finish, (Finish{7, 5, 3}));
}

TEST(ReferenceScheduler, ALockSetFreeForTheDonorCanBeStolenAtThatInstant) {
  // At 4 the low task, running for 1, sets the lock free; 2 arrives then and takes it first.
  const TaskSet set{1,
                    {{1, 0, {lock(0), run(4), unlock(0)}},
                     {2, 1, {lock(0), run(1), unlock(0)}},
                     {3, 4, {lock(0), run(2), unlock(0)}}}};
  const RefResult result = simulate(set, RefProtocol::kInherit);
  EXPECT_EQ(result.finish, (Finish{4, 7, 6}));
  EXPECT_TRUE(result.blocking.stolen_from_donor);
  EXPECT_EQ(simulate(set, RefProtocol::kInheritAndHandOver).finish, (Finish{4, 5, 7}));
  EXPECT_FALSE(simulate(two_locks_held(), RefProtocol::kInherit).blocking.stolen_from_donor);
}

TEST(ReferenceScheduler, AWaiterThatBecomesTheMostUrgentNeedNotWaitForTheOneThatWasWoken) {
  // At 4 the low task hands lock 1 on to 2, whose unlock sets it free for 3. Before 3 runs, 2 waits
  // for lock 0 of 1, which itself waits for lock 1 and now goes before 3.
  const TaskSet set{2,
                    {{1, 0, {lock(1), run(4), unlock(1)}},
                     {2, 1, {lock(0), lock(1), run(1), unlock(1), unlock(0)}},
                     {4, 3, {lock(1), run(1), unlock(1), lock(0), run(1), unlock(0)}},
                     {3, 2, {lock(1), run(1), unlock(1)}}}};
  EXPECT_EQ(simulate(set, RefProtocol::kInherit).finish, (Finish{4, 6, 7, 8}));
}

TEST(ReferenceScheduler, AWokenWaiterKeepsItsPlaceUntilItHasTheLock) {
  // At 3 task 1 sets lock 0 free for 3, takes it again and sets it free again: still for 3, not for
  // 2, which came later but stands first in the set.
  const TaskSet set{2,
                    {{1, 0, {lock(1), run(3), unlock(1)}},
                     {2, 1, {lock(0), lock(1), unlock(1), unlock(0), lock(0), unlock(0)}},
                     {2, 2, {lock(0), run(1), unlock(0)}},
                     {2, 1, {lock(0), run(1), unlock(0)}}}};
  EXPECT_EQ(simulate(set, RefProtocol::kNone).finish, (Finish{3, 3, 5, 4}));
}

TEST(ReferenceScheduler, FaultNoTransitivity) {
  // 0 holds lock 1; 1 holds lock 0 and waits for 1; 3 waits for 0; the middle task 2 must wait.
  const TaskSet set{2,
                    {{1, 0, {lock(1), run(5), unlock(1)}},
                     {2, 1, {lock(0), run(1), lock(1), run(1), unlock(1), unlock(0)}},
                     {3, 3, {run(10)}},
                     {4, 3, {lock(0), run(1), unlock(0)}}}};
  EXPECT_EQ(simulate(set, RefProtocol::kInherit).finish, (Finish{6, 7, 18, 8}));
  EXPECT_EQ(simulate(set, RefProtocol::kInherit, Fault::kNoTransitivity).finish,
            (Finish{16, 17, 13, 18}));
}

TEST(ReferenceScheduler, FaultBoostEndsTooEarly) {
  // After the inner unlock the low task still has the rank of the outer waiter.
  EXPECT_EQ(simulate(two_locks_held(), RefProtocol::kInherit).finish, (Finish{14, 10, 13, 5}));
  EXPECT_EQ(simulate(two_locks_held(), RefProtocol::kInherit, Fault::kBoostEndsTooEarly).finish,
            (Finish{14, 13, 8, 5}));
}

TEST(ReferenceScheduler, FaultBoostOutlastsUnlock) {
  // Nobody waits for the outer lock, so the inner unlock at 4 ends the boost: 2 [4,5), 1 [5,8).
  // With the fault the low task keeps the rank of 2, ahead of it in the queue, up to the outer
  // unlock at 8.
  const TaskSet set{2,
                    {{1, 0, {lock(0), lock(1), run(4), unlock(1), run(4), unlock(0)}},
                     {2, 2, {run(3)}},
                     {3, 2, {lock(1), run(1), unlock(1)}}}};
  EXPECT_EQ(simulate(set, RefProtocol::kInherit).finish, (Finish{12, 8, 5}));
  EXPECT_EQ(simulate(set, RefProtocol::kInherit, Fault::kBoostOutlastsUnlock).finish,
            (Finish{8, 12, 9}));
}

TEST(ReferenceScheduler, FaultWakesFirstCome) {
  const TaskSet set{1,
                    {{1, 0, {lock(0), run(4), unlock(0)}},
                     {2, 1, {lock(0), run(2), unlock(0)}},
                     {3, 2, {lock(0), run(2), unlock(0)}}}};
  EXPECT_EQ(simulate(set, RefProtocol::kNone).finish, (Finish{4, 8, 6}));
  EXPECT_EQ(simulate(set, RefProtocol::kNone, Fault::kWakesFirstCome).finish, (Finish{4, 6, 8}));
}

TEST(ReferenceScheduler, FaultWaitersKeepTheirRank) {
  // 1 waits for lock 0 with rank 2 and then inherits rank 4 from 3, so it goes before 2.
  const TaskSet set{2,
                    {{1, 0, {lock(0), run(6), unlock(0)}},
                     {2, 1, {lock(1), run(1), lock(0), run(2), unlock(0), unlock(1)}},
                     {3, 3, {lock(0), run(3), unlock(0)}},
                     {4, 4, {lock(1), run(1), unlock(1)}}}};
  EXPECT_EQ(simulate(set, RefProtocol::kInherit).finish, (Finish{7, 9, 13, 10}));
  EXPECT_EQ(simulate(set, RefProtocol::kInherit, Fault::kWaitersKeepTheirRank).finish,
            (Finish{7, 12, 10, 13}));
}

TEST(ReferenceScheduler, FaultPreemptedGoesToTail) {
  const TaskSet set{0, {{1, 0, {run(4)}}, {1, 1, {run(2)}}, {2, 2, {run(1)}}}};
  EXPECT_EQ(simulate(set, RefProtocol::kNone).finish, (Finish{5, 7, 3}));
  EXPECT_EQ(simulate(set, RefProtocol::kNone, Fault::kPreemptedGoesToTail).finish,
            (Finish{7, 5, 3}));
}

}  // namespace
}  // namespace px::oracle
