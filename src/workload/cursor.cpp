#include "workload/cursor.hpp"

#include <algorithm>

#include "base/check.hpp"

namespace px::workload {
namespace {

// Looks at the operations from `first` on: true if a timer was met.
bool scan(const Phase& phase, std::size_t first, Activation& found) {
  for (std::size_t i = first; i < phase.ops.size(); ++i) {
    if (phase.ops[i].kind == OpKind::kTimer) {
      found.ended_by = &phase.ops[i];
      return true;
    }
    found.has_events = true;
  }
  return false;
}

// Looks at whole phases in [first, last): true if the search ends there, at a timer or in a phase
// that is never left.
bool scan_phases(const TaskSpec& task, std::size_t first, std::size_t last, Activation& found) {
  for (std::size_t i = first; i < last; ++i) {
    const Phase& phase = task.phases[i];
    if (phase.loop == 0 || phase.ops.empty()) continue;
    if (scan(phase, 0, found) || phase.loop < 0) return true;
  }
  return false;
}

}  // namespace

Cursor::Cursor(const TaskSpec& task) : task_(&task), task_left_(task.loop) {
  done_ = task.loop == 0 || !enter(0);
}

bool Cursor::enter(std::size_t first_candidate) {
  for (std::size_t i = first_candidate; i < task_->phases.size(); ++i) {
    const Phase& candidate = task_->phases[i];
    if (candidate.ops.empty() || candidate.loop == 0) continue;
    phase_ = i;
    op_ = 0;
    phase_left_ = short_ ? 1 : candidate.loop;
    last_phase_ = short_ && candidate.loop < 0;
    return true;
  }
  return false;
}

Cursor::Step Cursor::advance() {
  PX_DCHECK(!done_, "the program has ended");
  if (++op_ < phase().ops.size()) return Step::kNextOp;
  op_ = 0;
  if (phase_left_ < 0 || --phase_left_ > 0) return Step::kNewPhaseIteration;
  if (!last_phase_) {
    if (enter(phase_ + 1)) return Step::kNewPhaseIteration;
    if ((task_left_ < 0 || --task_left_ > 0) && enter(0)) return Step::kNewTaskIteration;
  }
  done_ = true;
  return Step::kEnd;
}

Activation Cursor::activation() const {
  Activation found;
  if (done_ || scan(phase(), op_, found)) return found;
  const bool again = phase_left_ < 0 || phase_left_ > 1;
  if (again && scan(phase(), 0, found)) return found;
  if (phase_left_ < 0) return found;
  if (scan_phases(*task_, phase_ + 1, task_->phases.size(), found)) return found;
  // One more round passes every phase, this one included; further rounds show nothing new.
  if (task_left_ < 0 || task_left_ > 1) {
    scan_phases(*task_, 0, task_->phases.size(), found);
  }
  return found;
}

void Cursor::cut_short() {
  short_ = true;
  task_left_ = 1;
  last_phase_ = phase_left_ < 0;
  phase_left_ = phase_left_ < 0 ? 2 : 1;
}

bool turned_own_loop(const TaskSpec& task, Cursor::Step step) {
  switch (step) {
    case Cursor::Step::kNextOp:
      return false;
    case Cursor::Step::kNewPhaseIteration:
      return !task.has_phases && task.phases.size() == 1;
    case Cursor::Step::kNewTaskIteration:
    case Cursor::Step::kEnd:
      break;
  }
  return true;
}

bool has_timer(const TaskSpec& task) {
  return std::any_of(task.phases.begin(), task.phases.end(), [](const Phase& phase) {
    return std::any_of(phase.ops.begin(), phase.ops.end(),
                       [](const Op& op) { return op.kind == OpKind::kTimer; });
  });
}

}  // namespace px::workload
