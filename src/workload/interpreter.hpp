// The interpreter: runs one task's program on whatever executes it. The one body of every world:
// fibers in sim, check and live, threads in linux.
#pragma once

#include <concepts>
#include <cstddef>
#include <functional>
#include <optional>

#include "base/check.hpp"
#include "workload/cursor.hpp"
#include "workload/job_log.hpp"
#include "workload/timer_bank.hpp"
#include "workload/workload.hpp"

namespace px::workload {

// What a world gives to the task that runs in it. Every call is made by that task, in program
// order. run, run_wall, sleep_until and lock may block, and may return early once stopping() is
// true: the interpreter then counts the operation as not completed.
//
//   now()               nanoseconds since t_zero; never decreases
//   stopping()          true: the run is ending. From then on only lock and unlock are called, and
//                       only while a lock is held. A world that abandons its tasks in mid-event may
//                       always say false, and must while completions at the last instant count.
//   apply(params, cpus) scheduling parameters and allowed CPUs (nothing = all) from here on. Called
//                       at the start of a phase iteration, and only if one of them differs from
//                       what is in force; the world starts the task with the TaskSpec's own.
//   before_op(op)       before each operation that will be carried out, lock and unlock included
//   run(amount)         returns when the task itself has executed `amount` > 0
//   run_wall(amount)    executes until `amount` > 0 of time has passed
//   sleep_until(t)      returns at t or later; at once if t is past
//   lock(op)            true: the task owns lock op.index. False: it does not and never will (a
//                       deadlock, or the run is ending): the task must stop here
//   unlock(op)          gives lock op.index up
template <typename P>
concept TaskPort = requires(P& port, const Op& op, Nanos time, const policy::Params& params,
                            const std::optional<CpuMask>& cpus) {
  { port.now() } -> std::same_as<Nanos>;
  { port.stopping() } -> std::same_as<bool>;
  { port.apply(params, cpus) } -> std::same_as<void>;
  { port.before_op(op) } -> std::same_as<void>;
  { port.run(time) } -> std::same_as<void>;
  { port.run_wall(time) } -> std::same_as<void>;
  { port.sleep_until(time) } -> std::same_as<void>;
  { port.lock(op) } -> std::same_as<bool>;
  { port.unlock(op) } -> std::same_as<void>;
};

// One run of one program. Everything is in this object or the caller's; nothing is allocated but by
// the job log.
template <TaskPort Port>
class Interpreter {
 public:
  Interpreter(const Workload& workload, const TaskSpec& task, TimerBank& timers, Port& port,
              JobLog& jobs)
      : task_(task),
        task_index_(index_of(workload, task)),
        has_timer_(has_timer(task)),
        timers_(timers),
        port_(port),
        jobs_(jobs),
        cursor_(task),
        params_(&task.params),
        cpus_(&task.cpus) {}

  // Returns when the program has ended, the run stops, or a lock was refused.
  void run() {
    if (task_.delay_ns > 0) port_.sleep_until(task_.delay_ns);
    bool stop = port_.stopping();
    while (!cursor_.done() && !stop) {
      if (cursor_.at_phase_start()) apply_attributes(cursor_.phase());
      const Op& op = cursor_.op();
      Cursor following = cursor_;
      const Cursor::Step step = following.advance();
      if (!perform(op, following)) return;
      stop = port_.stopping();
      if (!stop) end_job_after(op, step, following);
      cursor_ = following;
    }
    release_locks();
  }

 private:
  static std::size_t index_of(const Workload& workload, const TaskSpec& task) {
    const TaskSpec* const first = workload.tasks.data();
    // std::less orders any two pointers, < only those into one array.
    const std::less<const TaskSpec*> before;
    PX_CHECK(!before(&task, first) && before(&task, first + workload.tasks.size()),
             "the task is not one of the workload's");
    return static_cast<std::size_t>(&task - first);
  }

