// Goal: what EEVDF promises holds over long random runs: bounded lag, proportional shares, nothing
// to be gained by sleeping, logarithmic work.
// Method: seeded random mixes on one CPU; service is counted by the test and compared with the
// ideal computed from weights alone; invariants are checked along the way. Failures name the seed.
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <vector>

#include "base/prng.hpp"
#include "policy/fair_test_cpu.hpp"

namespace px::policy {
namespace {

// Lag in nanoseconds of service: what `context` is owed (negative: owes).
double lag_ns(const FairTestCpu& cpu, const SchedContext& context) {
  return static_cast<double>(cpu.fair.lag_of(context)) * static_cast<double>(context.fair.weight) /
         kNiceZeroWeight;
}

enum class Leaving {
  kNever,
  kAtZeroLag,  // and joining with lag 0: the paper's condition
  kAnyTime,    // joining with the lag it left with
};

// Runs a random mix and returns the largest |lag| seen, in units of the longest request.
double worst_lag(std::uint64_t seed, Leaving leaving) {
  Prng prng(seed);
  FairTestCpu cpu;
  const auto count = static_cast<std::size_t>(prng.between(2, 40));
  std::vector<SchedContext> contexts;
  contexts.reserve(count);
  Nanos longest = 0;
  for (std::uint32_t i = 0; i < count; ++i) {
    contexts.push_back(fair_context(i, {.nice = static_cast<int>(prng.between(-20, 19)),
                                        .slice_ns = prng.between(1, 100) * 100 * kMicrosecond}));
    longest = std::max(longest, contexts.back().fair_params.slice_ns);
  }
  for (auto& context : contexts) cpu.start(context);
  cpu.schedule();
  double worst = 0;
  for (int step = 0; step < 2000; ++step) {
    auto& chosen = contexts[static_cast<std::size_t>(prng.between(0, static_cast<int>(count) - 1))];
    if (leaving != Leaving::kNever && prng.chance(30)) {
      if (!chosen.queued) {
        leaving == Leaving::kAtZeroLag ? cpu.start(chosen) : cpu.wake(chosen);
        if (cpu.fair.preempts(chosen, *cpu.current, cpu.now)) cpu.schedule();
      } else if (cpu.fair.queued() > 1 &&
                 (leaving == Leaving::kAnyTime ||
                  std::abs(lag_ns(cpu, chosen)) < 0.001 * static_cast<double>(longest))) {
        cpu.sleep(chosen);
        cpu.schedule();
      }
    }
    cpu.run_slice(cpu.now + prng.between(1, 5 * kMillisecond));
    for (const auto& context : contexts) {
      if (context.queued) {
        worst = std::max(worst, std::abs(lag_ns(cpu, context)) / static_cast<double>(longest));
      }
    }
  }
  cpu.expect_sound();
  return worst;
}

TEST(FairGuarantees, LagIsBelowOneRequest) {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    ASSERT_LE(worst_lag(seed, Leaving::kNever), 1.0) << "seed " << seed;
    // Each leaves with up to a thousandth of a request, which the others then share.
    ASSERT_LE(worst_lag(seed, Leaving::kAtZeroLag), 1.01) << "seed " << seed;
  }
}

// Whoever leaves with lag takes it along, and V moves: the others share the opposite amount. So
// lags add up to more than one request, but the debts and claims that sleepers bring back are
// bounded themselves.
TEST(FairGuarantees, LagStaysBoundedWhenContextsLeaveAndReturnWithTheirLag) {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    ASSERT_LE(worst_lag(seed, Leaving::kAnyTime), 3.0) << "seed " << seed;
  }
}

TEST(FairGuarantees, ServiceIsWithinOneSliceOfTheIdealShare) {
  for (const int count : {2, 3, 10, 100, 1000}) {
    Prng prng(static_cast<std::uint64_t>(count));
    FairTestCpu cpu;
    std::vector<SchedContext> contexts;
    contexts.reserve(static_cast<std::size_t>(count));
    double total_weight = 0;
    for (int i = 0; i < count; ++i) {
      contexts.push_back(fair_context(static_cast<std::uint32_t>(i),
                                      {.nice = static_cast<int>(prng.between(-20, 19))}));
      total_weight += static_cast<double>(contexts.back().fair.weight);
      cpu.start(contexts.back());
    }
    std::vector<Nanos> service(contexts.size());
    cpu.schedule();
    const int steps = 20'000;
    for (int step = 0; step < steps; ++step) {
      const SchedContext* ran = cpu.current;
      const Nanos begin = cpu.now;
      cpu.run_slice(cpu.now + prng.between(1, 2 * 3 * kMillisecond));
      service[ran->id] += cpu.now - begin;
      if (step % 20 != 0) continue;
      for (const auto& context : contexts) {
        const double ideal =
            static_cast<double>(cpu.now) * static_cast<double>(context.fair.weight) / total_weight;
        ASSERT_LE(std::abs(static_cast<double>(service[context.id]) - ideal),
                  3 * kMillisecond + 100)
            << count << " contexts, nice " << context.fair_params.nice << " at " << cpu.now;
      }
    }
    cpu.expect_sound();
  }
}

