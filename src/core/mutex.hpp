// Mutex: the owner word and its protocol. ExitWait: a task's end, as a thing to wait for.
//
// The owner word is a task pointer and three bits:
//   kWaiters  the wait list is not empty; unlock must take the slow path        [INV-M1]
//   kPickup   the named task has been given the lock and has not resumed yet; only it may
//             complete the acquisition, by clearing the bit                     [INV-M2]
//   kSlow     the lock is one under protocol `protect`: each lock and unlock must change the rank
//             of its owner, so that no fast path may succeed
// A word without a task is a free lock, whoever waits: newcomers may take it (no hand-over by
// default, for throughput).
//
//   from          event                                            to
//   0             lock: compare-exchange                           me
//   0|W           lock by a newcomer, a spinner or a woken waiter  me|W
//   me            unlock: compare-exchange                         0
//   me|W          unlock, no donor paying for this lock            0|W, first waiter woken
//   me|W          unlock, blocked_donor waits for it and pays      donor|P|W, donor woken
//   me|W          unlock, first waiter lost it kMaxLost times      waiter|P|W, waiter woken
//   t|P|W         t resumes under wait_lock                        t|W or t
//   any|W         last waiter leaves, under wait_lock              any
// With kSlow set, which stays, all of these are taken under wait_lock; so is the acquisition of a
// free lock with waiters under `inherit`.
//
// Boosts (`inherit`, `protect`): a lock that raises its owner is on the owner's list `boosts` with
// what it gives [INV-M3]. The list is guarded by the owner's blocked_lock; the lock's entry in it
// changes under its wait_lock too. Whoever changed a list calls propagate_boost() afterwards, with
// no lock held, and thereby makes the owner's parameters what the list says.
//
// Every store of a task's address releases, and owner() acquires: who finds an owner in the word
// may read what that task's creator wrote before it started.
//
// Lock order: wait_lock -> blocked_lock of one task. No wakeup is issued under either.
#pragma once

#include <cstdint>

#include "core/checked.hpp"
#include "core/waitable.hpp"

namespace px::core {

template <Platform P>
class Scheduler;

template <typename P>
class Mutex : public Waitable<P> {
 public:
  using Task = core::Task<P>;
  using Scheduler = core::Scheduler<P>;

  static constexpr std::uintptr_t kWaiters = 1;
  static constexpr std::uintptr_t kPickup = 2;
  static constexpr std::uintptr_t kSlow = 4;
  static constexpr std::uintptr_t kFlags = kWaiters | kPickup | kSlow;
  // Starvation bound: a waiter that was woken and found the lock taken again this often in a row
  // gets it handed over.
  static constexpr std::uint8_t kMaxLost = 8;

  // A ceiling as set_protocol() takes it: a realtime priority, or a nice level.
  [[nodiscard]] static constexpr CeilingByte ceiling_at(bool realtime, int level) {
    return realtime ? realtime_ceiling(level) : nice_ceiling(level);
  }

  constexpr Mutex() = default;
  Mutex(const Mutex&) = delete;
  Mutex& operator=(const Mutex&) = delete;

  // Takes the lock if it is free and nobody's rank changes by that. False may also mean that the
  // lock's protocol wants more to be done: lock() and the other try_lock() do it. Never blocks.
  [[nodiscard]] bool try_lock(Task& me) {
    std::uintptr_t expected = 0;
    if (word_.compare_exchange_strong(expected, to_word(me), std::memory_order_acq_rel,
                                      std::memory_order_relaxed)) [[likely]] {
      return true;
    }
    return try_steal(me);
  }
  // Takes the lock if it is free. kGranted, kNone (it is not) or kRefused. Never blocks.
  [[nodiscard]] WaitEnd try_lock(Scheduler& scheduler, Task& me) {
    return try_lock(me) ? WaitEnd::kGranted : try_lock_slow(scheduler, me);
  }

  // Takes the lock, waiting for it until `deadline_ns` (kNever: for ever). kGranted, kTimedOut,
  // kStopped, kDeadlock or kRefused; in the last four the caller does not hold the lock.
  [[nodiscard]] WaitEnd lock(Scheduler& scheduler, Task& me, Nanos deadline_ns = kNever) {
    std::uintptr_t expected = 0;
    if (word_.compare_exchange_strong(expected, to_word(me), std::memory_order_acq_rel,
                                      std::memory_order_relaxed)) [[likely]] {
      return WaitEnd::kGranted;
    }
    return lock_slow(scheduler, me, deadline_ns);
  }

