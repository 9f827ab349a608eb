// Goal: whatever programs do with locks, sleeps, joins and changes of parameters and affinity, no
// invariant of the core breaks, everybody ends, and the times add up.
// Method: seeded random programs, straight on the simulator, with every invariant checked after
// every phase of every instant; a share of them twice, which must give the same events. One family
// takes locks in any order and must be told of its deadlocks.
//
// PX_STRESS_SEED=N runs that one seed and prints its program; PX_STRESS_COUNT=N runs that many.
#include <gtest/gtest.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>

#include <unistd.h>

#include "sim/stress_program.hpp"

namespace px::sim::stress {
namespace {

// Programs per run; the sanitizers make each some ten times as slow.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr std::uint64_t kCount = 2'000;
#else
constexpr std::uint64_t kCount = 20'000;
#endif

// The seed under way, for the case that the core aborts.
std::uint64_t current_seed = 0;

extern "C" void print_seed(int /*signal*/) {
  char line[64];
  const int size = std::snprintf(line, sizeof line, "replay with PX_STRESS_SEED=%llu\n",
                                 static_cast<unsigned long long>(current_seed));
  // Nothing can be done about a failed write; the process ends in any case.
  if (size > 0 && ::write(STDERR_FILENO, line, static_cast<std::size_t>(size)) < 0) return;
}

std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text != nullptr ? std::strtoull(text, nullptr, 10) : otherwise;
}

TEST(Stress, RandomPrograms) {
  const bool one = std::getenv("PX_STRESS_SEED") != nullptr;
  const std::uint64_t first = from_environment("PX_STRESS_SEED", 1);
  const std::uint64_t count = one ? 1 : from_environment("PX_STRESS_COUNT", kCount);
  constexpr std::uint64_t kTwiceEvery = 16;
  std::signal(SIGABRT, &print_seed);
  Outcome total;
  for (current_seed = first; current_seed < first + count; ++current_seed) {
    const Program program = make_program(current_seed);
    if (one) std::fputs(to_text(program).c_str(), stderr);
    const Outcome outcome = run_program(program);
    ASSERT_EQ(outcome.error, "") << "replay with PX_STRESS_SEED=" << current_seed << '\n'
                                 << to_text(program);
    if (one || current_seed % kTwiceEvery == 0) {
      const Outcome again = run_program(program);
      ASSERT_EQ(outcome.hash, again.hash) << "not deterministic, PX_STRESS_SEED=" << current_seed;
      ASSERT_EQ(outcome.events, again.events);
    }
    total.events += outcome.events;
    total.deadlocks += outcome.deadlocks;
    total.hotplugs += outcome.hotplugs;
    total.proxy.walks += outcome.proxy.walks;
    total.proxy.parks += outcome.proxy.parks;
    total.proxy.links += outcome.proxy.links;
    total.proxy.migrations += outcome.proxy.migrations;
    total.proxy.deactivations += outcome.proxy.deactivations;
    total.proxy.cycles += outcome.proxy.cycles;
    total.proxy.handoffs += outcome.proxy.handoffs;
    total.proxy.starvation_handoffs += outcome.proxy.starvation_handoffs;
  }
  std::signal(SIGABRT, SIG_DFL);
  const auto report = [](const char* what, std::uint64_t value) {
    testing::Test::RecordProperty(what, std::to_string(value));
  };
  report("events", total.events);
  report("deadlocks", static_cast<std::uint64_t>(total.deadlocks));
  report("hotplugs", static_cast<std::uint64_t>(total.hotplugs));
  report("walks", total.proxy.walks);
  report("parks", total.proxy.parks);
  report("links", total.proxy.links);
  report("migrations", total.proxy.migrations);
  report("deactivations", total.proxy.deactivations);
  report("cycles", total.proxy.cycles);
  report("handoffs", total.proxy.handoffs);
  report("starvation_handoffs", total.proxy.starvation_handoffs);
  if (one || count < 1000) return;
  // The programs reach what they are meant to reach.
  EXPECT_GT(total.deadlocks, 0);
  EXPECT_GT(total.hotplugs, 0);
  EXPECT_GT(total.proxy.walks, 0U);
  EXPECT_GT(total.proxy.parks, 0U);
  EXPECT_GT(total.proxy.links, 0U);
  EXPECT_GT(total.proxy.migrations, 0U);
  EXPECT_GT(total.proxy.cycles, 0U);
  EXPECT_GT(total.proxy.handoffs, 0U);
}

}  // namespace
}  // namespace px::sim::stress
