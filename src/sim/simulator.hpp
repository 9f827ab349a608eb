// The discrete-event loop around the core. Deterministic: a run is a pure function of what is
// spawned into it.
//
// Every task and every CPU's idle loop is a fiber; the loop below is the thread's own context. A
// CPU executes by being resumed; it runs to its next gate and switches back:
//
//   working    the task executes for some time; resumed when that is over, or to be preempted
//   settled    the task is about to start its next operation; resumed when the instant has settled
//   deciding   schedule() wants to pick (before_pick); resumed in the decision phase
//   idle       nothing to run; resumed when need_resched is set
//
// One instant, in this order, repeated until nothing changes (contracts, section 3):
//   1. completions of work, CPU by CPU; each runs on through releases of locks to its next gate
//   2. ends of slices
//   3. timers and starts, in the order of the tasks
//   4. one scheduling decision per CPU, in CPU order
//   5. settled tasks that were not preempted start their next operation, in CPU order
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/invariants.hpp"
#include "sim/platform.hpp"

namespace px::sim {

struct SimulatorOptions {
  int cpus = 1;
  bool proxy_exec = true;
  policy::Tunables tunables;
  Nanos migration_cost_ns = 0;  // see core::SchedulerOptions
  int llc_cpus = 0;
  bool deadline_admission = true;
  std::size_t stack_size = 64 * 1024;
  std::uint32_t max_tasks = 1'000'000;
  Nanos switch_cost_ns = 0;  // charged to the incoming task
  Nanos wake_cost_ns = 0;    // charged to the waker
  // Check the core's invariants after every phase of every instant (debug builds do so anyway, up
  // to a few hundred tasks: the check looks at all of them).
  bool check_invariants = false;
  // Called on the caller of run() with the first broken invariant; it may throw. Empty, or
  // returning: the violation is printed and the process aborted.
  std::function<void(const core::ViolationReport&)> on_violation;
};

class Simulator {
 public:
  using Task = core::Task<Platform>;
  using Runqueue = core::Runqueue<Platform>;
  using Mutex = core::Mutex<Platform>;
  // Called for every event of the core, in the order of happening.
  using Sink = std::function<void(const trace::Event&)>;

  Simulator(const SimulatorOptions& options, Sink sink);
  ~Simulator();
  Simulator(const Simulator&) = delete;
  Simulator& operator=(const Simulator&) = delete;

  // A task that starts at `start_ns` and runs `body` on its own fiber. Before run(), or from a
  // task. Ids count up from 0 in the order of spawning. A deadline task that does not fit beside
  // the others ends the process.
  Task& spawn(const char* name, const policy::Params& params, const CpuMask& affinity,
              Nanos start_ns, std::function<void()> body);

  // Runs until `end_ns` (kNever: until every task has ended). Call once.
  void run(Nanos end_ns);

  // Why run() returned although tasks are left and no end was reached.
  [[nodiscard]] bool dead_end() const { return dead_end_; }
  // Stops the run at the present instant; called from a task.
  void stop() { stopping_ = true; }

  // --- For tasks.

  // Executes for `ns`; preemption may stretch it.
  void consume(Nanos ns);
  // Is busy until the given instant has passed, preempted or not.
  void consume_until(Nanos when_ns);
  // Gate: the rest of this instant happens before the caller's next operation.
  void settle();
  [[nodiscard]] Task& current() { return *platform_.current(); }
  [[nodiscard]] Nanos now() const { return platform_.now(); }
  // Reports an event of the calling task.
  void trace(trace::EventKind kind, std::uint32_t other, std::uint32_t lock);

  // Names the locks whose invariants are to be checked even while nobody is blocked on them; they
  // must exist until the list is replaced. Locks that somebody is blocked on are checked anyway.
  void watch(std::vector<const Mutex*> mutexes) { watched_ = std::move(mutexes); }

  [[nodiscard]] core::Scheduler<Platform>& scheduler() { return *scheduler_; }
  [[nodiscard]] std::uint64_t events() const { return events_; }
  [[nodiscard]] std::size_t tasks_alive() const { return alive_; }

 private:
  friend class Platform;
  enum class Gate : std::uint8_t { kWorking, kSettled, kDeciding, kIdle };
  struct Cpu {
    Gate gate = Gate::kIdle;
    Nanos work_end_ns = kNever;
    Nanos cost_ns = 0;  // owed by the task on it: switches and wakeups not yet executed
    std::unique_ptr<Task> idle;
    std::unique_ptr<Runqueue> runqueue;
  };
  struct Body {
    Simulator* simulator = nullptr;
    std::unique_ptr<Task> task;
    std::string name;
    std::function<void()> run;
    fiber::Stack stack;
    Nanos start_ns = 0;
  };

  static void task_entry(void* body) noexcept;
  static void idle_entry(void* cpu) noexcept;
  [[nodiscard]] Cpu& this_cpu() { return cpus_[static_cast<std::size_t>(platform_.cpu)]; }
  [[nodiscard]] bool starts_later(std::uint32_t a, std::uint32_t b) const;
  void park(Gate gate);
  void resume(int cpu);
  void work_until(Nanos when_ns);
  void prepare(Task& task);
  void start_next();
  void emit(trace::EventKind kind, std::uint32_t task, std::uint32_t other, std::uint32_t lock);

  bool completions();
  bool slice_ends();
  bool timers_and_starts();
  bool expire_one_timer();
  bool decisions();
  bool operations();
  [[nodiscard]] Nanos next_instant() const;
  bool checked(bool changed);
  [[nodiscard]] bool checks() const;
  void check_invariants(bool quiescent);

  SimulatorOptions options_;
  Sink sink_;
  Platform platform_;
  fiber::Context loop_;
  fiber::StackSlab stacks_;
  std::vector<Cpu> cpus_;
  std::vector<Runqueue*> runqueues_;
  std::unique_ptr<core::Scheduler<Platform>> scheduler_;
  std::vector<std::unique_ptr<Body>> bodies_;  // by task id
  std::vector<Task*> tasks_;                   // likewise
  std::vector<const Mutex*> watched_;
  std::vector<std::uint32_t> starts_;  // task ids, a heap by (start, id)
  bool in_decisions_ = false;
  bool stopping_ = false;
  bool dead_end_ = false;
  Platform::Atomic<bool> idle_stop_;
  std::uint64_t events_ = 0;
  std::size_t alive_ = 0;
};

}  // namespace px::sim
