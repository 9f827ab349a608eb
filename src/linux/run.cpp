#include "linux/run.hpp"

#include <pthread.h>

#include <algorithm>
#include <cstring>
#include <deque>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "linux/thread_port.hpp"
#include "trace/steal.hpp"
#include "workload/error.hpp"
#include "workload/interpreter.hpp"

namespace px::linux_world {

namespace {

using workload::Workload;

constexpr std::size_t kStackSize = 256 * 1024;
// How often a run without a duration looks whether it has come to a dead end.
constexpr Nanos kDeadEndInterval = 20 * kMillisecond;

// One task: its port, its jobs and its thread.
struct TaskThread {
  TaskThread(const RunShared& shared, workload::TimerBank& shared_timers, std::uint32_t index)
      : port(shared, index),
        jobs(shared.workload.tasks[index]),
        run(shared),
        timers(shared_timers),
        task(index) {}

  ThreadPort port;
  workload::JobLog jobs;
  const RunShared& run;
  workload::TimerBank& timers;
  const std::uint32_t task;
  pthread_t thread{};
};

void* thread_main(void* argument) {
  auto& self = *static_cast<TaskThread*>(argument);
  self.port.prepare();
  if (!self.run.control.wait_for_t_zero()) return nullptr;
  self.port.begin();
  const Workload& workload = self.run.workload;
  workload::run_task(workload, workload.tasks[self.task], self.timers, self.port, self.jobs);
  self.port.end();
  return nullptr;
}

// 0 or the error.
int create_thread(TaskThread& task) {
  pthread_attr_t attributes;
  if (const int error = ::pthread_attr_init(&attributes); error != 0) return error;
  int error = ::pthread_attr_setstacksize(&attributes, kStackSize);
  if (error == 0) error = ::pthread_create(&task.thread, &attributes, &thread_main, &task);
  ::pthread_attr_destroy(&attributes);
  return error;
}

// Starts one thread per task and joins them at the end of the run.
void run_threads(std::deque<TaskThread>& tasks, RunControl& control, const LockTable& locks,
                 bool until_all_ended) {
  std::size_t created = 0;
  int error = 0;
  while (created < tasks.size() && (error = create_thread(tasks[created])) == 0) ++created;
  if (error == 0) {
    control.start();
    while (!control.wait_for_programs(until_all_ended ? kDeadEndInterval : kSecond)) {
      if (!until_all_ended) continue;
      if (const auto chain = locks.find_dead_end()) control.end_deadlocked(*chain);
    }
    control.end_now();
  } else {
    control.call_off();
  }
  for (std::size_t i = 0; i < created; ++i) ::pthread_join(tasks[i].thread, nullptr);
  if (error != 0) {
    throw workload::Error("cannot create thread " + std::to_string(created + 1) + " of " +
                          std::to_string(tasks.size()) + ": " + std::strerror(error) +
                          "; use fewer tasks or --world sim");
  }
}

void check_protocol(const Workload& workload, const LinuxOptions& options) {
  if (workload::protocol_in_force(workload, options) != workload::Protocol::kProxy) return;
  throw workload::Error(
      "found protocol proxy for the linux world, whose mutexes do not have it; expected --protocol "
      "none, inherit or protect");
}

// What the kernel refused, each kind of thing once.
void add_refusals(const std::deque<TaskThread>& tasks, std::vector<std::string>& warnings) {
  for (const char* const what : {"policy", "nice", "affinity"}) {
    std::string first;
    int others = 0;
    for (const TaskThread& task : tasks) {
      for (const Refusal& refusal : task.port.refusals()) {
        if (std::strcmp(refusal.what, what) != 0) continue;
        if (first.empty()) {
          first = "the kernel refused task \"" + task.run.workload.tasks[task.task].name + "\" " +
                  refusal.text;
        } else {
          ++others;
        }
      }
    }
    if (first.empty()) continue;
    if (others > 0) first += " (and " + std::to_string(others) + " more tasks)";
    warnings.push_back(first + "; it runs without, \"refused\" in the result says who does");
  }
}

// What the user should know before the numbers.
std::vector<std::string> warnings_before(const Workload& workload, int cpus, int host_cpus) {
  std::vector<std::string> warnings = workload.notes;
  if (cpus > host_cpus) {
    warnings.push_back("the run has " + std::to_string(cpus) + " CPUs and this process may use " +
                       std::to_string(host_cpus) + ": CPU i is the one numbered i modulo " +
                       std::to_string(host_cpus));
  }
  if (workload.slice_ns > 0) {
    warnings.emplace_back(
        "slice_us has no effect in the linux world: the kernel's own slice counts");
  }
  return warnings;
}

template <typename T>
void append(std::vector<T>& to, const std::vector<T>& from) {
  to.insert(to.end(), from.begin(), from.end());
}

template <typename T>
void sort_by_start(std::vector<T>& intervals) {
  std::stable_sort(intervals.begin(), intervals.end(),
                   [](const T& a, const T& b) { return a.start_ns < b.start_ns; });
}

trace::RunResult collect(std::deque<TaskThread>& tasks, LockTable& locks,
                         const RunControl& control) {
  trace::RunResult result;
  Nanos last_end = 0;
  for (const TaskThread& task : tasks) last_end = std::max(last_end, task.port.ended_at());
  result.duration_ns = std::min(control.end(), last_end);
  result.t_zero_ns = control.t_zero();
  result.deadlock = control.deadlock();
  result.locks = locks.take_results();
  for (TaskThread& task : tasks) {
    trace::TaskResult& one = result.tasks.emplace_back(task.port.take_result());
    task.jobs.finalize(result.duration_ns);
    one.jobs = task.jobs.take();
    result.totals.switches += one.switches;
    result.totals.deadline_misses += static_cast<std::uint64_t>(std::count_if(
        one.jobs.begin(), one.jobs.end(), [](const trace::Job& job) { return job.missed; }));
    append(result.waits, task.port.waits());
    append(result.holds, task.port.holds());
    append(result.disturbances, task.port.disturbances());
    if (task.port.holds_dropped()) {
      result.warnings.push_back("task \"" + one.name + "\" held locks more often than the " +
                                std::to_string(ThreadPort::kMaxHolds) +
                                " times that a report can show");
    }
  }
  sort_by_start(result.waits);
  sort_by_start(result.holds);
  return result;
}

}  // namespace

trace::RunResult run(const Workload& workload, const LinuxOptions& options) {
  workload::check_options(workload, options);
  check_protocol(workload, options);
  const HostCpus host_cpus;
  const Spinner spinner;
  const int cpus = workload::cpus_of(workload, options);
  const Nanos duration = workload::duration_of(workload, options);
  RunControl control(static_cast<std::uint32_t>(workload.tasks.size()), duration);
  LockTable locks(workload, options, control);
  workload::TimerBank timers(workload);
  const RunShared shared{workload,      host_cpus, spinner,
                         control,       locks,     host_cpus.host_mask(CpuMask::first(cpus)),
                         options.record};
  std::deque<TaskThread> tasks;
  for (std::uint32_t i = 0; i < workload.tasks.size(); ++i) tasks.emplace_back(shared, timers, i);

  const Nanos stolen_before = trace::stolen_time();
  run_threads(tasks, control, locks, duration < 0);
  if (!control.failure().empty()) throw workload::Error(control.failure());

  trace::RunResult result = collect(tasks, locks, control);
  result.stolen_ns = trace::stolen_time() - stolen_before;
  result.world = "linux";
  result.cpus = cpus;
  result.protocol = workload::name_of(workload::protocol_in_force(workload, options));
  result.seed = options.seed;
  const std::vector<std::string> before = warnings_before(workload, cpus, host_cpus.count());
  result.warnings.insert(result.warnings.begin(), before.begin(), before.end());
  add_refusals(tasks, result.warnings);
  return result;
}

std::string realtime_refusal() {
  std::string answer;
  // A thread of its own, so that the caller keeps its policy.
  std::thread([&] {
    const auto refusals = set_params(policy::RealtimeParams{policy::kRtPriorityMin, false});
    if (!refusals.empty()) answer = "the kernel refused " + refusals.front().text;
  }).join();
  return answer;
}

}  // namespace px::linux_world
