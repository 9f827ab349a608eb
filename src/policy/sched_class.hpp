// The class interface: one ordering policy, one queue per CPU. Above each operation: who calls it.
// Every call is made with the runqueue's lock held; no operation allocates, blocks or reads a
// clock.
#pragma once

#include "base/time.hpp"
#include "policy/sched_context.hpp"

namespace px::policy {

enum class Enqueue : std::uint8_t {
  kNew,           // first time: a task starts
  kWake,          // a sleep or a wait has ended
  kMigrate,       // came from another CPU's queue without having slept
  kRestore,       // back after a change of parameters; keeps its place where that makes sense
  kRestorePlace,  // back at another rank, as who has waited for as long as it has: a boost began
  kRestoreHead,   // as kRestore, but at the head of its realtime level: a boost or ceiling ended
};

enum class Dequeue : std::uint8_t {
  kSleep,    // will wait or end; lag is kept
  kMigrate,  // leaves for another CPU's queue
  kSave,     // parameters are about to change
  kEnd,      // its task has ended
};

class SchedClass {
 public:
  virtual ~SchedClass() = default;

  // Scheduler::activate, wakeups, parameter changes. context.queued becomes true.
  virtual void enqueue(SchedContext& context, Enqueue why, Nanos now) = 0;

  // Scheduler::deactivate, parameter changes. Works on the current context too (which then is no
  // longer current). context.queued becomes false.
  virtual void dequeue(SchedContext& context, Dequeue why, Nanos now) = 0;

  // schedule(): the best queued context, the current one included; nullptr if none is queued.
  // Changes nothing.
  [[nodiscard]] virtual SchedContext* pick(Nanos now) = 0;

  // schedule(): `context` was picked and pays from now on. It stays queued.
  virtual void set_current(SchedContext& context, Nanos now) = 0;

  // schedule(): `context` stops being current; it stays queued. Must have been charged to `now`.
  virtual void put_current(SchedContext& context, Nanos now) = 0;

  // Runqueue::charge: the current context has paid for `ran` nanoseconds ending at `now`. True: its
  // slice or request is used up and another context waits: reschedule.
  [[nodiscard]] virtual bool charge(SchedContext& current, Nanos ran, Nanos now) = 0;

  // Wakeups: should `woken` (queued, this class) take over from `current` (current of this class,
  // charged to now) at once?
  [[nodiscard]] virtual bool preempts(const SchedContext& woken, const SchedContext& current,
                                      Nanos now) = 0;

  // this_task::yield: the current context gives way to its equals.
  virtual void yield(SchedContext& current, Nanos now) = 0;

  // Arming the CPU's timer: the instant at which charge() would first return true if `current` ran
  // on from `now`; kNever if nothing else is queued in this class or slices do not apply.
  [[nodiscard]] virtual Nanos slice_end(const SchedContext& current, Nanos now) const = 0;

  // Contexts queued, the current one included.
  [[nodiscard]] virtual int queued() const = 0;
};

}  // namespace px::policy
