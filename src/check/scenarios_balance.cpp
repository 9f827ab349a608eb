// Push and pull: who waits while another CPU runs something of lower rank.
#include "check/catalogue.hpp"

namespace px::check {

namespace {

// States in the quick tier of what is too big to be complete there.
constexpr std::uint64_t kBig = 300'000;

}  // namespace

void balancing(Catalogue& c) {
  c.add("chain-is-pushed",
        "P99 takes the CPU of P98, which lends to P2: both go where P50 runs (E84, B.14)", 2,
        {{"P2 fifo:2 @0", "lock a; run; unlock a"},
         {"P98 fifo:98 @0 on 0", "sleep 1; lock a; unlock a"},
         {"P50 fifo:50 @1 on 1", "run; run"},
         {"P99 fifo:99 @0 on 0", "sleep 2; run"}},
        {"run-owner"})
      .quick_states = kBig;
  c.add("freed-owner-is-pushed",
        "an owner is lent to, is paid for no more, and then waits behind a newcomer (E67)", 2,
        {{"O fifo:5 @0", "lock a; sleep 1; run; unlock a; run 2"},
         {"H fifo:9 @0 on 0", "sleep 1; lock a; unlock a"},
         {"N fifo:7 @0 on 0", "sleep 1; run"}},
        {"run-owner"});
  c.add("push-meets-unlock", "the owner at the end of a waiting chain is let run and unlocks", 2,
        {{"P2 fifo:2 @0", "lock a; run; unlock a; run"},
         {"P9 fifo:9 @0 on 0", "lock a; run; unlock a"},
         {"P8 fifo:8 @0", "run; lock a; unlock a"},
         {"P5 fifo:5 @1 on 1", "sleep 1; run"}},
        {"run-owner"})
      .quick_states = kBig;
  c.add("pull-when-idle", "a CPU falls idle while another has two to run", 2,
        {{"A fifo:3 @0", "run; run"}, {"B fifo:2 @0", "run; run"}, {"C fifo:9 @1", "run"}});
  c.add("fair-is-pulled", "a CPU falls idle while two fair tasks share another", 2,
        {{"A fair:0 @0", "run; run"}, {"B fair:0 @0", "run; run"}, {"C fair:0 @1", "run"}});
  c.add("pinned-end", "the end of the waiting chain may not leave, its lender may", 2,
        {{"P2 fifo:2 @0 on 0", "lock a; sleep 1; run; unlock a"},
         {"P98 fifo:98 @0", "sleep 1; lock a; unlock a"},
         {"P99 fifo:99 @0 on 0", "sleep 1; run"}},
        {"run-owner"});
  c.add("affinity-frees-the-end", "the end of a waiting chain is let go to another CPU", 2,
        {{"P2 fifo:2 @0 on 0", "lock a; sleep 1; run; unlock a"},
         {"P98 fifo:98 @0 on 0", "sleep 1; lock a; unlock a"},
         {"P99 fifo:99 @0 on 0", "sleep 1; affinity P2 01; run 2"}},
        {"run-owner"});
  c.add("affinity-takes-the-end", "the end of a waiting chain has to leave its lender", 2,
        {{"P2 fifo:2 @0 on 0", "lock a; sleep 1; run; unlock a"},
         {"P98 fifo:98 @0 on 0", "sleep 1; lock a; unlock a"},
         {"P50 fifo:50 @1 on 1", "sleep 1; affinity P2 1; run"},
         {"P99 fifo:99 @0 on 0", "sleep 1; run"}},
        {"run-owner"})
      .quick_states = kBig;
  c.add("cancelled-while-away", "a wait is cancelled while its context lends on another CPU", 2,
        {{"L fifo:1 @0 on 0", "lock a; run; unlock a"},
         {"M fifo:2 @0 on 0", "sleep 1; cancel H; run"},
         {"H fifo:3 @1 on 1", "lock a; unlock a"}},
        {"run-owner"});
  c.add("rank-sinks", "the running task's rank sinks below that of one that waits elsewhere", 2,
        {{"A fifo:9 @0 on 0", "run; run"},
         {"B fifo:5 @0", "run; run"},
         {"C fifo:8 @1 on 1", "run; class C fifo:1; run"}});
  c.add("push-on-three-cpus", "two CPUs want to push to the third at a time", 3,
        {{"A fifo:9 @0 on 0", "sleep 1; run"},
         {"B fifo:5 @0", "run"},
         {"C fifo:9 @1 on 1", "sleep 1; run"},
         {"D fifo:4 @1", "run"}})
      .quick_states = kBig;
}

}  // namespace px::check
