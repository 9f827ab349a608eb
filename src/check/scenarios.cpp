#include "check/scenarios.hpp"

#include <algorithm>
#include <stdexcept>

#include "check/catalogue.hpp"
#include "check/text.hpp"
#include "core/checked.hpp"

namespace px::check {

namespace {

void one_cpu(Catalogue& c) {
  c.add("inversion", "a middle task between the owner and the one that waits for it", 1,
        {{"L fifo:1", "lock a; sleep 1; run; unlock a; run"},
         {"M fifo:2", "sleep 1; run"},
         {"H fifo:3", "sleep 1; lock a; run; unlock a"}},
        {"run-owner"});
  c.add("owner-sleeps", "an owner that sleeps in its section, two waiters of different rank", 1,
        {{"L fifo:1", "lock a; sleep 2; unlock a"},
         {"M fifo:2", "sleep 1; lock a; unlock a"},
         {"H fifo:3", "sleep 1; lock a; unlock a"}},
        {"parked"});
  c.add("round-robin-owner", "equal ranks, slices that end inside the sections", 1,
        {{"A rr:5", "lock a; run; run; unlock a"},
         {"B rr:5", "lock a; run; unlock a"},
         {"C rr:5", "run; lock a; unlock a"}},
        {"run-owner"})
      .slice_ticks = 4;
  c.add("fair-slices", "fair tasks of different weight, slices that end inside the sections", 1,
        {{"A fair:0", "lock a; run; run; unlock a"},
         {"B fair:5", "lock a; run; unlock a"},
         {"C fair:-5", "run; lock a; unlock a"}},
        {"run-owner"})
      .slice_ticks = 4;
  c.add("yielding-owner", "an owner that yields, on borrowed rank, until an equal has had its turn",
        1,
        {{"L fifo:1", "lock a; sleep 1; yield_until M; unlock a"},
         {"M fifo:3", "sleep 1; run; yield; run"},
         {"H fifo:3", "sleep 1; lock a; yield; unlock a"}},
        {"run-owner", "parked"});
  c.add("two-locks-one-owner", "the paying donor waits for another lock than the one released", 1,
        {{"L fifo:1", "lock a; lock b; sleep 2; unlock a; run; unlock b"},
         {"M fifo:2", "sleep 1; lock a; unlock a"},
         {"H fifo:3", "sleep 1; lock b; run; unlock b"}},
        {"run-owner", "parked"});
  c.add("sleeping-end-of-chain", "the end of a chain of three sleeps again while they lend to it",
        1,
        {{"O fifo:1", "lock a; sleep 3; sleep 1; unlock a"},
         {"B fifo:2", "sleep 1; lock b; lock a; unlock a; unlock b"},
         {"D fifo:3", "sleep 2; lock b; unlock b"}},
        {"run-owner", "parked"});
  c.add("deadlock-of-two", "two tasks take two locks in opposite order", 1,
        {{"A fifo:1", "lock a; sleep 1; lock b; unlock b; unlock a"},
         {"B fifo:2", "lock b; sleep 1; lock a; unlock a; unlock b"},
         {"C fifo:3", "sleep 1; lock a; unlock a"}},
        {"parked"})
      .deadlock = true;
}

void lending_across_cpus(Catalogue& c) {
  c.add("two-tasks", "one lock, two tasks, two CPUs", 2,
        {{"L fifo:1 @0", "lock a; run; unlock a"}, {"H fifo:3 @1", "lock a; run; unlock a"}},
        {"run-owner", "run-waiter", "pick-again", "deactivated", "linked", "migrated", "idle"});
  c.add("remote-owner", "the owner is preempted on another CPU; the waiter's context goes there", 2,
        {{"L fifo:1 @0 on 0", "lock a; run; unlock a; run"},
         {"M fifo:2 @0 on 0", "sleep 1; run"},
         {"H fifo:3 @1 on 1", "sleep 1; lock a; run; unlock a; run"}},
        {"migrated", "run-owner"});
  c.add("running-owner", "the owner runs elsewhere on a better context than the waiter's", 2,
        {{"H fifo:5 @0 on 0", "lock a; run; run; unlock a"},
         {"L fifo:1 @1 on 1", "lock a; run; unlock a"},
         {"M fifo:3 @1 on 1", "run; lock a; unlock a"},
         {"X fifo:7 @0 on 0", "sleep 1; run"}},
        {"linked"});
  c.add("waiters-on-both-sides", "three waiters of three ranks on two CPUs", 2,
        {{"L fifo:1 @0", "lock a; run; unlock a"},
         {"M fifo:2 @0", "lock a; unlock a"},
         {"H fifo:3 @1", "lock a; run; unlock a"}},
        {"linked"});
  c.add("nested-chain", "a chain of two locks whose middle is on another CPU", 2,
        {{"L fifo:1 @0", "lock a; run; unlock a"},
         {"M fifo:2 @0", "lock b; lock a; unlock a; unlock b"},
         {"H fifo:3 @1", "lock b; run; unlock b"}},
        {"run-owner"});
  c.add("fair-two-cpus", "fair tasks never outrank each other", 2,
        {{"A fair:1 @0", "lock a; run; unlock a"},
         {"B fair:2 @0", "lock a; unlock a"},
         {"C fair:3 @1", "lock a; run; unlock a"}},
        {"linked"});
}

void sleeping_owners(Catalogue& c) {
  c.add("owner-sleeps-remote", "the owner sleeps; waiters of two CPUs park on it", 2,
        {{"L fifo:1 @0", "lock a; sleep 1; unlock a"},
         {"M fifo:2 @0", "lock a; unlock a"},
         {"H fifo:3 @1", "lock a; run; unlock a"}},
        {"parked"});
  c.add("tree-of-waiters", "the waiters of a parked waiter hang on it", 2,
        {{"O fifo:1 @0", "lock a; sleep 1; run; unlock a"},
         {"B fifo:2 @0", "lock b; lock a; unlock a; unlock b"},
         {"D fifo:3 @1", "lock b; run; unlock b"}},
        {"parked"});
  c.add("wake-in-mid-chain", "a middle member of a parked chain is woken without its lock", 2,
        {{"O fifo:1 @0 on 0", "lock a; sleep 1; unlock a"},
         {"B fifo:2 @0 on 0", "lock b; lock_timeout a 1; unlock a; unlock b"},
         {"D fifo:3 @1 on 1", "lock b; unlock b"}},
        {"parked"});
  c.add("time-limit", "a wait with a time limit races with the unlock", 2,
        {{"L fifo:1 @0 on 0", "lock a; sleep 1; unlock a"},
         {"M fifo:2 @0 on 0", "lock_timeout a 1; unlock a"},
         {"H fifo:3 @1 on 1", "lock a; run; unlock a"}},
        {"parked"});
  c.add("time-limit-while-running", "a time limit ends the wait of the paying donor", 2,
        {{"L fifo:1 @0 on 0", "lock a; run; run; unlock a; run"},
         {"H fifo:3 @1 on 1", "lock_timeout a 1; unlock a; run"},
         {"M fifo:2 @0 on 0", "sleep 1; run"}},
        {"run-owner"});
}

void ends_of_waits(Catalogue& c) {
  c.add("cancelled-wait", "another task cancels a wait", 2,
        {{"L fifo:1 @0", "lock a; run; unlock a"},
         {"H fifo:3 @1", "lock a; unlock a; run"},
         {"X fifo:2 @0", "cancel H; run"}},
        {"linked"});
  c.add("cancelled-migrant", "a wait is cancelled while its context is on the owner's CPU", 2,
        {{"L fifo:1 @0 on 0", "lock a; run; unlock a"},
         {"M fifo:2 @0 on 0", "run; cancel H; run"},
         {"H fifo:3 @1 on 1", "lock a; unlock a; run"}},
        {"migrated"});
  c.add("cancelled-sleep", "a sleep is cancelled as it begins", 2,
        {{"S fifo:1 @0", "sleep 1; run"}, {"X fifo:2 @1", "cancel S; run"}});
  c.add("cancelled-in-a-cycle", "a wait in a cycle that ends by itself is cancelled", 2,
        {{"O fifo:3 @0 on 0", "lock a; join H; unlock a"},
         {"H fifo:2 @1 on 1", "lock_timeout a 1; unlock a"},
         {"X fifo:1 @0 on 0", "cancel H; run"}},
        {"parked", "cycle"});
  c.add("cycle-that-times-out", "two tasks in a cycle that a time limit ends", 2,
        {{"O fifo:3 @0 on 0", "lock a; join H; unlock a"},
         {"H fifo:2 @1 on 1", "lock_timeout a 1; unlock a"}},
        {"cycle"});
  c.add("cancelled-owner", "the sleep of an owner is cancelled while a waiter parks on it", 2,
        {{"S fifo:1 @0 on 0", "lock a; sleep 1; unlock a"},
         {"X fifo:2 @1 on 1", "cancel S; run"},
         {"W fifo:3 @1 on 1", "lock a; unlock a"}},
        {"parked"});
  c.add("spurious-wakeup", "waiters are woken for no reason", 2,
        {{"L fifo:1 @0", "lock a; run; unlock a"},
         {"H fifo:3 @1", "lock a; run; unlock a"},
         {"X fifo:2 @1", "wake H; wake L; run"}},
        {"linked"});
}

void changes_on_the_way(Catalogue& c) {
  c.add("affinity-of-waiter", "a waiter may no longer use the CPU it came from", 2,
        {{"L fifo:1 @0 on 0", "lock a; run; unlock a"},
         {"M fifo:2 @0 on 0", "affinity H 0; run"},
         {"H fifo:3 @1", "lock a; run; unlock a; run"}},
        {"migrated"});
  c.add("affinity-of-owner", "the owner has to leave its CPU in mid-section", 2,
        {{"L fifo:1 @0", "lock a; run; run; unlock a"},
         {"M fifo:4 @1", "affinity L 1; run"},
         {"H fifo:3 @0", "lock a; unlock a"}},
        {"run-owner"});
  c.add("rank-changes", "the parameters of a waiter and of the owner change", 2,
        {{"L fifo:1 @0", "lock a; run; unlock a"},
         {"H fifo:3 @1", "lock a; unlock a"},
         {"X fifo:2 @1", "class H fair:0; class L fifo:5"}},
        {"linked"});
  c.add("stealing", "a newcomer takes the lock before the woken waiter", 2,
        {{"A fifo:1 @0", "lock a; unlock a; lock a; unlock a"},
         {"B fifo:3 @1", "lock a; unlock a"},
         {"C fifo:2 @1", "try_lock a; run; unlock a"}},
        {"linked"});
  c.add("join-lends", "a task waits for the end of another, which waits for a lock", 2,
        {{"L fifo:1 @0", "lock a; run; unlock a"},
         {"W fifo:2 @0", "lock a; unlock a"},
         {"J fifo:3 @1", "join W; run"}},
        {"run-owner"});
}

void cycles(Catalogue& c) {
  c.add("deadlock-on-two-cpus", "the cycle is closed from two CPUs at once", 2,
        {{"A fifo:1 @0", "lock a; lock b; unlock b; unlock a"},
         {"B fifo:2 @1", "lock b; lock a; unlock a; unlock b"},
         {"C fifo:3 @1", "lock b; run; unlock b"}},
        {"run-owner"})
      .deadlock = true;
  c.add("deadlock-with-time-limit", "nobody is a victim where one wait ends by itself", 2,
        {{"A fifo:1 @0 on 0", "lock a; lock_timeout b 1; unlock b; unlock a"},
         {"B fifo:2 @1 on 1", "lock b; lock a; unlock a; unlock b"},
         {"C fifo:3 @0 on 0", "lock a; unlock a"}},
        {"cycle"});
  c.add("two-locks-two-orders", "each task twice, nested, with one timer", 2,
        {{"A fifo:1 @0", "lock a; lock b; unlock b; unlock a; lock b; unlock b"},
         {"B fifo:2 @1", "lock a; lock b; unlock b; unlock a"},
         {"C fifo:3 @1", "lock_timeout b 1; unlock b"}},
        {"run-owner", "linked"});
}

void three_cpus(Catalogue& c) {
  c.add("chain-of-three-cpus", "a chain with one member on each CPU", 3,
        {{"L fifo:1 @0 on 0", "lock a; run; unlock a"},
         {"M fifo:2 @1 on 1", "lock b; lock a; unlock a; unlock b"},
         {"H fifo:3 @2 on 2", "lock b; run; unlock b"}},
        {"linked", "migrated"})
      .watch_moves = true;
  c.add("three-waiters", "three CPUs want one lock", 3,
        {{"A fifo:1 @0", "lock a; unlock a"},
         {"B fifo:2 @1", "lock a; unlock a"},
         {"C fifo:3 @2", "lock a; unlock a"}},
        {"linked"});
  c.add("four-tasks-two-locks", "two chains that share their end", 2,
        {{"O fifo:1 @0", "lock a; lock b; run; unlock b; unlock a"},
         {"P fifo:2 @0", "lock a; unlock a"},
         {"Q fifo:3 @1", "lock b; unlock b"},
         {"R fifo:4 @1", "run"}},
        {"run-owner"});
}

std::vector<Scenario> make_all() {
  Catalogue catalogue;
  one_cpu(catalogue);
  lending_across_cpus(catalogue);
  sleeping_owners(catalogue);
  ends_of_waits(catalogue);
  changes_on_the_way(catalogue);
  cycles(catalogue);
  three_cpus(catalogue);
  remote_owners(catalogue);
  waits(catalogue);
  balancing(catalogue);
  hotplug(catalogue);
  lock_protocols(catalogue);
  events(catalogue);
  shared_locks(catalogue);
  add_deadline_scenarios(catalogue.all);
  return std::move(catalogue.all);
}

}  // namespace

const std::vector<Scenario>& scenarios() {
  static const std::vector<Scenario> all = make_all();
  return all;
}

const Scenario* find_scenario(std::string_view name) {
  const auto& all = scenarios();
  const auto found = std::find_if(all.begin(), all.end(),
                                  [&](const Scenario& scenario) { return scenario.name == name; });
  return found != all.end() ? &*found : nullptr;
}

bool reached(const Exploration& exploration, std::string_view outcome) {
  using core::Way;
  struct Row {
    const char* outcome;
    std::vector<Way> ways;
  };
  static const std::vector<Row> rows = {
      {"run-owner", {Way::kRowEnd}},
      {"run-waiter", {Way::kRow1Self, Way::kRow4Run}},
      {"pick-again", {Way::kRow2, Way::kHangMissed}},
      {"deactivated", {Way::kRow1Other}},
      {"parked", {Way::kRow5}},
      {"linked", {Way::kRow6Link}},
      {"migrated", {Way::kRow6Migrate}},
      {"idle", {Way::kRowIdle}},
      {"cycle", {Way::kRow9}},
      {"throttled", {Way::kThrottle}},
      {"throttled-donor", {Way::kThrottleDonor}},
      {"replenished", {Way::kReplenish}},
  };
  for (const Row& row : rows) {
    if (outcome != row.outcome) continue;
    return std::any_of(row.ways.begin(), row.ways.end(), [&](Way way) {
      return exploration.ways[static_cast<std::size_t>(way)] != 0;
    });
  }
  throw std::invalid_argument(concat({"'", outcome, "' is no outcome of find_proxy_task"}));
}

}  // namespace px::check
