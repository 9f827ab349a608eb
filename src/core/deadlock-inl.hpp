// Deadlock is a defined outcome: the task whose block closes a cycle finds it.
//
// Each block publishes its link, then looks. If the owner is not blocked at that moment there is no
// cycle through us now; whoever closes one later publishes later and looks after us (both sides are
// sequentially consistent). Otherwise the chain is followed hop by hop, holding no lock between
// hops, twice: two passes that saw the same tasks with the same block sequence numbers prove that
// all links stood at the moment between them.
#pragma once

#include "core/scheduler.hpp"

namespace px::core {

template <Platform P>
struct Scheduler<P>::CycleScan {
  std::uint64_t signature = 0;  // of the (task, block_seq) pairs passed
  Task* victim = nullptr;       // the member that blocked last
  std::uint64_t victim_seq = 0;
  bool may_end = false;  // some member's wait can end by itself
};

// One hop: whom `task` waits for. False: it waits for nobody. Takes blocked_lock, which pins what
// blocked_on names (its waiter cannot leave without that lock), and under it only tries wait_lock,
// against the lock order.
template <Platform P>
bool Scheduler<P>::next_in_chain(Task& task, Task*& owner, std::uint64_t& seq, bool& may_end) {
  Anchor anchor(platform_);
  for (;;) {
    anchor.again();
    {
      Guard guard(task.blocked_lock);
      Waitable* on = task.blocked_on.load(std::memory_order_acquire);
      // A helper is only a hint, and one of several holders is enough: neither closes a cycle.
      if (on == nullptr || task.blocked_edge != Edge::kAnd) return false;
      if (on->wait_lock.try_lock()) {
        owner = on->next(task);
        seq = task.block_seq;
        may_end = task.wait_may_end;
        observe_sequence(platform_, seq);
        observe(platform_, may_end);
        on->wait_lock.unlock();
        return owner != nullptr;
      }
    }
    platform_.relax();
  }
}

// Follows the chain from `me`. True: it leads back to `me`.
template <Platform P>
bool Scheduler<P>::scan_cycle(Task& me, CycleScan& scan) {
  // A chain that runs into somebody else's cycle never comes back: a second pointer at half speed
  // meets the first one there (Brent, "An Improved Monte Carlo Factorization Algorithm", 1980).
  Task* milestone = &me;
  std::uint64_t steps = 0;
  std::uint64_t limit = 1;
  Task* task = &me;
  for (;;) {
    Task* owner = nullptr;
    std::uint64_t seq = 0;
    bool may_end = false;
    if (!next_in_chain(*task, owner, seq, may_end)) return false;
    scan.signature = (scan.signature ^ (seq * kMaxCpus + task->id)) * 0x9e3779b97f4a7c15ULL;
    scan.may_end |= may_end;
    if (scan.victim == nullptr || seq > scan.victim_seq) {
      scan.victim = task;
      scan.victim_seq = seq;
    }
    if (owner == &me) return true;
    if (owner == milestone) return false;
    if (++steps == limit) {
      milestone = owner;
      limit *= 2;
      steps = 0;
    }
    task = owner;
  }
}

// The task whose wait must end to break the cycle that `me` has just closed; nullptr: no cycle, or
// one of its waits has a time limit or a stop token and will end by itself. All who find the same
// cycle choose the same victim: the member that blocked last. `seq`: of the wait to end.
template <Platform P>
Task<P>* Scheduler<P>::find_deadlock_victim(Task& me, std::uint64_t& seq) {
  Frame frame(platform_);
  Task* owner = nullptr;
  bool may_end = false;
  if (!next_in_chain(me, owner, seq, may_end)) return frame.template returns<Task*>(nullptr);
  if (owner != &me && owner->blocked_on.load(std::memory_order_seq_cst) == nullptr) {
    return frame.template returns<Task*>(nullptr);
  }
  Anchor anchor(platform_);
  for (;;) {
    anchor.again();
    CycleScan first;
    CycleScan second;
    if (!scan_cycle(me, first) || !scan_cycle(me, second))
      return frame.template returns<Task*>(nullptr);
    if (first.signature != second.signature) continue;
    seq = second.victim_seq;
    observe_sequence(platform_, seq);
    return frame.template returns<Task*>(second.may_end ? nullptr : second.victim);
  }
}

}  // namespace px::core
