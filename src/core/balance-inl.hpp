// Push and pull: whoever waits while another CPU runs something of lower rank goes there.
//
// Kept at quiescence (invariant 20): no runnable end of a chain waits while a CPU that is allowed
// to it runs a context of lower rank than the best one in the end's tree. What moves is a chain,
// not a task:
//
//   rule 1  where a blocked context may go is decided by the task at the end of its chain
//   rule 2  all members of the chain that are queued here move together, the end first
//   rule 3  nothing moves that leads to the task which runs here, or that pays here
//
// A chain that leads to another CPU is wanted there, and only there: if the next member waits there
// too, so that the rank of its tree is known where it waits, or if the chain outranks what runs.
//
// When. A CPU balances at the end of each schedule(): what waits here is pushed, what waits
// elsewhere is pulled. Whoever enqueues something that does not take over asks that CPU to choose
// again if there may be anything to balance (out_of_balance). So each task that starts to wait,
// each context that arrives and each rank that sinks is followed by a balance() on its CPU.
//
// Who sees whom: a CPU publishes the rank it runs, then looks for those that wait (schedule():
// curr, then overloaded_); a CPU where somebody waits publishes that, then looks at the ranks of
// others (note_waiting(): overloaded_, then curr). All four are sequentially consistent: of two
// that change at a time one sees the other.
//
// Locks: one runqueue lock at a time, wait_lock and blocked_lock below it. What was decided by
// another CPU's published rank may be wrong when the chain arrives; then it waits there, and that
// CPU balances in turn.
//
// Only realtime contexts are ranked (deadline tasks are placed when they wake, and move no
// further). Those bound to one CPU and not blocked are not
// counted: a partitioned system has nothing to balance and pays one load for each switch.
#pragma once

#include "core/scheduler.hpp"

