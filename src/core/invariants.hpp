// The invariants of the core, each checkable in a state: what the simulator checks after every
// event and the checker after every step. Numbers are those of the list in the proxy execution
// semantics (docs/design); the rules themselves are in invariants-inl.hpp and its neighbours, one
// small function each.
//
// Left out because the core has nothing yet that could keep or break them: 17 and 43 (wound-wait,
// signals), 21, 26 (balance callbacks), 39 (deadline class), 46 (core scheduling).
// Judged elsewhere, since one state does not show them: 16, 18, 22, 24, 25, 28, 29, 30, 37, 40, 44,
// 45, 47 (scenarios, lock annotations, the off-means-off test). 2, 14 and 33 are rules here in the
// form that a state can show.
#pragma once

#include <cstdarg>
#include <cstdio>
#include <span>

#include "core/scheduler.hpp"

namespace px::core {

// The first broken rule of a state.
struct ViolationReport {
  int number = 0;         // of the invariant; 0: none is broken
  const char* name = "";  // the rule in a few words, for instance "idle with queued tasks"
  char message[200] = {};
};
template <Platform P>
using Violation = ViolationReport;

// What a check looks at. Everything named here outlives the check; nothing is changed or allocated.
//
// Where CPUs may stand in the middle of core code, `settled` says which ones do not: CPU `cpu` is
// settled if it is outside the core (in user code, in idle_wait(), or in schedule() before it has
// taken its runqueue lock), carries no task between two runqueues, owes no wakeup, and nobody holds
// rq(cpu).lock. nullptr: all are. Rules about one CPU are evaluated on settled CPUs; rules about
// links between CPUs and tasks only when all CPUs are settled; the rest in every state.
//
// `lock_is_free` says whether nobody holds a lock, without being an operation of the model; with it
// the rules about a wait list are evaluated whenever its wait_lock is free, without it only when
// all CPUs are settled. A world whose Atomic and Shared record accesses must not record those made
// here.
template <Platform P>
struct InvariantView {
  Scheduler<P>& scheduler;
  std::span<Task<P>* const> tasks;           // all but the idle tasks; a pool may list dead ones
  std::span<const Mutex<P>* const> mutexes;  // any that exist; those blocked on are found anyway
  Nanos start_ns = 0;                        // platform.now() at set_idle()
  bool (*settled)(const void* world, int cpu) = nullptr;
  bool (*lock_is_free)(const void* world, const typename P::SpinLock& lock) = nullptr;
  const void* world = nullptr;  // passed to both

  [[nodiscard]] bool is_settled(int cpu) const { return settled == nullptr || settled(world, cpu); }
  [[nodiscard]] bool all_settled() const {
    for (int cpu = 0; cpu < scheduler.cpus(); ++cpu) {
      if (!is_settled(cpu)) return false;
    }
    return true;
  }
  [[nodiscard]] bool is_free(const typename P::SpinLock& lock) const {
    return lock_is_free != nullptr ? lock_is_free(world, lock) : all_settled();
  }
};

// False: `violation` names the first broken rule. O(tasks * tasks) at worst; allocates nothing.
template <Platform P>
[[nodiscard]] bool check_state(const InvariantView<P>& view, Violation<P>& violation);

// The same for what holds only once nothing is about to happen (invariant 20): no CPU is in the
// core or has anything pending. The caller vouches for kicks; a CPU that is not settled, or is
// about to choose again, makes it true.
template <Platform P>
[[nodiscard]] bool check_quiescent(const InvariantView<P>& view, Violation<P>& violation);

// What only ever grows, for check_step().
struct InvariantTotals {
  Nanos clock_ns = 0;  // sum over CPUs of the instant up to which each is charged
  Nanos busy_ns = 0;   // executed by all tasks
  Nanos idle_ns = 0;
  std::uint64_t switches = 0;
};
template <Platform P>
[[nodiscard]] InvariantTotals totals_of(const InvariantView<P>& view);

// Time and counters never run backwards, and whatever time passed was somebody's (invariant 35 as a
// step). Both totals must come from states in which all CPUs were settled.
[[nodiscard]] inline bool check_step(const InvariantTotals& before, const InvariantTotals& after,
                                     ViolationReport& violation);

}  // namespace px::core
