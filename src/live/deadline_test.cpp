// Goal: deadline tasks on real threads: who has used its budget up is throttled and comes back, its
// budgets are accounted, the earliest deadline runs first, and what does not fit is refused with
// the sum, in programs and in workload files.
// Method: programs on one CPU that come to an end only if the scheduler does its part, and numbers
// of the runtime's own clock. Deadlines may be missed when the machine takes the CPU away: misses
// are printed beside what it took, and not judged.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <string>
#include <system_error>
#include <thread>

#include "fiber/sanitizer.hpp"
#include "live/run.hpp"
#include "live/runtime.hpp"
#include "px/px.hpp"
#include "workload/read.hpp"

namespace px::live {
namespace {

using namespace std::chrono_literals;

constexpr Nanos kRuntime = 2 * kMillisecond;
constexpr Nanos kPeriod = 10 * kMillisecond;
constexpr Deadline kTwoInTen{2ms, 10ms, 10ms};

RuntimeOptions one_cpu() {
  RuntimeOptions options;
  options.cpus = 1;
  return options;
}

TaskOptions with(const char* name, const SchedParams& params) {
  TaskOptions options;
  options.name = name;
  options.params = params;
  return options;
}

// One turn of a computing loop. Under the thread sanitizer tasks are preempted at px calls only.
void compute() {
#if PX_TSAN
  usleep(50);
  this_task::checkpoint();
#endif
}

// Neither gives the CPU up by itself: the fair task has its turns while the other is throttled, and
// that one its own because it is replenished.
TEST(LiveDeadline, IsThrottledAndComesBack) {
  Runtime runtime(one_cpu());
  std::atomic<int> turn{0};
  const auto play = [&turn](int me) {
    for (int round = 0; round < 10; ++round) {
      while (turn.load(std::memory_order_relaxed) != me) compute();
      turn.store(1 - me, std::memory_order_relaxed);
    }
  };
  auto fair = runtime.spawn([&] { play(0); });
  auto deadline = runtime.spawn(with("deadline", kTwoInTen), [&] { play(1); });
  fair.join();
  deadline.join();
}

// Through 30 budgets used up: what was charged, with what is left, is what the periods gave.
TEST(LiveDeadline, GetsItsBudgetInEachPeriodAndNoMore) {
  constexpr std::uint64_t kOverruns = 30;
  Runtime runtime(one_cpu());
  std::atomic<bool> stop{false};
  std::atomic<std::uint64_t> rounds{0};
  auto hog = runtime.spawn([&] {
    while (!stop.load(std::memory_order_relaxed)) {
      rounds.fetch_add(1, std::memory_order_relaxed);
      compute();
    }
  });
  auto greedy = runtime.spawn(with("greedy", kTwoInTen), [&] {
    const detail::TaskObject& me = detail::require_task("the test");
    const policy::DeadlineState& state = me.core.se.dl;
    const Nanos begin = state.deadline_ns - kPeriod;
    EXPECT_LE(this_task::overruns(), 1U);
    while (this_task::overruns() < kOverruns) {
      compute();
      preempt_disable();  // the accounts stand still
      const Nanos left = state.left_ns;
      const Nanos given = me.core.se.charged_ns + left;
      const Nanos periods_end = state.deadline_ns;
      preempt_enable_no_check();
      // Less if it fell behind by more than a period, and began anew.
      ASSERT_LE(given * kPeriod, (periods_end - begin) * kRuntime);
      ASSERT_LE(left, kRuntime);
    }
  });
  greedy.join();
  EXPECT_GT(rounds.load(), 0U);
  stop = true;
  hog.join();
}

TEST(LiveDeadline, TheEarliestDeadlineRunsFirst) {
  Runtime runtime(one_cpu());
  std::string order;
  runtime.run([&] {
    const auto run = [&order](char name) { order += name; };
    // Until all three are there this task cannot be preempted.
    preempt_disable();
    auto a = spawn(with("a", Deadline{1ms, 100s, 100s}), run, 'A');
    auto b = spawn(with("b", Deadline{1ms, 30s, 30s}), run, 'B');
    auto c = spawn(with("c", Deadline{1ms, 60s, 60s}), run, 'C');
    auto d = spawn(with("d", Realtime{99}), run, 'D');
    preempt_enable_no_check();
    this_task::checkpoint();
    order += '.';
  });
  EXPECT_EQ(order, "BCAD.");
}

// The reason that a call gives.
template <typename F>
std::string refusal_of(F&& f) {
  try {
    f();
  } catch (const std::system_error& error) {
    EXPECT_EQ(error.code(), errc::not_admitted);
    return error.what();
  }
  ADD_FAILURE() << "not refused";
  return {};
}

TEST(LiveDeadline, WhatDoesNotFitIsRefusedWithTheSum) {
  Runtime runtime(one_cpu());
  std::atomic<bool> stop{false};
  auto holds = runtime.spawn(with("holds", Deadline{50ms, 100ms, 100ms}), [&] {
    while (!stop.load(std::memory_order_relaxed)) this_task::sleep_for(1ms);
  });
  const std::string at_start = refusal_of([&] {
    auto task = runtime.spawn(with("more", Deadline{46ms, 100ms, 100ms}), [] {});
  });
  EXPECT_NE(at_start.find("96.00 % in sum, expected at most 95.00 %"), std::string::npos)
      << at_start;
  runtime.run([&] {
    refusal_of([] { this_task::set_params(Deadline{46ms, 100ms, 100ms}); });
    this_task::set_params(Deadline{45ms, 100ms, 100ms});
    this_task::set_params(Fair{});
    refusal_of([&] { holds.set_params(Deadline{96ms, 100ms, 100ms}); });
  });
  stop = true;
  holds.join();
  // In time its share is free again.
  for (bool admitted = false; !admitted;) {
    try {
      runtime.spawn(with("fits", Deadline{95ms, 100ms, 100ms}), [] {}).join();
      admitted = true;
    } catch (const std::system_error& error) {
      ASSERT_EQ(error.code(), errc::not_admitted);
      std::this_thread::sleep_for(1ms);
    }
  }
}

trace::RunResult run_file(const std::string& path, Nanos duration) {
  LiveOptions options;
  options.duration_ns = duration;
  return run(workload::read_files({path}), options);
}

TEST(LiveDeadline, AWorkloadFileRunsItBesideHogs) {
  const trace::RunResult result = run_file(PX_WORKLOADS "/live/deadline-and-hogs.json", kSecond);
  const trace::TaskResult& control = result.tasks.at(0);
  std::printf("%llu of %zu deadlines missed; stolen by the machine's host: %lld ns\n",
              static_cast<unsigned long long>(result.totals.deadline_misses), control.jobs.size(),
              static_cast<long long>(result.stolen_ns));
  EXPECT_EQ(control.name, "control");
  EXPECT_EQ(control.policy, "deadline");
  ASSERT_FALSE(control.jobs.empty());
  for (const trace::Job& job : control.jobs) {
    EXPECT_EQ(job.deadline_ns, job.release_ns + kPeriod);
    const Nanos finish = job.finish_ns.value_or(result.duration_ns);
    EXPECT_EQ(job.missed,
              finish > *job.deadline_ns || (!job.finish_ns && finish == *job.deadline_ns));
  }
  const auto finished = std::count_if(control.jobs.begin(), control.jobs.end(),
                                      [](const trace::Job& job) { return job.finish_ns; });
  EXPECT_GE(control.executed_ns, finished * 1500 * kMicrosecond);
  EXPECT_EQ(control.charged_ns, control.executed_ns);
  // The hogs have the rest.
  EXPECT_GT(result.tasks.at(1).executed_ns + result.tasks.at(2).executed_ns, 0);
}

}  // namespace
}  // namespace px::live
