// Goal: the linux world runs workloads on real threads as their text says, measures what it claims
// to measure, and ends in every case, deadlocks included.
// Method: small workloads through the façade. Nothing is asserted about how long anything takes;
// only orders that hold on any machine: what was asked for was executed, nothing overlaps that a
// lock separates, what cannot end is reported.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "linux/run.hpp"
#include "workload/error.hpp"
#include "workload/read.hpp"

namespace px::linux_world {
namespace {

trace::RunResult run_text(const std::string& text, LinuxOptions options = {}) {
  if (!options.protocol) options.protocol = workload::Protocol::kNone;
  return run(workload::read_text(text, "w.json"), options);
}

std::string error_of(const std::string& text, const LinuxOptions& options) {
  try {
    (void)run(workload::read_text(text, "w.json"), options);
  } catch (const workload::Error& error) {
    return error.what();
  }
  return "no error";
}

const trace::TaskResult& task_of(const trace::RunResult& result, const std::string& name) {
  for (const trace::TaskResult& task : result.tasks) {
    if (task.name == name) return task;
  }
  ADD_FAILURE() << "no task " << name;
  return result.tasks.front();
}

bool mentions(const std::vector<std::string>& lines, const std::string& text) {
  return std::any_of(lines.begin(), lines.end(),
                     [&](const std::string& line) { return line.find(text) != std::string::npos; });
}

constexpr const char* kTwoTasksOneLock = R"({"tasks": {
  "a": {"loop": 20, "cpus": [0], "lock": "m", "run": 500, "unlock": "m"},
  "b": {"loop": 20, "cpus": [0], "lock": "m", "run": 500, "unlock": "m", "sleep": 100}}})";

TEST(LinuxWorld, ExecutesWhatTheWorkloadAsksFor) {
  const trace::RunResult result = run_text(R"({"tasks": {
    "one": {"loop": 3, "run": 2000},
    "two": {"loop": 1, "delay": 3000, "runtime": 1000}}})");
  EXPECT_EQ(result.world, "linux");
  EXPECT_EQ(result.protocol, "none");
  EXPECT_EQ(result.cpus, 1);
  EXPECT_GE(task_of(result, "one").executed_ns, 6 * kMillisecond);
  EXPECT_GT(task_of(result, "two").executed_ns, 0);
  EXPECT_GE(result.duration_ns, 6 * kMillisecond);
  EXPECT_GT(result.t_zero_ns, 0);
  for (const trace::TaskResult& task : result.tasks) {
    EXPECT_EQ(task.charged_ns, task.executed_ns);
    EXPECT_EQ(task.donated_ns, 0);
    EXPECT_EQ(task.received_ns, 0);
    EXPECT_LE(task.preemptions, task.switches);
  }
  EXPECT_TRUE(result.segments.empty());
  EXPECT_TRUE(result.deadlock.empty());
}

TEST(LinuxWorld, ListsJobsAsTheOtherWorldsDo) {
  const trace::RunResult result = run_text(R"({"tasks": {
    "t": {"loop": 3, "run": 100, "timer": {"ref": "unique", "period": 5000}}}})");
  const auto& jobs = task_of(result, "t").jobs;
  ASSERT_EQ(jobs.size(), 3U);
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    ASSERT_TRUE(jobs[i].start_ns && jobs[i].finish_ns && jobs[i].deadline_ns);
    EXPECT_LE(jobs[i].release_ns, *jobs[i].start_ns);
    EXPECT_LT(*jobs[i].start_ns, *jobs[i].finish_ns);
    EXPECT_EQ(*jobs[i].deadline_ns, jobs[i].release_ns + 5 * kMillisecond);
    EXPECT_EQ(jobs[i].missed, *jobs[i].finish_ns > *jobs[i].deadline_ns);
  }
  EXPECT_EQ(jobs[0].release_ns, 0);
}

class EveryProtocol : public testing::TestWithParam<workload::Protocol> {};