// The sleeper leaves at once after each turn and comes back at the same instant or a little later,
// while its twin never sleeps: it must not get more than the twin.
TEST(FairGuarantees, SleepingGainsNothing) {
  for (const Nanos nap : {Nanos{0}, Nanos{50'000}, kMillisecond}) {
    Prng prng(5);
    FairTestCpu cpu;
    auto hog = fair_context(1, {.nice = -2});
    auto twin = fair_context(2, {.nice = 1});
    auto sleeper = fair_context(3, {.nice = 1});
    for (auto* context : {&hog, &twin, &sleeper}) cpu.start(*context);
    cpu.schedule();
    Nanos twin_ns = 0;
    Nanos sleeper_ns = 0;
    Nanos wakes_at = kNever;
    for (int step = 0; step < 50'000; ++step) {
      const SchedContext* ran = cpu.current;
      const Nanos begin = cpu.now;
      Nanos until = cpu.now + prng.between(1, 200 * kMicrosecond);
      if (!sleeper.queued) until = std::min(until, std::max(wakes_at, cpu.now + 1));
      cpu.run_slice(until);
      if (ran == &twin) twin_ns += cpu.now - begin;
      if (ran == &sleeper) sleeper_ns += cpu.now - begin;
      if (sleeper.queued && ran == &sleeper) {
        cpu.sleep(sleeper);
        cpu.schedule();
        wakes_at = cpu.now + nap;
      }
      if (!sleeper.queued && cpu.now >= wakes_at) {
        cpu.wake(sleeper);
        if (cpu.fair.preempts(sleeper, *cpu.current, cpu.now)) cpu.schedule();
      }
    }
    EXPECT_GT(sleeper_ns, 0);
    EXPECT_LE(sleeper_ns, twin_ns + 2 * 3 * kMillisecond) << "nap of " << nap;
    cpu.expect_sound();
  }
}

TEST(FairGuarantees, WorkGrowsWithTheLogarithm) {
  for (const std::uint32_t count : {10U, 1000U, 100'000U}) {
    Prng prng(count);
    FairTestCpu cpu;
    std::vector<SchedContext> contexts;
    contexts.reserve(count);
    for (std::uint32_t i = 0; i < count; ++i) {
      contexts.push_back(fair_context(i, {.nice = static_cast<int>(prng.between(-20, 19))}));
      cpu.start(contexts.back());
    }
    cpu.schedule();
    const auto before = cpu.fair.counters();
    constexpr int kCycles = 20'000;
    for (int i = 0; i < kCycles; ++i) {
      cpu.run_slice(kNever);
      auto& chosen = contexts[static_cast<std::size_t>(prng.between(0, count - 1))];
      if (&chosen == cpu.current) continue;
      cpu.sleep(chosen);
      cpu.wake(chosen);
    }
    const auto after = cpu.fair.counters();
    const auto height = static_cast<std::uint64_t>(2 * std::bit_width(count));
    EXPECT_GE(after.picks - before.picks, std::uint64_t{kCycles});
    EXPECT_LE(after.pick_nodes - before.pick_nodes, height * (after.picks - before.picks));
    EXPECT_LE(after.insert_nodes - before.insert_nodes, height * (after.inserts - before.inserts));
    cpu.expect_sound();
  }
}

// Every operation in a random order, with changes of class-internal parameters and yields; the
// queue must be sound after each.
TEST(FairGuarantees, InvariantsHoldOverRandomOperations) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Prng prng(seed);
    FairTestCpu cpu;
    std::vector<SchedContext> contexts;
    contexts.reserve(30);
    for (std::uint32_t i = 0; i < 30; ++i) contexts.push_back(fair_context(i));
    for (int step = 0; step < 3000; ++step) {
      auto& chosen = contexts[static_cast<std::size_t>(prng.between(0, 29))];
      const auto action = prng.between(0, 9);
      if (!chosen.queued) {
        cpu.fair.enqueue(chosen, prng.chance(50) ? Enqueue::kWake : Enqueue::kMigrate, cpu.now);
      } else if (action < 3) {
        cpu.fair.dequeue(chosen, action == 0 ? Dequeue::kMigrate : Dequeue::kSleep, cpu.now);
        if (cpu.current == &chosen) cpu.current = nullptr;
      } else if (action == 3) {
        cpu.fair.dequeue(chosen, Dequeue::kSave, cpu.now);
        if (cpu.current == &chosen) cpu.current = nullptr;
        set_params(chosen, FairParams{.nice = static_cast<int>(prng.between(-20, 19)),
                                      .idle_policy = prng.chance(5),
                                      .slice_ns = prng.chance(20) ? kMillisecond : 0});
        cpu.fair.enqueue(chosen, Enqueue::kRestore, cpu.now);
      } else if (action == 4 && cpu.current != nullptr) {
        cpu.yield();
      }
      if (prng.chance(70)) cpu.schedule();
      if (cpu.current != nullptr && cpu.run(prng.between(0, 5 * kMillisecond))) cpu.schedule();
      const char* broken = cpu.fair.check();
      ASSERT_EQ(broken, nullptr) << broken << ", seed " << seed << ", step " << step;
    }
  }
}

}  // namespace
}  // namespace px::policy
