// Scenarios of locks that may be shared: writers behind readers, readers behind writers, and each
// way in which a wait or a holder can end.
#include "check/catalogue.hpp"

namespace px::check {

namespace {

void lending(Catalogue& c) {
  c.add("writer-behind-readers", "a writer lends to one reader after another", 1,
        {{"R fifo:1", "rlock r; run; runlock r; run"},
         {"S fifo:2", "sleep 1; rlock r; run; runlock r; run"},
         {"M fifo:3", "sleep 2; run"},
         {"W fifo:4", "sleep 2; wlock r; run; wunlock r"}},
        {"run-owner"});
  c.add("reader-behind-writer", "two readers lend to a writer on their CPU and on another", 2,
        {{"W fifo:1 @0 on 0", "wlock r; run; wunlock r; run"},
         {"M fifo:2 @0 on 0", "run"},
         {"R fifo:3 @0", "rlock r; runlock r"},
         {"S fifo:3 @1", "rlock r; run; runlock r"}},
        {"run-owner", "migrated"});
  c.add("readers-elsewhere", "a writer lends to readers of two CPUs", 2,
        {{"R fifo:1 @0 on 0", "rlock r; run; runlock r"},
         {"S fifo:1 @1 on 1", "rlock r; run; runlock r"},
         {"M fifo:2 @0 on 0", "run"},
         {"W fifo:3 @1", "wlock r; run; wunlock r"}},
        {"migrated"});
  c.add("shared-chain", "a chain through a reader and a mutex", 1,
        {{"O fifo:1", "lock a; run; unlock a"},
         {"R fifo:2", "sleep 1; rlock r; lock a; unlock a; runlock r"},
         {"M fifo:3", "sleep 2; run"},
         {"W fifo:4", "sleep 2; wlock r; wunlock r"}},
        {"run-owner"});
}

void endings(Catalogue& c) {
  c.add("writer-gives-up", "a reader behind a writer goes on when a time limit ends its wait", 1,
        {{"R fifo:1", "rlock r; yield_until S; runlock r"},
         {"W fifo:1", "wlock_timeout r 2; wunlock r"},
         {"S fifo:1", "sleep 1; rlock r; runlock r"}});
  c.add("writer-cancelled", "a writer's wait is cancelled as the last reader leaves", 2,
        {{"R fifo:1 @0", "rlock r; run; runlock r; run"},
         {"W fifo:3 @1", "wlock r; run; wunlock r"},
         {"S fifo:2 @1", "rlock r; runlock r"},
         {"X fifo:2 @0", "cancel W; run"}});
  c.add("reader-sleeps", "a writer parks on a reader that sleeps, and goes on to another", 2,
        {{"R fifo:1 @0", "rlock r; sleep 2; run; runlock r"},
         {"S fifo:1 @1", "rlock r; run; runlock r"},
         {"W fifo:3 @1", "sleep 1; wlock r; run; wunlock r"}},
        {"parked"});
  c.add("writer-sleeps", "readers park on a writer that sleeps; one of them gives up", 2,
        {{"W fifo:1 @0", "wlock r; sleep 2; wunlock r"},
         {"R fifo:3 @1", "sleep 1; rlock r; run; runlock r"},
         {"S fifo:2 @0", "sleep 1; rlock_timeout r 1; runlock r"}},
        {"parked"});
  c.add("reader-moves", "a reader that is lent to has to leave its CPU", 2,
        {{"R fifo:1 @0", "rlock r; run; runlock r"},
         {"W fifo:3 @0", "wlock r; run; wunlock r"},
         {"X fifo:4 @1", "affinity R 1; run"}});
}

void order(Catalogue& c) {
  c.add("shared-in-turn", "readers and writers of one rank, first come first served", 2,
        {{"R fair:0 @0", "rlock r; run; runlock r"},
         {"W fair:0 @1", "wlock r; run; wunlock r"},
         {"S fair:0 @0", "rlock r; run; runlock r"},
         {"V fair:0 @1", "wlock r; wunlock r"}});
  c.add("shared-upgrade", "a reader that asks for the lock again is refused", 1,
        {{"R fifo:1", "rlock r; wlock r; wunlock r; run; runlock r"},
         {"W fifo:2", "sleep 1; wlock r; run; wunlock r"}});
  c.add("shared-deadlock", "a reader and the owner of a mutex wait for each other", 2,
        {{"A fifo:1 @0", "rlock r; lock a; run; unlock a; runlock r"},
         {"B fifo:2 @1", "lock a; wlock r; run; wunlock r; unlock a"}})
      .deadlock = true;
}

}  // namespace

void shared_locks(Catalogue& c) {
  const std::size_t first = c.all.size();
  lending(c);
  endings(c);
  order(c);
  for (std::size_t i = first; i < c.all.size(); ++i) c.all[i].quick_fine_states = kFineStates;
}

}  // namespace px::check
