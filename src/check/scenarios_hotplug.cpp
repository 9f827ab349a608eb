// CPUs that go offline and come back while tasks run, wait and lend there.
#include "check/catalogue.hpp"

namespace px::check {

namespace {

// States in the quick tier of what is too big to be complete there.
constexpr std::uint64_t kBig = 300'000;

}  // namespace

void hotplug(Catalogue& c) {
  c.add("offline-under-a-task", "a CPU goes offline under the task that runs there, and comes back",
        2, {{"A fifo:1 @0", "run; run"}, {"X fifo:2 @1 on 1", "offline 0; run; online 0"}});
  c.add("offline-itself", "a task takes its own CPU offline", 2,
        {{"A fifo:1 @0", "offline 0; run; online 0; run"}, {"B fifo:2 @1", "run"}});
  c.add("last-cpu-stays", "two tasks want to take both CPUs offline", 2,
        {{"A fifo:1 @0", "offline 1; run; online 1"}, {"B fifo:1 @1", "offline 0; run; online 0"}});
  c.add("stray-comes-home", "a task bound to a CPU that is offline strays, and returns", 2,
        {{"A fifo:1 @0 on 0", "run; run"}, {"X fifo:2 @1 on 1", "offline 0; run; online 0; run"}});
  c.add("offline-home-of-donor", "the CPU where a migrated waiter came from goes offline (E34)", 2,
        {{"L fifo:1 @0 on 0", "lock a; run; unlock a"},
         {"H fifo:3 @1", "lock a; unlock a"},
         {"X fifo:2 @0 on 0", "sleep 1; offline 1; run; online 1"}},
        {"migrated"});
  c.add("offline-under-a-donor", "the CPU where contexts lend goes offline", 2,
        {{"L fifo:1 @0", "lock a; run; unlock a"},
         {"H fifo:3 @0 on 0", "sleep 1; lock a; unlock a"},
         {"X fifo:9 @1 on 1", "sleep 1; offline 0; run; online 0"}},
        {"run-owner"})
      .quick_states = kBig;
  c.add("offline-under-a-linked-owner", "the CPU of a running owner with linked waiters goes", 2,
        {{"H fifo:5 @0", "lock a; run; unlock a"},
         {"L fifo:1 @1", "lock a; unlock a"},
         {"X fifo:7 @1 on 1", "run; offline 0; run; online 0"}},
        {"linked"});
  c.add("offline-while-parked", "an owner sleeps with a waiter parked on it; its CPU goes", 2,
        {{"L fifo:3 @0 on 0", "lock a; sleep 1; unlock a"},
         {"H fifo:2 @0 on 0", "lock a; unlock a"},
         {"X fifo:9 @1 on 1", "run; offline 0; sleep 2; online 0"}},
        {"parked"})
      .quick_states = kBig;
  c.add("timer-of-an-offline-cpu", "a time limit set on a CPU that is offline by then ends a wait",
        2,
        {{"L fifo:1 @1 on 1", "lock a; sleep 2; unlock a"},
         {"H fifo:3 @0", "lock_timeout a 1; unlock a"},
         {"X fifo:9 @1 on 1", "run; offline 0; run; online 0"}},
        {"parked"});
  c.add("affinity-to-offline", "affinities are set while a CPU comes and goes", 2,
        {{"A fifo:1 @0", "run; run"},
         {"X fifo:2 @1 on 1", "offline 0; affinity A 0; online 0; run"},
         {"Y fifo:1 @1", "affinity A 1; run"}});
}

}  // namespace px::check
