#include "check/catalogue.hpp"

namespace px::check {

namespace {

constexpr std::uint64_t kBig = 300'000;

}  // namespace

void waits(Catalogue& c) {
  const std::size_t first = c.all.size();
  c.add("victim-waits-again", "a deadlock's victim gives its lock up and waits anew", 2,
        {{"A fifo:1 @0", "lock a; lock b; unlock b; unlock a; lock b; unlock b"},
         {"B fifo:2 @1", "lock b; lock a; unlock a; unlock b"}},
        {"linked"})
      .deadlock = true;
  c.add("cycle-of-three", "three tasks close a cycle from three CPUs", 3,
        {{"A fifo:1 @0 on 0", "lock a; lock b; unlock b; unlock a"},
         {"B fifo:2 @1 on 1", "lock b; lock c; unlock c; unlock b"},
         {"C fifo:3 @2 on 2", "lock c; lock a; unlock a; unlock c"}},
        {"linked"})
      .deadlock = true;
  c.all.back().quick_states = kBig;
  c.add("spinning", "a waiter spins while the owner runs, and gives up when it is preempted", 2,
        {{"L fifo:3 @0", "lock a; run; unlock a"},
         {"H fifo:2 @1", "lock a; run; unlock a"},
         {"X fifo:4 @1 on 1", "sleep 1; run"}},
        {"linked"})
      .spins = true;
  c.add("granted-at-the-limit", "the lock is handed over as the wait's time limit comes", 2,
        {{"L fifo:1 @0 on 0", "lock a; sleep 2; unlock a; run"},
         {"H fifo:3 @0 on 0", "sleep 1; lock_timeout a 1; run; unlock a"},
         {"X fifo:2 @1 on 1", "sleep 1; run"}},
        {"parked"});
  c.add("stopped-at-the-hand-off", "a stop request meets the hand-off to the paying donor", 2,
        {{"L fifo:1 @0 on 0", "lock a; run; run; unlock a"},
         {"H fifo:3 @0 on 0", "sleep 1; lock a; run; unlock a"},
         {"X fifo:2 @1 on 1", "sleep 1; cancel H"}},
        {"run-owner", "run-waiter"});
  c.add("limit-then-wait", "a task whose wait timed out waits again without a limit", 2,
        {{"L fifo:1 @0", "lock a; sleep 2; unlock a"},
         {"H fifo:3 @1", "lock_timeout a 1; unlock a; lock a; unlock a"}},
        {"parked"});
  c.add(
      "always-too-late", "a waiter loses the lock until it is handed over", 2,
      {{"T fifo:3 @0 on 0",
        "lock a; unlock a; lock a; unlock a; lock a; unlock a; lock a; unlock a; lock a; unlock a; "
        "lock a; unlock a; lock a; unlock a; lock a; unlock a; lock a; unlock a; lock a; unlock a"},
       {"W fifo:3 @1 on 1", "lock a; unlock a"}},
      {"linked"});
  c.add("free-lock-limit", "contexts lend to the next owner of a free lock, whose limit comes", 2,
        {{"A fair:1 @0", "lock a; unlock a; lock a; unlock a"},
         {"B fair:2 @0", "lock_timeout a 1; unlock a"},
         {"C fair:3 @1", "lock a; run; unlock a"}},
        {"linked"});
  c.add("switched-off", "the same without proxy execution: who waits leaves the runqueue", 2,
        {{"L fifo:1 @0", "lock a; run; unlock a"},
         {"M fifo:2 @0", "run"},
         {"H fifo:3 @1", "lock a; unlock a"}})
      .proxy = false;
  for (std::size_t i = first; i < c.all.size(); ++i) c.all[i].quick_fine_states = kFineStates;
}

}  // namespace px::check