TEST_P(EveryProtocol, ExcludesMutually) {
  LinuxOptions options;
  options.protocol = GetParam();
  const trace::RunResult result = run_text(kTwoTasksOneLock, options);
  ASSERT_EQ(result.locks.size(), 1U);
  const trace::LockResult& lock = result.locks[0];
  EXPECT_EQ(lock.name, "m");
  EXPECT_EQ(lock.acquisitions, 40U);
  EXPECT_GE(lock.max_hold_ns, 500 * kMicrosecond);
  // 40 sections of 500 us each cannot overlap, so the run took at least as long.
  EXPECT_GE(result.duration_ns, 20 * kMillisecond);
  std::uint64_t contended = 0;
  for (const trace::TaskResult& task : result.tasks) {
    EXPECT_EQ(task.lock_wait.count, 20U);
    EXPECT_EQ(task.lock_wait.contended, task.lock_calls.size());
    contended += task.lock_wait.contended;
    Nanos longest = 0;
    Nanos total = 0;
    for (const trace::LockCall& call : task.lock_calls) {
      EXPECT_TRUE(call.acquired);
      longest = std::max(longest, call.wait_ns);
      total += call.wait_ns;
    }
    EXPECT_EQ(task.lock_wait.max, longest);
    EXPECT_EQ(task.blocked_ns, total);
  }
  EXPECT_EQ(lock.contended, contended);
  EXPECT_EQ(lock.max_chain, contended > 0 ? 1U : 0U);
  EXPECT_EQ(result.waits.size(), contended);
  // Holds of one lock follow one another, each from its acquisition to its release.
  ASSERT_EQ(result.holds.size(), 40U);
  for (std::size_t i = 1; i < result.holds.size(); ++i) {
    EXPECT_LE(result.holds[i - 1].end_ns, result.holds[i].start_ns);
  }
}

INSTANTIATE_TEST_SUITE_P(LinuxWorld, EveryProtocol,
                         testing::Values(workload::Protocol::kNone, workload::Protocol::kInherit),
                         [](const auto& protocol) { return std::string(name_of(protocol.param)); });

TEST(LinuxWorld, WaitsWhileTheLockIsHeld) {
  // b tries while a holds, on whatever CPU: its wait ends after a's section. A busy machine may let
  // b come too late for that; such a run shows nothing.
  constexpr int kAttempts = 20;
  trace::RunResult result;
  for (int i = 0; i < kAttempts; ++i) {
    result = run_text(R"({"global": {"px": {"cpus": 2}}, "tasks": {
      "a": {"loop": 1, "lock": "m", "run": 30000, "unlock": "m"},
      "b": {"loop": 1, "delay": 10000, "lock": "m", "run": 100, "unlock": "m"}}})");
    if (!task_of(result, "b").lock_calls.empty()) break;
  }
  const trace::TaskResult& b = task_of(result, "b");
  ASSERT_EQ(b.lock_calls.size(), 1U);
  EXPECT_GE(b.lock_calls[0].start_ns, 10 * kMillisecond);
  EXPECT_GE(b.lock_calls[0].start_ns + b.lock_calls[0].wait_ns, 30 * kMillisecond);
  EXPECT_EQ(b.blocked_ns, b.lock_calls[0].wait_ns);
}

TEST(LinuxWorld, RecordsNothingUnlessAsked) {
  LinuxOptions options;
  options.record = false;
  const trace::RunResult result = run_text(kTwoTasksOneLock, options);
  EXPECT_TRUE(result.waits.empty());
  EXPECT_TRUE(result.holds.empty());
  EXPECT_TRUE(result.disturbances.empty());
  for (const trace::TaskResult& task : result.tasks) EXPECT_TRUE(task.lock_calls.empty());
}

