#include "workload/timer_bank.hpp"

#include <algorithm>
#include <atomic>

#include "base/check.hpp"

namespace px::workload {
namespace {

// Appends the unique timers that the task's program uses, each once, in order of their indices.
void append_unique(const Workload& workload, const TaskSpec& task,
                   std::pmr::vector<std::uint32_t>& out) {
  const auto begin = static_cast<std::ptrdiff_t>(out.size());
  for (const Phase& phase : task.phases) {
    for (const Op& op : phase.ops) {
      if (op.kind == OpKind::kTimer && workload.timers[op.index].unique) out.push_back(op.index);
    }
  }
  std::sort(out.begin() + begin, out.end());
  out.erase(std::unique(out.begin() + begin, out.end()), out.end());
}

}  // namespace

TimerBank::TimerBank(const Workload& workload, std::pmr::memory_resource* memory)
    : begin_(memory), unique_(memory), is_unique_(memory), next_(memory) {
  begin_.reserve(workload.tasks.size() + 1);
  begin_.push_back(0);
  for (const TaskSpec& task : workload.tasks) {
    append_unique(workload, task, unique_);
    begin_.push_back(unique_.size());
  }
  for (const TimerSpec& timer : workload.timers) is_unique_.push_back(timer.unique);
  next_.assign(workload.timers.size() + unique_.size(), kUnused);
}

Nanos& TimerBank::slot(std::size_t task, std::uint32_t timer) {
  PX_CHECK(timer < is_unique_.size(), "a timer of another workload");
  PX_CHECK(task + 1 < begin_.size(), "a task of another workload");
  if (!is_unique_[timer]) return next_[timer];
  const auto first = unique_.begin() + static_cast<std::ptrdiff_t>(begin_[task]);
  const auto last = unique_.begin() + static_cast<std::ptrdiff_t>(begin_[task + 1]);
  const auto found = std::lower_bound(first, last, timer);
  PX_CHECK(found != last && *found == timer, "a unique timer that the task's program does not use");
  return next_[is_unique_.size() + static_cast<std::size_t>(found - unique_.begin())];
}

Nanos TimerBank::advance(std::size_t task, std::uint32_t timer, Nanos first, Nanos period) {
  const std::atomic_ref<Nanos> next(slot(task, timer));
  Nanos seen = next.load(std::memory_order_relaxed);
  for (;;) {
    const Nanos moved = later(seen == kUnused ? first : seen, period);
    if (next.compare_exchange_weak(seen, moved, std::memory_order_relaxed)) return moved;
  }
}

void TimerBank::restart(std::size_t task, std::uint32_t timer, Nanos now) {
  std::atomic_ref<Nanos>(slot(task, timer)).store(now, std::memory_order_relaxed);
}

}  // namespace px::workload
