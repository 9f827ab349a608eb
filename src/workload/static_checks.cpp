#include "workload/static_checks.hpp"

#include <algorithm>
#include <cstdint>
#include <map>
#include <utility>

#include "workload/error.hpp"
#include "workload/json_tree.hpp"

namespace px::workload {
namespace {

[[noreturn]] void fail(const Workload& workload, const Place& place, const std::string& text) {
  throw Error(workload.files[static_cast<std::size_t>(place.file)], place.line, place.column, text);
}

// Whether the operation can ever make the task wait or work. A lock is taken at once if it is free.
bool takes_time(const Op& op) {
  return op.kind != OpKind::kLock && op.kind != OpKind::kUnlock && op.amount_ns > 0;
}

bool takes_time(const Phase& phase) {
  return std::any_of(phase.ops.begin(), phase.ops.end(),
                     [](const Op& op) { return takes_time(op); });
}

void check_progress(const Workload& workload, const TaskSpec& task) {
  const std::string name = "task " + in_quotes(task.name);
  const auto endless = std::find_if(task.phases.begin(), task.phases.end(),
                                    [](const Phase& phase) { return phase.loop < 0; });
  const bool phase_repeats = endless != task.phases.end();
  if (!phase_repeats && task.loop >= 0) return;
  const bool any_event = std::any_of(task.phases.begin(), task.phases.end(),
                                     [](const Phase& phase) { return !phase.ops.empty(); });
  if (!any_event) {
    fail(workload, task.place,
         "found " + name + " without events in a loop without end, expected at least one event");
  }
  const bool passes = phase_repeats
                          ? takes_time(*endless)
                          : std::any_of(task.phases.begin(), task.phases.end(),
                                        [](const Phase& phase) { return takes_time(phase); });
  if (!passes) {
    fail(workload, phase_repeats ? endless->place : task.place,
         "found a loop without end of " + name +
             " that would never let time pass, expected a run, runtime, sleep or timer above 0 "
             "in it");
  }
}

// Walks the program with the set of locks held. Two rounds of each loop are enough: a body that can
// be run twice leaves the set as it found it (a lock that it touches first by unlock must be held
// again at its end, one that it touches first by lock must be free again).
class LockWalk {
 public:
  LockWalk(const Workload& workload, const TaskSpec& task) : workload_(workload), task_(task) {}

  std::vector<Finding> walk() {
    bool reached_end = true;
    for (std::int64_t round = 0; round < rounds(task_.loop) && reached_end; ++round) {
      reached_end = walk_phases();
    }
    if (reached_end && task_.loop >= 0) note_held_at_end();
    return std::move(findings_);
  }

 private:
  static std::int64_t rounds(std::int64_t loop) {
    return loop < 0 ? 2 : std::min<std::int64_t>(loop, 2);
  }

  // False: what follows is never reached.
  bool walk_phases() {
    for (const Phase& phase : task_.phases) {
      for (std::int64_t round = 0; round < rounds(phase.loop); ++round) {
        for (const Op& op : phase.ops) {
          if (!walk_op(op)) return false;
        }
      }
      if (phase.loop < 0) {
        note_unreached(phase);
        return false;
      }
    }
    return true;
  }

  bool walk_op(const Op& op) {
    if (op.kind != OpKind::kLock && op.kind != OpKind::kUnlock) return true;
    const auto held = held_.find(op.index);
    const std::string lock = "the mutex " + in_quotes(workload_.locks[op.index].name);
    const std::string task = "task " + in_quotes(task_.name);
    if (op.kind == OpKind::kUnlock) {
      if (held == held_.end()) {
        fail(workload_, op.place,
             "found an unlock of " + lock + ", which " + task +
                 " does not hold there, expected a lock of it before");
      }
      held_.erase(held);
      return true;
    }
    if (held != held_.end()) {
      findings_.push_back(
          {op.place, task + " locks " + lock + " while it holds it: it will wait for itself"});
      return false;
    }
    held_.emplace(op.index, op.place);
    return true;
  }

  void note_held_at_end() {
    for (const auto& [lock, place] : held_) {
      findings_.push_back({place, "task " + in_quotes(task_.name) + " ends with the mutex " +
                                      in_quotes(workload_.locks[lock].name) +
                                      " locked: nobody can lock it afterwards"});
    }
  }

  void note_unreached(const Phase& endless) {
    if (&endless == &task_.phases.back()) return;
    findings_.push_back({(&endless + 1)->place, "the phases of task " + in_quotes(task_.name) +
                                                    " from here on are never reached: the phase "
                                                    "before them loops for ever"});
  }

  const Workload& workload_;
  const TaskSpec& task_;
  std::map<std::uint32_t, Place> held_;  // lock index -> where it was locked
  std::vector<Finding> findings_;
};

}  // namespace

std::vector<Finding> check_program(const Workload& workload, const TaskSpec& task) {
  check_progress(workload, task);
  return LockWalk(workload, task).walk();
}

}  // namespace px::workload
