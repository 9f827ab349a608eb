#include "check/mutants.hpp"

#include <algorithm>

namespace px::check {

const std::vector<MutantInfo>& mutants() {
  using M = core::Mutant;
  static const std::vector<MutantInfo> all = {
      {"E02", M::kE02, "an error leaves the link of the wait set", "time-limit"},
      {"E07", M::kE07, "a link is cleared without looking what it is a link to",
       "two-locks-one-owner"},
      {"E08", M::kE08, "two blocked_locks are nested", "owner-sleeps"},
      {"E09", M::kE09, "unlock looks for a paying donor with preemption on", "remote-owner"},
      {"E13", M::kE13, "the walk does not notice a cycle", "deadlock-with-time-limit"},
      {"E15", M::kE15, "a task leaves the queue before the references to it go", "two-tasks", true},
      {"E17a", M::kE17a, "the running task itself is parked", "owner-sleeps"},
      {"E17b", M::kE17b, "the running task itself is moved or linked", "two-tasks"},
      {"E20", M::kE20, "need_resched is cleared on the way through idle", "two-tasks"},
      {"E24", M::kE24, "a walk that meets a moving owner retries under its lock",
       "affinity-of-waiter"},
      {"E26", M::kE26, "a free lock lets a migrated waiter run where it is",
       "waiters-on-both-sides"},
      {"E32", M::kE32, "a wakeup marks a migrated waiter runnable without bringing it home",
       "remote-owner"},
      {"E35", M::kE35, "a waiter whose link is gone runs where it is queued", "affinity-of-waiter"},
      {"E36", M::kE36, "a wakeup returns a task to wake_cpu without asking its affinity",
       "affinity-of-waiter"},
      {"E37", M::kE37, "wake_cpu stays stale when a task wakes where it was moved",
       "affinity-of-waiter"},
      {"E38", M::kE38, "a task returns home only if it may not stay", "two-tasks"},
      {"E44", M::kE44, "a wait looks for its end before it shows that it sleeps",
       "cancelled-in-a-cycle"},
      {"E48", M::kE48, "the boost does not end at the hand-off", "inversion"},
      {"E49", M::kE49, "a waiter that meets a free lock away from home leaves the queue for good",
       "fair-two-cpus"},
      {"E50", M::kE50, "idle is not told to choose again", "two-tasks"},
      {"E52", M::kE52, "activation does not take the waiter's lock", "affinity-of-waiter"},
      {"E55", M::kE55, "a waiter leaves the queue before it hangs on its owner", "time-limit"},
      {"E56a", M::kE56a, "a wakeup does not activate those parked on the task", "owner-sleeps"},
      {"E56b", M::kE56b, "an owner that leaves its CPU leaves its linked waiters behind",
       "running-owner"},
      {"E57", M::kE57, "the donor is parked instead of the last chain member",
       "sleeping-end-of-chain"},
      {"E60a", M::kE60a, "parking does not look again whether the owner is away",
       "chain-of-three-cpus"},
      {"E60b", M::kE60b, "linking does not look again whether the owner runs", "running-owner"},
      {"E61b", M::kE61b, "a woken waiter stays in the tree", "wake-in-mid-chain"},
      {"E62", M::kE62, "waiters are activated under a runqueue lock", "running-owner"},
      {"E69", M::kE69, "execution time is reported for the donor", "time-limit-while-running"},
      {"E71", M::kE71, "a proxy's yield yields nobody", "yielding-owner"},
      {"M21", M::kM21, "the waiters bit is set after the last try for the lock",
       "affinity-of-waiter"},
  };
  return all;
}

const MutantInfo* find_mutant(std::string_view name) {
  const auto& all = mutants();
  const auto found = std::find_if(all.begin(), all.end(),
                                  [&](const MutantInfo& info) { return name == info.name; });
  return found != all.end() ? &*found : nullptr;
}

}  // namespace px::check
