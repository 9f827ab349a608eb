// What decides the future of a scenario, and nothing else: the fields that identify a state.
//
// Left out: statistics, names, trace data, walk epochs (only "was passed by the last walk" counts),
// sequence numbers (only their order counts), tree and heap shapes (only the order counts), a
// runqueue's clock (each use follows a charge under the same lock, and time stands still then).
#include <algorithm>

#include "check/world.hpp"

namespace px::check {

namespace {

constexpr unsigned kPointerBits = 20;  // the arena is smaller than a MiB

std::uint64_t id_bits(std::int64_t value) { return static_cast<std::uint64_t>(value); }

}  // namespace

void World::visit(Digest& digest) {
  Packer pack(digest);
  for (const Task* task : tasks_) visit_task(pack, *task);
  for (const Task* task : idles_) visit_task(pack, *task);
  for (const Runqueue* queue : runqueues_) visit_runqueue(pack, *queue);
  for (const Mutex* lock : locks_) {
    pack.add(id_bits(lock->wait_lock.holder() + 1), 4);
    pack.add(lock->word() & 0xfffff, kPointerBits);
    pack.add(bits_of(lock->waiters.first()), kPointerBits);
    pack.add(id_bits(lock->boost() + 64), 16);
    pack.add(bits_of(lock->next_boost()), kPointerBits);
  }
  pack.add(scheduler_->inherit_in_use(), 1);
  const auto add_event = [&](const core::Event<Platform>& event) {
    pack.add(id_bits(event.wait_lock.holder() + 1), 4);
    pack.add(bits_of(event.waiters.first()), kPointerBits);
    for (const Task* task : tasks_) pack.add(id_bits(event.helper_place(*task)), 3);
  };
  for (const auto* semaphore : semaphores_) {
    add_event(*semaphore);
    pack.add(id_bits(semaphore->permits()), 8);
  }
  for (const auto* condition : conditions_) add_event(*condition);
  for (const auto* lock : shared_locks_) {
    add_event(*lock);
    pack.add(id_bits(lock->readers()), 3);
    pack.add(lock->written(), 1);
  }
  for (int i = 0; i < tasks(); ++i) {
    pack.add(bodies_[i].pc, 8);
    pack.add(bodies_[i].ended, 1);
    if (bodies_[i].until != 0) pack.add(relative(bodies_[i].until), 40);
  }
  for (int i = 0; i < locks(); ++i) pack.add(id_bits(shared_->holder[i] + 1), 4);
  for (std::size_t i = 0; i < shared_locks_.size(); ++i) {
    pack.add(id_bits(shared_->reads[i]), 3);
    pack.add(shared_->written[i], 1);
  }
  pack.add(id_bits(scheduler_->overloaded().peek()), 3);
  pack.add(id_bits(scheduler_->offline_count().peek()), 3);
  pack.add(id_bits(shared_->slices_left), 8);
  if (!scenario_.watch_moves) return;
  for (int i = 0; i < tasks(); ++i) pack.add(shared_->lent_on[i], kMaxVirtualCpus);
}

// A task's own fields; its scheduling context in visit_context().
void World::visit_task(Packer& pack, const Task& task) const {
  pack.add(bits_of(task.state.peek()), 3);
  pack.add(bits_of(task.on_rq.peek()), 2);
  pack.add(id_bits(task.cpu.peek()), 3);
  pack.add(task.on_cpu.peek(), 1);
  pack.add(id_bits(task.wake_cpu.peek()), 3);
  pack.add(task.is_blocked.peek(), 1);
  pack.add(bits_of(task.wait_end.peek()), 4);
  pack.add(task.wait_may_end, 1);
  pack.add(bits_of(task.blocked_edge), 2);
  pack.add(task.wake_pending.peek(), 1);
  pack.add(id_bits(task.task_lock.holder() + 1), 3);
  pack.add(id_bits(task.blocked_lock.holder() + 1), 3);
  for (int cpu = 0; cpu < cpus(); ++cpu) pack.add(task.affinity.has(cpu), 1);
  pack.add(bits_of(task.blocked_on.peek()), kPointerBits);
  pack.add(bits_of(task.blocked_donor.peek()), kPointerBits);
  pack.add(bits_of(task.parked_first.peek()), kPointerBits);
  pack.add(bits_of(task.parked_last), kPointerBits);
  pack.add(bits_of(task.parked_on.peek()), kPointerBits);
  pack.add(bits_of(task.parked_prev), kPointerBits);
  pack.add(bits_of(task.parked_next), kPointerBits);
  pack.add(bits_of(task.wake_next), kPointerBits);
  pack.add(bits_of(task.deferred_next), kPointerBits);
  pack.add(bits_of(task.boosts), kPointerBits);
  pack.add(bits_of(task.boost_link), kPointerBits);
  pack.add(task.boost_pending.peek(), 1);
  pack.add(id_bits(task.lent_rank.peek()), 8);
  if (task.is_idle) return;
  pack.add(bits_of(task.counted), 2);
  pack.add(task.strayed, 1);
  pack.add(id_bits(task.migrate_to + 1), 3);
  pack.add(task.proxy_move, 1);
  for (const Runqueue* queue : runqueues_) {
    const std::uint64_t mark =
        queue->walk_epoch * kMaxCpus + static_cast<std::uint64_t>(queue->cpu);
    pack.add(task.walk_mark == mark, 1);
  }
  const auto& node = task.wait_node;
  pack.add(node.queued, 1);
  if (node.queued) {
    pack.add(bits_of(node.next), kPointerBits);
    pack.add(bits_of(node.prev), kPointerBits);
    add_rank(pack, node.rank);
    pack.add(node.lost, 4);
    unsigned earlier = 0;
    for (const Task* other : tasks_) {
      earlier += other->wait_node.queued && other->wait_node.since < node.since ? 1 : 0;
    }
    pack.add(node.since == 0 ? 7 : earlier, 3);
  }
  pack.add(task.timer.armed, 1);
  pack.add(id_bits(task.timer.cpu + 1), 3);
  if (task.timer.armed) pack.add(relative(task.timer.when_ns), 40);
  pack.add(task.exit.pending() != nullptr, 1);
  pack.add(id_bits(task.exit.wait_lock.holder() + 1), 3);
  pack.add(bits_of(task.exit.waiters.first()), kPointerBits);
  if (task.blocked_on.peek() != nullptr) {
    unsigned earlier = 0;
    for (const Task* other : tasks_) {
      earlier += other->blocked_on.peek() != nullptr && other->block_seq < task.block_seq ? 1 : 0;
    }
    pack.add(earlier, 3);
  }
  visit_context(pack, task);
  visit_base(pack, task);
}

// What the task has asked for, of which its context may hold the better.
void World::visit_base(Packer& pack, const Task& task) const {
  if (const auto* rt = std::get_if<policy::RealtimeParams>(&task.base_params)) {
    pack.add(id_bits(rt->priority), 8);
    pack.add(rt->round_robin, 1);
  } else if (const auto* fair = std::get_if<policy::FairParams>(&task.base_params)) {
    pack.add(id_bits(128 + fair->nice), 8);
  }
}

void World::visit_context(Packer& pack, const Task& task) const {
  const policy::SchedContext& se = task.se;
  const bool fair = se.class_id == policy::ClassId::kFair;
  pack.add(bits_of(se.class_id), 2);
  pack.add(se.queued, 1);
  if (se.dl.started) visit_budget(pack, se);
  if (fair) {
    pack.add(id_bits(se.fair_params.nice + 20), 6);
  } else if (se.class_id == policy::ClassId::kRealtime) {
    pack.add(id_bits(se.rt_params.priority), 7);
    pack.add(se.rt_params.round_robin, 1);
    pack.add(id_bits(se.rt.saved_priority), 7);
    if (se.rt_params.round_robin) pack.add(id_bits(se.rt.rr_left_ns), 32);
  }
  if (!se.queued) {
    if (!fair) return;
    pack.add(se.fair.requested, 1);
    pack.add(id_bits(se.fair.remainder), 17);
    pack.flush();
    pack.add(id_bits(se.fair.lag), 64);
    for (int cpu = 0; cpu < cpus(); ++cpu) {
      const policy::FairClass& queue = rq(cpu).classes.fair();
      pack.add(se.fair.debt_queue == &queue, 1);
      if (se.fair.debt_queue == &queue) pack.add(id_bits(queue.unpaid(se.fair)), 64);
    }
    if (se.fair.requested) pack.add(id_bits(se.fair.virtual_deadline), 64);
    return;
  }
  const Runqueue& queue = rq(task.cpu.peek());
  const policy::FairClass& fairs = queue.classes.fair();
  const policy::ArrivalOrder& arrivals = fair ? fairs.arrivals()
                                         : se.class_id == policy::ClassId::kRealtime
                                             ? queue.classes.realtime().arrivals()
                                             : queue.classes.deadline().arrivals();
  unsigned before = 0;
  for (const Task* other : tasks_) {
    before += other->se.queued && other->se.class_id == se.class_id &&
                      other->cpu.peek() == task.cpu.peek() && other->se.queue_seq < se.queue_seq
                  ? 1
                  : 0;
  }
  pack.add(before, 3);
  pack.add(arrivals.peek(state().now) == se.queue_seq, 1);
  if (!fair) return;
  const std::int64_t zero = fairs.average_vruntime();
  pack.add(id_bits(se.fair.remainder), 17);
  pack.add(id_bits(policy::virtual_diff(se.fair.vruntime, zero)), 64);
  pack.add(id_bits(policy::virtual_diff(se.fair.request_end, zero)), 64);
  pack.add(id_bits(policy::virtual_diff(se.fair.virtual_deadline, zero)), 64);
}

// A deadline long past is as good as one just past: the wakeup rule asks only that.
void World::visit_budget(Packer& pack, const policy::SchedContext& se) const {
  const policy::DeadlineState& dl = se.dl;
  pack.add(id_bits(se.dl_params.runtime_ns / kTick), 16);
  pack.add(id_bits(se.dl_params.deadline_ns / kTick), 16);
  pack.add(id_bits(se.dl_params.period_ns / kTick), 16);
  pack.add(id_bits(dl.left_ns), 64);
  pack.add(id_bits(dl.deadline_ns - state().now), 64);
  pack.add(dl.slept, 1);
  pack.add(dl.yielded, 1);
  pack.add(dl.throttled, 1);
  if (dl.throttled) pack.add(id_bits(dl.event.at_ns - state().now), 64);
}

// Of a deadline only its distance counts.
void World::add_rank(Packer& pack, policy::Rank rank) const {
  const bool deadline = rank > policy::Rank::deadline_class();
  pack.add(deadline, 1);
  pack.add(deadline ? id_bits(policy::Rank::deadline(state().now).value() - rank.value())
                    : id_bits(rank.value()),
           64);
}

void World::visit_runqueue(Packer& pack, const Runqueue& queue) const {
  pack.add(id_bits(queue.lock.holder() + 1), 3);
  pack.add(id_bits(queue.timer_lock.holder() + 1), 3);
  pack.add(queue.need_resched.peek(), 1);
  pack.add(id_bits(queue.nr_queued.peek()), 4);
  pack.add(queue.offline.peek(), 1);
  pack.add(bits_of(queue.curr.peek()), kPointerBits);
  pack.add(bits_of(queue.donor.peek()), kPointerBits);
  add_rank(pack, policy::Rank::of_value(queue.donor_rank.peek()));
  add_rank(pack, policy::Rank::of_value(queue.waiting_rank.peek()));
  pack.add(id_bits(queue.waiting_lenders.peek()), 3);
  pack.add(bits_of(queue.deferred_wakes), kPointerBits);
  pack.add(bits_of(queue.deferred_moves), kPointerBits);
  pack.add(bits_of(queue.deferred_boosts), kPointerBits);
  pack.add(bits_of(queue.switched_from), kPointerBits);
  pack.add(bits_of(queue.classes.fair().current()), kPointerBits);
  pack.add(bits_of(queue.classes.realtime().current()), kPointerBits);
  pack.add(bits_of(queue.classes.deadline().current()), kPointerBits);
  pack.add(queue.classes.fair().yielded(), 1);
  pack.add(queue.classes.fair().decided(), 1);
  pack.add(relative(queue.exec_start_ns), 40);
  pack.add(id_bits(std::min<Nanos>(state().now - queue.balanced_ns, 63 * kTick)), 32);
  const auto due = [this](Nanos at) {
    return at == kNever ? ~std::uint64_t{0} : relative(std::max(at, state().now));
  };
  pack.add(due(queue.timer_at.peek()), 40);
  pack.add(due(queue.slice_at.peek()), 40);
}

}  // namespace px::check
