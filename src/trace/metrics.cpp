#include "trace/metrics.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

#include "base/check.hpp"

namespace px::trace {

namespace {

std::size_t checked_cpus(int cpus) {
  PX_CHECK(cpus >= 1 && cpus <= kMaxCpus, "a run has 1 to kMaxCpus CPUs");
  return static_cast<std::size_t>(cpus);
}

template <typename T>
void sort_by_start(std::vector<T>& intervals) {
  std::stable_sort(intervals.begin(), intervals.end(),
                   [](const T& a, const T& b) { return a.start_ns < b.start_ns; });
}

}  // namespace

Metrics::Metrics(std::vector<MetricsTask> tasks, const std::vector<std::string>& locks,
                 const MetricsOptions& options)
    : options_(options),
      limit_(options.duration_ns < 0 ? kNever : options.duration_ns),
      // Beside the locks: the end of each task, and whatever has no owner.
      state_(tasks.size(), checked_cpus(options.cpus), locks.size() + tasks.size() + 1),
      finder_(tasks.size()),
      tasks_(tasks.size()),
      locks_(locks.size()),
      cpus_(state_.cpus.size()) {
  result_.cpus = options.cpus;
  result_.tasks.resize(tasks.size());
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    TaskResult& task = result_.tasks[i];
    task.name = std::move(tasks[i].name);
    task.policy = std::move(tasks[i].policy);
    task.inversion_is_upper_bound = tasks[i].fair;
    state_.tasks[i].rank = tasks[i].rank;
    state_.tasks[i].fair = tasks[i].fair;
    state_.set_affinity(static_cast<std::uint32_t>(i), tasks[i].affinity);
  }
  result_.locks.resize(locks.size());
  for (std::size_t i = 0; i < locks.size(); ++i) result_.locks[i].name = locks[i];
}

void Metrics::on_event(const Event& event) {
  if (event.time_ns > limit_) return;
  advance(event.time_ns);
  apply(event);
  inverted_is_stale_ = true;
}

// Lets the state in force last until `now`. Who is inverted is found out here, once for all the
// events of one instant.
void Metrics::advance(Nanos now) {
  if (now <= now_) return;
  if (options_.inversion) {
    if (inverted_is_stale_) finder_.find(state_, inverted_);
    inverted_is_stale_ = false;
    for (const std::uint32_t task : inverted_) result_.tasks[task].inversion_ns += now - now_;
  }
  now_ = now;
}

void Metrics::apply(const Event& event) {
  const std::uint32_t task = event.task;
  if (event.kind == EventKind::kSwitch) {
    switch_to(event.cpu, task, event.other);
    return;
  }
  PX_CHECK(is_task(task), "an event names one of the tasks given at construction");
  switch (event.kind) {
    case EventKind::kSwitch:
      break;
    case EventKind::kWake:
      end_wait(task);
      state_.tasks[task].queued = true;
      settle(task);
      break;
    case EventKind::kBlock:
      block(task, event.lock, event.other);
      break;
    case EventKind::kSleep:
      // A waiter that leaves the runqueue still waits, parked behind its owner.
      if (!state_.waits.blocked(task)) leave_queue(task);
      break;
    case EventKind::kExit:
      end_wait(task);
      leave_queue(task);
      break;
    case EventKind::kUnblock:
      end_wait(task);
      break;
    case EventKind::kAcquire:
      acquire(task, lock_index(event.lock), event.other == 1);
      break;
    case EventKind::kRelease:
      release(task, lock_index(event.lock));
      break;
    case EventKind::kHandoff:
      hand_off(task, event.other, lock_index(event.lock));
      break;
    case EventKind::kMigrate:
      ++result_.tasks[task].proxy_migrations;
      break;
    case EventKind::kContend:
      begin_call(task, lock_index(event.lock));
      break;
    case EventKind::kAbandon:
      end_wait(task);
      tasks_[task].call_until = now_;
      abandon_call(task);
      break;
    case EventKind::kRank:
      on_rank(task, static_cast<std::int64_t>(event.other), event.lock == 1);
      break;
  }
}

