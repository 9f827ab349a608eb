#include "trace/result_json.hpp"

#include <fmt/compile.h>
#include <fmt/format.h>

#include <cstddef>
#include <iterator>
#include <string_view>
#include <vector>

#include "base/check.hpp"
#include "trace/json_text.hpp"

// Written by hand rather than through a tree of JSON values: a million segments would take seconds
// and a gigabyte that way.
namespace px::trace {

namespace {

using Out = fmt::memory_buffer;

void put(Out& out, std::string_view text) { out.append(text.data(), text.data() + text.size()); }

template <typename... Args>
void print(Out& out, const Args&... args) {
  fmt::format_to(std::back_inserter(out), args...);
}

void print_or_null(Out& out, std::string_view key, const std::optional<Nanos>& value) {
  if (value) {
    print(out, FMT_COMPILE(R"("{}":{},)"), key, *value);
  } else {
    print(out, FMT_COMPILE(R"("{}":null,)"), key);
  }
}

// `print_item(i)` for 0 .. count-1, separated by commas, each on a line of its own, in brackets.
template <typename F>
void print_lines(Out& out, std::size_t count, F&& print_item) {
  put(out, "[");
  for (std::size_t i = 0; i < count; ++i) {
    put(out, i == 0 ? "\n" : ",\n");
    print_item(i);
  }
  put(out, count == 0 ? "]" : "\n]");
}

void print_strings(Out& out, const std::vector<std::string>& strings) {
  put(out, "[");
  for (std::size_t i = 0; i < strings.size(); ++i) {
    if (i > 0) put(out, ",");
    put(out, json_quoted(strings[i]));
  }
  put(out, "]");
}

void print_job(Out& out, const Job& job) {
  print(out, FMT_COMPILE(R"({{"release_ns":{},)"), job.release_ns);
  print_or_null(out, "start_ns", job.start_ns);
  print_or_null(out, "finish_ns", job.finish_ns);
  print_or_null(out, "deadline_ns", job.deadline_ns);
  print(out, FMT_COMPILE(R"("missed":{}}})"), job.missed);
}

void print_task(Out& out, const TaskResult& task, std::string_view quoted_name) {
  print(out, FMT_COMPILE(R"({{"name":{},"policy":{},"executed_ns":{},"charged_ns":{},)"),
        quoted_name, json_quoted(task.policy), task.executed_ns, task.charged_ns);
  print(out, FMT_COMPILE(R"("donated_ns":{},"received_ns":{},"blocked_ns":{},"runnable_ns":{},)"),
        task.donated_ns, task.received_ns, task.blocked_ns, task.runnable_ns);
  print(out, FMT_COMPILE(R"("inversion_ns":{},"switches":{},"preemptions":{},"migrations":{},)"),
        task.inversion_ns, task.switches, task.preemptions, task.migrations);
  const LatencySummary& wait = task.lock_wait;
  print(out, FMT_COMPILE(R"("proxy_migrations":{},"lock_wait_ns":{{"count":{},"contended":{},)"),
        task.proxy_migrations, wait.count, wait.contended);
  print(out, FMT_COMPILE(R"("p50":{},"p99":{},"p999":{},"max":{}}},"jobs":[)"), wait.p50, wait.p99,
        wait.p999, wait.max);
  for (std::size_t i = 0; i < task.jobs.size(); ++i) {
    if (i > 0) put(out, ",");
    print_job(out, task.jobs[i]);
  }
  put(out, "]");
  if (task.inversion_is_upper_bound) put(out, R"(,"inversion_upper_bound":true)");
  if (!task.refused.empty()) {
    put(out, R"(,"refused":)");
    print_strings(out, task.refused);
  }
  put(out, "}");
}

void print_lock(Out& out, const LockResult& lock) {
  print(out, FMT_COMPILE(R"({{"name":{},"acquisitions":{},"contended":{},"handoffs":{},)"),
        json_quoted(lock.name), lock.acquisitions, lock.contended, lock.handoffs);
  print(out, FMT_COMPILE(R"("max_hold_ns":{},"max_chain":{}}})"), lock.max_hold_ns, lock.max_chain);
}

void print_head(Out& out, const RunResult& result) {
  print(out, FMT_COMPILE(R"({{"schema":1,"world":{},"cpus":{},"protocol":{},"placement":{},)"),
        json_quoted(result.world), result.cpus, json_quoted(result.protocol),
        json_quoted(result.placement));
  print(out, FMT_COMPILE("\"duration_ns\":{},\"seed\":{},\n"), result.duration_ns, result.seed);
}

}  // namespace

std::string to_json(const RunResult& result) {
  Out out;
  std::vector<std::string> names;
  names.reserve(result.tasks.size());
  for (const TaskResult& task : result.tasks) names.push_back(json_quoted(task.name));

  print_head(out, result);
  put(out, "\"tasks\":");
  print_lines(out, result.tasks.size(),
              [&](std::size_t i) { print_task(out, result.tasks[i], names[i]); });
  put(out, ",\n\"locks\":");
  print_lines(out, result.locks.size(), [&](std::size_t i) { print_lock(out, result.locks[i]); });
  put(out, ",\n\"segments\":");
  print_lines(out, result.segments.size(), [&](std::size_t i) {
    const Segment& segment = result.segments[i];
    PX_CHECK(segment.exec < names.size() && segment.donor < names.size(),
             "a segment names tasks of its own result");
    print(out, FMT_COMPILE(R"({{"cpu":{},"start_ns":{},"end_ns":{},"exec":{},"donor":{}}})"),
          segment.cpu, segment.start_ns, segment.end_ns, names[segment.exec], names[segment.donor]);
  });
  print(out, FMT_COMPILE(",\n\"totals\":{{\"events\":{},\"switches\":{},\"proxied_ns\":{},"),
        result.totals.events, result.totals.switches, result.totals.proxied_ns);
  print(out, FMT_COMPILE(R"("deadline_misses":{}}})"), result.totals.deadline_misses);
  if (!result.deadlock.empty()) {
    put(out, ",\n\"deadlock\":");
    put(out, json_quoted(result.deadlock));
  }
  if (!result.warnings.empty()) {
    put(out, ",\n\"warnings\":");
    print_strings(out, result.warnings);
  }
  put(out, "}\n");
  return fmt::to_string(out);
}

}  // namespace px::trace
