// Scenarios of what is built on events: semaphores with and without declared holders, conditions.
// Each with the ways in which a wait or a helper can end: time limit, cancellation, the helper
// sleeps, leaves its scope, is moved.
#include "check/catalogue.hpp"

namespace px::check {

namespace {

void semaphores(Catalogue& c) {
  c.add("semaphore", "two waiters of different rank and a release from each of two CPUs", 2,
        {{"L fifo:1 @0", "down s; run"},
         {"H fifo:3 @1", "down s; run"},
         {"P fifo:2 @0", "up s; run"},
         {"Q fifo:2 @1", "up s"}});
  c.add("semaphore-time-limit", "a wait with a time limit races with the release", 2,
        {{"W fifo:3 @1", "down_timeout s 1; up s"},
         {"V fifo:1 @0", "down s; up s"},
         {"P fifo:2 @0", "sleep 1; up s"}});
  c.add(
      "semaphore-cancelled", "a wait is cancelled as its permit comes", 2,
      {{"W fifo:3 @1", "down s; run"}, {"X fifo:2 @0", "cancel W; run"}, {"P fifo:1 @0", "up s"}});
  c.add("holder", "a waiter lends to the declared holder of the permit", 1,
        {{"L fifo:1", "help s; sleep 1; run; up s; unhelp s; run"},
         {"M fifo:2", "sleep 1; run"},
         {"H fifo:3", "sleep 1; down s; run"}},
        {"run-owner"});
  c.add("holder-on-another-cpu", "the declared holder is preempted on another CPU", 2,
        {{"L fifo:1 @0 on 0", "help s; run; up s; unhelp s"},
         {"M fifo:2 @0 on 0", "run"},
         {"H fifo:3 @1 on 1", "down s; run"}},
        {"migrated"});
  c.add("holder-sleeps", "a waiter parks on a declared holder that sleeps", 2,
        {{"L fifo:1 @0", "help s; sleep 2; up s; unhelp s"},
         {"H fifo:3 @1", "sleep 1; down_timeout s 2; up s"}},
        {"parked"});
  c.add("holder-leaves", "a holder leaves its scope while somebody lends to it", 2,
        {{"L fifo:1 @0", "help s; run; unhelp s; run"},
         {"H fifo:3 @1", "down s; run"},
         {"P fifo:2 @0", "sleep 1; up s"}});
  c.add("holder-comes", "a holder is declared while somebody waits", 2,
        {{"H fifo:3 @1", "down s; run"}, {"L fifo:1 @0", "help s; run; up s; unhelp s"}});
  c.add("holder-moves", "a declared holder has to leave its CPU", 2,
        {{"L fifo:1 @0", "help s; run; up s; unhelp s"},
         {"H fifo:3 @0", "down s"},
         {"X fifo:4 @1", "affinity L 1; run"}});
  c.add("holder-cancelled", "the wait of the paying donor of a holder is cancelled", 2,
        {{"L fifo:1 @0 on 0", "help s; run; unhelp s; run"},
         {"H fifo:3 @1", "down_timeout s 1; run"},
         {"X fifo:2 @0", "run; cancel H; run"}});
  c.add("holder-blocks", "a chain through a declared holder and a lock", 1,
        {{"O fifo:1", "lock a; sleep 2; run; unlock a"},
         {"L fifo:2", "help s; sleep 1; lock a; unlock a; up s; unhelp s"},
         {"M fifo:3", "sleep 2; run"},
         {"H fifo:4", "sleep 1; down s; run"}},
        {"run-owner", "parked"});
}

void conditions(Catalogue& c) {
  c.add("condition", "a notification races with the wait for it", 2,
        {{"W fifo:3 @1", "lock a; wait_timeout c a 1; run; unlock a"},
         {"N fifo:1 @0", "lock a; signal c; unlock a"}},
        {"linked"});
  c.add("condition-two-waiters", "two waiters of different rank, one notification", 1,
        {{"W fifo:3", "lock a; wait_timeout c a 1; unlock a"},
         {"V fifo:2", "lock a; wait_timeout c a 1; unlock a"},
         {"N fifo:1", "signal c; run"}},
        {"run-owner"});
  c.add("condition-cancelled", "a wait for a condition is cancelled", 1,
        {{"W fifo:3", "lock a; wait_timeout c a 2; unlock a"},
         {"X fifo:2", "sleep 1; cancel W"},
         {"L fifo:1", "lock a; run; unlock a"}},
        {"run-owner"});
  c.add("condition-retaken", "who was notified lends to the owner of its mutex", 1,
        {{"W fifo:3", "lock a; wait c a; run; unlock a"},
         {"N fifo:1", "lock a; sleep 1; signal c; run; unlock a"},
         {"M fifo:2", "sleep 1; run"}},
        {"run-owner"});
}

}  // namespace

void events(Catalogue& c) {
  const std::size_t first = c.all.size();
  semaphores(c);
  conditions(c);
  for (std::size_t i = first; i < c.all.size(); ++i) c.all[i].quick_fine_states = kFineStates;
}

}  // namespace px::check