TEST(LinuxWorld, CountsNothingAfterTheDuration) {
  LinuxOptions options;
  options.duration_ns = 20 * kMillisecond;
  const trace::RunResult result = run_text(R"({"tasks": {
    "endless": {"loop": -1, "cpus": [0], "run": 1000000},
    "holder": {"loop": -1, "cpus": [0], "lock": "m", "run": 50000, "unlock": "m"},
    "waiter": {"loop": -1, "cpus": [0], "lock": "m", "run": 1000, "unlock": "m", "sleep": 1},
    "sleeper": {"loop": -1, "sleep": 10000000}}})",
                                           options);
  EXPECT_EQ(result.duration_ns, 20 * kMillisecond);
  EXPECT_TRUE(result.deadlock.empty());
  Nanos executed = 0;
  for (const trace::TaskResult& task : result.tasks) {
    executed += task.executed_ns;
    EXPECT_LE(task.executed_ns, result.duration_ns);
    EXPECT_LE(task.blocked_ns, result.duration_ns);
    for (const trace::LockCall& call : task.lock_calls) {
      EXPECT_LE(call.start_ns + call.wait_ns, result.duration_ns);
    }
  }
  // All on one CPU, so they share its time; a stretch each may be attributed late.
  EXPECT_LE(executed, result.duration_ns + 4 * kMillisecond);
  EXPECT_LE(result.locks[0].max_hold_ns, result.duration_ns);
}

// Each sleeps with its first lock for as long as a thread may take to start on a busy machine.
TEST(LinuxWorld, ReportsACycleInsteadOfHanging) {
  const trace::RunResult result = run_text(R"({"global": {"px": {"cpus": 2}}, "tasks": {
    "a": {"loop": 1, "lock": "x", "sleep": 500000, "lock": "y", "unlock": "y", "unlock": "x"},
    "b": {"loop": 1, "lock": "y", "sleep": 500000, "lock": "x", "unlock": "x", "unlock": "y"},
    "other": {"loop": 1000, "sleep": 100000}}})");
  const std::string a_first = "a waits for y, held by b; b waits for x, held by a";
  const std::string b_first = "b waits for x, held by a; a waits for y, held by b";
  EXPECT_TRUE(result.deadlock == a_first || result.deadlock == b_first) << result.deadlock;
  EXPECT_GE(result.duration_ns, 500 * kMillisecond);
  // The sleeper was woken: the run ended with the deadlock.
  EXPECT_LT(result.duration_ns, 100 * kSecond);
}

TEST(LinuxWorld, ReportsACycleOfThree) {
  const trace::RunResult result = run_text(R"({"global": {"px": {"cpus": 2}}, "tasks": {
    "a": {"loop": 1, "lock": "x", "sleep": 500000, "lock": "y", "unlock": "y", "unlock": "x"},
    "b": {"loop": 1, "lock": "y", "sleep": 500000, "lock": "z", "unlock": "z", "unlock": "y"},
    "c": {"loop": 1, "lock": "z", "sleep": 500000, "lock": "x", "unlock": "x", "unlock": "z"}}})",
                                           [] {
                                             LinuxOptions options;
                                             options.protocol = workload::Protocol::kInherit;
                                             return options;
                                           }());
  EXPECT_EQ(std::count(result.deadlock.begin(), result.deadlock.end(), ';'), 2) << result.deadlock;
}

TEST(LinuxWorld, ReportsALockTakenTwice) {
  const trace::RunResult result = run_text(
      R"({"tasks": {"a": {"loop": 1, "lock": "m", "lock": "m", "unlock": "m", "unlock": "m"}}})");
  EXPECT_EQ(result.deadlock, "a waits for m, held by a");
}

TEST(LinuxWorld, ReportsADeadEnd) {
  const trace::RunResult result = run_text(R"({"tasks": {
    "a": {"loop": 1, "lock": "m", "run": 100},
    "b": {"loop": 1, "delay": 200000, "lock": "n", "lock": "m", "unlock": "m", "unlock": "n"},
    "c": {"loop": 1, "delay": 300000, "lock": "n", "unlock": "n"}}})");
  EXPECT_EQ(result.deadlock, "c waits for n, held by b; b waits for m, held by a, which has ended");
}