  void apply_attributes(const Phase& phase) {
    const policy::Params* const params = phase.params ? &*phase.params : params_;
    const std::optional<CpuMask>* const cpus = phase.cpus ? &phase.cpus : &task_.cpus;
    const bool changed = *params != *params_ || *cpus != *cpus_;
    params_ = params;
    cpus_ = cpus;
    if (changed) port_.apply(*params_, *cpus_);
  }

  // False: the task must stop here.
  bool perform(const Op& op, const Cursor& following) {
    port_.before_op(op);
    if (op.kind != OpKind::kTimer && jobs_.awaits_start()) jobs_.start(port_.now());
    switch (op.kind) {
      case OpKind::kRun:
        if (op.amount_ns > 0) port_.run(op.amount_ns);
        return true;
      case OpKind::kRuntime:
        if (op.amount_ns > 0) port_.run_wall(op.amount_ns);
        return true;
      case OpKind::kSleep:
        if (op.amount_ns > 0) port_.sleep_until(later(port_.now(), op.amount_ns));
        return true;
      case OpKind::kTimer:
        wait_for_timer(op, following);
        return true;
      case OpKind::kLock:
        if (!port_.lock(op)) return false;
        ++held_;
        return true;
      case OpKind::kUnlock:
        port_.unlock(op);
        --held_;
        return true;
    }
    check_failed(__FILE__, __LINE__, "op.kind", "an operation of no kind");
  }

  void wait_for_timer(const Op& op, const Cursor& following) {
    const Nanos next = timers_.advance(task_index_, op.index, task_.delay_ns, op.amount_ns);
    const Nanos now = port_.now();
    if (now < next) {
      // The job is released at `next` even if the task gets no CPU for long after it.
      open_job(next, following);
      port_.sleep_until(next);
    } else if (op.absolute) {
      open_job(next, following);
    } else {
      timers_.restart(task_index_, op.index, now);
      open_job(now, following);
    }
  }

  void open_job(Nanos release, const Cursor& from) {
    if (!jobs_.enabled()) return;
    const Activation activation = from.activation();
    if (!activation.has_events) return;
    jobs_.open(release, deadline_of_job(*params_, activation, release));
  }

  void end_job_after(const Op& op, Cursor::Step step, const Cursor& following) {
    if (!jobs_.enabled() || op.kind == OpKind::kTimer) return;
    if (has_timer_) {
      if (following.done() || following.op().kind == OpKind::kTimer) jobs_.finish(port_.now());
      return;
    }
    if (!turned_own_loop(task_, step)) return;
    const Nanos now = port_.now();
    jobs_.finish(now);
    if (!following.done()) jobs_.open(now, deadline_of_job(*params_, {}, now));
  }

  // The run is ending: what is held must be given up first, or others would wait for ever. As in
  // rt-app the program goes on with only its locks and unlocks carried out.
  void release_locks() {
    if (cursor_.done() || held_ == 0) return;
    cursor_.cut_short();
    for (; held_ > 0 && !cursor_.done(); cursor_.advance()) {
      const Op& op = cursor_.op();
      if (op.kind != OpKind::kLock && op.kind != OpKind::kUnlock) continue;
      port_.before_op(op);
      if (op.kind == OpKind::kUnlock) {
        port_.unlock(op);
        --held_;
      } else if (port_.lock(op)) {
        ++held_;
      } else {
        return;
      }
    }
  }

  const TaskSpec& task_;
  const std::size_t task_index_;
  const bool has_timer_;
  TimerBank& timers_;
  Port& port_;
  JobLog& jobs_;
  Cursor cursor_;
  const policy::Params* params_;        // in force
  const std::optional<CpuMask>* cpus_;  // in force
  int held_ = 0;                        // locks held
};

// Runs the program of `task`, which must be one of `workload`'s, to its end or until the run stops.
// `timers` is shared by all tasks of the run; `jobs` is this task's, JobLog(task) or a disabled
// one.
template <TaskPort Port>
void run_task(const Workload& workload, const TaskSpec& task, TimerBank& timers, Port& port,
              JobLog& jobs) {
  Interpreter<Port>(workload, task, timers, port, jobs).run();
}

}  // namespace px::workload
