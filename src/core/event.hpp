// Event: what a task can wait for that is neither a lock nor a task's end: the wait list behind
// condition variables, semaphores, latches, barriers, event counts and futures.
//
// The state that is waited for (a count, a flag) is the user's. It is read and written under
// wait_lock, in the functions that wait() and notify() are given; whatever ends a wait does so by
// the exchange of wait_end, so that a wait that was notified can not time out any more and a
// notification is never lost on one that has ended.
//
//   state      wait(ready)                        notify(count)
//   ready      returns at once, kNotified         -
//   not ready  queued by rank, first come first   ends up to `count` waits in that order; what it
//              served among equals; asleep until  could not give to a waiter goes to `rest`
//              notified, timed out or stopped
//
// Helpers. Whoever is known to bring the event about (a future's producer, who holds a semaphore's
// permits, who is declared to serve a condition variable) may be declared. Waiters of an event that
// lends stay queued as donors then: for the helper that can run with the best rank, else for one
// that sleeps (they park on it). Without a helper a waiter leaves the runqueue. When helpers come
// or go, all waiters wake and look again. A waiter that has parked on one helper does not see that
// another one wakes.
//
// Lock order: wait_lock -> blocked_lock of one task. No wakeup is issued under either.
#pragma once

#include "core/waitable.hpp"

namespace px::core {

template <Platform P>
class Scheduler;

// A declared helper: a link of the event's list. The caller's memory, from add_helper() to
// remove_helper(), and so long must its task's memory not become another task's.
template <typename P>
struct Helper {
  Task<P>* task = nullptr;
  Helper* next = nullptr;
  bool shared = false;  // of a SharedMutex: holds it together with others
};

template <typename P>
class Event : public Waitable<P> {
 public:
  using Task = core::Task<P>;
  using Scheduler = core::Scheduler<P>;
  using Helper = core::Helper<P>;

  static constexpr int kAll = 0x7fffffff;

  // `lends`: it may have helpers.
  explicit Event(bool lends) {
    this->kind = WaitableKind::kEvent;
    this->protocol = lends ? Protocol::kProxy : Protocol::kNone;
  }
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;

  // Waits until ready(wakes), asked once under wait_lock, or until notified. If it says yes it may
  // have ended waits itself, by end_waits(). `queued()` is called once
  // the caller stands in the list, with no lock held and preemption off; it may not wait. kNotified
  // or what notify() said, kTimedOut, kStopped, kDeadlock (Edge::kAnd only).
  template <typename Ready, typename Queued>
  [[nodiscard]] WaitEnd wait(Scheduler& scheduler, Task& me, Edge edge, Nanos deadline_ns,
                             Ready ready, Queued queued);

  // Ends up to count() waits with `why`, the best-ranked first, then calls rest(left) with what is
  // left of the count; both under wait_lock. Any thread, preemption on or off, no lock held. The
  // event may be gone when it returns, if a notified waiter destroys it.
  template <typename Count, typename Rest>
  void notify(Scheduler& scheduler, WaitEnd why, Count count, Rest rest);

  // Any thread, no lock held.
  void add_helper(Scheduler& scheduler, Helper& helper);
  void remove_helper(Scheduler& scheduler, Helper& helper);

  // Whom `waiter` should lend to now; nullptr: nobody. wait_lock held.
  [[nodiscard]] Task* representative(const Task& waiter) const;
  // Where the task stands among the helpers, from 1 on; 0: it is none. wait_lock held, or the world
  // stands still.
  [[nodiscard]] int helper_place(const Task& task) const;

 protected:
  // Calls read() under wait_lock.
  template <typename Read>
  void look(Scheduler& scheduler, Read read);
  // Ends up to `count` waits; whom to wake goes to `wakes`. Returns what is left of the count.
  // wait_lock held.
  [[nodiscard]] int end_waits(Scheduler& scheduler, int count, WaitEnd why, Task*& wakes);
  // body(wakes) under wait_lock, then the wakeups that it has put off.
  template <typename Body>
  void change(Scheduler& scheduler, Body body);
  // Spurious wakeups: each waiter looks again whom it lends to. wait_lock held.
  void wake_all(Scheduler& scheduler, Task*& wakes);
  // Onto the list of helpers, and off it if it is there. wait_lock held.
  void link(Helper& helper);
  void unlink(Helper& helper);
  // The first helper that is this task, or nullptr. wait_lock held.
  [[nodiscard]] Helper* helper_of(const Task& task) const;
  // One of the helpers, or nullptr. wait_lock held.
  [[nodiscard]] const Task* any_helper() const {
    return helpers_ != nullptr ? helpers_->task : nullptr;
  }

 private:
  [[nodiscard]] WaitEnd wait_for_end(Scheduler& scheduler, Task& me, Edge edge);

  Helper* helpers_ = nullptr;  // wait_lock
};

}  // namespace px::core