  // Takes the lock again after a wait for a condition: as lock() without a time limit, but never
  // refused and never a deadlock's victim, since its caller counts on owning it.
  void relock(Scheduler& scheduler, Task& me) {
    while (!try_lock(me) && lock_slow(scheduler, me, kNever, true) != WaitEnd::kGranted) {
    }
  }

  // Gives the lock up. False: `me` does not own it and nothing was changed.
  [[nodiscard]] bool unlock(Scheduler& scheduler, Task& me) {
    if (mutant(scheduler.platform(), Mutant::kM23)) {
      return task_in(word_.exchange(0, std::memory_order_release)) == &me;
    }
    std::uintptr_t expected = to_word(me);
    if (word_.compare_exchange_strong(expected, 0, std::memory_order_release,
                                      std::memory_order_relaxed)) [[likely]] {
      return true;
    }
    if (task_in(expected) != &me || (expected & kPickup) != 0) return false;
    unlock_slow(scheduler, me);
    return true;
  }

  // Changes the protocol of a lock that nobody owns or waits for, or makes as its only user.
  // `limit`, the ceiling, counts for kProtect only, where 0 is the highest. False: the lock is in
  // use.
  [[nodiscard]] bool set_protocol(Protocol wanted, CeilingByte limit = 0);

  // The task named in the word, also before it has picked the lock up; nullptr: free.
  [[nodiscard]] Task* owner() const { return task_in(word_.load(std::memory_order_acquire)); }
  [[nodiscard]] bool owned_by(const Task& task) const {
    const auto word = word_.load(std::memory_order_acquire);
    return task_in(word) == &task && (word & kPickup) == 0;
  }
  [[nodiscard]] bool has_waiters() const {
    return (word_.load(std::memory_order_relaxed) & kWaiters) != 0;
  }
  [[nodiscard]] std::uintptr_t word() const { return word_.load(std::memory_order_acquire); }
  // What the lock gives its owner at this moment, and the next lock on that owner's list. Guarded
  // by the owner's blocked_lock.
  [[nodiscard]] BoostCode boost() const { return boost_; }
  [[nodiscard]] const Mutex* next_boost() const { return next_boost_; }
  // What it should give `owner`. wait_lock held.
  [[nodiscard]] BoostCode boost_due(const Task& owner) const;
  // Makes it that, after a change of the waiters or of the owner. Returns the owner if that changed
  // something, for propagate_boost(); else nullptr. wait_lock held.
  [[nodiscard]] Task* update_boost();
  // The address that the checker treats as an owner word.
  [[nodiscard]] const void* word_address() const { return &word_; }

 private:
  static std::uintptr_t to_word(const Task& task) {
    return reinterpret_cast<std::uintptr_t>(&task);
  }
  static Task* task_in(std::uintptr_t word) { return reinterpret_cast<Task*>(word & ~kFlags); }

  [[nodiscard]] bool needs_wait_lock(std::uintptr_t word) const {
    return (word & kSlow) != 0 || ((word & kWaiters) != 0 && this->protocol == Protocol::kInherit);
  }
  [[nodiscard]] bool refuses(Task& me);
  [[nodiscard]] bool try_steal(Task& me);
  [[nodiscard]] bool try_acquire(Task& me);
  [[nodiscard]] WaitEnd try_lock_slow(Scheduler& scheduler, Task& me);
  bool set_boost(Task& owner, BoostCode code);
  [[nodiscard]] bool pick_up(Task& me);
  [[nodiscard]] bool spin(Scheduler& scheduler, Task& me);
  [[nodiscard]] WaitEnd lock_slow(Scheduler& scheduler, Task& me, Nanos deadline_ns,
                                  bool again = false);
  [[nodiscard]] WaitEnd wait_for_lock(Scheduler& scheduler, Task& me);
  void enqueue_waiter(Task& me);
  [[nodiscard]] Task* leave(Task& me);
  void unlock_slow(Scheduler& scheduler, Task& me);
  [[nodiscard]] Task* choose_handoff(Scheduler& scheduler, Task& me);

  typename P::template Atomic<std::uintptr_t> word_;
  BoostCode boost_ = 0;          // 0: not on its owner's list
  Mutex* next_boost_ = nullptr;  // on that list
};

// A task's end. `pending` until the task has published its exit; joiners lend to it.
template <typename P>
class ExitWait : public Waitable<P> {
 public:
  ExitWait() { this->kind = WaitableKind::kExit; }
  void attach(Task<P>& task) { task_.store(&task, std::memory_order_release); }
  void publish() { task_.store(nullptr, std::memory_order_release); }  // wait_lock held
  [[nodiscard]] Task<P>* pending() const { return task_.load(std::memory_order_acquire); }

 private:
  typename P::template Atomic<Task<P>*> task_;
};

}  // namespace px::core