TEST(LinuxWorld, ADurationMakesADeadEndNoError) {
  LinuxOptions options;
  options.duration_ns = 600 * kMillisecond;
  const trace::RunResult result = run_text(R"({"tasks": {
    "a": {"loop": 1, "lock": "m", "run": 100},
    "b": {"loop": 1, "delay": 300000, "lock": "m", "unlock": "m"}}})",
                                           options);
  EXPECT_TRUE(result.deadlock.empty()) << result.deadlock;
  EXPECT_EQ(result.duration_ns, 600 * kMillisecond);
  const trace::TaskResult& b = task_of(result, "b");
  ASSERT_EQ(b.lock_calls.size(), 1U);
  EXPECT_FALSE(b.lock_calls[0].acquired);
  EXPECT_EQ(b.lock_calls[0].start_ns + b.lock_calls[0].wait_ns, 600 * kMillisecond);
  EXPECT_EQ(result.locks[0].acquisitions, 1U);
  EXPECT_EQ(result.locks[0].contended, 0U);
}

TEST(LinuxWorld, NeverTakesAPassingWaitForADeadlock) {
  // Locks always taken in one order, by many tasks, so that chains form and dissolve all the time.
  std::string tasks;
  for (int i = 0; i < 8; ++i) {
    tasks += (i > 0 ? ",\"t" : "\"t") + std::to_string(i) +
             R"(": {"loop": 300, "lock": "x", "run": 5, "lock": "y", "run": 5, "lock": "z",
                    "unlock": "z", "unlock": "y", "unlock": "x", "lock": "y", "run": 5,
                    "unlock": "y"})";
  }
  const trace::RunResult result =
      run_text(R"({"global": {"px": {"cpus": 2}}, "tasks": {)" + tasks + "}}");
  EXPECT_TRUE(result.deadlock.empty()) << result.deadlock;
  for (const trace::LockResult& lock : result.locks) {
    EXPECT_EQ(lock.acquisitions, lock.name == "y" ? 4800U : 2400U);
  }
}

TEST(LinuxWorld, RefusesTheProtocolsItDoesNotHave) {
  const std::string text = R"({"tasks": {"a": {"loop": 1, "run": 1}}})";
  EXPECT_EQ(error_of(text, {}),
            "found protocol proxy for the linux world, whose mutexes do not have it; expected "
            "--protocol none, inherit or protect");
  LinuxOptions options;
  options.protocol = workload::Protocol::kNone;
  EXPECT_EQ(error_of(R"({"resources": {"m": {"type": "mutex", "px": {"protocol": "proxy"}}},
"tasks": {"a": {"loop": 1, "lock": "m", "unlock": "m"}}})",
                     options),
            "w.json:1:16: found protocol proxy for \"m\" in the linux world, expected none, "
            "inherit or protect");
  // Off means off: then proxy locks act as none, and that pthreads have.
  LinuxOptions off;
  off.proxy_exec = false;
  EXPECT_EQ(run(workload::read_text(text, "w.json"), off).protocol, "none");
}

TEST(LinuxWorld, GivesCeilingsToRealtimeTasksOnly) {
  LinuxOptions options;
  options.protocol = workload::Protocol::kProtect;
  EXPECT_NE(error_of(R"({"tasks": {"a": {"loop": 1, "lock": "m", "unlock": "m"}}})", options)
                .find("without a realtime priority locking \"m\" under protect"),
            std::string::npos);
  EXPECT_NE(error_of(R"({"resources": {"m": {"type": "mutex",
                                             "px": {"protocol": "protect", "ceiling": 5}}},
                         "tasks": {"a": {"loop": 1, "policy": "SCHED_FIFO", "priority": 7,
                                         "lock": "m", "unlock": "m"}}})",
                     options)
                .find("with priority 7 locking \"m\", whose ceiling is 5"),
            std::string::npos);
}

TEST(LinuxWorld, RaisesToTheCeiling) {
  if (!realtime_refusal().empty()) GTEST_SKIP() << "the kernel refuses realtime priorities";
  LinuxOptions options;
  options.protocol = workload::Protocol::kProtect;
  const trace::RunResult result = run_text(R"({"tasks": {
    "low": {"policy": "SCHED_FIFO", "priority": 1, "loop": 5,
            "lock": "m", "run": 300, "unlock": "m", "sleep": 100},
    "high": {"policy": "SCHED_FIFO", "priority": 9, "loop": 5,
             "lock": "m", "run": 100, "unlock": "m", "sleep": 100}}})",
                                           options);
  EXPECT_EQ(result.protocol, "protect");
  EXPECT_EQ(result.locks[0].acquisitions, 10U);
  // On one CPU a holder at the ceiling cannot be preempted by another user of the lock.
  EXPECT_EQ(result.locks[0].contended, 0U);
  EXPECT_TRUE(task_of(result, "low").refused.empty());
}

