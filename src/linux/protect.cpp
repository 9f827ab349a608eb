#include "linux/protect.hpp"

#include <algorithm>
#include <string>

#include "workload/error.hpp"

namespace px::linux_world {

namespace {

// The range of realtime priorities that a task has in the course of its program.
struct Priorities {
  int lowest = policy::kRtPriorityMax + 1;
  int highest = 0;  // 0 = it is never a realtime task
};

Priorities priorities_of(const workload::TaskSpec& task) {
  Priorities found;
  const auto add = [&](const policy::Params& params) {
    const auto* rt = std::get_if<policy::RealtimeParams>(&params);
    if (rt == nullptr) return;
    found.lowest = std::min(found.lowest, rt->priority);
    found.highest = std::max(found.highest, rt->priority);
  };
  add(task.params);
  for (const workload::Phase& phase : task.phases) {
    if (phase.params) add(*phase.params);
  }
  return found;
}

bool locks(const workload::TaskSpec& task, std::uint32_t lock) {
  for (const workload::Phase& phase : task.phases) {
    for (const workload::Op& op : phase.ops) {
      if (op.kind == workload::OpKind::kLock && op.index == lock) return true;
    }
  }
  return false;
}

[[noreturn]] void fail(const workload::Workload& workload, const workload::TaskSpec& task,
                       const std::string& text) {
  throw workload::Error(workload.files[static_cast<std::size_t>(task.place.file)], task.place.line,
                        task.place.column, text);
}

}  // namespace

int ceiling_of(const workload::Workload& workload, std::uint32_t lock) {
  const workload::LockSpec& spec = workload.locks[lock];
  int ceiling = spec.ceiling.value_or(0);
  for (const workload::TaskSpec& task : workload.tasks) {
    if (!locks(task, lock)) continue;
    const Priorities priorities = priorities_of(task);
    if (priorities.highest == 0) {
      fail(workload, task,
           "found task \"" + task.name + "\" without a realtime priority locking \"" + spec.name +
               "\" under protect, expected SCHED_FIFO or SCHED_RR: pthreads give "
               "priority ceilings to realtime tasks only");
    }
    if (spec.ceiling && priorities.lowest > *spec.ceiling) {
      fail(workload, task,
           "found task \"" + task.name + "\" with priority " + std::to_string(priorities.lowest) +
               " locking \"" + spec.name + "\", whose ceiling is " + std::to_string(*spec.ceiling) +
               ", expected a ceiling at least as high");
    }
    if (!spec.ceiling) ceiling = std::max(ceiling, priorities.highest);
  }
  return std::max(ceiling, policy::kRtPriorityMin);
}

}  // namespace px::linux_world