namespace px::core {

template <Platform P>
void Scheduler<P>::count_slow(Runqueue& rq, Task& task) {
  Counted now = Counted::kNo;
  if (task.se.queued && task.se.class_id == policy::ClassId::kRealtime) {
    now = task.is_blocked.get()          ? Counted::kLender
          : task.pinned && !task.strayed ? Counted::kNo
                                         : Counted::kMovable;
  }
  rq.movable += (now != Counted::kNo ? 1 : 0) - (task.counted != Counted::kNo ? 1 : 0);
  rq.lenders += (now == Counted::kLender ? 1 : 0) - (task.counted == Counted::kLender ? 1 : 0);
  task.counted = now;
}

template <Platform P>
void Scheduler<P>::note_waiting_slow(Runqueue& rq) {
  const Task* donor = rq.donor.load(std::memory_order_relaxed);
  const int waiting = rq.movable - (donor->counted != Counted::kNo ? 1 : 0);
  const int lenders = rq.lenders - (donor->counted == Counted::kLender ? 1 : 0);
  std::int64_t rank = 0;
  if (waiting > 0) {
    const SchedContext* best = rq.classes.first_ranked();
    while (task_of<P>(best) == donor || task_of<P>(best)->counted == Counted::kNo) {
      best = rq.classes.next_ranked(*best);
    }
    rank = best->rank().value();
  }
  if (lenders != rq.noted_lenders) {
    rq.noted_lenders = lenders;
    rq.waiting_lenders.store(lenders, std::memory_order_seq_cst);
  }
  const std::int64_t before = std::exchange(rq.noted_rank, rank);
  if (rank == before) return;
  rq.waiting_rank.store(rank, std::memory_order_seq_cst);
  if (before == 0) overloaded_.fetch_add(1, std::memory_order_seq_cst);
  if (rank == 0) overloaded_.fetch_add(-1, std::memory_order_seq_cst);
}

// What runs or pays here. rq.lock held.
template <Platform P>
bool Scheduler<P>::tied(const Runqueue& rq, const Task& task) const {
  const bool runs = rq.curr.load(std::memory_order_relaxed) == &task;
  return (runs && !mutant(platform_, Mutant::kE85a)) ||
         rq.donor.load(std::memory_order_relaxed) == &task;
}

template <Platform P>
bool Scheduler<P>::pushable(const Runqueue& rq, const Task& task) const {
  return task.on_rq.load(std::memory_order_relaxed) == OnRq::kQueued &&
         task.cpu.load(std::memory_order_relaxed) == rq.cpu && !task.is_blocked.get() &&
         !tied(rq, task) &&
         !(mutant(platform_, Mutant::kE67) && task.blocked_donor.get() != nullptr);
}

// What a CPU runs. `curr` first: its store orders that of the rank before it.
template <Platform P>
std::int64_t Scheduler<P>::running_rank(int cpu) const {
  const Runqueue& queue = rq(cpu);
  (void)queue.curr.load(std::memory_order_seq_cst);
  return queue.donor_rank.load(std::memory_order_seq_cst);
}

// The allowed CPU that runs the lowest rank below `below`: `preferred` among equals, then the
// lowest number; -1: none runs less. `except` does not count.
template <Platform P>
int Scheduler<P>::lowest_cpu(const CpuMask& allowed, std::int64_t below, int preferred,
                             int except) const {
  int lowest = -1;
  for (int cpu = allowed.next(-1); cpu >= 0 && cpu < cpus_; cpu = allowed.next(cpu)) {
    if (cpu == except || !is_online(cpu)) continue;
    const std::int64_t rank = running_rank(cpu);
    if (rank >= below && !(lowest >= 0 && rank == below && cpu == preferred)) continue;
    lowest = cpu;
    below = rank;
  }
  return lowest;
}

// `queued` is on this queue and does not take over. Could a move from here or to here be due?
// rq.lock held.
template <Platform P>
bool Scheduler<P>::out_of_balance(const Runqueue& rq, const Task& queued) const {
  if (cpus_ == 1 || overloaded_.load(std::memory_order_seq_cst) == 0) [[likely]]
    return false;
  if (queued.counted == Counted::kLender) return true;
  const std::int64_t running = rq.donor_rank.load(std::memory_order_relaxed);
  for (int cpu = 0; cpu < cpus_; ++cpu) {
    if (cpu == rq.cpu) continue;
    const Runqueue& other = this->rq(cpu);
    if (other.waiting_lenders.load(std::memory_order_seq_cst) > 0) return true;
    if (other.waiting_rank.load(std::memory_order_seq_cst) > running) return true;
    if (is_online(cpu) && rq.noted_rank > running_rank(cpu)) return true;
  }
  return false;
}

// The members of a chain that are queued on one CPU, by deferred_next, the one nearest the end
// first.
template <Platform P>
struct Scheduler<P>::ChainHere {
  Task* list = nullptr;
  Task* owner =
      nullptr;  // the next member, which is queued elsewhere; nullptr: the chain ends here
  int owner_cpu = -1;

