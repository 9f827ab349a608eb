// What a task can ask of, and do to, itself. Tasks of a px::Runtime only, else errc::not_a_task.
#pragma once

#include <chrono>
#include <cstdint>

#include "px/duration.hpp"
#include "px/sched_params.hpp"
#include "px/stop_token.hpp"

namespace px {
inline namespace v0 {
namespace this_task {

// Gives way to tasks of the same rank. A task that runs on another's behalf yields that one's turn.
void yield();
// Sleeps at least that long; a negative time returns at once.
void sleep_for_ns(std::int64_t duration_ns);
// As sleep_for_ns.
template <typename Rep, typename Period>
void sleep_for(const std::chrono::duration<Rep, Period>& duration) {
  sleep_for_ns(detail::saturated_ns(duration));
}
// Until an instant of any clock; a change of that clock meanwhile is not seen.
template <typename Clock, typename Duration>
void sleep_until(const std::chrono::time_point<Clock, Duration>& time) {
  sleep_for_ns(detail::ns_until(time));
}
// A place where a pending preemption may happen; a few ns otherwise. For loops that make no other
// px call in code that cannot be preempted by signal. Harmless on a foreign thread.
void checkpoint() noexcept;
// Unique in the process; 0 on a foreign thread.
[[nodiscard]] std::uint64_t id() noexcept;
// The name given at spawn, or "task-ID"; "" on a foreign thread. Valid while the task lives.
[[nodiscard]] const char* name() noexcept;
// Set by Task::request_stop, by a destroyed handle and by the runtime's end.
[[nodiscard]] px::stop_token stop_token();
// Class and parameters from now on. Throws invalid_params, not_supported.
void set_params(const SchedParams& params);
// The CPUs it may run on from now on; moves at once if need be. Throws invalid_affinity.
void set_affinity(const CpuSet& cpus);
// The CPU that runs the caller at this moment.
[[nodiscard]] int cpu();
// Time the calling task has been on its CPU so far, without the time of the tasks that ran in
// between; what the kernel gave to other threads meanwhile is in it.
[[nodiscard]] std::chrono::nanoseconds executed();
// How often a px::Deadline of the calling task has been overrun: the budget of a period was used up
// with work left, and the task waited for the next one. To be compared with the number at the
// begin of a job, for example to leave optional work out. A budget that yield gives up is none, nor
// is one that ends as the task goes to sleep. 0 for a task that was never a deadline task.
[[nodiscard]] std::uint64_t overruns();

}  // namespace this_task

// While one lives, its task is neither preempted nor may it block (errc::preemption_off). Nestable;
// destroyed by the task and on the scope that made it. Keep it to a few microseconds.
class PreemptGuard {
 public:
  // Preemption of the calling task is off from here on.
  PreemptGuard() noexcept;
  // On again, unless another guard lives; a preemption that was put off happens here.
  ~PreemptGuard();
  PreemptGuard(const PreemptGuard&) = delete;
  PreemptGuard& operator=(const PreemptGuard&) = delete;
};

}  // namespace v0
}  // namespace px
