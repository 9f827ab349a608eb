// A scenario in motion: the core, its virtual CPUs, and the tasks' scripts, all in the arena.
#pragma once

#include <string>
#include <vector>

#include "check/machine.hpp"
#include "check/platform.hpp"
#include "check/scenario.hpp"
#include "core/mutex.hpp"
#include "core/shared_mutex.hpp"
#include "core/sync.hpp"

namespace px::check {

struct WorldOptions {
  Granularity granularity = Granularity::kCoarse;
  bool store_buffers = false;
  core::Mutant mutant = core::Mutant::kNone;
  bool coverage = false;  // count in which states the premises of the rules held
};

class World final : public Machine {
 public:
  using Task = core::Task<Platform>;
  using Runqueue = core::Runqueue<Platform>;
  using Mutex = core::Mutex<Platform>;
  using Scheduler = core::Scheduler<Platform>;

  static constexpr int kMaxTasks = 6;
  static constexpr int kMaxLocks = 4;
  static constexpr int kMaxSharedLocks = 2;

  // `scenario` must outlive the world.
  World(const Scenario& scenario, const WorldOptions& options);

  [[nodiscard]] const Scenario& scenario() const { return scenario_; }
  [[nodiscard]] Scheduler& scheduler() { return *scheduler_; }
  [[nodiscard]] int tasks() const { return static_cast<int>(tasks_.size()); }
  [[nodiscard]] Task& task(int index) const { return *tasks_[static_cast<std::size_t>(index)]; }
  [[nodiscard]] Mutex& lock(int index) const { return *locks_[static_cast<std::size_t>(index)]; }
  [[nodiscard]] int locks() const { return static_cast<int>(locks_.size()); }
  [[nodiscard]] Runqueue& rq(int cpu) const { return *runqueues_[static_cast<std::size_t>(cpu)]; }
  // The task whose context a CPU executes; the idle tasks included.
  [[nodiscard]] Task& running_task(const Context& context) const;
  [[nodiscard]] std::string context_name(const Context& context) const override;
  [[nodiscard]] bool ended(int task) const { return bodies_[task].ended; }
  // The instruction a task is at, for tables.
  [[nodiscard]] std::string instruction(int task) const;
  // Outside the core, owing nobody anything: with preemption on, or asleep in the idle loop.
  [[nodiscard]] bool settled(int cpu) const;
  // How often each of premises() held in a state reached; empty unless asked for.
  [[nodiscard]] const std::vector<std::uint64_t>& premises_met() const { return premises_met_; }

 private:
  friend class Platform;

  // A task's control state between visible operations, and what its script says it holds.
  struct Body {
    World* world = nullptr;
    Task* task = nullptr;
    const TaskScript* script = nullptr;
    std::uint16_t pc = 0;
    bool ended = false;
    Nanos until = 0;  // of the instruction under way
    core::Helper<Platform> help;
    core::Helper<Platform> holds[kMaxSharedLocks][2];  // exclusive, shared
  };
  struct Shared {
    std::int8_t holder[kMaxLocks];  // task that the scripts think holds the lock, or -1
    std::int16_t slices_left = 0;
    bool stop = false;
    // What the checker itself keeps of the past, for the rules of ledger.cpp.
    Nanos noted_until = kEpoch;
    Nanos executed[kMaxTasks] = {};
    Nanos charged[kMaxTasks] = {};
    std::int8_t ran_on[kMaxTasks] = {};       // CPU where the task last began to execute
    std::uint8_t lent_on[kMaxTasks] = {};     // CPUs that its context was moved to
    bool cancelled[kMaxTasks] = {};           // a stop request for its wait was made
    bool dead[kMaxTasks] = {};                // in an earlier state; so in every later one
    std::int8_t reads[kMaxSharedLocks] = {};  // tasks that the scripts think hold it shared
    bool written[kMaxSharedLocks] = {};
  };

  static void task_entry(void* body) noexcept;
  static void idle_entry(void* world) noexcept;
  void make_objects();
  void name_objects();
  void name_task(Task& task);
  void run_script(Body& body);
  void at_boundary(const Body& body);
  [[nodiscard]] bool perform(Body& body, const ScriptOp& op);
  void perform_on_event(Body& body, const ScriptOp& op);
  void perform_on_shared(Body& body, const ScriptOp& op, Nanos limit);
  void end_of_event_wait(const ScriptOp& op, core::WaitEnd end);
  [[nodiscard]] std::vector<core::Event<Platform>*> events() const;
  void end_of_lock_call(Body& body, const ScriptOp& op, core::WaitEnd end);

  void visit(Digest& digest) override;
  void visit_task(Packer& pack, const Task& task) const;
  void visit_base(Packer& pack, const Task& task) const;
  void visit_budget(Packer& pack, const policy::SchedContext& se) const;
  void add_rank(Packer& pack, policy::Rank rank) const;
  void visit_context(Packer& pack, const Task& task) const;
  void visit_runqueue(Packer& pack, const Runqueue& queue) const;
  bool world_holds(Choices enabled) override;
  void interrupt() override;
  [[nodiscard]] Nanos next_instant() override;
  void time_moved() override;
  [[nodiscard]] Nanos next_timer() const;
  [[nodiscard]] Nanos next_slice() const;

  // properties.cpp
  void check_wakeup(std::uint32_t task, int cpu);
  [[nodiscard]] bool kicks_pending() const;
  [[nodiscard]] bool core_holds();
  [[nodiscard]] bool donor_is_queued(int cpu);
  [[nodiscard]] bool off_means_off();
  void check_tree();
  [[nodiscard]] static bool ends_wait_for(const core::Waitable<Platform>& on, const Task& at,
                                          const Task& other);
  void check_boost(int cpu);
  void check_quiescence();
  [[nodiscard]] std::string why_stuck(int task) const;
  void count_premises(bool all_settled);

  // ledger.cpp
  void note_start(const Task& task, int cpu);
  void note_move(const Task& task, int cpu);
  void note_time();
  void forget_moves();
  void check_end_of_wait(const Body& body, const ScriptOp& op, core::WaitEnd end);
  [[nodiscard]] bool ledger_holds();
  [[nodiscard]] bool time_is_booked();
  [[nodiscard]] bool homes_are_kept();
  [[nodiscard]] bool ends_are_final();

  const Scenario& scenario_;
  Platform* platform_;
  Scheduler* scheduler_ = nullptr;
  Runqueue** runqueues_array_ = nullptr;
  std::vector<Runqueue*> runqueues_;
  std::vector<Task*> tasks_;
  std::vector<Task*> idles_;
  std::vector<Mutex*> locks_;
  std::vector<core::Semaphore<Platform>*> semaphores_;
  std::vector<core::Condition<Platform>*> conditions_;
  std::vector<core::SharedMutex<Platform>*> shared_locks_;
  std::vector<const void*> words_;
  Body* bodies_ = nullptr;
  Shared* shared_ = nullptr;
  Platform::Atomic<bool>* idle_stop_ = nullptr;
  std::vector<std::uint64_t> premises_met_;  // a count, no part of the state
};

}  // namespace px::check
