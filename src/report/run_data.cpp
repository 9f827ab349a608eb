#include "report/run_data.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <vector>

#include "base/check.hpp"
#include "trace/json_text.hpp"

namespace px::report {

namespace {

// Comma-separated integers in brackets.
class IntegerList {
 public:
  template <typename Integer>
  void add(Integer value) {
    if (text_.size() > 1) text_ += ',';
    const fmt::format_int digits(value);
    text_.append(digits.data(), digits.size());
  }
  [[nodiscard]] std::string finish() && { return std::move(text_) + ']'; }

 private:
  std::string text_ = "[";
};

template <typename T>
std::vector<T> by_start(std::vector<T> intervals) {
  std::stable_sort(intervals.begin(), intervals.end(),
                   [](const T& a, const T& b) { return a.start_ns < b.start_ns; });
  return intervals;
}

// For each CPU: gap to the end of the one before, length, exec, donor; and so on.
std::string cpu_lists(const trace::RunResult& result) {
  struct Cpu {
    IntegerList list;
    Nanos end = 0;
  };
  std::vector<Cpu> cpus(static_cast<std::size_t>(std::max(result.cpus, 0)));
  for (const trace::Segment& segment : by_start(result.segments)) {
    const auto number = static_cast<std::size_t>(segment.cpu);
    PX_CHECK(number < cpus.size(), "a segment names a CPU of its own result");
    PX_CHECK(segment.exec < result.tasks.size() && segment.donor < result.tasks.size(),
             "a segment names tasks of its own result");
    Cpu& cpu = cpus[number];
    cpu.list.add(segment.start_ns - cpu.end);
    cpu.list.add(segment.end_ns - segment.start_ns);
    cpu.list.add(segment.exec);
    cpu.list.add(segment.donor);
    cpu.end = segment.end_ns;
  }
  std::string text = "[";
  for (std::size_t i = 0; i < cpus.size(); ++i) {
    if (i > 0) text += ',';
    text += std::move(cpus[i].list).finish();
  }
  return text + "]";
}

// Distance between starts, length, task and (if `with_lock`) lock; and so on.
template <typename T, typename F>
std::string interval_list(const std::vector<T>& intervals, F&& add_rest) {
  IntegerList list;
  Nanos before = 0;
  for (const T& interval : by_start(intervals)) {
    list.add(interval.start_ns - before);
    list.add(interval.end_ns - interval.start_ns);
    add_rest(list, interval);
    before = interval.start_ns;
  }
  return std::move(list).finish();
}

std::string handoff_list(const trace::RunResult& result) {
  IntegerList list;
  Nanos before = 0;
  for (const trace::Handoff& handoff : result.handoffs) {
    PX_CHECK(handoff.lock < result.locks.size() && handoff.from < result.tasks.size() &&
                 handoff.to < result.tasks.size(),
             "a hand-off names tasks and a lock of its own result");
    list.add(handoff.at_ns - before);
    list.add(handoff.lock);
    list.add(handoff.from);
    list.add(handoff.to);
    before = handoff.at_ns;
  }
  return std::move(list).finish();
}

template <typename T>
std::string name_list(const std::vector<T>& things) {
  std::string text = "[";
  for (const T& thing : things) {
    if (text.size() > 1) text += ',';
    text += trace::json_quoted(thing.name);
  }
  return text + "]";
}

}  // namespace

std::string run_label(const trace::RunResult& result) {
  std::string label = result.world + ", " + result.protocol;
  if (result.placement != "owner") label += ", " + result.placement + " placement";
  return label;
}

std::string missing_segments_note(const trace::RunResult& result) {
  if (!result.segments.empty() || result.waits.empty()) return {};
  return "<p class=\"note\">Who ran when is not recorded in this world; the timeline shows the "
         "waits "
         "for locks.</p>\n";
}

std::string run_data(const trace::RunResult& result, std::optional<std::uint32_t> marked) {
  const auto add_task_and_lock = [&](IntegerList& list, const auto& interval) {
    PX_CHECK(interval.task < result.tasks.size() && interval.lock < result.locks.size(),
             "an interval names a task and a lock of its own result");
    list.add(interval.task);
    list.add(interval.lock);
  };
  const auto add_task = [&](IntegerList& list, const trace::Runnable& interval) {
    PX_CHECK(interval.task < result.tasks.size(), "an interval names a task of its own result");
    list.add(interval.task);
  };
  std::string text =
      fmt::format(R"({{"label":{},"end":{},"marked":{},)", trace::json_quoted(run_label(result)),
                  result.duration_ns, marked ? static_cast<std::int64_t>(*marked) : -1);
  text += fmt::format("\"tasks\":{},\n\"locks\":{},\n\"cpus\":{},\n", name_list(result.tasks),
                      name_list(result.locks), cpu_lists(result));
  text +=
      fmt::format("\"waits\":{},\n\"holds\":{},\n", interval_list(result.waits, add_task_and_lock),
                  interval_list(result.holds, add_task_and_lock));
  text += fmt::format("\"runnable\":{},\n\"handoffs\":{}}}",
                      interval_list(result.runnable, add_task), handoff_list(result));
  return text;
}

}  // namespace px::report
