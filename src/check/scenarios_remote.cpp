#include "check/catalogue.hpp"

namespace px::check {

namespace {

// States in the quick tier of what is too big to be complete there.
constexpr std::uint64_t kBig = 300'000;
constexpr std::uint64_t kSmall = 150'000;

// One waiter, one owner elsewhere, and a third task that makes the owner wait for its CPU.
void one_hop(Catalogue& c) {
  c.add("remote-owner-sleeps", "the owner sleeps in its section after a context came to it", 2,
        {{"L fifo:1 @0 on 0", "lock a; run; sleep 1; unlock a"},
         {"M fifo:2 @0 on 0", "sleep 1; run"},
         {"H fifo:3 @1 on 1", "lock a; run; unlock a"}},
        {"migrated", "parked"});
  c.add("remote-owner-wakes", "the owner wakes behind a better task; its waiters come to its CPU",
        2,
        {{"L fifo:1 @0 on 0", "lock a; sleep 1; run; unlock a"},
         {"M fifo:2 @0 on 0", "sleep 1; run"},
         {"H fifo:3 @1 on 1", "lock a; run; unlock a"}},
        {"parked", "run-owner"});
  c.add("remote-owner-moves", "the owner is sent to a third CPU while a context lends to it", 3,
        {{"L fifo:1 @0 on 02", "lock a; run; unlock a"},
         {"M fifo:2 @0 on 0", "sleep 1; affinity L 2"},
         {"H fifo:3 @1 on 1", "lock a; unlock a"}},
        {"migrated"});
  c.add("remote-owner-ends", "the owner leaves its section and ends while it is looked for", 2,
        {{"L fifo:1 @0 on 0", "lock a; unlock a"},
         {"M fifo:2 @0 on 0", "sleep 1; run"},
         {"H fifo:3 @1 on 1", "lock a; unlock a; join L"}},
        {"migrated"});
  c.add("remote-owner-yields", "the owner yields on a context that came from elsewhere", 2,
        {{"L fifo:1 @0 on 0", "lock a; run; yield; unlock a"},
         {"M fifo:3 @0 on 0", "sleep 1; run"},
         {"H fifo:3 @1 on 1", "lock a; unlock a"}},
        {"run-owner"});
  c.add("home-is-taken", "a waiter's own CPU is busy with a better task when it may return", 2,
        {{"L fifo:1 @0 on 0", "lock a; run; unlock a; run"},
         {"H fifo:3 @1", "lock a; run; unlock a"},
         {"X fifo:5 @1 on 1", "sleep 1; run; run"}},
        {"run-owner"});
  c.add("owner-takes-it-back", "the owner takes the lock again before its waiter is home", 2,
        {{"L fifo:2 @0 on 0", "lock a; unlock a; lock a; run; unlock a"},
         {"H fifo:3 @1 on 1", "lock a; unlock a"},
         {"M fifo:2 @0 on 0", "run"}},
        {"migrated"});
}

// a@0 -> b@1 -> c@2, and shorter ones.
void chains(Catalogue& c) {
  c.add("chain-end-sleeps", "a chain over three CPUs whose end sleeps", 3,
        {{"L fifo:1 @0 on 0", "lock a; sleep 1; unlock a"},
         {"M fifo:2 @1 on 1", "lock b; lock a; unlock a; unlock b"},
         {"H fifo:3 @2 on 2", "lock b; unlock b"}},
        {"parked"})
      .quick_states = kBig;
  c.add("chain-end-moves", "the end of a chain over two CPUs is sent to a third", 3,
        {{"L fifo:1 @0 on 02", "lock a; run; unlock a"},
         {"M fifo:2 @1 on 1", "lock b; lock a; unlock a; unlock b"},
         {"H fifo:3 @1 on 1", "sleep 1; affinity L 2; lock b; unlock b"}},
        {"run-owner"})
      .quick_states = kBig;
  c.add("chain-middle-cancelled", "the wait in the middle of a chain is cancelled", 3,
        {{"L fifo:1 @0 on 0", "lock a; run; unlock a"},
         {"M fifo:2 @1 on 1", "lock b; lock a; unlock a; unlock b"},
         {"H fifo:3 @2 on 2", "cancel M; lock b; unlock b"}},
        {"linked"})
      .quick_states = kBig;
  c.add("chain-middle-times-out", "the wait in the middle of a chain has a time limit", 2,
        {{"L fifo:1 @0 on 0", "lock a; run; run; unlock a"},
         {"M fifo:2 @1 on 1", "lock b; lock_timeout a 1; unlock a; unlock b"},
         {"H fifo:3 @1 on 1", "sleep 1; lock b; unlock b"}},
        {"run-owner"});
  c.add("chain-middle-affinity", "the middle of a chain may no longer return to its CPU", 3,
        {{"L fifo:1 @0 on 0", "lock a; run; unlock a"},
         {"M fifo:2 @1", "lock b; lock a; unlock a; unlock b"},
         {"H fifo:3 @2 on 2", "affinity M 2; lock b; unlock b"}},
        {"linked"})
      .quick_states = kBig;
  c.add("chain-head-cancelled", "the donor of a chain leaves it, its middle stays", 2,
        {{"L fifo:1 @0 on 0", "lock a; run; unlock a"},
         {"M fifo:2 @1 on 1", "lock b; lock a; unlock a; unlock b"},
         {"H fifo:3 @1 on 1", "sleep 1; lock_timeout b 1; unlock b; run"}},
        {"run-owner"});
  c.add("chain-moves-whole", "two contexts of one CPU follow an owner that waits on another", 2,
        {{"L fifo:1 @0 on 0", "lock a; run; unlock a"},
         {"X fifo:2 @0 on 0", "sleep 1; run"},
         {"M fifo:3 @1 on 1", "lock b; lock a; unlock a; unlock b"},
         {"H fifo:4 @1 on 1", "sleep 1; lock b; unlock b"}},
        {"migrated"})
      .quick_states = kSmall;
  c.add("chain-end-exits", "the end of a chain leaves its section at each step of the walk", 2,
        {{"L fifo:1 @0 on 0", "lock a; unlock a"},
         {"M fifo:2 @1 on 1", "lock b; lock a; unlock a; unlock b"},
         {"H fifo:3 @1 on 1", "sleep 1; lock b; unlock b"}},
        {"linked"});
  c.add("join-in-a-chain", "a task waits elsewhere for the end of a waiter", 2,
        {{"L fifo:1 @0 on 0", "lock a; sleep 2; unlock a"},
         {"W fifo:2 @0 on 0", "sleep 1; lock a; unlock a"},
         {"J fifo:3 @1 on 1", "join W; run"}},
        {"parked"});
}

void trees(Catalogue& c) {
  c.add("two-branches", "the waiters of two locks of one sleeping owner, on two CPUs", 2,
        {{"O fifo:1 @0 on 0", "lock a; lock b; sleep 2; unlock b; unlock a"},
         {"P fifo:2 @0 on 0", "sleep 1; lock a; unlock a"},
         {"Q fifo:3 @1 on 1", "lock b; unlock b"}},
        {"parked"});
  c.add("branch-cancelled", "a waiter that others hang on is cancelled, and they follow it", 2,
        {{"O fifo:1 @0 on 0", "lock a; sleep 2; unlock a"},
         {"B fifo:2 @1 on 1", "lock b; lock a; unlock a; unlock b"},
         {"D fifo:3 @1 on 1", "sleep 1; lock b; unlock b"},
         {"X fifo:4 @0 on 0", "sleep 1; cancel B"}},
        {"parked"})
      .quick_states = kSmall;
  c.add("two-donors-one-owner", "contexts of two CPUs meet on the owner's", 3,
        {{"L fifo:1 @0 on 0", "lock a; run; unlock a"},
         {"P fifo:2 @1 on 1", "lock a; unlock a"},
         {"Q fifo:3 @2 on 2", "lock a; unlock a"}},
        {"linked"})
      .quick_states = kBig;
  c.add("owner-sleeps-again", "an owner wakes and falls asleep again while its waiters come", 2,
        {{"O fifo:3 @0 on 0", "lock a; sleep 1; sleep 1; unlock a"},
         {"P fifo:2 @0 on 0", "lock a; unlock a"},
         {"Q fifo:1 @1 on 1", "lock a; unlock a"}},
        {"parked"});
}

// What hangs on a running owner, off the runqueues.
void linked_waiters(Catalogue& c) {
  c.add("linked-owner-sleeps", "an owner falls asleep while a waiter is linked to it", 2,
        {{"H fifo:3 @0", "lock a; run; sleep 1; unlock a"},
         {"L fifo:1 @1", "lock a; unlock a"},
         {"M fifo:2 @1", "run; lock a; unlock a"}},
        {"linked", "parked"});
  c.add("linked-owner-moves", "an owner has to leave its CPU while a waiter is linked to it", 2,
        {{"H fifo:3 @0", "lock a; run; run; unlock a"},
         {"L fifo:1 @1", "lock a; unlock a"},
         {"M fifo:2 @1", "sleep 1; affinity H 1; run"}},
        {"linked"});
  c.add("linked-affinity", "the affinity of a linked waiter changes", 2,
        {{"H fifo:3 @0 on 0", "lock a; run; unlock a"},
         {"L fifo:1 @1", "lock a; run; unlock a"},
         {"M fifo:2 @1 on 1", "sleep 1; affinity L 0; run"}},
        {"linked"});
  c.add("linked-class", "a linked waiter comes to outrank the owner it hangs on", 2,
        {{"H fifo:3 @0 on 0", "lock a; run; unlock a"},
         {"L fifo:1 @1 on 1", "lock a; unlock a"},
         {"M fifo:2 @1 on 1", "sleep 1; class L fifo:5; run"},
         {"X fifo:4 @0 on 0", "sleep 1; run"}},
        {"linked"})
      .quick_states = kSmall;
}

void changes_while_blocked(Catalogue& c) {
  c.add("parked-affinity", "the affinity of a parked waiter changes", 2,
        {{"L fifo:1 @0 on 0", "lock a; sleep 1; unlock a"},
         {"H fifo:3 @1", "lock a; run; unlock a"},
         {"M fifo:2 @1 on 1", "affinity H 0; run"}},
        {"parked"});
  c.add("parked-class", "the class of a parked waiter changes", 2,
        {{"L fifo:1 @0 on 0", "lock a; sleep 1; unlock a"},
         {"H fifo:3 @1", "lock a; unlock a"},
         {"M fifo:2 @1 on 1", "class H fair:0; lock a; unlock a"}},
        {"parked"});
  c.add("lending-class", "the class of a context changes while it pays for an owner", 2,
        {{"L fifo:1 @0 on 0", "lock a; run; unlock a"},
         {"M fifo:2 @0 on 0", "sleep 1; class H fair:0; run"},
         {"H fifo:3 @1 on 1", "lock a; unlock a"}},
        {"migrated"});
  c.add("affinity-at-a-free-lock", "a waiter may not run here any more when its lock is free", 2,
        {{"L fifo:5 @1 on 1", "lock a; affinity H 1; unlock a; run"},
         {"W fifo:4 @0 on 0", "lock a; unlock a"},
         {"H fifo:3 @0", "lock a; unlock a"}},
        {"linked"});
  c.add("lender-behind", "a waiter blocks as a better task takes its CPU from it", 2,
        {{"L fifo:1 @0 on 0", "lock a; run; unlock a"},
         {"N fifo:2 @0 on 0", "sleep 1; run"},
         {"M fifo:3 @1 on 1", "lock a; unlock a"},
         {"X fifo:4 @1 on 1", "sleep 1; run"}},
        {"migrated"})
      .quick_states = kSmall;
  c.add("chain-behind", "a chain whose middle waits behind a better task", 2,
        {{"L fifo:1 @0 on 0", "lock a; run; unlock a"},
         {"M fifo:2 @1 on 1", "lock b; lock a; unlock a; unlock b"},
         {"X fifo:3 @1 on 1", "sleep 1; run"},
         {"H fifo:4 @1 on 1", "sleep 1; lock b; unlock b"}},
        {"migrated"})
      .quick_states = kSmall;
  c.all.back().watch_moves = true;
  c.add("blocking-affinity", "a task's affinity changes as it begins to wait", 2,
        {{"L fifo:1 @1", "lock a; run; unlock a; run"},
         {"H fifo:3 @0", "lock a; run; unlock a"},
         {"X fifo:2 @1", "sleep 1; affinity H 1; run"}},
        {"linked"});
}

}  // namespace

void remote_owners(Catalogue& c) {
  const std::size_t first = c.all.size();
  one_hop(c);
  chains(c);
  trees(c);
  linked_waiters(c);
  changes_while_blocked(c);
  for (std::size_t i = first; i < c.all.size(); ++i) c.all[i].quick_fine_states = kFineStates;
}

}  // namespace px::check
