#include "workload/ceiling.hpp"

#include <algorithm>
#include <functional>
#include <string>

#include "workload/error.hpp"
#include "workload/json_tree.hpp"

namespace px::workload {
namespace {

// SCHED_IDLE counts as the lowest nice level.
Ceiling rank_of(const policy::Params& params) {
  if (const auto* rt = std::get_if<policy::RealtimeParams>(&params)) return {true, rt->priority};
  const auto& fair = std::get<policy::FairParams>(params);
  return {false, fair.idle_policy ? policy::kNiceMax : fair.nice};
}

bool outranks(const Ceiling& a, const Ceiling& b) {
  if (a.realtime != b.realtime) return a.realtime;
  return a.realtime ? a.level > b.level : a.level < b.level;
}

// Calls `visit(operation, parameters in force there)` for each lock of `lock` by `task`. Parameters
// stay as they are until a phase sets others, also into the next round of the task's loop: two
// rounds show all combinations.
void for_each_lock(const TaskSpec& task, std::uint32_t lock,
                   const std::function<void(const Op&, const policy::Params&)>& visit) {
  const policy::Params* params = &task.params;
  for (int round = 0; round < (task.loop == 1 ? 1 : 2); ++round) {
    for (const Phase& phase : task.phases) {
      if (phase.params) params = &*phase.params;
      for (const Op& op : phase.ops) {
        if (op.kind == OpKind::kLock && op.index == lock) visit(op, *params);
      }
    }
  }
}

std::string text_of(const Ceiling& rank) {
  return (rank.realtime ? "realtime priority " : "nice level ") + std::to_string(rank.level);
}

}  // namespace

bool Ceiling::is_below(const policy::Params& params) const {
  return outranks(rank_of(params), *this);
}

Ceiling ceiling_of(const Workload& workload, std::uint32_t lock) {
  const LockSpec& spec = workload.locks[lock];
  Ceiling ceiling{false, policy::kNiceMax};
  if (spec.ceiling) ceiling = {true, *spec.ceiling};
  for (const TaskSpec& task : workload.tasks) {
    for_each_lock(task, lock, [&](const Op& op, const policy::Params& params) {
      if (!ceiling.is_below(params)) return;
      if (!spec.ceiling) {
        ceiling = rank_of(params);
        return;
      }
      throw Error(workload.files[static_cast<std::size_t>(op.place.file)], op.place.line,
                  op.place.column,
                  "found task " + in_quotes(task.name) + " with " + text_of(rank_of(params)) +
                      " locking " + in_quotes(spec.name) + ", whose ceiling is " +
                      text_of(ceiling) + ", expected a ceiling at least as high");
    });
  }
  return ceiling;
}

}  // namespace px::workload
