#include "trace/summary.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <vector>

#include "trace/human.hpp"

namespace px::trace {

namespace {

constexpr std::size_t kNameWidth = 17;
constexpr std::size_t kTimeWidth = 7;

std::string task_row(const TaskResult& task) {
  const auto missed =
      std::count_if(task.jobs.begin(), task.jobs.end(), [](const Job& job) { return job.missed; });
  std::string row = fitted(task.name, kNameWidth) + ' ' + fitted(task.policy, 8);
  for (const Nanos value :
       {task.executed_ns, task.donated_ns, task.received_ns, task.blocked_ns, task.inversion_ns,
        task.lock_wait.p50, task.lock_wait.p99, task.lock_wait.max}) {
    row += fmt::format(" {:>{}}", human_duration(value), kTimeWidth);
  }
  return row + fmt::format(" {:>9}", task.jobs.empty()
                                         ? std::string("-")
                                         : fmt::format("{}/{}", task.jobs.size(), missed));
}

std::string lock_row(const LockResult& lock) {
  return fmt::format("{} {:>12} {:>10} {:>9} {:>9} {:>10}", fitted(lock.name, kNameWidth),
                     lock.acquisitions, lock.contended, lock.handoffs,
                     human_duration(lock.max_hold_ns), lock.max_chain);
}

std::string omitted(std::size_t count, const char* what) {
  if (count <= kSummaryRows) return {};
  return fmt::format("  and {} more {} (--json lists all)\n", count - kSummaryRows, what);
}

std::string tasks_table(const RunResult& result) {
  std::string table = fmt::format("{} {}", fitted("task", kNameWidth), fitted("policy", 8));
  for (const char* heading : {"ran", "donated", "receivd", "blocked", "invertd"}) {
    table += fmt::format(" {:>{}}", heading, kTimeWidth);
  }
  table += fmt::format(" {:>7} {:>7} {:>7} {:>9}\n", "wait50", "wait99", "waitmax", "jobs/miss");
  for (std::size_t i = 0; i < std::min(result.tasks.size(), kSummaryRows); ++i) {
    table += task_row(result.tasks[i]) + '\n';
  }
  return table + omitted(result.tasks.size(), "tasks");
}

std::string locks_table(const RunResult& result) {
  std::string table =
      fmt::format("\n{} {:>12} {:>10} {:>9} {:>9} {:>10}\n", fitted("lock", kNameWidth),
                  "acquisitions", "contended", "handoffs", "max hold", "max chain");
  for (std::size_t i = 0; i < std::min(result.locks.size(), kSummaryRows); ++i) {
    table += lock_row(result.locks[i]) + '\n';
  }
  return table + omitted(result.locks.size(), "locks");
}

}  // namespace

std::string summary_table(const RunResult& result) {
  std::string text = fmt::format("world {}, {} {}, protocol {}, placement {}, {}\n\n", result.world,
                                 result.cpus, result.cpus == 1 ? "CPU" : "CPUs", result.protocol,
                                 result.placement, human_duration(result.duration_ns));
  text += tasks_table(result);
  if (!result.locks.empty()) text += locks_table(result);
  if (!result.deadlock.empty()) text += fmt::format("\ndeadlock: {}\n", result.deadlock);
  if (!result.warnings.empty()) text += '\n';
  for (const std::string& warning : result.warnings) text += fmt::format("warning: {}\n", warning);
  return text;
}

}  // namespace px::trace
