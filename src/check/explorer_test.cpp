// Goal: the searches visit exactly the states and schedules that exist.
// Method: programs with closed-form counts, classic protocols with known verdicts, and agreement of
// the searches among each other.
#include "check/explorer.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <set>
#include <string>

#include "check/programs_for_tests.hpp"

namespace px::check {
namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;
constexpr auto kSeqCst = std::memory_order_seq_cst;

// `threads` CPUs with `steps` stores each, all to different variables. Starting counts as a step.
void independent(Programs& machine, int threads, int steps) {
  for (int t = 0; t < threads; ++t) {
    std::vector<Atomic<int>*> variables;
    for (int s = 0; s < steps; ++s) variables.push_back(&machine.atomic<int>());
    machine.program([variables] {
      for (auto* variable : variables) variable->store(1, kRelaxed);
    });
  }
}

std::uint64_t power(std::uint64_t base, int exponent) {
  return exponent == 0 ? 1 : base * power(base, exponent - 1);
}

TEST(Explorer, IndependentStepsHaveOneStatePerTupleOfPositions) {
  for (const auto& [threads, steps] : {std::pair{1, 5}, {2, 3}, {3, 3}, {4, 2}}) {
    Programs machine(threads);
    independent(machine, threads, steps);
    const Exploration run = Explorer(machine, {}).depth_first();
    EXPECT_TRUE(run.complete);
    EXPECT_EQ(run.states, power(static_cast<std::uint64_t>(steps) + 2, threads));
    EXPECT_EQ(run.final_states, 1U);
  }
}

std::uint64_t count_executions(Machine& machine, Image& image) {
  const Choices enabled = machine.choices();
  if (enabled == 0) return 1;
  std::uint64_t total = 0;
  for (Choices left = enabled; left != 0; left &= static_cast<Choices>(left - 1)) {
    EXPECT_TRUE(machine.step(static_cast<Choice>(std::countr_zero(left))));
    image.keep();
    total += count_executions(machine, image);
    image.undo();
  }
  return total;
}

TEST(Explorer, SnapshotsRestoreEveryInterleaving) {
  Programs machine(3);
  independent(machine, 3, 2);
  Image image(machine);
  EXPECT_EQ(count_executions(machine, image), 1680U);  // 9! / (3!)^3
}

TEST(Explorer, OneLockHasAsManyOrdersAsPermutations) {
  for (const auto& [threads, orders] : {std::pair{2, 2U}, {3, 6U}, {4, 24U}}) {
    Programs machine(threads, Granularity::kCoarse);
    SpinLock& lock = machine.lock();
    int& order = machine.result();
    std::set<int> seen;
    for (int t = 1; t <= threads; ++t) {
      machine.program([&lock, &order, t] {
        lock.lock();
        order = order * 10 + t;
        lock.unlock();
      });
    }
    machine.at_end([&] { seen.insert(order); });
    const Exploration run = Explorer(machine, {}).depth_first();
    EXPECT_TRUE(run.complete);
    EXPECT_EQ(run.final_states, orders);
    EXPECT_EQ(seen.size(), orders);
  }
}

void philosophers(Programs& machine, int count, bool ordered) {
  std::vector<SpinLock*> forks;
  for (int i = 0; i < count; ++i) forks.push_back(&machine.lock());
  for (int i = 0; i < count; ++i) {
    SpinLock* first = forks[static_cast<std::size_t>(i)];
    SpinLock* second = forks[static_cast<std::size_t>((i + 1) % count)];
    if (ordered && i == count - 1) std::swap(first, second);
    machine.program([first, second] {
      first->lock();
      second->lock();
      second->unlock();
      first->unlock();
    });
  }
}

TEST(Explorer, DiningPhilosophersStarveUnlessForksAreOrdered) {
  Programs hungry(3, Granularity::kCoarse);
  philosophers(hungry, 3, false);
  Exploration run = Explorer(hungry, {}).breadth_first();
  ASSERT_TRUE(run.finding);
  EXPECT_STREQ(run.finding->breach.name, "deadlock");
  EXPECT_EQ(run.finding->path.size(), 6U);  // each starts and takes one fork
}

TEST(Explorer, OrderedForksFeedEverybody) {
  Programs fed(3, Granularity::kCoarse);
  philosophers(fed, 3, true);
  const Exploration run = Explorer(fed, {}).depth_first();
  EXPECT_FALSE(run.finding);
  EXPECT_TRUE(run.complete);
}

// --- Mutual exclusion without atomic updates

void peterson(Programs& machine, std::memory_order order) {
  auto* flag0 = &machine.atomic<int>();
  auto* flag1 = &machine.atomic<int>();
  auto* turn = &machine.atomic<int>();
  int& inside = machine.result();
  auto side = [&inside, turn, order](Atomic<int>* mine, Atomic<int>* other, int next) {
    mine->store(1, order);
    turn->store(next, order);
    const LoopHead head;
    while (other->load(order) == 1 && turn->load(order) == next) {
      Machine::active().point(OpKind::kRelax, nullptr);
      head.again();
    }
    head.again();
    ++inside;
    mine->store(0, order);  // the point before this store is inside the section
    --inside;
  };
  machine.program([=] { side(flag0, flag1, 1); });
  machine.program([=] { side(flag1, flag0, 0); });
  machine.expect([&inside] { return inside > 1 ? "both are inside" : std::string(); });
}

TEST(Explorer, PetersonExcludesUnderSequentialConsistency) {
  Programs machine(2);
  peterson(machine, kRelaxed);
  const Exploration run = Explorer(machine, {}).depth_first();
  EXPECT_FALSE(run.finding) << run.finding->breach.message;
  EXPECT_TRUE(run.complete);
}

TEST(Explorer, PetersonBreaksWithStoreBuffers) {
  Programs machine(2, Granularity::kFine, true);
  peterson(machine, kRelaxed);
  const Exploration run = Explorer(machine, {}).depth_first();
  ASSERT_TRUE(run.finding);
  EXPECT_EQ(run.finding->breach.message, "both are inside");
}

TEST(Explorer, PetersonWithFencesExcludesWithStoreBuffers) {
  Programs machine(2, Granularity::kFine, true);
  peterson(machine, kSeqCst);
  const Exploration run = Explorer(machine, {}).depth_first();
  EXPECT_FALSE(run.finding);
  EXPECT_TRUE(run.complete);
}

void dekker(Programs& machine, std::memory_order order) {
  auto* want0 = &machine.atomic<int>();
  auto* want1 = &machine.atomic<int>();
  auto* turn = &machine.atomic<int>();
  int& inside = machine.result();
  auto side = [&inside, turn, order](Atomic<int>* mine, Atomic<int>* other, int me) {
    mine->store(1, order);
    const LoopHead head;
    while (other->load(order) == 1) {
      if (turn->load(order) != me) {
        mine->store(0, order);
        const LoopHead wait;
        while (turn->load(order) != me) {
          Machine::active().point(OpKind::kRelax, nullptr);
          wait.again();
        }
        mine->store(1, order);
      }
      head.again();
    }
    head.again();
    ++inside;
    turn->store(1 - me, order);
    --inside;
    mine->store(0, order);
  };
  machine.program([=] { side(want0, want1, 0); });
  machine.program([=] { side(want1, want0, 1); });
  machine.expect([&inside] { return inside > 1 ? "both are inside" : std::string(); });
}

TEST(Explorer, DekkerExcludesUnderSequentialConsistencyOnly) {
  {
    Programs machine(2);
    dekker(machine, kRelaxed);
    Limits limits;
    limits.livelocks = false;
    const Exploration run = Explorer(machine, limits).depth_first();
    EXPECT_FALSE(run.finding);
    EXPECT_TRUE(run.complete);
  }
  Programs machine(2, Granularity::kFine, true);
  dekker(machine, kRelaxed);
  const Exploration run = Explorer(machine, {}).depth_first();
  ASSERT_TRUE(run.finding);
  EXPECT_EQ(run.finding->breach.message, "both are inside");
}

// --- Litmus tests: the outcomes written down are those of SC and of x86-TSO

using Outcome = std::vector<int>;

std::set<Outcome> outcomes(Programs& machine, const std::vector<const int*>& results) {
  std::set<Outcome> seen;
  machine.at_end([&] {
    Outcome outcome;
    for (const int* result : results) outcome.push_back(*result);
    seen.insert(outcome);
  });
  const Exploration run = Explorer(machine, {}).depth_first();
  EXPECT_TRUE(run.complete);
  EXPECT_FALSE(run.finding);
  return seen;
}

std::set<Outcome> store_buffering(bool buffers) {
  Programs machine(2, Granularity::kFine, buffers);
  auto& x = machine.atomic<int>();
  auto& y = machine.atomic<int>();
  int& a = machine.result();
  int& b = machine.result();
  machine.program([&] { x.store(1, kRelaxed), a = y.load(kRelaxed); });
  machine.program([&] { y.store(1, kRelaxed), b = x.load(kRelaxed); });
  return outcomes(machine, {&a, &b});
}

TEST(Litmus, StoreBuffering) {
  EXPECT_EQ(store_buffering(false), (std::set<Outcome>{{0, 1}, {1, 0}, {1, 1}}));
  EXPECT_EQ(store_buffering(true), (std::set<Outcome>{{0, 0}, {0, 1}, {1, 0}, {1, 1}}));
}

std::set<Outcome> message_passing(bool buffers) {
  Programs machine(2, Granularity::kFine, buffers);
  auto& data = machine.atomic<int>();
  auto& ready = machine.atomic<int>();
  int& a = machine.result();
  int& b = machine.result();
  machine.program([&] { data.store(1, kRelaxed), ready.store(1, kRelaxed); });
  machine.program([&] { a = ready.load(kRelaxed), b = data.load(kRelaxed); });
  return outcomes(machine, {&a, &b});
}

TEST(Litmus, MessagePassingIsOrderedInBothModels) {
  const std::set<Outcome> allowed{{0, 0}, {0, 1}, {1, 1}};
  EXPECT_EQ(message_passing(false), allowed);
  EXPECT_EQ(message_passing(true), allowed);
}

TEST(Litmus, IndependentReadsOfIndependentWritesAgree) {
  for (const bool buffers : {false, true}) {
    Programs machine(4, Granularity::kFine, buffers);
    auto& x = machine.atomic<int>();
    auto& y = machine.atomic<int>();
    int& a = machine.result();
    int& b = machine.result();
    int& c = machine.result();
    int& d = machine.result();
    machine.program([&] { x.store(1, kRelaxed); });
    machine.program([&] { y.store(1, kRelaxed); });
    machine.program([&] { a = x.load(kRelaxed), b = y.load(kRelaxed); });
    machine.program([&] { c = y.load(kRelaxed), d = x.load(kRelaxed); });
    const auto seen = outcomes(machine, {&a, &b, &c, &d});
    EXPECT_EQ(seen.size(), 15U);
    EXPECT_EQ(seen.count({1, 0, 1, 0}), 0U);
  }
}

TEST(Litmus, LoadsDoNotPassLaterStores) {
  for (const bool buffers : {false, true}) {
    Programs machine(2, Granularity::kFine, buffers);
    auto& x = machine.atomic<int>();
    auto& y = machine.atomic<int>();
    int& a = machine.result();
    int& b = machine.result();
    machine.program([&] { a = x.load(kRelaxed), y.store(1, kRelaxed); });
    machine.program([&] { b = y.load(kRelaxed), x.store(1, kRelaxed); });
    EXPECT_EQ(outcomes(machine, {&a, &b}), (std::set<Outcome>{{0, 0}, {0, 1}, {1, 0}}));
  }
}

// --- Classics

TEST(Classics, AWakeupBetweenTheLookAndTheSleepIsLost) {
  Programs machine(2);
  auto& ready = machine.atomic<int>();
  auto& asleep = machine.atomic<int>();
  machine.program([&] {
    if (ready.load(kSeqCst) != 0) return;
    asleep.store(1, kSeqCst);
    Machine::active().point(OpKind::kIdle, nullptr);
  });
  machine.program([&] {
    ready.store(1, kSeqCst);
    if (asleep.load(kSeqCst) != 0) Machine::active().state().cpus[0].kicked = true;
  });
  const Exploration run = Explorer(machine, {}).depth_first();
  ASSERT_TRUE(run.finding);
  EXPECT_STREQ(run.finding->breach.name, "deadlock");
}

// A stack of two nodes, 1 on 2 on nothing. One CPU pops: it reads the top and the node below, then
// swaps them. The other pops both and pushes the first again meanwhile.
TEST(Classics, CompareExchangeMissesThatTheTopWentAndCameBack) {
  Programs machine(2);
  auto& top = machine.atomic<int>();
  auto& below1 = machine.atomic<int>();
  int& freed = machine.result();
  int& popped_to_freed = machine.result();
  machine.program([&] {
    top.store(1, kSeqCst);
    below1.store(2, kSeqCst);
    int first = top.load(kSeqCst);
    if (first != 1) return;
    const int second = below1.load(kSeqCst);
    if (top.compare_exchange_strong(first, second, kSeqCst, kSeqCst) && second == freed) {
      popped_to_freed = 1;
    }
  });
  machine.program([&] {
    int first = 1;
    if (!top.compare_exchange_strong(first, 2, kSeqCst, kSeqCst)) return;
    int second = 2;
    if (!top.compare_exchange_strong(second, 0, kSeqCst, kSeqCst)) return;
    freed = 2;
    below1.store(0, kSeqCst);
    int none = 0;
    (void)top.compare_exchange_strong(none, 1, kSeqCst, kSeqCst);
  });
  machine.expect([&] { return popped_to_freed != 0 ? "a freed node is the top" : std::string(); });
  const Exploration run = Explorer(machine, {}).depth_first();
  ASSERT_TRUE(run.finding);
  EXPECT_EQ(run.finding->breach.message, "a freed node is the top");
}

TEST(Classics, UnorderedPlainAccessesAreADataRace) {
  for (const bool locked : {false, true}) {
    Programs machine(2);
    SpinLock& lock = machine.lock();
    auto& value = machine.shared<int>();
    const auto body = [&lock, &value, locked] {
      if (locked) lock.lock();
      value.set(value.get() + 1);
      if (locked) lock.unlock();
    };
    machine.program(body);
    machine.program(body);
    const Exploration run = Explorer(machine, {}).depth_first();
    EXPECT_EQ(run.finding.has_value(), !locked);
    if (run.finding) {
      EXPECT_STREQ(run.finding->breach.name, "data race");
    }
  }
}

TEST(Classics, TwoThatAlwaysBackOffAreALivelock) {
  Programs machine(2, Granularity::kCoarse);
  SpinLock& a = machine.lock();
  SpinLock& b = machine.lock();
  const auto body = [](SpinLock& first, SpinLock& second) {
    const LoopHead head;
    for (;;) {
      head.again();
      first.lock();
      if (second.try_lock()) break;
      first.unlock();
    }
    Machine::active().made_progress();
    second.unlock();
    first.unlock();
  };
  machine.program([&] { body(a, b); });
  machine.program([&] { body(b, a); });
  const Exploration run = Explorer(machine, {}).depth_first();
  ASSERT_TRUE(run.finding);
  EXPECT_STREQ(run.finding->breach.name, "no livelock");
  EXPECT_GT(run.finding->loop, 0U);
}

// --- The searches agree

TEST(Explorer, AllStatefulSearchesVisitTheSameStates) {
  const auto build = [](Programs& machine) { peterson(machine, kRelaxed); };
  Programs machine(2);
  build(machine);
  Explorer explorer(machine, {});
  const std::uint64_t states = explorer.depth_first().states;
  EXPECT_EQ(explorer.breadth_first().states, states);
  Limits wide;
  wide.wide_digest = true;
  EXPECT_EQ(Explorer(machine, wide).depth_first().states, states);
}

TEST(Explorer, TheBoundCountsPreemptions) {
  // The failure needs the second CPU to run in the middle of the first, once.
  Programs machine(2);
  auto& x = machine.atomic<int>();
  int& bad = machine.result();
  machine.program([&] {
    x.store(1, kRelaxed);
    bad = x.load(kRelaxed) == 2 ? 1 : 0;
  });
  machine.program([&] { x.store(2, kRelaxed); });
  machine.expect([&bad] { return bad != 0 ? "overtaken" : std::string(); });
  Explorer explorer(machine, {});
  EXPECT_FALSE(explorer.bounded(0).finding);
  const Exploration one = explorer.bounded(1);
  ASSERT_TRUE(one.finding);
  EXPECT_EQ(one.finding->breach.message, "overtaken");
}

TEST(Explorer, RandomSearchesFindAndReplay) {
  for (const bool pct : {false, true}) {
    Programs machine(2, Granularity::kFine, true);
    peterson(machine, kRelaxed);
    Limits limits;
    limits.max_executions = 100'000;
    limits.seed = 7;
    Explorer explorer(machine, limits);
    const Exploration found = pct ? explorer.pct(3) : explorer.random();
    ASSERT_TRUE(found.finding);
    const Exploration again = explorer.replay(found.finding->path);
    ASSERT_TRUE(again.finding);
    EXPECT_EQ(again.finding->breach.message, found.finding->breach.message);
  }
}

TEST(Explorer, AReplayStopsAtTheStepThatDoesNotFit) {
  Programs machine(2, Granularity::kCoarse);
  SpinLock& lock = machine.lock();
  for (int i = 0; i < 2; ++i) {
    machine.program([&lock] {
      lock.lock();
      lock.unlock();
      lock.lock();
      lock.unlock();
    });
  }
  Explorer explorer(machine, {});
  try {
    (void)explorer.replay({0, 0, 0, 0});
    FAIL() << "the path should not fit";
  } catch (const std::invalid_argument& error) {
    EXPECT_EQ(std::string(error.what()), "step 4 of 4 does not fit: it is not enabled there");
  }
}

TEST(Explorer, StopsAtTheLimitAndSaysSo) {
  Programs machine(4);
  independent(machine, 4, 4);
  Limits limits;
  limits.max_states = 100;
  const Exploration run = Explorer(machine, limits).depth_first();
  EXPECT_FALSE(run.complete);
  EXPECT_EQ(run.states, 100U);
  EXPECT_EQ(run.stopped, "stopped at 100 states");
}

}  // namespace
}  // namespace px::check
