#include "linux/thread_port.hpp"

#include <pthread.h>
#include <sys/prctl.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include "base/check.hpp"
#include "workload/task_names.hpp"
#include "workload/timer_bank.hpp"

namespace px::linux_world {

namespace {

// The clocks are read once per stretch: some 2 % of it.
constexpr Nanos kStretch = 20 * kMicrosecond;
// How many stretches may pass between two looks at the count of preemptions. A preemption shorter
// than a disturbance goes unnoticed otherwise and would excuse a real disturbance after it.
constexpr int kStretchesPerWatch = 10;

}  // namespace

ThreadPort::ThreadPort(const RunShared& shared, std::uint32_t task) : shared_(shared), task_(task) {
  const workload::TaskSpec& spec = shared.workload.tasks[task];
  result_.name = spec.name;
  result_.policy = workload::policy_name(spec.params);
}

void ThreadPort::prepare() {
  const workload::TaskSpec& spec = shared_.workload.tasks[task_];
  // 15 characters are what the kernel keeps.
  ::pthread_setname_np(::pthread_self(), spec.name.substr(0, 15).c_str());
  // Timers of ordinary threads may be 50 us late by default.
  ::prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
  apply(spec.params, spec.cpus);
}

void ThreadPort::begin() {
  usage_at_start_ = read_thread_usage();
  cpu_seen_ = usage_at_start_.executed_ns;
  preemptions_seen_ = usage_at_start_.involuntary;
  counting_ = true;
}

void ThreadPort::end() {
  ended_at_ = now();
  if (counting_) stop_counting(std::max<Nanos>(ended_at_ - shared_.control.end(), 0));
  shared_.locks.program_ended(task_);
  shared_.control.program_ended();
  if (!held_.empty()) shared_.control.sleep_until(kNever);
  for (; !held_.empty(); held_.pop_back()) release(held_.back());
}

void ThreadPort::refused(Refusal refusal) {
  auto& list = result_.refused;
  if (std::find(list.begin(), list.end(), refusal.what) != list.end()) return;
  list.emplace_back(refusal.what);
  refusals_.push_back(std::move(refusal));
}

void ThreadPort::apply(const policy::Params& params, const std::optional<CpuMask>& cpus) {
  const CpuMask mask = cpus ? shared_.host_cpus.host_mask(*cpus) : shared_.all_cpus;
  if (auto refusal = set_affinity(mask)) refused(std::move(*refusal));
  for (Refusal& refusal : set_params(params)) refused(std::move(refusal));
}

bool ThreadPort::count_until(Nanos now) {
  const Nanos end = shared_.control.end();
  if (now < end) return false;
  if (counting_) stop_counting(now - end);
  return true;
}

void ThreadPort::stop_counting(Nanos overrun) {
  counting_ = false;
  const ThreadUsage usage = read_thread_usage();
  // Since the end of the run it has executed at most for that long, and at most what its clock has
  // gone on since it was last read: a thread without a CPU at the end had read it shortly before.
  const Nanos late = std::min(usage.executed_ns - cpu_seen_, overrun);
  result_.executed_ns = usage.executed_ns - late - usage_at_start_.executed_ns;
  result_.runnable_ns = usage.runnable_ns - usage_at_start_.runnable_ns;
  result_.preemptions = usage.involuntary - usage_at_start_.involuntary;
  result_.switches = result_.preemptions + usage.voluntary - usage_at_start_.voluntary;
}

void ThreadPort::look_for_gap(Nanos before, Nanos after, Nanos computed) {
  const bool gap = after - before - computed >= trace::kDisturbance;
  if (!gap && ++stretches_unwatched_ < kStretchesPerWatch) return;
  stretches_unwatched_ = 0;
  const std::uint64_t preemptions = count_preemptions();
  // Nobody else was given this CPU, and yet it was not ours.
  if (gap && preemptions == preemptions_seen_ && counting_) {
    disturbances_.push_back({before, after});
  }
  preemptions_seen_ = preemptions;
}

bool ThreadPort::compute(Nanos amount) {
  const Nanos stretch = std::min(amount, kStretch);
  const Nanos before = now();
  shared_.spinner.spin(stretch);
  const Nanos after = now();
  look_for_gap(before, after, stretch);
  return count_until(after);
}

void ThreadPort::run(Nanos amount) {
  if (amount >= kStretchesPerWatch * kStretch) {
    preemptions_seen_ = count_preemptions();
    stretches_unwatched_ = 0;
  }
  cpu_seen_ = thread_cpu_now();
  const Nanos target = cpu_seen_ + amount;
  while (cpu_seen_ < target) {
    if (compute(target - cpu_seen_)) return;
    cpu_seen_ = thread_cpu_now();
  }
}

void ThreadPort::run_wall(Nanos amount) {
  const Nanos target = workload::later(now(), amount);
  for (Nanos left = amount; left > 0; left = target - now()) {
    if (compute(left)) return;
    cpu_seen_ = thread_cpu_now();
  }
}

void ThreadPort::sleep_until(Nanos until) { shared_.control.sleep_until(until); }

bool ThreadPort::lock(const workload::Op& op) {
  LockTable::Answer answer = shared_.locks.lock(task_, op.index);
  if (counting_) count_call(op.index, answer);
  switch (answer.outcome) {
    case LockTable::Outcome::kAcquired:
      held_.push_back(op.index);
      return true;
    case LockTable::Outcome::kDeadlock:
      shared_.control.end_deadlocked(answer.chain);
      return false;
    case LockTable::Outcome::kRefused:
      shared_.control.end_failed("the C library refused to lock \"" +
                                 shared_.workload.locks[op.index].name + "\" for task \"" +
                                 result_.name + "\": " + std::strerror(answer.error) +
                                 "; use another protocol");
      return false;
  }
  check_failed(__FILE__, __LINE__, "answer.outcome", "an outcome of no kind");
}

void ThreadPort::count_call(std::uint32_t lock, const LockTable::Answer& answer) {
  const Nanos end = shared_.control.end();
  if (answer.since >= end) return;
  if (!answer.contended) {
    if (answer.outcome == LockTable::Outcome::kAcquired) lock_waits_.record_uncontended();
    return;
  }
  const Nanos until = std::min(answer.at, end);
  const Nanos wait = until - answer.since;
  const bool acquired = answer.outcome == LockTable::Outcome::kAcquired && answer.at < end;
  lock_waits_.record(wait, true);
  result_.blocked_ns += wait;
  if (!shared_.record) return;
  result_.lock_calls.push_back({answer.since, wait, acquired});
  waits_.push_back({task_, lock, answer.since, until});
}

void ThreadPort::unlock(const workload::Op& op) {
  const auto held = std::find(held_.rbegin(), held_.rend(), op.index);
  PX_CHECK(held != held_.rend(), "the static checks allow only a holder to unlock");
  held_.erase(std::next(held).base());
  release(op.index);
}

void ThreadPort::release(std::uint32_t lock) {
  const trace::Hold hold = shared_.locks.unlock(task_, lock);
  if (!shared_.record || hold.end_ns <= hold.start_ns || holds_.size() == kMaxHolds) return;
  holds_.push_back(hold);
}

trace::TaskResult ThreadPort::take_result() {
  result_.charged_ns = result_.executed_ns;
  result_.lock_wait = lock_waits_.summarize();
  return std::move(result_);
}

}  // namespace px::linux_world
