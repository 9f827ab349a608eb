#include "report/tables.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "report/page.hpp"
#include "report/run_data.hpp"

namespace px::report {

namespace {

struct Column {
  const char* heading;
  const char* meaning;  // shown when the pointer rests on the heading
};

std::string head_row(const std::vector<Column>& columns) {
  std::string row = "<thead><tr>";
  for (const Column& column : columns) {
    row += fmt::format("<th scope=\"col\" title=\"{}\">{}</th>", column.meaning, column.heading);
  }
  return row + "</tr></thead>\n";
}

std::string time_cell(Nanos time) {
  if (time == 0) return "<td class=\"zero\">0</td>";
  return fmt::format("<td title=\"{} ns\">{}</td>", time, html_duration(time));
}

std::string count_cell(std::uint64_t count) {
  return fmt::format("<td{}>{}</td>", count == 0 ? " class=\"zero\"" : "", count);
}

std::string name_cell(const std::string& name) {
  return fmt::format("<th scope=\"row\">{}</th>", html_escaped(name));
}

std::string task_name_cell(std::size_t index, const std::string& name) {
  return fmt::format("<th scope=\"row\"><span class=\"swatch\" data-task=\"{}\"></span>{}</th>",
                     index, html_escaped(name));
}

std::uint64_t missed_jobs(const trace::TaskResult& task) {
  return static_cast<std::uint64_t>(std::count_if(
      task.jobs.begin(), task.jobs.end(), [](const trace::Job& job) { return job.missed; }));
}

std::string task_row(std::size_t index, const trace::TaskResult& task, bool with_jobs) {
  std::string row = "<tr>" + task_name_cell(index, task.name) +
                    fmt::format("<td class=\"text\">{}</td>", html_escaped(task.policy));
  for (const Nanos time : {task.executed_ns, task.charged_ns, task.donated_ns, task.received_ns,
                           task.blocked_ns, task.runnable_ns}) {
    row += time_cell(time);
  }
  std::string inversion = time_cell(task.inversion_ns);
  if (task.inversion_is_upper_bound && task.inversion_ns != 0) {
    inversion = fmt::format("<td title=\"at most {} ns\">&le; {}</td>", task.inversion_ns,
                            html_duration(task.inversion_ns));
  }
  row += inversion + count_cell(task.lock_wait.count) + count_cell(task.lock_wait.contended);
  for (const Nanos time : {task.lock_wait.p50, task.lock_wait.p99, task.lock_wait.max}) {
    row += time_cell(time);
  }
  if (with_jobs) row += count_cell(task.jobs.size()) + count_cell(missed_jobs(task));
  return row + count_cell(task.switches) + count_cell(task.preemptions) + "</tr>\n";
}

std::string lock_row(const trace::LockResult& lock) {
  return "<tr>" + name_cell(lock.name) + count_cell(lock.acquisitions) +
         count_cell(lock.contended) + count_cell(lock.handoffs) + time_cell(lock.max_hold_ns) +
         count_cell(lock.max_chain) + "</tr>\n";
}

std::string omitted(std::size_t count, const char* what) {
  if (count <= kTableRows) return {};
  return fmt::format("<p class=\"note\">and {} more {}</p>\n", count - kTableRows, what);
}

std::string tasks_table(const trace::RunResult& result) {
  const bool with_jobs = std::any_of(result.tasks.begin(), result.tasks.end(),
                                     [](const trace::TaskResult& t) { return !t.jobs.empty(); });
  std::vector<Column> columns = {
      {"Task", "in the order of the workload"},
      {"Policy", "scheduling policy"},
      {"Ran", "time its own code ran"},
      {"Charged", "time charged to its scheduling context"},
      {"Donated", "charged while another task ran"},
      {"Received", "ran while another task was charged"},
      {"Blocked", "waiting for a lock, donating included"},
      {"Runnable", "queued, neither blocked nor running"},
      {"Inversion", "blocked while what it waits for had to give way to lesser tasks"},
      {"Lock calls", "calls of lock, unfinished ones included"},
      {"Waited", "of which had to wait"},
      {"Median wait", "half of the lock calls waited no longer"},
      {"99 % wait", "99 of 100 lock calls waited no longer"},
      {"Longest wait", "the longest wait for a lock"}};
  if (with_jobs) {
    columns.push_back({"Jobs", "activations"});
    columns.push_back({"Missed", "activations that missed their deadline"});
  }
  columns.push_back({"Switches", "times it was put on a CPU after another task"});
  columns.push_back({"Preempted", "times it was taken off while runnable"});
  std::string table = "<div class=\"scroll\"><table>\n" + head_row(columns) + "<tbody>\n";
  for (std::size_t i = 0; i < std::min(result.tasks.size(), kTableRows); ++i) {
    table += task_row(i, result.tasks[i], with_jobs);
  }
  return table + "</tbody></table></div>\n" + omitted(result.tasks.size(), "tasks");
}

std::string locks_table(const trace::RunResult& result) {
  if (result.locks.empty()) return {};
  static const std::vector<Column> columns = {
      {"Lock", "in the order of the workload"},
      {"Acquired", "times it was acquired"},
      {"After a wait", "of which after a wait"},
      {"Handed over", "times it passed straight to a waiter"},
      {"Longest hold", "the longest time it was held"},
      {"Longest chain", "locks in the longest chain of waiting that ended here"}};
  std::string table = "<div class=\"scroll\"><table>\n" + head_row(columns) + "<tbody>\n";
  for (std::size_t i = 0; i < std::min(result.locks.size(), kTableRows); ++i) {
    table += lock_row(result.locks[i]);
  }
  return table + "</tbody></table></div>\n" + omitted(result.locks.size(), "locks");
}

}  // namespace

std::string run_tables(const trace::RunResult& result) {
  return tasks_table(result) + locks_table(result);
}

std::string comparison_table(const std::vector<trace::RunResult>& results) {
  static const std::vector<Column> columns = {
      {"Run", "world and lock protocol"},
      {"CPUs", "CPUs of the run"},
      {"Longest wait", "the longest wait of any task for a lock"},
      {"by", "the task that waited so long"},
      {"Inversion", "summed over all tasks"},
      {"Ran for others", "time that tasks ran on the scheduling context of another"},
      {"Missed", "missed deadlines"},
      {"Switches", "switches between tasks"}};
  std::string table = "<div class=\"scroll\"><table>\n" + head_row(columns) + "<tbody>\n";
  for (const trace::RunResult& result : results) {
    Nanos inversion = 0;
    const trace::TaskResult* waited_longest = nullptr;
    for (const trace::TaskResult& task : result.tasks) {
      inversion += task.inversion_ns;
      if (waited_longest == nullptr || task.lock_wait.max > waited_longest->lock_wait.max) {
        waited_longest = &task;
      }
    }
    const bool anyone_waited = waited_longest != nullptr && waited_longest->lock_wait.max > 0;
    table += "<tr>" + name_cell(run_label(result)) +
             count_cell(static_cast<std::uint64_t>(result.cpus)) +
             time_cell(anyone_waited ? waited_longest->lock_wait.max : 0) +
             fmt::format("<td class=\"text\">{}</td>",
                         anyone_waited ? html_escaped(waited_longest->name) : std::string()) +
             time_cell(inversion) + time_cell(result.totals.proxied_ns) +
             count_cell(result.totals.deadline_misses) + count_cell(result.totals.switches) +
             "</tr>\n";
  }
  return table + "</tbody></table></div>\n";
}

}  // namespace px::report