void Metrics::on_rank(std::uint32_t task, std::int64_t rank, std::optional<bool> fair) {
  PX_CHECK(is_task(task), "a rank belongs to one of the tasks given at construction");
  TaskState& state = state_.tasks[task];
  state.rank = rank;
  state.fair = fair.value_or(state.fair);
  TaskResult& result = result_.tasks[task];
  result.inversion_is_upper_bound = result.inversion_is_upper_bound || state.fair;
  inverted_is_stale_ = true;
}

void Metrics::on_affinity(std::uint32_t task, const CpuMask& affinity) {
  PX_CHECK(is_task(task), "an affinity belongs to one of the tasks given at construction");
  state_.set_affinity(task, affinity);
  inverted_is_stale_ = true;
}

void Metrics::on_online(int cpu, bool online) {
  PX_CHECK(cpu >= 0 && cpu < options_.cpus, "a CPU of this run");
  state_.cpus[static_cast<std::size_t>(cpu)].online = online;
  inverted_is_stale_ = true;
}

void Metrics::switch_to(std::uint16_t cpu, std::uint32_t exec, std::uint32_t donor) {
  PX_CHECK(cpu < cpus_.size(), "an event names a CPU of this run");
  account(cpu);
  CpuState& state = state_.cpus[cpu];
  const std::uint32_t previous = state.exec;
  state.exec = is_task(exec) ? exec : kIdleTask;
  state.donor = is_task(exec) && is_task(donor) ? donor : state.exec;
  if (is_task(previous) && previous != exec) leave(previous, cpu);
  if (is_task(exec)) {
    // Running implies not blocked: a waiter that finds its lock free is run to take it.
    end_wait(exec);
    if (previous != exec) enter(exec, cpu);
  }
}

void Metrics::leave(std::uint32_t task, std::uint16_t cpu) {
  TaskState& state = state_.tasks[task];
  // Where the events of two CPUs meet at one instant it may run elsewhere by now.
  if (state.cpu != static_cast<std::int32_t>(cpu)) return;
  state.cpu = kNoCpu;
  if (state.queued && !state_.waits.blocked(task)) ++result_.tasks[task].preemptions;
  settle(task);
}

void Metrics::enter(std::uint32_t task, std::uint16_t cpu) {
  TaskState& state = state_.tasks[task];
  TaskData& data = tasks_[task];
  CpuData& here = cpus_[cpu];
  const auto number = static_cast<std::int32_t>(cpu);
  state.queued = true;
  state.cpu = number;
  if (data.last_cpu != kNoCpu && data.last_cpu != number) ++result_.tasks[task].migrations;
  data.last_cpu = number;
  if (here.last_task != kNoTask && here.last_task != task) ++result_.tasks[task].switches;
  here.last_task = task;
  settle(task);
}

void Metrics::leave_queue(std::uint32_t task) {
  abandon_call(task);
  state_.tasks[task].queued = false;
  settle(task);
}

void Metrics::account(std::uint16_t cpu) {
  CpuData& here = cpus_[cpu];
  const Nanos start = here.since;
  const Nanos ran = now_ - start;
  here.since = now_;
  const std::uint32_t exec = state_.cpus[cpu].exec;
  const std::uint32_t donor = state_.cpus[cpu].donor;
  if (!is_task(exec) || ran == 0) return;
  result_.tasks[exec].executed_ns += ran;
  result_.tasks[donor].charged_ns += ran;
  if (exec != donor) {
    result_.tasks[exec].received_ns += ran;
    result_.tasks[donor].donated_ns += ran;
  }
  if (options_.record) add_segment(cpu, start, exec, donor);
}

