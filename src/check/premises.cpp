#include "check/premises.hpp"

#include "check/world.hpp"

namespace px::check {

namespace {

using Task = World::Task;
using Runqueue = World::Runqueue;
using Mutex = World::Mutex;

template <typename F>
bool some_task(const World& world, F&& f) {
  for (int i = 0; i < world.tasks(); ++i) {
    if (f(world.task(i))) return true;
  }
  return false;
}

template <typename F>
bool some_lock(const World& world, F&& f) {
  for (int i = 0; i < world.locks(); ++i) {
    if (f(world.lock(i))) return true;
  }
  return false;
}

// A CPU on which rules about one CPU are judged.
template <typename F>
bool some_cpu(const World& world, F&& f) {
  for (int cpu = 0; cpu < world.cpus(); ++cpu) {
    if (world.settled(cpu) && f(world.rq(cpu))) return true;
  }
  return false;
}

bool queued(const Task& task) { return task.on_rq.peek() == core::OnRq::kQueued; }
bool hangs(const Task& task) { return task.parked_on.peek() != nullptr; }
bool linked(const Task& task) { return task.blocked_on.peek() != nullptr; }
bool has_waiters(const Mutex& lock) { return lock.waiters.first() != nullptr; }
bool one_throttled(const World& world) {
  return some_task(world, [](const Task& task) { return task.se.dl.throttled; });
}
bool a_deadline_task_waits(const World& world) {
  return some_task(world, [](const Task& task) {
    return task.is_blocked.peek() && task.se.class_id == policy::ClassId::kDeadline;
  });
}
bool lends_now(const Runqueue& queue) {
  return queue.curr.peek() != queue.donor.peek() && !queue.donor.peek()->is_idle &&
         queue.need_resched.peek() == 0;
}

bool always(const World& /*world*/) { return true; }
bool two_run(const World& world) {
  int running = 0;
  for (int cpu = 0; cpu < world.cpus(); ++cpu)
    running += world.rq(cpu).curr.peek()->is_idle ? 0 : 1;
  return running >= 2;
}
bool one_runs(const World& world) {
  return some_cpu(world, [](const Runqueue& queue) { return !queue.curr.peek()->is_idle; });
}
bool one_pays(const World& world) {
  return some_cpu(world, [](const Runqueue& queue) { return !queue.donor.peek()->is_idle; });
}
bool one_runs_with_affinity(const World& world) {
  return some_cpu(world, [&world](const Runqueue& queue) {
    const Task& curr = *queue.curr.peek();
    for (int cpu = 0; cpu < world.cpus(); ++cpu) {
      if (!curr.is_idle && !curr.affinity.has(cpu)) return true;
    }
    return false;
  });
}
bool one_lends(const World& world) { return some_cpu(world, lends_now); }
bool one_blocks(const World& world) {
  return some_task(world, [](const Task& task) { return task.is_blocked.peek(); });
}
bool one_hangs(const World& world) { return some_task(world, hangs); }
bool one_hangs_deep(const World& world) {
  return some_task(world,
                   [](const Task& task) { return hangs(task) && hangs(*task.parked_on.peek()); });
}
bool one_is_linked(const World& world) { return some_task(world, linked); }
bool an_owner_waits(const World& world) {
  return some_lock(world, [](const Mutex& lock) {
    const Task* owner = lock.owner();
    return owner != nullptr && linked(*owner);
  });
}
bool free_or_handed_over(const World& world) {
  return some_lock(world, [](const Mutex& lock) {
    return has_waiters(lock) && (lock.owner() == nullptr || (lock.word() & Mutex::kPickup) != 0);
  });
}
bool one_wait_has_ended(const World& world) {
  return some_task(world, [](const Task& task) {
    return task.wait_node.queued && task.wait_end.peek() != core::WaitEnd::kNone;
  });
}
bool one_is_away(const World& world) {
  return some_task(world, [](const Task& task) { return task.cpu.peek() != task.wake_cpu.peek(); });
}
bool one_lends_off_the_queue(const World& world) {
  return some_task(world, [](const Task& task) {
    return task.is_blocked.peek() && linked(task) && !queued(task);
  });
}
bool proxy_is_off(const World& world) { return !world.scenario().proxy && one_blocks(world); }
bool one_is_raised(const World& world) {
  return some_task(world, [](const Task& task) { return task.boosts != nullptr; });
}
bool time_has_passed(const World& world) { return world.state().now > kEpoch; }
bool one_has_donated(const World& world) {
  return some_task(world, [](const Task& task) { return task.times.donated_ns > 0; });
}
bool one_has_ended(const World& world) {
  return some_task(world,
                   [](const Task& task) { return task.state.peek() == core::TaskState::kDead; });
}
bool idle_donor_with_queue(const World& world) {
  return some_cpu(world, [](const Runqueue& queue) {
    return queue.donor.peek()->is_idle && queue.classes.queued() > 0;
  });
}
bool idle_cpu_with_queue(const World& world) {
  return some_cpu(world, [](const Runqueue& queue) {
    return queue.curr.peek()->is_idle && queue.classes.queued() > 0;
  });
}
bool one_queued(const World& world) {
  return some_cpu(world, [](const Runqueue& queue) { return queue.classes.queued() > 0; });
}
bool two_queued(const World& world) {
  return some_cpu(world, [](const Runqueue& queue) { return queue.classes.queued() > 1; });
}
bool a_slice_ends(const World& world) {
  return some_cpu(world, [](const Runqueue& queue) { return queue.slice_at.peek() != kNever; });
}
bool a_timer_is_armed(const World& world) {
  return some_cpu(world, [](const Runqueue& queue) { return queue.timers.first() != nullptr; });
}
bool one_waits(const World& world) { return some_lock(world, has_waiters); }
bool two_wait(const World& world) {
  return some_lock(world, [](const Mutex& lock) {
    return has_waiters(lock) && lock.waiters.first()->wait_node.next != nullptr;
  });
}
bool one_handed_over(const World& world) {
  return some_lock(world, [](const Mutex& lock) { return (lock.word() & Mutex::kPickup) != 0; });
}

bool one_is_offline(const World& world) {
  return some_cpu(world, [](const Runqueue& queue) { return queue.offline.peek(); });
}
bool one_waits_for_a_cpu(const World& world) {
  return some_cpu(world, [](const Runqueue& queue) { return queue.waiting_rank.peek() != 0; });
}

}  // namespace

const std::vector<Premise>& premises() {
  static const std::vector<Premise> all = {
      {1, "one CPU", "two tasks run", false, &two_run},
      {1, "stack in use", "a task runs", true, &one_runs},
      {2, "runs where it may", "one with an affinity runs", false, &one_runs_with_affinity},
      {3, "curr is queued", "a task runs", false, &one_runs},
      {4, "curr is not blocked", "a task runs", false, &one_runs},
      {5, "runnable is not blocked", "a task is blocked", false, &one_blocks},
      {6, "chain end runs", "a CPU runs on a lent context", true, &one_lends},
      {7, "no donor left behind", "a CPU has a donor", false, &one_pays},
      {8, "one donor", "a CPU has a donor", false, &one_pays},
      {9, "idle donor with queued tasks", "the donor was taken away", false,
       &idle_donor_with_queue},
      {10, "handed to a waiter", "a lock is handed over", false, &one_handed_over},
      {11, "linked is listed", "a task has a link", false, &one_is_linked},
      {11, "rank in the wait list", "a task has a link", true, &one_is_linked},
      {11, "wait list in order", "two tasks wait", false, &two_wait},
      {12, "owner does not wait", "an owner waits for another lock", true, &an_owner_waits},
      {13, "waiters bit", "a task waits", false, &one_waits},
      {14, "no lost wakeup", "a lock with waiters is free or handed over", true,
       &free_or_handed_over},
      {15, "wakeup delivered", "a wait has ended", true, &one_wait_has_ended},
      {19, "best donor", "two are queued", false, &two_queued},
      {20, "the highest ranks run", "one waits that might run elsewhere", true,
       &one_waits_for_a_cpu},
      {22, "end of boost", "a CPU runs on a lent context", false, &one_lends},
      {23, "boost is earned", "a CPU runs on a lent context", true, &one_lends},
      {23, "parameters are earned", "a lock raises its owner", true, &one_is_raised},
      {27, "migrated is blocked", "a context is away from home", true, &one_is_away},
      {28, "home is kept", "a context is away from home", false, &one_is_away},
      {31, "deferred lists delivered", "a CPU is outside the core", false, &always},
      {31, "nobody in transit", "all CPUs are outside the core", true, &always},
      {32, "parked lists", "a task hangs on an owner", true, &one_hangs},
      {32, "parked trees", "one hangs on one that hangs", true, &one_hangs_deep},
      {32, "who hangs is off", "a task hangs on an owner", true, &one_hangs},
      {33, "hangs on its owner", "a task hangs on an owner", true, &one_hangs},
      {33, "lender is somewhere", "one lends from outside the queues", true,
       &one_lends_off_the_queue},
      {33, "who hangs follows its owner", "a task hangs on an owner", true, &one_hangs},
      {34, "who hangs is off CPU", "a task hangs on an owner", false, &one_hangs},
      {35, "time is conserved", "time has passed", true, &time_has_passed},
      {35, "a task's clock", "time has passed", false, &time_has_passed},
      {36, "donated equals received", "time was donated", true, &one_has_donated},
      {37, "who pays is charged", "time was donated", false, &one_has_donated},
      {38, "contexts belong to tasks", "one is queued", false, &one_queued},
      {38, "first timer", "a timer is armed", false, &a_timer_is_armed},
      {38, "recount", "one is queued", false, &one_queued},
      {38, "slice end", "a slice ends", false, &a_slice_ends},
      {39, "throttled lends nothing", "a budget is used up", false, &one_throttled},
      {39, "waiting gives nothing up", "a deadline task waits", true, &a_deadline_task_waits},
      {41, "ended is gone", "a task has ended", true, &one_has_ended},
      {41, "the end is final", "a task has ended", false, &one_has_ended},
      {42, "offline is empty", "a CPU is offline", false, &one_is_offline},
      {47, "off means off", "one waits without proxy execution", false, &proxy_is_off},
      {48, "idle with queued tasks", "a CPU comes from idle", false, &idle_cpu_with_queue},
  };
  return all;
}

}  // namespace px::check
