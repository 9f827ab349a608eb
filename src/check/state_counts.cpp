#include "check/state_counts.hpp"

#include <algorithm>
#include <iterator>

#include "check/text.hpp"

namespace px::check {

namespace {

// clang-format off
const StateCount kCounts[] = {
    {"inversion", 2217, 16312},
    {"owner-sleeps", 5365, 36225},
    {"round-robin-owner", 20246, 222347},
    {"fair-slices", 17943, 167699},
    {"yielding-owner", 2842, 20675},
    {"two-locks-one-owner", 5702, 37490},
    {"sleeping-end-of-chain", 24437, 186770},
    {"deadlock-of-two", 4560, 25515},
    {"two-tasks", 5358, 0},
    {"remote-owner", 106624, 0},
    {"running-owner", 972543, 0},
    {"waiters-on-both-sides", 298110, 0},
    {"nested-chain", 209851, 0},
    {"fair-two-cpus", 434329, 0},
    {"owner-sleeps-remote", 904691, 0},
    {"tree-of-waiters", 1366065, 0},
    {"wake-in-mid-chain", 124377, 0},
    {"time-limit", 220840, 0},
    {"time-limit-while-running", 282710, 0},
    {"cancelled-wait", 13585, 0},
    {"cancelled-migrant", 3392, 159716},
    {"cancelled-sleep", 13629, 0},
    {"cancelled-in-a-cycle", 210029, 0},
    {"cycle-that-times-out", 17105, 0},
    {"cancelled-owner", 214515, 0},
    {"spurious-wakeup", 304539, 0},
    {"affinity-of-waiter", 8591, 0},
    {"affinity-of-owner", 15070, 0},
    {"rank-changes", 298917, 0},
    {"stealing", 2324820, 0},
    {"join-lends", 144405, 0},
    {"deadlock-on-two-cpus", 0, 0},
    {"deadlock-with-time-limit", 963923, 0},
    {"two-locks-two-orders", 0, 0},
    {"chain-of-three-cpus", 916171, 0},
    {"three-waiters", 0, 0},
    {"four-tasks-two-locks", 0, 0},
    {"remote-owner-sleeps", 132494, 0},
    {"remote-owner-wakes", 130004, 0},
    {"remote-owner-moves", 574583, 0},
    {"remote-owner-ends", 148612, 0},
    {"remote-owner-yields", 66862, 0},
    {"home-is-taken", 24399, 0},
    {"owner-takes-it-back", 28892, 0},
    {"chain-end-sleeps", 0, 0},
    {"chain-end-moves", 0, 0},
    {"chain-middle-cancelled", 0, 0},
    {"chain-middle-times-out", 560625, 0},
    {"chain-middle-affinity", 1339774, 0},
    {"chain-head-cancelled", 820910, 0},
    {"chain-moves-whole", 0, 0},
    {"chain-end-exits", 115883, 0},
    {"join-in-a-chain", 384077, 0},
    {"two-branches", 682129, 0},
    {"branch-cancelled", 0, 0},
    {"two-donors-one-owner", 0, 0},
    {"owner-sleeps-again", 823026, 0},
    {"linked-owner-sleeps", 0, 0},
    {"linked-owner-moves", 1520789, 0},
    {"linked-affinity", 245982, 0},
    {"linked-class", 1473938, 0},
    {"parked-affinity", 52235, 0},
    {"parked-class", 556571, 0},
    {"lending-class", 65261, 0},
    {"affinity-at-a-free-lock", 291320, 0},
    {"lender-behind", 1000758, 0},
    {"chain-behind", 342464, 0},
    {"blocking-affinity", 1823136, 0},
    {"victim-waits-again", 95710, 0},
    {"cycle-of-three", 0, 0},
    {"spinning", 289849, 0},
    {"granted-at-the-limit", 1673948, 0},
    {"stopped-at-the-hand-off", 101378, 0},
    {"limit-then-wait", 524390, 0},
    {"always-too-late", 82609, 0},
    {"free-lock-limit", 0, 0},
    {"switched-off", 7070, 0},
    {"chain-is-pushed", 2452687, 0},
    {"freed-owner-is-pushed", 1602111, 0},
    {"push-meets-unlock", 0, 0},
    {"pull-when-idle", 1942, 0},
    {"fair-is-pulled", 670, 46323},
    {"pinned-end", 159022, 0},
    {"affinity-frees-the-end", 135257, 0},
    {"affinity-takes-the-end", 0, 0},
    {"cancelled-while-away", 72173, 0},
    {"rank-sinks", 3844, 0},
    {"push-on-three-cpus", 0, 0},
    {"offline-under-a-task", 2334, 0},
    {"offline-itself", 798, 88420},
    {"last-cpu-stays", 24697, 0},
    {"stray-comes-home", 3540, 0},
    {"offline-home-of-donor", 104336, 0},
    {"offline-under-a-donor", 0, 0},
    {"offline-under-a-linked-owner", 135183, 0},
    {"offline-while-parked", 0, 0},
    {"timer-of-an-offline-cpu", 225802, 0},
    {"affinity-to-offline", 61065, 0},
    {"inherit", 2029, 14601},
    {"inherit-two-locks", 3076, 19106},
    {"inherit-chain", 104098, 0},
    {"inherit-owner-sleeps", 97455, 0},
    {"inherit-time-limit", 0, 0},
    {"inherit-cancelled", 11554, 0},
    {"inherit-migration", 15404, 0},
    {"inherit-rank-changes", 216646, 0},
    {"inherit-stolen", 0, 0},
    {"inherit-deadlock", 0, 0},
    {"proxy-behind-inherit", 295517, 0},
    {"inherit-behind-proxy", 114766, 0},
    {"none-in-mid-chain", 16705, 0},
    {"protect", 1148, 8109},
    {"protect-nested", 4428, 26322},
    {"protect-two-cpus", 0, 0},
    {"protect-refused", 17270, 0},
    {"semaphore", 274047, 0},
    {"semaphore-time-limit", 0, 0},
    {"semaphore-cancelled", 26282, 0},
    {"holder", 2601, 23067},
    {"holder-on-another-cpu", 3724, 0},
    {"holder-sleeps", 466400, 0},
    {"holder-leaves", 0, 0},
    {"holder-comes", 7778, 0},
    {"holder-moves", 57621, 0},
    {"holder-cancelled", 115141, 0},
    {"holder-blocks", 52195, 0},
    {"condition", 245355, 0},
    {"condition-two-waiters", 1339, 10335},
    {"condition-cancelled", 2564, 22275},
    {"condition-retaken", 589, 3908},
    {"writer-behind-readers", 11799, 0},
    {"reader-behind-writer", 6096, 0},
    {"readers-elsewhere", 76684, 0},
    {"shared-chain", 11733, 0},
    {"writer-gives-up", 1927, 16785},
    {"writer-cancelled", 0, 0},
    {"reader-sleeps", 0, 0},
    {"writer-sleeps", 0, 0},
    {"reader-moves", 14778, 0},
    {"shared-in-turn", 0, 0},
    {"shared-upgrade", 255, 2317},
    {"shared-deadlock", 32709, 0},
    {"throttle-in-section", 0, 0},
    {"throttled-owner", 36455, 0},
    {"throttled-waiters", 0, 0},
    {"throttle-across-cpus", 0, 0},
    {"deadline-proxy-yields", 0, 0},
    {"deadline-class-while-blocked", 123137, 0},
};
// clang-format on

}  // namespace

std::uint64_t quick_bound(const Scenario& scenario, bool fine) {
  const std::uint64_t own = fine ? scenario.quick_fine_states : scenario.quick_states;
  const std::uint64_t tier = fine ? kQuickTier.fine_states : kQuickTier.coarse_states;
  return own != 0 ? std::min(own, tier) : tier;
}

const std::vector<StateCount>& state_counts() {
  static const std::vector<StateCount> all(std::begin(kCounts), std::end(kCounts));
  return all;
}

std::uint64_t known_states(std::string_view scenario, bool fine) {
  for (const StateCount& count : state_counts()) {
    if (scenario == count.scenario) return fine ? count.fine : count.coarse;
  }
  return 0;
}

std::string size_text(const Scenario& scenario, bool fine) {
  const std::uint64_t known = known_states(scenario.name, fine);
  const std::uint64_t bound = quick_bound(scenario, fine);
  if (known == 0) return concat({"over ", std::to_string(bound)});
  return concat({std::to_string(known), known > bound ? " (nightly)" : ""});
}

}  // namespace px::check
