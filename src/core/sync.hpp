// What is built on an Event: one body for every world; the public classes and the workload's events
// are thin covers of these. In each, the state is read and written under wait_lock.
//
//  class      waits while            ended by
//  Semaphore  no permit is left      release: a permit goes to a waiter, by rank; what is left
//                                    counts up, so there is none while somebody waits
//  Condition  not notified           notify: the best-ranked waiters; without waiters nothing
//                                    happens. The mutex is given up once the waiter is queued, so
//                                    that no notification in between is missed, and taken again
//                                    whatever ended the wait
//  Barrier    a party is missing     the last one of a round, who does not wait
//  Latch      the count is above 0   count_down to 0; never taken back
//  EventCount the count is the key   notify: the count goes up
//  Flag       it is not set          set; never taken back
//
// All functions, where nothing else is said: no lock of the core held; wait-like ones: the calling
// task `me`, preemption on or off; the others: any thread. kTimedOut and kStopped as everywhere; a
// time limit of kNever is none.
#pragma once

#include <utility>

#include "core/event.hpp"
#include "core/mutex.hpp"

namespace px::core {

template <typename P>
class Semaphore : public Event<P> {
 public:
  using typename Event<P>::Scheduler;
  using typename Event<P>::Task;

  // `permits` >= 0.
  explicit Semaphore(std::int64_t permits) : Event<P>(true), permits_(permits) {}

  // kGranted, at once or by a release; kTimedOut, kStopped. Lends to declared holders.
  [[nodiscard]] WaitEnd acquire(Scheduler& scheduler, Task& me, Nanos deadline_ns = kNever);
  // Never waits.
  [[nodiscard]] bool try_acquire(Scheduler& scheduler);
  // `count` >= 0. False: the count would not fit; then those who waited have got theirs.
  bool release(Scheduler& scheduler, int count = 1);
  // wait_lock held, or the world stands still.
  [[nodiscard]] std::int64_t permits() const { return permits_; }
  // wait_lock held.
  [[nodiscard]] bool take() {
    if (permits_ == 0) return false;
    --permits_;
    return true;
  }
  // wait_lock held, and nobody waits. False: the count would not fit.
  [[nodiscard]] bool add(int count) {
    return !__builtin_add_overflow(permits_, std::int64_t{count}, &permits_);
  }

 private:
  std::int64_t permits_;
};

template <typename P>
class Condition : public Event<P> {
 public:
  using typename Event<P>::Scheduler;
  using typename Event<P>::Task;

  Condition() : Event<P>(true) {}

  // The caller owns `mutex`, before and afterwards. kNotified, kTimedOut, kStopped. Lends to
  // declared helpers, which close no cycle (Edge::kHint).
  [[nodiscard]] WaitEnd wait(Scheduler& scheduler, Task& me, Mutex<P>& mutex,
                             Nanos deadline_ns = kNever);
  // With or without the mutex. `count`: Event::kAll for all.
  void notify_some(Scheduler& scheduler, int count);
};

template <typename P>
class Barrier : public Event<P> {
 public:
  using typename Event<P>::Scheduler;
  using typename Event<P>::Task;

  // `parties` >= 1.
  explicit Barrier(int parties) : Event<P>(false), parties_(parties), missing_(parties) {}

  // kNotified once all parties of this round have arrived. Given up early the arrival counts all
  // the same.
  [[nodiscard]] WaitEnd arrive(Scheduler& scheduler, Task& me, Nanos deadline_ns = kNever);
  // Takes a party off, of this round and of those to come.
  void drop(Scheduler& scheduler);
  // The same for a barrier that nobody waits at. wait_lock held.
  void drop_unwaited() {
    --parties_;
    static_cast<void>(take_place());
  }

 private:
  // True: the round is complete, and the next one begins.
  [[nodiscard]] bool take_place() {
    if (--missing_ > 0) return false;
    missing_ = parties_;
    return true;
  }

  int parties_;
  int missing_;  // of this round
};

template <typename P>
class Latch : public Event<P> {
 public:
  using typename Event<P>::Scheduler;
  using typename Event<P>::Task;

  // `count` >= 0.
  explicit Latch(std::int64_t count) : Event<P>(false), count_(count) {}

  // False: there was less left than `by`; then nothing was changed.
  bool count_down(Scheduler& scheduler, std::int64_t by);
  // wait_lock held, and nobody waits. False: as count_down().
  [[nodiscard]] bool subtract(std::int64_t by) {
    if (by > count_) return false;
    count_ -= by;
    return true;
  }
  // wait_lock held.
  [[nodiscard]] bool reached() const { return count_ == 0; }
  // kNotified: the count is 0.
  [[nodiscard]] WaitEnd wait_for_zero(Scheduler& scheduler, Task& me, Nanos deadline_ns = kNever);

 private:
  std::int64_t count_;
};

template <typename P>
class EventCount : public Event<P> {
 public:
  using typename Event<P>::Scheduler;
  using typename Event<P>::Task;

  EventCount() : Event<P>(false) {}

  // wait_lock held.
  [[nodiscard]] std::uint64_t key() const { return count_; }
  // wait_lock held, and nobody waits.
  void count_up() { ++count_; }
  // kNotified: there has been a notification since `seen` was read.
  [[nodiscard]] WaitEnd wait_past(Scheduler& scheduler, Task& me, std::uint64_t seen,
                                  Nanos deadline_ns = kNever);
  void notify_some(Scheduler& scheduler, int count);

 private:
  std::uint64_t count_ = 0;
};

template <typename P>
class Flag : public Event<P> {
 public:
  using typename Event<P>::Scheduler;
  using typename Event<P>::Task;

  Flag() : Event<P>(true) {}

  // False: it was set already.
  bool set(Scheduler& scheduler);
  // wait_lock held, and nobody waits. False: as set().
  [[nodiscard]] bool mark() { return !std::exchange(set_, true); }
  // kNotified: it is set. kDeadlock: the declared helper waits, directly or along a chain, for the
  // caller.
  [[nodiscard]] WaitEnd wait_until_set(Scheduler& scheduler, Task& me, Nanos deadline_ns = kNever);

 private:
  bool set_ = false;
};

}  // namespace px::core
