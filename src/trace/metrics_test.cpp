// Goal: every number that Metrics computes, on sequences of events short enough to derive by hand.
// Method: each test writes its events in a table, times in plain nanoseconds, and compares with
// literals; a comment gives the schedule that the events describe. Tasks are H=0, M=1, L=2.
#include "trace/metrics.hpp"

#include <gtest/gtest.h>

#include <initializer_list>
#include <limits>
#include <ostream>

namespace px::trace {

// Beside the types, so that GoogleTest prints failures in words and comparisons read naturally.
bool operator==(const Segment& a, const Segment& b) {
  return a.cpu == b.cpu && a.start_ns == b.start_ns && a.end_ns == b.end_ns && a.exec == b.exec &&
         a.donor == b.donor;
}
void PrintTo(const Segment& s, std::ostream* out) {
  *out << "cpu" << s.cpu << " [" << s.start_ns << "," << s.end_ns << ") " << s.exec << " for "
       << s.donor;
}
bool operator==(const Hold& a, const Hold& b) {
  return a.task == b.task && a.lock == b.lock && a.start_ns == b.start_ns && a.end_ns == b.end_ns;
}
bool operator==(const Wait& a, const Wait& b) {
  return a.task == b.task && a.lock == b.lock && a.start_ns == b.start_ns && a.end_ns == b.end_ns;
}

namespace {

using enum EventKind;

constexpr std::uint32_t H = 0;
constexpr std::uint32_t M = 1;
constexpr std::uint32_t L = 2;
constexpr std::uint32_t kLock = 0;
constexpr std::uint32_t kOtherLock = 1;

// FIFO 30, 20 and 10 as policy::Rank counts them.
std::vector<MetricsTask> three_realtime_tasks(int cpus) {
  const CpuMask all = CpuMask::first(cpus);
  return {
      {"H", "fifo", 31, false, all}, {"M", "fifo", 21, false, all}, {"L", "fifo", 11, false, all}};
}

std::vector<MetricsTask> three_fair_tasks() {
  const CpuMask all = CpuMask::first(1);
  return {{"H", "other", 1, true, all}, {"M", "other", 1, true, all}, {"L", "other", 1, true, all}};
}

struct Setup {
  int cpus = 1;
  bool record = true;
  bool inversion = true;
  Nanos duration = -1;
};

RunResult run(std::vector<MetricsTask> tasks, const Setup& setup,
              std::initializer_list<Event> events, Nanos end) {
  Metrics metrics(std::move(tasks), {"m", "n"},
                  {setup.cpus, setup.record, setup.inversion, setup.duration});
  for (const Event& event : events) metrics.on_event(event);
  return metrics.finish(end);
}

Event switch_to(Nanos at, std::uint32_t exec, std::uint32_t donor, std::uint16_t cpu = 0) {
  return {at, kSwitch, cpu, exec, donor, 0};
}
Event wake(Nanos at, std::uint32_t task) { return {at, kWake, 0, task, 0, 0}; }
Event sleep(Nanos at, std::uint32_t task) { return {at, kSleep, 0, task, kNoTask, 0}; }
Event block(Nanos at, std::uint32_t task, std::uint32_t owner, std::uint32_t lock = kLock) {
  return {at, kBlock, 0, task, owner, lock + 1};
}
Event unblock(Nanos at, std::uint32_t task, std::uint32_t lock = kLock) {
  return {at, kUnblock, 0, task, kNoTask, lock + 1};
}
Event acquire(Nanos at, std::uint32_t task, bool waited, std::uint32_t lock = kLock) {
  return {at, kAcquire, 0, task, waited ? 1U : 0U, lock + 1};
}
Event release(Nanos at, std::uint32_t task, std::uint32_t lock = kLock) {
  return {at, kRelease, 0, task, kNoTask, lock + 1};
}
Event hand_off(Nanos at, std::uint32_t from, std::uint32_t to, std::uint32_t lock = kLock) {
  return {at, kHandoff, 0, from, to, lock + 1};
}

// One CPU, no protocol: L[0,3) takes m at 1, H[3,5) blocks on it at 5, M[5,15) keeps L off the CPU
// that H needs it on, L[15,18) releases m at 18, H[18,20) takes it at once, L[20,22).
RunResult textbook_without_cure(std::vector<MetricsTask> tasks) {
  return run(std::move(tasks), {},
             {wake(0, L), switch_to(0, L, L), acquire(1, L, false),              //
              wake(3, H), switch_to(3, H, H),                                    //
              wake(4, M), block(5, H, L), switch_to(5, M, M),                    //
              sleep(15, M), switch_to(15, L, L),                                 //
              release(18, L), unblock(18, H), wake(18, H), switch_to(18, H, H),  //
              acquire(18, H, true), release(19, H), sleep(20, H), switch_to(20, L, L)},
             22);
}

TEST(Metrics, TextbookInversionWithoutCure) {
  const RunResult result = textbook_without_cure(three_realtime_tasks(1));
  const TaskResult& h = result.tasks[H];
  const TaskResult& m = result.tasks[M];
  const TaskResult& l = result.tasks[L];

  EXPECT_EQ(h.executed_ns, 4);
  EXPECT_EQ(m.executed_ns, 10);
  EXPECT_EQ(l.executed_ns, 8);
  for (const TaskResult& task : result.tasks) {
    EXPECT_EQ(task.charged_ns, task.executed_ns) << task.name;
    EXPECT_EQ(task.donated_ns, 0) << task.name;
    EXPECT_EQ(task.received_ns, 0) << task.name;
    EXPECT_FALSE(task.inversion_is_upper_bound) << task.name;
  }
  EXPECT_EQ(h.blocked_ns, 13);    // [5,18)
  EXPECT_EQ(h.inversion_ns, 10);  // [5,15): M runs; from 15 on L itself does
  EXPECT_EQ(m.inversion_ns, 0);
  EXPECT_EQ(h.runnable_ns, 0);
  EXPECT_EQ(m.runnable_ns, 1);       // [4,5)
  EXPECT_EQ(l.runnable_ns, 12 + 2);  // [3,15) and [18,20)
  EXPECT_EQ(h.lock_wait.count, 1U);
  EXPECT_EQ(h.lock_wait.contended, 1U);
  EXPECT_EQ(h.lock_wait.p50, 13);
  EXPECT_EQ(h.lock_wait.max, 13);
  EXPECT_EQ(l.lock_wait.count, 1U);
  EXPECT_EQ(l.lock_wait.contended, 0U);
  EXPECT_EQ(l.lock_wait.max, 0);
  EXPECT_EQ(h.switches, 2U);
  EXPECT_EQ(m.switches, 1U);
  EXPECT_EQ(l.switches, 2U);  // its first time it follows no task
  EXPECT_EQ(l.preemptions, 2U);
  EXPECT_EQ(h.preemptions, 0U);
  EXPECT_EQ(result.totals.switches, 5U);
  EXPECT_EQ(result.totals.proxied_ns, 0);

  const LockResult& lock = result.locks[kLock];
  EXPECT_EQ(lock.acquisitions, 2U);
  EXPECT_EQ(lock.contended, 1U);
  EXPECT_EQ(lock.handoffs, 0U);
  EXPECT_EQ(lock.max_hold_ns, 17);  // L from 1 to 18
  EXPECT_EQ(lock.max_chain, 1U);
  EXPECT_EQ(result.locks[kOtherLock].acquisitions, 0U);

  EXPECT_EQ(result.duration_ns, 22);
  EXPECT_EQ(result.segments, (std::vector<Segment>{{0, 0, 3, L, L},
                                                   {0, 3, 5, H, H},
                                                   {0, 5, 15, M, M},
                                                   {0, 15, 18, L, L},
                                                   {0, 18, 20, H, H},
                                                   {0, 20, 22, L, L}}));
  EXPECT_EQ(result.holds, (std::vector<Hold>{{L, kLock, 1, 18}, {H, kLock, 18, 19}}));
  EXPECT_EQ(result.waits, (std::vector<Wait>{{H, kLock, 5, 18}}));
}

TEST(Metrics, ForFairTasksAnyContextOutsideTheChainCountsAsInversion) {
  const RunResult result = textbook_without_cure(three_fair_tasks());
  EXPECT_EQ(result.tasks[H].inversion_ns, 10);
  EXPECT_TRUE(result.tasks[H].inversion_is_upper_bound);
}

// The same workload with proxy execution: L runs [5,8) on H's context, hands m over at 8, H[8,10),
// then M[10,20), L[20,22).
TEST(Metrics, TextbookInversionWithProxyExecution) {
  const RunResult result =
      run(three_realtime_tasks(1), {},
          {wake(0, L), switch_to(0, L, L), acquire(1, L, false), wake(3, H), switch_to(3, H, H),
           wake(4, M), block(5, H, L), switch_to(5, L, H), hand_off(8, L, H), unblock(8, H),
           switch_to(8, H, H), acquire(8, H, true), release(9, H), sleep(10, H),
           switch_to(10, M, M), sleep(20, M), switch_to(20, L, L)},
          22);
  const TaskResult& h = result.tasks[H];
  const TaskResult& l = result.tasks[L];
  EXPECT_EQ(h.executed_ns, 4);
  EXPECT_EQ(h.charged_ns, 7);
  EXPECT_EQ(h.donated_ns, 3);
  EXPECT_EQ(l.executed_ns, 8);
  EXPECT_EQ(l.charged_ns, 5);
  EXPECT_EQ(l.received_ns, 3);
  EXPECT_EQ(h.blocked_ns, 3);
  EXPECT_EQ(h.inversion_ns, 0);
  EXPECT_EQ(h.lock_wait.max, 3);
  EXPECT_EQ(l.preemptions, 2U);  // by H at 3 and, the lock given away, by H again at 8
  EXPECT_EQ(result.totals.proxied_ns, 3);
  EXPECT_EQ(result.locks[kLock].handoffs, 1U);
  EXPECT_EQ(result.locks[kLock].acquisitions, 2U);
  EXPECT_EQ(result.locks[kLock].max_hold_ns, 7);
  EXPECT_EQ(result.segments[2], (Segment{0, 5, 8, L, H}));
  EXPECT_EQ(result.holds, (std::vector<Hold>{{L, kLock, 1, 8}, {H, kLock, 8, 9}}));
  ASSERT_EQ(result.handoffs.size(), 1U);
  EXPECT_EQ(result.handoffs[0].from, L);
  EXPECT_EQ(result.handoffs[0].to, H);
  EXPECT_EQ(result.handoffs[0].at_ns, 8);
}

// A hand-off whose receiver gets the CPU only later owns the lock, and no longer waits, from the
// hand-off on; its lock call ends with its kAcquire.
TEST(Metrics, HandoffBeginsTheHoldAndEndsTheWait) {
  const RunResult result = run(three_realtime_tasks(1), {},
                               {switch_to(0, L, L), acquire(0, L, false), switch_to(2, H, H),
                                block(3, H, L), switch_to(3, L, H), hand_off(5, L, H),
                                switch_to(7, H, H), acquire(7, H, true), release(10, H)},
                               12);
  EXPECT_EQ(result.tasks[H].blocked_ns, 2);   // [3,5)
  EXPECT_EQ(result.tasks[H].runnable_ns, 2);  // [5,7)
  EXPECT_EQ(result.tasks[H].lock_wait.max, 4);
  EXPECT_EQ(result.tasks[H].donated_ns, 4);  // the CPU charged it until it ran itself
  EXPECT_EQ(result.holds, (std::vector<Hold>{{L, kLock, 0, 5}, {H, kLock, 5, 10}}));
}

// Two CPUs. L (only CPU 0) holds m, M runs on CPU 0, H blocks on CPU 1. While CPU 1 is idle H is
// inverted only if L may not use CPU 1; idleness there does not help a pinned L.
TEST(Metrics, InversionLooksAtTheCpusAllowedToTheChainEnd) {
  std::vector<MetricsTask> tasks = three_realtime_tasks(2);
  tasks[L].affinity = CpuMask::only(0);
  const std::initializer_list<Event> events = {switch_to(0, L, L, 0),
                                               acquire(0, L, false),
                                               wake(1, M),
                                               switch_to(1, M, M, 0),
                                               switch_to(2, H, H, 1),
                                               block(3, H, L),
                                               switch_to(3, kIdleTask, kIdleTask, 1),
                                               sleep(9, M),
                                               switch_to(9, L, L, 0)};
  const RunResult pinned = run(tasks, {2}, events, 11);
  EXPECT_EQ(pinned.tasks[H].inversion_ns, 6);  // [3,9)
  // With L free to use CPU 1 as well the idle context there is outranked too.
  tasks[L].affinity = CpuMask::first(2);
  EXPECT_EQ(run(tasks, {2}, events, 11).tasks[H].inversion_ns, 6);
}

TEST(Metrics, NoInversionWhileAHigherRankRunsOnACpuOfTheChainEnd) {
  std::vector<MetricsTask> tasks = three_realtime_tasks(2);
  tasks.push_back({"X", "fifo", 90, false, CpuMask::first(2)});
  // M outranks L on CPU 0, X outranks H on CPU 1 until 7: only from then on is H inverted.
  const RunResult result =
      run(tasks, {2},
          {switch_to(0, L, L, 0), acquire(0, L, false), wake(1, M), switch_to(1, M, M, 0),
           switch_to(1, H, H, 1), block(3, H, L), switch_to(3, 3, 3, 1), sleep(7, 3),
           switch_to(7, kIdleTask, kIdleTask, 1)},
          10);
  EXPECT_EQ(result.tasks[H].inversion_ns, 3);
}

TEST(Metrics, RankAffinityAndHotplugChangesTakeEffectAtTheLatestEvent) {
  Metrics metrics(three_realtime_tasks(2), {"m", "n"}, {2, true, true, -1});
  for (const Event& event :
       {switch_to(0, L, L, 0), acquire(0, L, false), switch_to(1, M, M, 0), switch_to(1, H, H, 1),
        block(2, H, L), switch_to(2, kIdleTask, kIdleTask, 1)}) {
    metrics.on_event(event);
  }
  metrics.on_event({5, kRank, 0, M, 41, 0});  // M outranks H, but CPU 1 is idle: an upper rank
  metrics.on_affinity(L, CpuMask::only(0));   // counts only where L may run alone with it
  metrics.on_event({8, kWake, 0, M, 0, 0});
  metrics.on_rank(M, 21);
  metrics.on_online(0, false);
  metrics.on_affinity(L, CpuMask::first(2));
  const RunResult result = metrics.finish(10);
  // [2,5) inverted; [5,8) not, for M outranks H on L's only CPU; [8,10) again: CPU 1 alone counts.
  EXPECT_EQ(result.tasks[H].inversion_ns, 5);
}

// L holds m and waits for nothing, M holds n and waits for m, H waits for n: the chain n, m.
TEST(Metrics, NestedChainsAreMeasuredWhereTheyEnd) {
  const RunResult result = run(
      three_realtime_tasks(1), {},
      {switch_to(0, L, L), acquire(1, L, false), switch_to(2, M, M),
       acquire(3, M, false, kOtherLock), block(4, M, L), switch_to(4, L, M), switch_to(6, H, H),
       block(7, H, M, kOtherLock), switch_to(7, L, H), release(10, L), unblock(10, M),
       switch_to(10, M, H), acquire(10, M, true), release(11, M), hand_off(12, M, H, kOtherLock),
       switch_to(12, H, H), acquire(12, H, true, kOtherLock), release(13, H, kOtherLock)},
      15);
  EXPECT_EQ(result.locks[kLock].max_chain, 2U);
  EXPECT_EQ(result.locks[kOtherLock].max_chain, 1U);  // once M runs again the chain ends at n
  EXPECT_EQ(result.tasks[H].donated_ns, 5);           // [7,10) to L, [10,12) to M
  EXPECT_EQ(result.tasks[M].donated_ns, 2);           // [4,6)
  EXPECT_EQ(result.tasks[M].received_ns, 2);
  EXPECT_EQ(result.tasks[L].received_ns, 5);
  EXPECT_EQ(result.tasks[H].lock_wait.max, 5);
  EXPECT_EQ(result.tasks[M].lock_wait.max, 6);
  EXPECT_EQ(result.tasks[H].inversion_ns, 0);
  EXPECT_EQ(result.tasks[M].inversion_ns, 0);  // while H runs it does not outrank what runs
}

// The waiter at the head of a chain came first: the chain is put together from its middle.
TEST(Metrics, AChainThatGrowsAtItsEndCountsInFull) {
  const RunResult result =
      run(three_realtime_tasks(1), {},
          {switch_to(0, M, M), acquire(0, M, false, kOtherLock), switch_to(1, H, H),
           block(2, H, M, kOtherLock), switch_to(2, L, L), acquire(3, L, false), switch_to(4, M, M),
           block(5, M, L), switch_to(5, L, H)},
          7);
  EXPECT_EQ(result.locks[kLock].max_chain, 2U);
  EXPECT_EQ(result.locks[kOtherLock].max_chain, 1U);
}

TEST(Metrics, ACycleHasNoEndAndCountsForNoLock) {
  const RunResult result =
      run(three_realtime_tasks(1), {},
          {switch_to(0, L, L), acquire(0, L, false), switch_to(1, H, H),
           acquire(1, H, false, kOtherLock), block(2, H, L), switch_to(2, L, H),
           block(3, L, H, kOtherLock), wake(3, M), switch_to(3, M, M)},
          9);
  EXPECT_EQ(result.locks[kLock].max_chain, 1U);
  EXPECT_EQ(result.locks[kOtherLock].max_chain, 0U);
  EXPECT_EQ(result.tasks[H].inversion_ns, 0);
  EXPECT_EQ(result.tasks[H].blocked_ns, 7);
}

TEST(Metrics, UnfinishedWaitsHoldsAndRunsCountWithTheirLengthSoFar) {
  const RunResult result = run(three_realtime_tasks(1), {},
                               {switch_to(0, L, L), acquire(2, L, false), switch_to(3, H, H),
                                block(4, H, L), switch_to(4, L, H), wake(6, M)},
                               10);
  EXPECT_EQ(result.tasks[H].blocked_ns, 6);
  EXPECT_EQ(result.tasks[H].lock_wait.count, 1U);
  EXPECT_EQ(result.tasks[H].lock_wait.contended, 1U);
  EXPECT_EQ(result.tasks[H].lock_wait.max, 6);
  EXPECT_EQ(result.tasks[H].runnable_ns, 0);
  EXPECT_EQ(result.tasks[M].runnable_ns, 4);
  EXPECT_EQ(result.tasks[L].executed_ns, 9);
  EXPECT_EQ(result.locks[kLock].max_hold_ns, 8);
  EXPECT_EQ(result.locks[kLock].acquisitions, 1U);
  EXPECT_EQ(result.locks[kLock].contended, 0U);  // nobody has acquired it after a wait
  EXPECT_EQ(result.waits, (std::vector<Wait>{{H, kLock, 4, 10}}));
  EXPECT_EQ(result.holds, (std::vector<Hold>{{L, kLock, 2, 10}}));
}

TEST(Metrics, NothingCountsAfterTheDuration) {
  const RunResult result = run(
      three_realtime_tasks(1), {1, true, true, 8},
      {switch_to(0, L, L), acquire(2, L, false), release(20, L), sleep(21, L), switch_to(21, H, H)},
      30);
  EXPECT_EQ(result.duration_ns, 8);
  EXPECT_EQ(result.tasks[L].executed_ns, 8);
  EXPECT_EQ(result.tasks[H].executed_ns, 0);
  EXPECT_EQ(result.tasks[H].switches, 0U);
  EXPECT_EQ(result.locks[kLock].max_hold_ns, 6);
  EXPECT_EQ(result.segments, (std::vector<Segment>{{0, 0, 8, L, L}}));
}

TEST(Metrics, ZeroLengthRunsGiveNoSegmentAndTheirNeighboursMerge) {
  // M is put on the CPU at 4 and taken off at the same instant; L's two parts are one interval.
  const RunResult result =
      run(three_realtime_tasks(1), {},
          {switch_to(0, L, L), switch_to(4, M, M), sleep(4, M), switch_to(4, L, L),
           switch_to(6, L, L), switch_to(8, kIdleTask, kIdleTask), switch_to(9, L, L)},
          12);
  EXPECT_EQ(result.segments, (std::vector<Segment>{{0, 0, 8, L, L}, {0, 9, 12, L, L}}));
  EXPECT_EQ(result.tasks[M].executed_ns, 0);
  EXPECT_EQ(result.tasks[M].switches, 1U);
  EXPECT_EQ(result.tasks[L].switches, 1U);     // after M; not after idle
  EXPECT_EQ(result.tasks[L].preemptions, 2U);  // by M, and by idle: it was runnable both times
  EXPECT_EQ(result.tasks[L].executed_ns, 11);
}

TEST(Metrics, AWaiterThatLosesTheLockAgainHasOneLockCall) {
  const RunResult result =
      run(three_realtime_tasks(1), {},
          {switch_to(0, L, L), acquire(0, L, false), switch_to(1, H, H), block(2, H, L),
           switch_to(2, L, L), release(5, L), unblock(5, H), acquire(6, L, false),
           switch_to(7, H, H), block(7, H, L), switch_to(7, L, H), hand_off(9, L, H),
           switch_to(9, H, H), acquire(9, H, true)},
          10);
  EXPECT_EQ(result.tasks[H].lock_wait.count, 1U);
  EXPECT_EQ(result.tasks[H].lock_wait.max, 7);  // from 2 to 9
  EXPECT_EQ(result.tasks[H].blocked_ns, 5);     // [2,5) and [7,9)
  EXPECT_EQ(result.tasks[H].runnable_ns, 2);    // [5,7)
  EXPECT_EQ(result.waits.size(), 2U);
}

TEST(Metrics, SpinningBelongsToTheLockCall) {
  const RunResult result = run(three_realtime_tasks(2), {2},
                               {switch_to(0, L, L, 0),
                                acquire(0, L, false),
                                switch_to(0, H, H, 1),
                                {4, kContend, 1, H, L, kLock + 1},
                                release(7, L),
                                acquire(7, H, true)},
                               10);
  EXPECT_EQ(result.tasks[H].lock_wait.max, 3);
  EXPECT_EQ(result.tasks[H].lock_wait.contended, 1U);
  EXPECT_EQ(result.tasks[H].blocked_ns, 0);
  EXPECT_EQ(result.locks[kLock].contended, 1U);
}

TEST(Metrics, AbandonedLockCallsEndWhereTheyAreGivenUp) {
  const RunResult result = run(three_realtime_tasks(1), {},
                               {switch_to(0, L, L),
                                acquire(0, L, false),
                                switch_to(1, H, H),
                                block(2, H, L),
                                switch_to(2, L, H),
                                unblock(6, H),
                                switch_to(8, H, H),
                                {9, kAbandon, 0, H, kNoTask, kLock + 1},
                                // A call whose end nobody reported is over when the next one
                                // begins: it lasted as long as its wait.
                                block(10, H, L),
                                switch_to(10, L, H),
                                unblock(13, H),
                                switch_to(15, H, H),
                                acquire(16, H, false, kOtherLock)},
                               20);
  EXPECT_EQ(result.tasks[H].lock_wait.count, 3U);
  EXPECT_EQ(result.tasks[H].lock_wait.contended, 2U);
  EXPECT_EQ(result.tasks[H].lock_wait.max, 7);  // [2,9)
  EXPECT_EQ(result.tasks[H].lock_wait.p50, 3);  // 0, [10,13), 7
  EXPECT_EQ(result.locks[kLock].acquisitions, 1U);
  // Of calls, those that found the lock taken are listed: start, wait, acquired.
  const std::vector<LockCall>& calls = result.tasks[H].lock_calls;
  ASSERT_EQ(calls.size(), 2U);
  EXPECT_EQ(calls[0].start_ns, 2);
  EXPECT_EQ(calls[0].wait_ns, 7);
  EXPECT_FALSE(calls[0].acquired);
  EXPECT_EQ(calls[1].start_ns, 10);
  EXPECT_EQ(calls[1].wait_ns, 3);
  EXPECT_FALSE(calls[1].acquired);
}

TEST(Metrics, ALockCallThatNeverWaitedIsAbandonedWhereItBegan) {
  const RunResult result = run(three_realtime_tasks(1), {},
                               {switch_to(0, L, L),
                                acquire(0, L, false),
                                switch_to(1, H, H),
                                block(2, H, L),
                                switch_to(2, L, L),
                                hand_off(3, L, H),
                                switch_to(3, H, H),
                                acquire(3, H, true),
                                {5, kContend, 0, H, L, kOtherLock + 1},
                                sleep(8, H)},
                               9);
  ASSERT_EQ(result.tasks[H].lock_calls.size(), 2U);
  EXPECT_EQ(result.tasks[H].lock_calls[0].wait_ns, 1);
  EXPECT_TRUE(result.tasks[H].lock_calls[0].acquired);
  EXPECT_EQ(result.tasks[H].lock_calls[1].start_ns, 5);
  EXPECT_EQ(result.tasks[H].lock_calls[1].wait_ns, 0);
}

TEST(Metrics, AWaiterThatIsRunNoLongerWaits) {
  // The lock was released without a wakeup; the walk finds it free and runs H to take it.
  const RunResult result =
      run(three_realtime_tasks(1), {},
          {switch_to(0, L, L), acquire(0, L, false), switch_to(1, H, H), block(2, H, L),
           switch_to(2, L, H), release(5, L), switch_to(6, H, H), acquire(7, H, true)},
          10);
  EXPECT_EQ(result.tasks[H].blocked_ns, 4);
  EXPECT_EQ(result.tasks[H].lock_wait.max, 5);
}

TEST(Metrics, AParkedWaiterStaysBlocked) {
  // The owner sleeps inside its section; its waiter leaves the runqueue and comes back with it.
  const RunResult result =
      run(three_realtime_tasks(1), {},
          {switch_to(0, L, L), acquire(0, L, false), sleep(2, L), switch_to(2, H, H),
           block(3, H, L), sleep(3, H), switch_to(3, M, M), wake(8, L), switch_to(8, L, H),
           hand_off(10, L, H), switch_to(10, H, H), acquire(10, H, true)},
          12);
  EXPECT_EQ(result.tasks[H].blocked_ns, 7);
  EXPECT_EQ(result.tasks[H].runnable_ns, 0);
  EXPECT_EQ(result.tasks[H].inversion_ns, 0);  // the end of its chain slept: it was not runnable
  EXPECT_EQ(result.tasks[L].runnable_ns, 2);   // after it gave the lock away
}

TEST(Metrics, WaitingForATaskToEndIsBlockedButNoLockCall) {
  // H waits for the end of L, which holds nothing; M stands between them.
  const RunResult result = run(three_realtime_tasks(1), {},
                               {wake(0, L),
                                switch_to(0, H, H),
                                {1, kBlock, 0, H, L, 0},
                                switch_to(1, M, M),
                                sleep(5, M),
                                switch_to(5, L, H),
                                {8, kExit, 0, L, kNoTask, 0},
                                wake(8, H),
                                switch_to(9, H, H)},
                               10);
  EXPECT_EQ(result.tasks[H].blocked_ns, 7);
  EXPECT_EQ(result.tasks[H].inversion_ns, 4);
  EXPECT_EQ(result.tasks[H].lock_wait.count, 0U);
  EXPECT_EQ(result.tasks[H].runnable_ns, 1);
  EXPECT_EQ(result.tasks[L].preemptions, 0U);
  EXPECT_TRUE(result.waits.empty());
  EXPECT_EQ(result.locks[kLock].max_chain, 0U);
}

TEST(Metrics, AChainMayPassThroughAJoin) {
  // H waits for the end of M, which waits for the lock of L.
  const RunResult result = run(three_realtime_tasks(1), {},
                               {switch_to(0, L, L),
                                acquire(0, L, false),
                                switch_to(1, M, M),
                                block(2, M, L),
                                switch_to(2, H, H),
                                {3, kBlock, 0, H, M, 0},
                                switch_to(3, kIdleTask, kIdleTask)},
                               7);
  EXPECT_EQ(result.tasks[H].inversion_ns, 4);
  EXPECT_EQ(result.tasks[M].inversion_ns, 4);  // not while H ran: M does not outrank it
}

TEST(Metrics, MigrationsOfExecutionAndOfContexts) {
  const RunResult result = run(
      three_realtime_tasks(2), {2},
      {switch_to(0, L, L, 0),
       switch_to(1, H, H, 1),
       switch_to(2, M, M, 0),
       {3, kMigrate, 1, H, 0, 0},
       {4, kMigrate, 0, H, 1, 0},
       // L goes on on CPU 1; there the event of its arrival comes before H's departure is known.
       switch_to(5, L, L, 1),
       switch_to(6, H, H, 0)},
      8);
  EXPECT_EQ(result.tasks[L].migrations, 1U);
  EXPECT_EQ(result.tasks[H].migrations, 1U);
  EXPECT_EQ(result.tasks[M].migrations, 0U);
  EXPECT_EQ(result.tasks[H].proxy_migrations, 2U);
  EXPECT_EQ(result.tasks[L].runnable_ns, 3);
  EXPECT_EQ(
      result.segments,
      (std::vector<Segment>{
          {0, 0, 2, L, L}, {1, 1, 5, H, H}, {0, 2, 6, M, M}, {1, 5, 8, L, L}, {0, 6, 8, H, H}}));
}

TEST(Metrics, ATaskThatMovesToAnotherCpuAtOneInstantIsNotPreempted) {
  const RunResult result =
      run(three_realtime_tasks(2), {2},
          {switch_to(0, L, L, 0), switch_to(4, L, L, 1), switch_to(4, M, M, 0)}, 6);
  EXPECT_EQ(result.tasks[L].preemptions, 0U);
  EXPECT_EQ(result.tasks[L].migrations, 1U);
  EXPECT_EQ(result.tasks[L].executed_ns, 6);
}

TEST(Metrics, CountersAreTheSameWithoutRecording) {
  const auto events = {switch_to(0, L, L), acquire(0, L, false), wake(1, M),
                       switch_to(1, H, H), block(2, H, L),       switch_to(2, L, H),
                       hand_off(5, L, H),  switch_to(5, H, H),   acquire(5, H, true)};
  const RunResult full = run(three_realtime_tasks(1), {}, events, 9);
  const RunResult counted = run(three_realtime_tasks(1), {1, false, false, -1}, events, 9);
  for (std::size_t i = 0; i < full.tasks.size(); ++i) {
    EXPECT_EQ(full.tasks[i].executed_ns, counted.tasks[i].executed_ns);
    EXPECT_EQ(full.tasks[i].charged_ns, counted.tasks[i].charged_ns);
    EXPECT_EQ(full.tasks[i].blocked_ns, counted.tasks[i].blocked_ns);
    EXPECT_EQ(full.tasks[i].runnable_ns, counted.tasks[i].runnable_ns);
    EXPECT_EQ(full.tasks[i].lock_wait.max, counted.tasks[i].lock_wait.max);
  }
  EXPECT_TRUE(counted.segments.empty());
  EXPECT_TRUE(counted.waits.empty());
  EXPECT_TRUE(counted.holds.empty());
  EXPECT_TRUE(counted.runnable.empty());
  EXPECT_TRUE(counted.handoffs.empty());
  EXPECT_FALSE(full.segments.empty());
}

TEST(Metrics, UncontendedCallsAreSamplesOfZero) {
  Metrics metrics(three_realtime_tasks(1), {"m", "n"}, {1, false, false, -1});
  metrics.on_event(switch_to(0, L, L));
  for (Nanos at = 0; at < 99; ++at) {
    metrics.on_event(acquire(at, L, false));
    metrics.on_event(release(at, L));
  }
  metrics.on_event({99, kContend, 0, L, H, kLock + 1});
  metrics.on_event(acquire(149, L, true));
  const LatencySummary wait = metrics.finish(200).tasks[L].lock_wait;
  EXPECT_EQ(wait.count, 100U);
  EXPECT_EQ(wait.contended, 1U);
  EXPECT_EQ(wait.p50, 0);
  EXPECT_EQ(wait.p99, 0);
  EXPECT_EQ(wait.p999, 50);
  EXPECT_EQ(wait.max, 50);
}

TEST(MetricsDeathTest, RefusesNamesItWasNotGiven) {
  Metrics metrics(three_realtime_tasks(1), {"m"}, {});
  EXPECT_DEATH(metrics.on_event(wake(0, 3)), "one of the tasks given");
  EXPECT_DEATH(metrics.on_event(acquire(0, H, false, 1)), "one of the locks given");
  EXPECT_DEATH(metrics.on_event(switch_to(0, H, H, 1)), "a CPU of this run");
}

}  // namespace
}  // namespace px::trace