TEST(LinuxWorld, SaysWhatTheKernelRefused) {
  // Whether the kernel refuses is its business; that it is said, once, is ours.
  const trace::RunResult result = run_text(R"({"tasks": {
    "fast": {"loop": 1, "priority": -5, "instance": 2, "run": 100},
    "rt": {"loop": 1, "policy": "SCHED_RR", "priority": 3, "run": 100}}})");
  rlimit limit{};
  ASSERT_EQ(getrlimit(RLIMIT_NICE, &limit), 0);
  const trace::TaskResult& fast = task_of(result, "fast-0");
  const bool refused = !fast.refused.empty();
  EXPECT_EQ(refused, mentions(result.warnings, "the kernel refused task \"fast-0\" nice -5: "));
  if (refused) {
    EXPECT_EQ(fast.refused, std::vector<std::string>{"nice"});
    EXPECT_TRUE(mentions(result.warnings, "(and 1 more tasks)"));
  }
  EXPECT_EQ(task_of(result, "rt").refused.empty(), realtime_refusal().empty());
  EXPECT_EQ(task_of(result, "rt").policy, "rr");
  EXPECT_GE(task_of(result, "rt").executed_ns, 100 * kMicrosecond);
}

TEST(LinuxWorld, FoldsCpusBeyondTheMachine) {
  const std::string far = std::to_string(kMaxCpus - 1);
  const trace::RunResult result =
      run_text(R"({"tasks": {"a": {"loop": 1, "cpus": [)" + far + R"(], "run": 100}}})");
  EXPECT_TRUE(task_of(result, "a").refused.empty());
  if (static_cast<int>(std::thread::hardware_concurrency()) < kMaxCpus) {
    EXPECT_EQ(std::count_if(result.warnings.begin(), result.warnings.end(),
                            [](const std::string& line) {
                              return line.find("CPU i is the one numbered i modulo") !=
                                     std::string::npos;
                            }),
              1);
  }
  LinuxOptions options;
  options.cpus = 1;
  options.protocol = workload::Protocol::kNone;
  EXPECT_NE(
      error_of(R"({"tasks": {"a": {"loop": 1, "cpus": [1], "run": 100}}})", options).find("CPU 1"),
      std::string::npos);
}

TEST(LinuxWorld, AppliesTheParametersOfAPhase) {
  const trace::RunResult result = run_text(R"({"tasks": {"a": {"loop": 2, "phases": {
    "p": {"run": 100, "cpus": [0], "policy": "SCHED_BATCH", "priority": 3},
    "q": {"run": 100, "cpus": [0], "policy": "SCHED_OTHER", "priority": 4}}}}})");
  EXPECT_TRUE(task_of(result, "a").refused.empty());
  EXPECT_GE(task_of(result, "a").executed_ns, 400 * kMicrosecond);
}

TEST(LinuxWorld, RefusesAnEndlessRun) {
  LinuxOptions options;
  options.protocol = workload::Protocol::kNone;
  EXPECT_NE(
      error_of(R"({"tasks": {"a": {"loop": -1, "run": 10}}})", options).find("give --duration"),
      std::string::npos);
}

TEST(LinuxWorld, RunsManyTasks) {
  const trace::RunResult result = run_text(
      R"({"tasks": {"t": {"instance": 200, "loop": 3, "lock": "m", "run": 20, "unlock": "m",
                          "sleep": 50}}})");
  EXPECT_EQ(result.tasks.size(), 200U);
  EXPECT_EQ(result.locks[0].acquisitions, 600U);
}

}  // namespace
}  // namespace px::linux_world
