// THE seam: what a world (live, sim, check) supplies to the core. Every template of the core takes
// one parameter, `template <Platform P>`, and is instantiated once per world.
//
// Types
//   SpinLock     lock(), try_lock(), unlock(). All-zero bytes are an unlocked lock. Held only with
//                preemption off. A scheduling point for the checker, which enables lock() only when
//                the lock is free.
//   Atomic<T>    the part of std::atomic<T> that the core uses. All-zero bytes are T{}. Each
//                operation is a scheduling point for the checker.
//   Shared<T>    plain memory that a lock guards (get(), set()). No cost in live and sim; the
//                checker sees each access and reports two conflicting ones that no lock orders.
//   Context      an execution context: stack and registers of a task.
//
// Constants
//   kProxyExec   false: proxy execution is compiled out, find_proxy_task with it.
//   kSpins       optimistic spinning makes sense here (never at zero cost).
//   kMutants     the checker's seeded faults exist: `if constexpr (P::kMutants)`.
//
// Actions; "any" = any lock may be held, "none" = no lock of the core may be held.
//   now()                 instant in ns, monotonic over all CPUs. any.
//   this_cpu()            the CPU that executes the caller. Preemption off. any.
//   current()             the calling task; the CPU's idle task in its idle loop. any.
//   preempt_disable(), preempt_enable_no_resched()   nestable count of the calling CPU. any.
//   preemptible()         the count is zero. any.
//   before_pick()         called by schedule() before it takes the runqueue lock; the simulator
//                         lets the current instant settle here. May switch away and come back.
//                         none.
//   switch_context(from, to)   runs task `to`; returns when somebody switches back to `from`,
//                         perhaps on another CPU. The runqueue lock is held and passes to the other
//                         side.
//   can_run(task)         may this CPU run the task's execution context now? False where the
//                         context is tied to an OS thread that plays another CPU. rq lock.
//   await_turn(task)      after can_run said no and the task was put to sleep: it will be woken
//                         when can_run would say yes. True: it says so already. rq lock.
//   moves_freely(task)    may the fair balancer move the task? False where that would gain nothing,
//                         since its context is tied to an OS thread. rq lock.
//   retire(task)          the task has ended and its stack is no longer in use. none.
//   kick(cpu, urgent)     makes another CPU look at its need_resched soon; urgent: a realtime
//                         context waits. Never blocks; may be put off until preemption is enabled
//                         or the CPU idles. any but wait_lock and blocked_lock.
//   arm(cpu, when)        tick(cpu) is to be called at `when` or a little earlier; kNever disarms.
//                         Any CPU may be named. any.
//   idle_wait()           the calling CPU's idle task waits for a kick, a wakeup or its timer.
//                         none.
//   relax()               a turn of a wait for another CPU's bounded action. any.
//   trace(kind, task, other, lock)   reports an event (trace/event.hpp). any.
#pragma once

#include <atomic>
#include <concepts>
#include <cstdint>

#include "base/time.hpp"
#include "trace/event.hpp"

namespace px::core {

template <typename P>
concept Platform = requires(P& p, typename P::SpinLock& lock, int cpu, bool flag, Nanos when,
                            trace::EventKind kind, std::uint32_t id) {
  typename P::SpinLock;
  typename P::Context;
  typename P::template Atomic<int>;
  typename P::template Shared<int>;
  { P::kProxyExec } -> std::convertible_to<bool>;
  { P::kSpins } -> std::convertible_to<bool>;
  { P::kMutants } -> std::convertible_to<bool>;
  lock.lock();
  { lock.try_lock() } -> std::same_as<bool>;
  lock.unlock();
  { p.now() } -> std::same_as<Nanos>;
  { p.this_cpu() } -> std::same_as<int>;
  p.preempt_disable();
  p.preempt_enable_no_resched();
  { p.preemptible() } -> std::same_as<bool>;
  p.before_pick();
  p.kick(cpu, flag);
  p.arm(cpu, when);
  p.idle_wait();
  p.relax();
  p.trace(kind, id, id, id);
};

// switch_context(Task<P>&, Task<P>&), can_run(const Task<P>&), await_turn(Task<P>&),
// moves_freely(const Task<P>&), retire(Task<P>&) and Task<P>* current() complete the contract; the
// concept cannot name them, since Task<P> needs a complete Platform.

// A lock guard for P::SpinLock; the core holds locks for a few instructions and never throws.
template <typename L>
class [[nodiscard]] Guard {
 public:
  explicit Guard(L& lock) : lock_(lock) { lock_.lock(); }
  ~Guard() { lock_.unlock(); }
  Guard(const Guard&) = delete;
  Guard& operator=(const Guard&) = delete;

 private:
  L& lock_;
};

}  // namespace px::core
