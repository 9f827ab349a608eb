// Balancing of the fair class: by weight, and never so that a CPU which is idle, or has less, ends
// up with more than the one that gave. Two occasions:
//
//   newly idle   a CPU that has nothing to run takes a waiting task from the CPU with most load
//   periodic     a CPU where somebody waits looks around each kBalanceInterval, at the end of its
//                next schedule(), and gives one waiting task to the CPU with least load if that
//                narrows the gap between the two. Slices end there, since somebody waits, so a
//                computing CPU comes by; idle CPUs take no ticks
//
// A CPU nearby (with the same last-level cache) is asked first. Who ran here less than
// migration_cost ago stays: its cache is worth more than the wait. Owners and donors, who run or
// pays and who is blocked are not moved (E68); nor, in the live world, is a task bound to a thread.
//
// Loads of other CPUs are read without their locks: a wrong guess costs a move, and the next look
// mends it.
#pragma once

#include <limits>

#include "core/scheduler.hpp"

namespace px::core {

template <Platform P>
void Scheduler<P>::look_around(int cpu, FairLook look) {
  if (look == FairLook::kPull) {
    pull_fair(cpu);
  } else {
    push_fair(cpu);
  }
}

// No lock held, preemption off, on that CPU, at the end of a schedule() that found nothing to run.
template <Platform P>
void Scheduler<P>::pull_fair(int cpu) {
  Frame frame(platform_);
  for (const bool near : {true, false}) {
    int from = -1;
    std::int64_t most = 0;
    for (int other = 0; other < cpus_; ++other) {
      if (other == cpu || (rq(other).llc == rq(cpu).llc) != near) continue;
      const std::int64_t load = rq(other).fair_load.load(std::memory_order_relaxed);
      if (load <= most || rq(other).nr_queued.load(std::memory_order_relaxed) < 2) continue;
      most = load;
      from = other;
    }
    if (from >= 0 && move_fair(from, cpu, std::numeric_limits<std::int64_t>::max())) return;
  }
}

// The same, on a CPU where somebody waits.
template <Platform P>
void Scheduler<P>::push_fair(int cpu) {
  Frame frame(platform_);
  const std::int64_t load = rq(cpu).fair_load.load(std::memory_order_relaxed);
  int to = -1;
  bool idle = false;
  std::int64_t least = load;
  for (int other = 0; other < cpus_; ++other) {
    if (other == cpu || !is_online(other)) continue;
    if (running_rank(other) > policy::Rank::fair().value()) continue;
    const std::int64_t there = rq(other).fair_load.load(std::memory_order_relaxed);
    if (there >= least &&
        !(there == least && to >= 0 && rq(to).llc != rq(cpu).llc && rq(other).llc == rq(cpu).llc)) {
      continue;
    }
    least = there;
    to = other;
    idle = rq(other).nr_queued.load(std::memory_order_relaxed) == 0;
  }
  if (to < 0) return;
  (void)move_fair(cpu, to, idle ? std::numeric_limits<std::int64_t>::max() : load - least);
}

// A waiting fair task of `from` that may run on `to` and weighs less than `limit` goes there.
// False: none of the first kFairCandidates does. No lock held.
template <Platform P>
bool Scheduler<P>::move_fair(int from, int to, std::int64_t limit) {
  constexpr int kFairCandidates = 32;
  Frame frame(platform_);
  Runqueue& queue = rq(from);
  if (queue.need_resched.load(std::memory_order_seq_cst) != 0) return frame.returns(false);
  Task* moved = nullptr;
  {
    Guard guard(queue.lock);
    charge(queue);
    int looked_at = 0;
    for (SchedContext* at = queue.classes.fair().first();
         at != nullptr && looked_at < kFairCandidates; at = queue.classes.fair().next(*at)) {
      ++looked_at;
      Task& task = *task_of<P>(at);
      if (!pushable(queue, task) || !may_use(task, to) || at->fair.weight >= limit ||
          queue.clock_ns - task.left_at_ns < migration_cost_ns_ || !platform_.moves_freely(task)) {
        continue;
      }
      moved = &task;
      break;
    }
    observe(platform_, moved);
    if (moved != nullptr) {
      moved->deferred_next = nullptr;
      ++queue.fair_moves;
      depart(queue, *moved, to, false);
    }
  }
  if (moved == nullptr) return frame.returns(false);
  cover(platform_, Way::kMoveFair);
  deliver_moves(moved);
  return frame.returns(true);
}

}  // namespace px::core