void Metrics::add_segment(std::uint16_t cpu, Nanos start, std::uint32_t exec, std::uint32_t donor) {
  auto& segments = cpus_[cpu].segments;
  if (!segments.empty()) {
    Segment& last = segments.back();
    if (last.end_ns == start && last.exec == exec && last.donor == donor) {
      last.end_ns = now_;
      return;
    }
  }
  segments.push_back({static_cast<int>(cpu), start, now_, exec, donor});
}

std::uint32_t Metrics::lock_index(std::uint32_t number) const {
  PX_CHECK(number >= 1 && number <= locks_.size(),
           "an event names one of the locks given at construction");
  return number - 1;
}

std::uint32_t Metrics::exit_link(std::uint32_t owner) const {
  return static_cast<std::uint32_t>(locks_.size() + std::min<std::size_t>(owner, tasks_.size()));
}

void Metrics::block(std::uint32_t task, std::uint32_t number, std::uint32_t owner) {
  end_wait(task);
  const std::uint32_t link = number == 0 ? exit_link(owner) : lock_index(number);
  if (is_lock(link)) begin_call(task, link);
  // Where uncontended acquisitions are not traced, this is the first word of a lock's owner.
  if (is_task(owner) && state_.waits.owner_of(link) != owner) own(link, owner);
  state_.waits.block(task, link);
  tasks_[task].blocked_since = now_;
  settle(task);
  measure_joined_chain(task);
}

void Metrics::end_wait(std::uint32_t task) {
  if (!state_.waits.blocked(task)) return;
  account_wait(task);
  state_.waits.unblock(task);
  measure_cut_chains(task);
  tasks_[task].call_until = now_;
  state_.tasks[task].queued = true;
  settle(task);
}

void Metrics::account_wait(std::uint32_t task) {
  const Nanos start = tasks_[task].blocked_since;
  if (now_ == start) return;
  result_.tasks[task].blocked_ns += now_ - start;
  const std::uint32_t link = state_.waits.lock_of(task);
  if (options_.record && is_lock(link)) result_.waits.push_back({task, link, start, now_});
}

// `task` has just been blocked: whatever leads to it goes on to the end of its own chain.
void Metrics::measure_joined_chain(std::uint32_t task) {
  const WaitGraph::Chain chain = state_.waits.chain_of(task);
  if (chain.cycle || !is_lock(chain.lock)) return;
  std::uint64_t above = 0;
  state_.waits.for_each_chain_to(
      task, [&](std::uint32_t, std::uint64_t links) { above = std::max(above, links); });
  LockResult& last = result_.locks[chain.lock];
  last.max_chain = std::max(last.max_chain, above + chain.locks);
}

// `task` no longer waits: whatever leads to it ends at one of its locks.
void Metrics::measure_cut_chains(std::uint32_t task) {
  state_.waits.for_each_chain_to(task, [&](std::uint32_t link, std::uint64_t links) {
    if (!is_lock(link)) return;
    LockResult& last = result_.locks[link];
    last.max_chain = std::max(last.max_chain, links);
  });
}

void Metrics::acquire(std::uint32_t task, std::uint32_t lock, bool waited) {
  end_wait(task);
  TaskData& data = tasks_[task];
  if (data.call_lock == lock) {
    end_call(task, now_, true);
    waited = true;
  } else {
    abandon_call(task);
    if (waited) {
      data.waits.record(0, true);
    } else {
      data.waits.record_uncontended();
    }
  }
  ++result_.locks[lock].acquisitions;
  if (waited) ++result_.locks[lock].contended;
  if (state_.waits.owner_of(lock) != task) own(lock, task);
}

void Metrics::release(std::uint32_t task, std::uint32_t lock) {
  if (state_.waits.owner_of(lock) == task) own(lock, kNoTask);
}

void Metrics::hand_off(std::uint32_t from, std::uint32_t to, std::uint32_t lock) {
  PX_CHECK(is_task(to), "a lock is handed to one of the tasks given at construction");
  ++result_.locks[lock].handoffs;
  if (state_.waits.owner_of(lock) != to) own(lock, to);
  if (state_.waits.blocked(to) && state_.waits.lock_of(to) == lock) end_wait(to);
  if (options_.record) result_.handoffs.push_back({lock, from, to, now_});
}

