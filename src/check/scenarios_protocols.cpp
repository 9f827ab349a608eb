// Scenarios of the lock protocols other than proxy.
#include "check/catalogue.hpp"
#include "core/boost.hpp"

namespace px::check {

namespace {

void inheritance(Catalogue& c) {
  c.add("inherit", "a middle task between the owner and the one whose rank it inherits", 1,
        {{"L fifo:1", "lock a; sleep 1; run; unlock a; run"},
         {"M fifo:2", "sleep 1; run"},
         {"H fifo:3", "sleep 1; lock a; run; unlock a"}})
      .with("a", Protocol::kInherit);
  c.add("inherit-two-locks", "one unlock of two: the boost of the lock still held stays", 1,
        {{"L fifo:1", "lock a; lock b; sleep 1; unlock b; run; unlock a"},
         {"M fifo:2", "sleep 1; lock b; unlock b"},
         {"H fifo:3", "sleep 1; lock a; unlock a"}})
      .with("a", Protocol::kInherit)
      .with("b", Protocol::kInherit);
  c.add("inherit-chain", "a rank that passes through two locks on two CPUs", 2,
        {{"L fifo:1 @0", "lock a; run; unlock a"},
         {"M fifo:2 @0", "lock b; lock a; unlock a; unlock b"},
         {"H fifo:3 @1", "lock b; unlock b"}})
      .with("a", Protocol::kInherit)
      .with("b", Protocol::kInherit);
  c.add("inherit-owner-sleeps", "an owner inherits in its sleep", 2,
        {{"L fifo:1 @0 on 0", "lock a; sleep 1; run; unlock a"},
         {"M fifo:2 @0 on 0", "sleep 1; run"},
         {"H fifo:3 @1 on 1", "lock a; run; unlock a"}})
      .with("a", Protocol::kInherit);
  c.add("inherit-time-limit", "a boost ends with the time limit of its waiter", 2,
        {{"L fifo:1 @0", "lock a; sleep 1; run; unlock a"},
         {"H fifo:3 @1", "lock_timeout a 1; unlock a; run"},
         {"M fifo:2 @0", "lock a; unlock a"}})
      .with("a", Protocol::kInherit);
  c.add("inherit-cancelled", "a boost ends with the cancellation of its waiter", 2,
        {{"L fifo:1 @0", "lock a; run; unlock a"},
         {"H fifo:3 @1", "lock a; unlock a"},
         {"X fifo:2 @0", "cancel H; run"}})
      .with("a", Protocol::kInherit);
  c.add("inherit-migration", "an owner that has inherited has to leave its CPU", 2,
        {{"L fifo:1 @0", "lock a; run; unlock a"},
         {"H fifo:3 @0", "lock a; unlock a"},
         {"X fifo:4 @1", "affinity L 1; run"}})
      .with("a", Protocol::kInherit);
  c.add("inherit-rank-changes", "the own parameters of the waiter and of the owner change", 2,
        {{"L fifo:1 @0", "lock a; run; unlock a"},
         {"H fifo:3 @1", "lock a; unlock a"},
         {"X fifo:2 @1", "class H fair:0; class L fifo:5"}})
      .with("a", Protocol::kInherit);
  c.add("inherit-stolen", "a newcomer that takes a free lock with waiters inherits from them", 2,
        {{"A fifo:1 @0", "lock a; unlock a; lock a; unlock a"},
         {"B fifo:3 @1", "lock a; unlock a"},
         {"C fifo:2 @1", "try_lock a; run; unlock a"}})
      .with("a", Protocol::kInherit);
  c.add("inherit-deadlock", "a cycle of inheriting waits", 2,
        {{"A fifo:1 @0", "lock a; lock b; unlock b; unlock a"},
         {"B fifo:2 @1", "lock b; lock a; unlock a; unlock b"},
         {"C fifo:3 @1", "lock b; unlock b"}})
      .with("a", Protocol::kInherit)
      .with("b", Protocol::kInherit)
      .deadlock = true;
}

void mixed_chains(Catalogue& c) {
  c.add("proxy-behind-inherit", "a donor parks on a waiter under inherit and lends its rank", 1,
        {{"C fifo:1", "lock a; sleep 3; run; unlock a"},
         {"B fifo:2", "sleep 1; lock b; lock a; unlock a; unlock b"},
         {"M fifo:3", "sleep 3; run"},
         {"A fifo:4", "sleep 2; lock_timeout b 2; unlock b"}},
        {"parked"})
      .with("a", Protocol::kInherit);
  c.add("inherit-behind-proxy", "a donor whose context is raised by a waiter of its own", 2,
        {{"C fifo:1 @0", "lock a; run; unlock a"},
         {"B fifo:2 @0", "lock b; lock a; unlock a; unlock b"},
         {"A fifo:3 @1", "lock b; unlock b"}},
        {"run-owner"})
      .with("b", Protocol::kInherit);
  c.add("none-in-mid-chain", "an edge without a protocol passes nothing on", 1,
        {{"C fifo:1", "lock a; sleep 3; run; unlock a"},
         {"B fifo:2", "sleep 1; lock b; lock a; unlock a; unlock b"},
         {"A fifo:3", "sleep 2; lock b; unlock b"}},
        {"parked"})
      .with("a", Protocol::kNone);
}

void ceilings(Catalogue& c) {
  c.add("protect", "the owner has the ceiling from the moment of locking", 1,
        {{"L fifo:1", "lock a; run; unlock a; run"},
         {"M fifo:2", "sleep 1; run"},
         {"H fifo:3", "lock a; sleep 1; run; unlock a"}})
      .with("a", Protocol::kProtect, core::realtime_ceiling(3));
  c.add("protect-nested", "two ceilings, given up in the order in which they were taken", 1,
        {{"L fifo:1", "lock a; lock b; sleep 1; unlock a; run; unlock b"},
         {"M fifo:2", "sleep 1; lock a; unlock a"},
         {"H fifo:4", "sleep 1; lock b; unlock b"}})
      .with("a", Protocol::kProtect, core::realtime_ceiling(3))
      .with("b", Protocol::kProtect, core::realtime_ceiling(4));
  c.add("protect-two-cpus", "waiters of a ceiling lock on two CPUs, one with a time limit", 2,
        {{"L fifo:1 @0", "lock a; sleep 1; unlock a"},
         {"M fifo:2 @0", "lock_timeout a 1; unlock a"},
         {"H fifo:3 @1", "lock a; run; unlock a"}})
      .with("a", Protocol::kProtect, core::realtime_ceiling(3));
  c.add("protect-refused", "a task above the ceiling does not get the lock", 2,
        {{"L fair:5 @0", "lock a; run; unlock a"},
         {"M fair:0 @1", "lock a; run; unlock a"},
         {"H fifo:3 @1", "lock a; run; unlock a; class L fair:-5"}})
      .with("a", Protocol::kProtect, core::nice_ceiling(0));
}

}  // namespace

void lock_protocols(Catalogue& c) {
  const std::size_t first = c.all.size();
  inheritance(c);
  mixed_chains(c);
  ceilings(c);
  for (std::size_t i = first; i < c.all.size(); ++i) c.all[i].quick_fine_states = kFineStates;
}

}  // namespace px::check