  void give_up() {
    while (list != nullptr) list = std::exchange(list->deferred_next, nullptr);
  }
};

// Adds a member. False: the chain ends with it, or is given up (then the list is empty). rq.lock
// held.
template <Platform P>
bool Scheduler<P>::extend_chain(Runqueue& rq, ChainHere& chain, Task& member) {
  Frame frame(platform_);
  const bool is_end = !member.is_blocked.get() || mutant(platform_, Mutant::kE66);
  const bool stays = is_end ? !pushable(rq, member) && !mutant(platform_, Mutant::kE66)
                            : tied(rq, member) || member.walk_mark == walk_mark_of(rq);
  if (stays) {  // rule 3; or a cycle
    chain.give_up();
    return frame.returns(false);
  }
  member.walk_mark = walk_mark_of(rq);
  member.deferred_next = chain.list;
  chain.list = &member;
  if (is_end) return frame.returns(false);
  chain.owner = owner_for(member);
  if (chain.owner == nullptr) {  // its wakeup, or that of the next owner, is on its way
    chain.give_up();
    return frame.returns(false);
  }
  const OnRq on_rq = chain.owner->on_rq.load(std::memory_order_seq_cst);
  if (on_rq != OnRq::kQueued) {
    // Asleep, it can be parked on when this chain is picked. Moving, it says only once it has
    // arrived where this chain belongs.
    if (on_rq == OnRq::kMigrating) this_rq().need_resched.store(1, std::memory_order_relaxed);
    chain.give_up();
    return frame.returns(false);
  }
  const int cpu = chain.owner->cpu.load(std::memory_order_acquire);
  chain.owner_cpu = cpu != rq.cpu ? cpu : -1;
  return frame.returns(cpu == rq.cpu);
}

// The chain from `from`, which is queued on `rq`; no list: it must not move, or has no runnable end
// now. rq.lock held.
template <Platform P>
typename Scheduler<P>::ChainHere Scheduler<P>::chain_here(Runqueue& rq, Task& from) {
  ++rq.walk_epoch;
  ChainHere chain;
  Task* member = &from;
  while (extend_chain(rq, chain, *member)) {
    member = chain.owner;
    observe(platform_, member);
    observe(platform_, chain.list);
  }
  observe(platform_, chain.list);
  observe(platform_, chain.owner);
  observe(platform_, chain.owner_cpu);
  if (chain.owner_cpu < 0) chain.owner = nullptr;
  ++rq.walk_epoch;  // nobody carries the present mark
  return chain;
}

// Whom `waiter` lends to; nullptr: nobody now. The lock of the runqueue that it is queued on is
// held: it cannot leave the wait list, so the waitable stays.
template <Platform P>
Task<P>* Scheduler<P>::owner_for(Task& waiter) {
  Frame frame(platform_);
  Waitable* on = waiter.blocked_on.load(std::memory_order_acquire);
  if (on == nullptr) return nullptr;
  Guard wait_guard(on->wait_lock);
  {
    Guard blocked_guard(waiter.blocked_lock);
    if (waiter.blocked_on.load(std::memory_order_relaxed) != on) return nullptr;
  }
  return frame.returns(on->next(waiter));
}

// Where the chain from `from` belongs, `to` or (-1) anywhere but here; -1: it stays. rq.lock held.
template <Platform P>
int Scheduler<P>::chain_target(const Runqueue& rq, const Task& from, const ChainHere& chain,
                               int to) const {
  const std::int64_t rank = from.rank().value();
  if (chain.owner_cpu >= 0) {
    if (!is_online(chain.owner_cpu)) return -1;  // the owner leaves it, and is followed then
    if ((to >= 0 && to != chain.owner_cpu) || mutant(platform_, Mutant::kE84)) return -1;
    const bool next_waits =
        this->rq(chain.owner_cpu).curr.load(std::memory_order_seq_cst) != chain.owner;
    return next_waits || running_rank(chain.owner_cpu) < rank ? chain.owner_cpu : -1;
  }
  const Task& end = *chain.list;
  const CpuMask& mask = mutant(platform_, Mutant::kE85b) ? from.affinity : end.affinity;
  if (to < 0) return lowest_cpu(strays(end) ? all_ : mask, rank, end.wake_cpu.get(), rq.cpu);
  const bool may = mutant(platform_, Mutant::kE85b) ? mask.has(to) : may_use(end, to);
  return may && running_rank(to) < rank ? to : -1;
}

// Takes a chain that waits here and belongs elsewhere off the queue, that of the best context
// first; `to` >= 0: only if it belongs to that CPU. The list of moves, for deliver_moves(), or
// nullptr. rq.lock held.
template <Platform P>
Task<P>* Scheduler<P>::take_waiting(Runqueue& rq, int to) {
  Frame frame(platform_);
  Anchor anchor(platform_);
  for (const SchedContext* at = rq.classes.first_ranked(); at != nullptr;
       at = rq.classes.next_ranked(*at)) {
    anchor.again();
    Task& task = *task_of<P>(at);
    observe(platform_, &task);
    if (task.counted == Counted::kNo) continue;
    const std::int64_t rank = at->rank().value();
    if (task.counted == Counted::kMovable) {
      const bool outranks =
          to >= 0 ? running_rank(to) < rank : lowest_cpu(all_, rank, -1, rq.cpu) >= 0;
      if (!outranks && rq.lenders == 0) break;  // nor do those behind it
      if (!outranks) continue;
    }
    ChainHere chain = chain_here(rq, task);
    if (chain.list == nullptr) continue;
    const int cpu = chain_target(rq, task, chain, to);
    if (cpu >= 0) {
      take_chain(rq, chain.list, cpu);
      return frame.returns(chain.list);
    }
    chain.give_up();
  }
  return nullptr;
}

// At most kMigrationBatch members leave for `cpu`, those nearest the end; the others follow, as a
// chain that leads there. rq.lock held.
template <Platform P>
void Scheduler<P>::take_chain(Runqueue& rq, Task* list, int cpu) {
  ++rq.proxy.pushes;
  int moved = 0;
  for (Task* task = list; task != nullptr;) {
    Task* next = task->deferred_next;
    if (++moved == kMigrationBatch || mutant(platform_, Mutant::kE84)) {
      while (next != nullptr) next = std::exchange(next->deferred_next, nullptr);
      task->deferred_next = nullptr;
    }
    observe(platform_, next);
    depart(rq, *task, cpu, task->is_blocked.get());
    if (task->proxy_move) ++rq.proxy.migrations;
    task = next;
  }
}

// Moves a chain off `from`, to `to` or (-1) anywhere. False: none belongs there, or `from` is about
// to choose again: what waits may be what it runs next, and it balances afterwards. No lock held.
template <Platform P>
bool Scheduler<P>::move_waiting(int from, int to) {
  Frame frame(platform_);
  Runqueue& queue = rq(from);
  if (queue.need_resched.load(std::memory_order_seq_cst) != 0) return frame.returns(false);
  Task* moves = nullptr;
  {
    Guard guard(queue.lock);
    charge(queue);
    if (queue.need_resched.load(std::memory_order_relaxed) == 0) moves = take_waiting(queue, to);
  }
  if (moves == nullptr) return frame.returns(false);
  cover(platform_, to < 0 ? Way::kPush : Way::kPull);
  deliver_moves(moves);
  return frame.returns(true);
}

// The end of each schedule(), if anybody waits anywhere: on its CPU, preemption off, no lock held.
template <Platform P>
void Scheduler<P>::balance(int cpu) {
  Frame frame(platform_);
  if (!is_online(cpu)) return;
  const auto waiting_on = [this](int at) {
    return rq(at).waiting_rank.load(std::memory_order_seq_cst);
  };
  if (const std::int64_t rank = waiting_on(cpu); rank != 0) {
    const bool lenders = rq(cpu).waiting_lenders.load(std::memory_order_seq_cst) > 0;
    Anchor pushed(platform_);
    while ((lenders || lowest_cpu(all_, rank, -1, cpu) >= 0) && move_waiting(cpu, -1)) {
      pushed.again();
    }
  }
  // The best that waits anywhere first; then, in case it may not come here, whoever may. What has
  // come runs next, and then this CPU looks again.
  int best = cpu;
  std::int64_t rank = running_rank(cpu);
  for (int other = 0; other < cpus_; ++other) {
    if (other == cpu || waiting_on(other) <= rank) continue;
    rank = waiting_on(other);
    best = other;
  }
  if (best != cpu && move_waiting(best, cpu) && need_resched()) return;
  // Whoever waits here may be what a chain elsewhere leads to.
  const bool somebody_waits = rq(cpu).nr_queued.load(std::memory_order_relaxed) > 1;
  Anchor anchor(platform_);
  for (int other = 0; other < cpus_; ++other) {
    anchor.again();
    observe(platform_, other);
    observe(platform_, somebody_waits);
    if (other == cpu) continue;
    const bool outranked = waiting_on(other) > running_rank(cpu);
    const bool lenders =
        somebody_waits && rq(other).waiting_lenders.load(std::memory_order_seq_cst) > 0;
    if ((outranked || lenders) && move_waiting(other, cpu) && need_resched()) return;
  }
}

}  // namespace px::core
