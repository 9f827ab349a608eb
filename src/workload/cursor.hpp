// A position in a task's program: phases, loops and operations in the order of execution.
#pragma once

#include <cstddef>
#include <cstdint>

#include "workload/workload.hpp"

namespace px::workload {

// The stretch of a program from some operation to the next timer.
struct Activation {
  bool has_events = false;       // an operation other than a timer lies in it
  const Op* ended_by = nullptr;  // the timer that ends it; nullptr = the end of the task, or never
};

// Plain data over a TaskSpec that must outlive it; cheap to copy, allocates nothing. Phases without
// operations are passed over.
class Cursor {
 public:
  enum class Step : std::uint8_t {
    kNextOp,             // within the same iteration of the same phase
    kNewPhaseIteration,  // a phase begins, or begins again, within the same round of the task
    kNewTaskIteration,   // the first phase begins in a new round of the task's loop
    kEnd,
  };

  explicit Cursor(const TaskSpec& task);

  [[nodiscard]] bool done() const { return done_; }
  // The operation here, and its phase. Not when done().
  [[nodiscard]] const Op& op() const { return phase().ops[op_]; }
  [[nodiscard]] const Phase& phase() const { return task_->phases[phase_]; }
  // True at the first operation of every iteration of a phase.
  [[nodiscard]] bool at_phase_start() const { return op_ == 0; }

  // Goes to the operation that follows and says what was crossed. Not when done().
  Step advance();
  // What runs from here to the next timer. O(operations of the task).
  [[nodiscard]] Activation activation() const;
  // From here on every phase runs once and the round of the task is its last; a phase that loops
  // for ever gets one iteration more than the current one, and nothing follows it. In a program
  // that passed the static checks, that is as far as it can take to unlock what is held.
  void cut_short();

 private:
  [[nodiscard]] bool enter(std::size_t first_candidate);

  const TaskSpec* task_;
  std::int64_t task_left_;       // rounds left, this one included; -1 = for ever
  std::int64_t phase_left_ = 0;  // iterations left, this one included; -1 = for ever
  std::size_t phase_ = 0;
  std::size_t op_ = 0;
  bool short_ = false;
  bool last_phase_ = false;  // cut short, in a phase that nothing follows
  bool done_ = false;
};

// Whether `step` ended an iteration of the task's own loop: that of its phases, or, for a task
// written without "phases", that of its only phase.
[[nodiscard]] bool turned_own_loop(const TaskSpec& task, Cursor::Step step);

[[nodiscard]] bool has_timer(const TaskSpec& task);

}  // namespace px::workload
