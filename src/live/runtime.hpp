// The tasks of a live runtime: their memory, their start, their end. Behind px::Runtime.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "live/machine.hpp"
#include "px/runtime.hpp"
#include "px/this_task.hpp"

namespace px {
inline namespace v0 {
namespace detail {

// One task's memory. Recycled, never freed while its runtime lives: a late wakeup may still look at
// it (core/task.hpp). Free = on the runtime's free list; otherwise it has two references, one of
// the running task and one of its handle or, detached, of nobody.
// Memory for the links of the shared mutexes that a task holds, kept for the next ones. Allocates
// for the fifth at a time. The task's own.
class HoldPool {
 public:
  using Hold = core::Helper<live::Platform>;

  [[nodiscard]] Hold& take(bool shared) {
    Hold* hold = free_;
    if (hold != nullptr) {
      free_ = hold->next;
    } else if (used_ < first_.size()) {
      hold = &first_[used_++];
    } else {
      hold = more_.emplace_back(std::make_unique<Hold>()).get();
    }
    hold->shared = shared;
    return *hold;
  }
  void give_back(Hold& hold) noexcept {
    hold.next = free_;
    free_ = &hold;
  }

 private:
  std::array<Hold, 4> first_{};
  std::size_t used_ = 0;
  Hold* free_ = nullptr;
  std::vector<std::unique_ptr<Hold>> more_;
};

struct TaskObject {
  live::Task core;
  RuntimeImpl* runtime = nullptr;  // constant, as core.user is
  std::shared_ptr<TaskStateBase> state;
  fiber::StackPool* stack_pool = nullptr;  // where its stack goes back to
  std::atomic<std::uint32_t> references{0};
  static constexpr std::uint32_t kRuns = 0;
  static constexpr std::uint32_t kAwaited = 1;  // a foreign thread sleeps on it
  static constexpr std::uint32_t kEnded = 2;
  std::atomic<std::uint32_t> done{kRuns};  // futex of foreign joiners
  TaskObject* next_free = nullptr;
  std::uint32_t held = 0;  // mutexes of every kind that it holds; the task's own
  HoldPool holds;
};

class RuntimeImpl : public std::enable_shared_from_this<RuntimeImpl> {
 public:
  // `trace_capacity`: events to keep per CPU; 0 = no tracing.
  explicit RuntimeImpl(RuntimeOptions options, std::size_t trace_capacity = 0);
  ~RuntimeImpl();  // after shut_down()
  // Stops and joins all tasks, then the CPUs. Once, by who made it; handles of ended tasks may keep
  // the rest of it.
  void shut_down();

  void start(const TaskOptions& options, std::shared_ptr<TaskStateBase> state);
  // The same in the core's terms.
  struct CoreOptions {
    std::string name;  // empty = "task-ID"
    policy::Params params;
    CpuMask affinity;
    int cpu = -1;
    std::size_t stack_size = 0;
    bool preempt = true;
  };
  void start_core(CoreOptions options, std::shared_ptr<TaskStateBase> state);
  // Throws not_admitted; then nothing was changed.
  void change_params(TaskObject& object, const policy::Params& params);
  void join(TaskStateBase& state);
  void drop_reference(TaskObject& object);

  [[nodiscard]] live::Machine& machine() { return *machine_; }
  [[nodiscard]] live::Scheduler& scheduler() { return machine_->scheduler(); }
  [[nodiscard]] const RuntimeOptions& options() const { return options_; }
  [[nodiscard]] const std::string& notices() const { return notices_; }
  void set_affinity(live::Task& task, const CpuSet& cpus);
  // As px::Runtime's.
  void offline(int cpu);
  void online(int cpu);
  // `cpu`, if there is such a CPU; else throws invalid_params, naming the call.
  int checked_cpu(int cpu, const char* call) const;
  // The instant that lies so far ahead; kNever for the longest duration, else one before it.
  [[nodiscard]] Nanos instant_in(std::int64_t duration_ns) {
    if (duration_ns == kNever) return kNever;
    const Nanos now = machine_->clock().now();
    return duration_ns > kNever - 1 - now ? kNever - 1 : now + duration_ns;
  }
  // The mask for tasks; throws invalid_affinity.
  [[nodiscard]] CpuMask mask_of(const CpuSet& cpus) const;

  static void retire(live::Task& task);

 private:
  static constexpr std::size_t kChunk = 64;

  [[noreturn]] void throw_not_admitted(const policy::Admitted& refused) const;
  static void task_entry(void* object) noexcept;
  static void run_user_code(TaskObject& object) noexcept;
  struct Acquired {
    TaskObject& object;
    std::uint32_t id;
  };
  [[nodiscard]] Acquired acquire(std::shared_ptr<TaskStateBase> state);
  fiber::StackPool& stack_pool(std::size_t size);
  void stop_all();

  RuntimeOptions options_;
  std::string notices_;
  // Pools of stacks: the runtime's size first, others as they are asked for. pool_lock_.
  std::vector<std::unique_ptr<fiber::StackPool>> stacks_;
  fiber::StackPool* default_stacks_ = nullptr;  // constant after construction
  std::unique_ptr<live::Machine> machine_;

  live::SpinLock pool_lock_;  // guards the pool; preemption off
  std::vector<std::unique_ptr<TaskObject[]>> chunks_;
  TaskObject* free_ = nullptr;
  std::uint32_t next_id_ = 1;

  std::atomic<std::uint32_t> alive_{0};  // futex of the destructor
  const int process_;                    // after fork the child has no runtime
  std::atomic<bool> stopping_{false};
};

// OS CPUs for a runtime of `count` CPUs: the i-th of the caller's affinity mask, folded if the
// machine has fewer; 0 = all of the mask.
[[nodiscard]] std::vector<int> allowed_cpus(int count);
// core parameters of public ones; throws invalid_params.
[[nodiscard]] policy::Params core_params(const SchedParams& params);
// The calling task, or nullptr on a foreign thread.
[[nodiscard]] TaskObject* current_task() noexcept;
// The same; throws not_a_task, naming the call.
[[nodiscard]] TaskObject& require_task(const char* call);
// For each call that a loop may consist of: a signal that finds the program in the
// library preempts nothing, so a loop that is mostly in here has to look by itself.
inline void poll_preemption() noexcept {
  if (live::need_resched()) [[unlikely]]
    this_task::checkpoint();
}
// Throws if the calling task may not block now, naming the call and the task.
void require_may_block(const TaskObject& me, const char* call);
// Prints or hands on one line and does not return.
[[noreturn]] void fatal(const std::string& line) noexcept;

}  // namespace detail
}  // namespace v0
}  // namespace px
