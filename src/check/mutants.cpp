#include "check/mutants.hpp"

#include <algorithm>
#include <iterator>

namespace px::check {

namespace {

using M = core::Mutant;

// A list, not a function: one line for each fault.
const MutantInfo kMutants[] = {
    {"E02", M::kE02, "an error leaves the link of the wait set", "time-limit"},
    {"E07", M::kE07, "a link is cleared without looking what it is a link to",
     "two-locks-one-owner"},
    {"E07b", M::kE07b, "a deadlock's victim is not asked whether it is still in that wait",
     "victim-waits-again"},
    {"E08", M::kE08, "two blocked_locks are nested", "owner-sleeps"},
    {"E09", M::kE09, "unlock looks for a paying donor with preemption on", "remote-owner"},
    {"E12", M::kE12, "a task that was woken with its link set is taken for blocked",
     "limit-then-wait"},
    {"E13", M::kE13, "the walk does not notice a cycle", "deadlock-with-time-limit"},
    {"E15", M::kE15, "a task leaves the queue before the references to it go", "two-tasks", true},
    {"E17a", M::kE17a, "the running task itself is parked", "owner-sleeps"},
    {"E17b", M::kE17b, "the running task itself is moved or linked", "two-tasks"},
    {"E17c", M::kE17c, "the running task itself is hung up in a cycle", "cancelled-in-a-cycle"},
    {"E20", M::kE20, "need_resched is cleared on the way through idle", "two-tasks"},
    {"E21", M::kE21, "a task's CPU is written before the move, outside the target's lock",
     "affinity-of-waiter", true},
    {"E24", M::kE24, "a walk that meets a moving owner retries under its lock",
     "affinity-of-waiter"},
    {"E25", M::kE25, "a waiter whose link is gone runs on, though it may not run here any more",
     "affinity-of-waiter"},
    {"E26", M::kE26, "a free lock lets a migrated waiter run where it is", "waiters-on-both-sides"},
    {"E32", M::kE32, "a wakeup marks a migrated waiter runnable without bringing it home",
     "remote-owner"},
    {"E33", M::kE33, "the wait of a task that hangs on an owner is ended without waking it",
     "branch-cancelled"},
    {"E34", M::kE34, "a wakeup returns a task to wake_cpu although that CPU is offline",
     "offline-home-of-donor"},
    {"E35", M::kE35, "a waiter whose link is gone runs where it is queued", "affinity-of-waiter"},
    {"E36", M::kE36, "a wakeup returns a task to wake_cpu without asking its affinity",
     "affinity-of-waiter"},
    {"E37", M::kE37, "wake_cpu stays stale when a task wakes where it was moved",
     "affinity-of-waiter"},
    {"E38", M::kE38, "a task returns home only if it may not stay", "two-tasks"},
    {"E39", M::kE39, "the donor is moved instead of the chain next to the owner", "chain-behind"},
    {"E41", M::kE41, "a wakeup takes a context off before it has charged", "spinning"},
    {"E42", M::kE42, "who waits stays queued though proxy execution is off", "switched-off"},
    {"E44", M::kE44, "a wait looks for its end before it shows that it sleeps",
     "cancelled-in-a-cycle"},
    {"E47", M::kE47, "a wait begins with the end of the one before", "owner-sleeps"},
    {"E48", M::kE48, "the boost does not end at the hand-off", "inversion"},
    {"E48c", M::kE48c, "the boost does not end when a link of its chain is woken",
     "limit-then-wait"},
    {"E49", M::kE49, "a waiter that meets a free lock away from home leaves the queue for good",
     "fair-two-cpus"},
    {"E50", M::kE50, "idle is not told to choose again", "two-tasks"},
    {"E52", M::kE52, "activation does not take the waiter's lock", "affinity-of-waiter"},
    {"E53", M::kE53, "a context that is brought back forgets where it came from",
     "owner-sleeps-remote"},
    {"E55", M::kE55, "a waiter leaves the queue before it hangs on its owner", "time-limit"},
    {"E56a", M::kE56a, "a wakeup does not activate those parked on the task", "owner-sleeps"},
    {"E56b", M::kE56b, "an owner that leaves its CPU leaves its linked waiters behind",
     "running-owner"},
    {"E56c", M::kE56c, "an unlock does not activate those who hang on the task",
     "deadlock-on-two-cpus"},
    {"E56f", M::kE56f, "a task that was sent away does not activate those who hang on it",
     "affinity-of-waiter"},
    {"E57", M::kE57, "the donor is parked instead of the last chain member",
     "sleeping-end-of-chain"},
    {"E60a", M::kE60a, "parking does not look again whether the owner is away",
     "chain-of-three-cpus"},
    {"E60b", M::kE60b, "linking does not look again whether the owner runs", "running-owner"},
    {"E60c", M::kE60c, "a wakeup looks who hangs on the task before the task is seen awake",
     "deadlock-on-two-cpus"},
    {"E61b", M::kE61b, "a woken waiter stays in the tree", "wake-in-mid-chain"},
    {"E62", M::kE62, "waiters are activated under a runqueue lock", "running-owner"},
    {"E66", M::kE66, "a blocked context is pushed by its own affinity, without its chain",
     "pinned-end"},
    {"E67", M::kE67, "who has ever been lent to is never pushed again", "freed-owner-is-pushed"},
    {"E68", M::kE68, "a change of affinity moves a context that lends", "linked-owner-moves"},
    {"E69", M::kE69, "execution time is reported for the donor", "time-limit-while-running"},
    {"E71", M::kE71, "a proxy's yield yields nobody", "yielding-owner"},
    {"E72", M::kE72, "a proxy's yield costs a deadline donor its budget", "deadline-proxy-yields"},
    {"E76", M::kE76, "the published rank of a donor outlives it", "remote-owner"},
    {"E77", M::kE77, "the clock of a task that runs for another stands still", "inversion"},
    {"E84", M::kE84, "the end of a chain is pushed without those who lend to it",
     "chain-is-pushed"},
    {"E85a", M::kE85a, "a chain is pushed although it leads to the task that runs",
     "chain-is-pushed"},
    {"E85b", M::kE85b, "where a chain may go is decided by its lender's affinity", "pinned-end"},
    {"D01", M::kD01, "a used-up budget throttles nobody", "throttle-in-section"},
    {"D02", M::kD02, "a replenished waiter keeps its old place in the wait list",
     "throttled-waiters"},
    {"D03", M::kD03, "a replenished task does not ask for the CPU", "throttle-in-section"},
    {"D04", M::kD04, "a deadline task's wakeup is taken for one of the donor's class",
     "throttle-in-section"},
    {"M16", M::kM16, "a boost follows the lock taken last, not the strongest one held",
     "inherit-two-locks"},
    {"M17", M::kM17, "the boost outlasts the unlock", "inherit"},
    {"M21", M::kM21, "the waiters bit is set after the last try for the lock",
     "affinity-of-waiter"},
    {"M23", M::kM23, "unlock does not look at the waiters bit", "two-tasks"},
    {"M24", M::kM24, "a timer outlives the wait it was for", "chain-head-cancelled"},
    {"M25", M::kM25, "a waiter keeps its place in the list when its rank changes", "parked-class"},
    {"M26", M::kM26, "a waiter that waits again keeps the place of its old rank", "lending-class"},
    {"M27", M::kM27, "a shared lock's wait that ends lets nobody behind it go on",
     "writer-gives-up"},
    {"M28", M::kM28, "a leaving holder does not tell those who hang on it", "shared-in-turn"},
    {"F01", M::kF01, "a task's end is not marked under its lock", "two-tasks"},
};

}  // namespace

const std::vector<MutantInfo>& mutants() {
  static const std::vector<MutantInfo> all(std::begin(kMutants), std::end(kMutants));
  return all;
}

const MutantInfo* find_mutant(std::string_view name) {
  const auto& all = mutants();
  const auto found = std::find_if(all.begin(), all.end(),
                                  [&](const MutantInfo& info) { return name == info.name; });
  return found != all.end() ? &*found : nullptr;
}

}  // namespace px::check