// Ends the hold of the present owner, if any, and begins that of `owner`, if any.
void Metrics::own(std::uint32_t link, std::uint32_t owner) {
  const std::uint32_t previous = state_.waits.owner_of(link);
  state_.waits.set_owner(link, owner);
  if (!is_lock(link)) return;
  const Nanos start = locks_[link].held_since;
  locks_[link].held_since = now_;
  if (previous == kNoTask) return;
  result_.locks[link].max_hold_ns = std::max(result_.locks[link].max_hold_ns, now_ - start);
  if (options_.record && now_ > start) result_.holds.push_back({previous, link, start, now_});
}

void Metrics::begin_call(std::uint32_t task, std::uint32_t lock) {
  TaskData& data = tasks_[task];
  if (data.call_lock == lock) return;
  abandon_call(task);
  data.call_lock = lock;
  data.call_since = now_;
  data.call_until = now_;
}

// The lock call in progress, if any, turns out to have ended without the lock.
void Metrics::abandon_call(std::uint32_t task) {
  TaskData& data = tasks_[task];
  if (data.call_lock == kNoLock) return;
  end_call(task, data.call_until, false);
}

void Metrics::end_call(std::uint32_t task, Nanos end, bool acquired) {
  TaskData& data = tasks_[task];
  const Nanos wait = end - data.call_since;
  data.waits.record(wait, true);
  data.call_lock = kNoLock;
  if (options_.record) result_.tasks[task].lock_calls.push_back({data.call_since, wait, acquired});
}

void Metrics::settle(std::uint32_t task) {
  TaskData& data = tasks_[task];
  const bool runnable = state_.runnable(task);
  if (runnable == data.runnable) return;
  data.runnable = runnable;
  if (runnable) {
    data.runnable_since = now_;
    return;
  }
  const Nanos start = data.runnable_since;
  if (now_ == start) return;
  result_.tasks[task].runnable_ns += now_ - start;
  if (options_.record) result_.runnable.push_back({task, start, now_});
}

void Metrics::end_everything() {
  for (std::size_t cpu = 0; cpu < cpus_.size(); ++cpu) account(static_cast<std::uint16_t>(cpu));
  for (std::uint32_t task = 0; task < tasks_.size(); ++task) {
    TaskData& data = tasks_[task];
    if (state_.waits.blocked(task)) account_wait(task);
    data.call_until = now_;
    abandon_call(task);
    state_.tasks[task].queued = false;
    settle(task);
  }
  for (std::uint32_t lock = 0; lock < locks_.size(); ++lock) own(lock, kNoTask);
}

void Metrics::collect_segments() {
  std::size_t total = 0;
  for (const CpuData& cpu : cpus_) total += cpu.segments.size();
  result_.segments.reserve(total);
  for (CpuData& cpu : cpus_) {
    result_.segments.insert(result_.segments.end(), cpu.segments.begin(), cpu.segments.end());
    cpu.segments = {};
  }
  std::sort(result_.segments.begin(), result_.segments.end(),
            [](const Segment& a, const Segment& b) {
              return std::tie(a.start_ns, a.cpu) < std::tie(b.start_ns, b.cpu);
            });
}

RunResult Metrics::finish(Nanos end) {
  advance(std::min(end, limit_));
  end_everything();
  collect_segments();
  sort_by_start(result_.waits);
  sort_by_start(result_.holds);
  sort_by_start(result_.runnable);
  result_.duration_ns = now_;
  for (std::size_t i = 0; i < tasks_.size(); ++i) {
    TaskResult& task = result_.tasks[i];
    task.lock_wait = tasks_[i].waits.summarize();
    result_.totals.switches += task.switches;
    result_.totals.proxied_ns += task.donated_ns;
  }
  return std::move(result_);
}

}  // namespace px::trace
