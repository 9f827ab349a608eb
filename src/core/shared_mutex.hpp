// SharedMutex: held by one task exclusively or by any number shared. An event whose helpers are its
// holders: so who waits lends to one of them that can run, then to the next, until the last has
// left.
//
//   held              lock                       lock_shared
//   by nobody         taken                      taken
//   shared            waits                      taken, unless somebody waits whom the caller does
//                                                not outrank; then waits
//   exclusively       waits                      waits
//   by the caller     kRefused                   kRefused
//
// Who leaves hands the lock over: to the waiters in the order of their ranks, first come first
// served among equals, one that wants it alone or all up to the next such one. So nobody starves: a
// reader goes past a waiting writer only if it outranks it, a writer past a reader likewise. The
// same look at the queue follows each wait that ends without the lock, for those who stood behind.
//
// Deadlocks are found along the holder that a waiter lends to. A cycle through another holder shows
// when that one is the last, at the latest.
//
// [INV-S1] held exclusively: one holder, and it is not a shared one.
// [INV-S2] whoever holds it is linked as a helper, and nobody else is.
// [INV-S3] no wait is open that its place in the queue allows to end.
#pragma once

#include "core/event.hpp"

namespace px::core {

template <typename P>
class SharedMutex : public Event<P> {
 public:
  using typename Event<P>::Helper;
  using typename Event<P>::Scheduler;
  using typename Event<P>::Task;

  // `lends`: waiters lend to the holders.
  explicit SharedMutex(bool lends) : Event<P>(lends) {}

  // Takes the lock for `me`, shared if `hold.shared`; `hold` is the caller's memory until
  // release(). kGranted, kTimedOut, kStopped, kDeadlock; kRefused: `me` holds it already, and would
  // wait for itself, or tasks of another scheduler hold it. The calling task, no lock of the core
  // held.
  [[nodiscard]] WaitEnd acquire(Scheduler& scheduler, Task& me, Helper& hold,
                                Nanos deadline_ns = kNever);
  // The same without waiting: kGranted, kRefused, or kNone, it would have to wait.
  [[nodiscard]] WaitEnd try_acquire(Scheduler& scheduler, Task& me, Helper& hold);
  // Gives it up, and returns what acquire() was given; nullptr: `me` does not hold it in that way,
  // and nothing was changed. The calling task, no lock of the core held. The lock may be gone when
  // it returns.
  [[nodiscard]] Helper* release(Scheduler& scheduler, Task& me, bool shared);

  // The number of shared holders, and whether it is held exclusively. wait_lock held, or the world
  // stands still.
  [[nodiscard]] int readers() const { return readers_; }
  [[nodiscard]] bool written() const { return written_; }
  // One of those who hold it, or nullptr. wait_lock held.
  [[nodiscard]] const Task* holder() const { return this->any_helper(); }

 private:
  [[nodiscard]] bool refuses(const Scheduler& scheduler, const Task& me) const;
  [[nodiscard]] bool fits(const Helper& hold) const;
  [[nodiscard]] bool enter(Task& me, Helper& hold);
  void take(Helper& hold);
  void grant(Scheduler& scheduler, Task*& wakes);

  const Scheduler* home_ = nullptr;  // of its present holders
  int readers_ = 0;
  bool written_ = false;
};

}  // namespace px::core
