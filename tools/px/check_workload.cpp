#include "check_workload.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "workload/cursor.hpp"
#include "workload/error.hpp"
#include "workload/read.hpp"

namespace px::tools {

namespace {

using workload::Op;
using workload::OpKind;
using workload::TaskSpec;
using workload::Workload;

// What the checker has room for.
constexpr std::size_t kMaxTasks = 6;
constexpr std::size_t kMaxLocks = 4;
constexpr int kMaxCpus = 4;
constexpr std::size_t kMaxOps = 100;  // of one task, loops unrolled
// How often time may move to the end of a slice where tasks share a CPU by slices.
constexpr int kSlices = 2;

class Translation {
 public:
  explicit Translation(const std::string& path) : workload_(workload::read_files({path})) {
    scenario_.name = path;
    scenario_.about = "a workload file";
    scenario_.deadlock = true;  // the core's answer to it is defined, and the file's own business
  }

  check::Scenario translate() {
    check_size();
    scenario_.cpus = cpus();
    for (const auto& lock : workload_.locks) add_lock(lock);
    for (const TaskSpec& task : workload_.tasks) add_task(task);
    return std::move(scenario_);
  }

 private:
  [[noreturn]] void reject(const workload::Place& place, const std::string& found,
                           const std::string& expected) const {
    const auto file = static_cast<std::size_t>(place.file);
    throw workload::Error(workload_.files[file], place.line, place.column,
                          "found " + found + ", expected " + expected);
  }

  [[nodiscard]] workload::Place top() const { return {0, 1, 1}; }

  void check_size() const {
    if (workload_.tasks.size() > kMaxTasks) {
      reject(workload_.tasks[kMaxTasks].place, std::to_string(workload_.tasks.size()) + " tasks",
             "at most " + std::to_string(kMaxTasks) + ", which the checker has room for");
    }
    if (workload_.locks.size() > kMaxLocks) {
      reject(workload_.locks[kMaxLocks].place, std::to_string(workload_.locks.size()) + " locks",
             "at most " + std::to_string(kMaxLocks) + ", which the checker has room for");
    }
  }

  [[nodiscard]] int cpus() const {
    const int cpus = std::max(workload_.cpus.value_or(1), workload_.highest_cpu + 1);
    if (cpus > kMaxCpus) {
      reject(top(), std::to_string(cpus) + " CPUs",
             "at most " + std::to_string(kMaxCpus) + ", which the checker has room for");
    }
    return cpus;
  }

  void add_lock(const workload::LockSpec& lock) {
    const auto asked = lock.protocol ? lock.protocol : workload_.lock_protocol;
    const bool inherit = !asked && workload_.pi_enabled;
    if (inherit || asked.value_or(workload::Protocol::kProxy) != workload::Protocol::kProxy) {
      reject(lock.place,
             std::string("a lock of protocol ") +
                 workload::name_of(asked.value_or(workload::Protocol::kInherit)),
             "protocol proxy, the one that the checker explores");
    }
    scenario_.locks.push_back(lock.name);
  }

  [[nodiscard]] std::uint64_t bits_of(const std::optional<CpuMask>& cpus) const {
    std::uint64_t bits = 0;
    for (int cpu = 0; cpu < scenario_.cpus; ++cpu) {
      if (!cpus || cpus->has(cpu)) bits |= std::uint64_t{1} << cpu;
    }
    return bits;
  }

  void add_task(const TaskSpec& spec) {
    if (workload::is_endless(spec)) {
      reject(spec.place, "a task without an end",
             "a number of loops: the checker runs tasks to their end");
    }
    task_ = &scenario_.tasks.emplace_back();
    task_->name = spec.name;
    task_->params = spec.params;
    task_->cpus = bits_of(spec.cpus);
    params_ = spec.params;
    cpus_ = task_->cpus;
    if (std::holds_alternative<policy::FairParams>(spec.params) ||
        std::get<policy::RealtimeParams>(spec.params).round_robin) {
      scenario_.slice_ticks = kSlices;
    }
    if (spec.delay_ns > 0) add(check::Instruction::kSleep, "delay", spec.place).ns = spec.delay_ns;
    for (workload::Cursor cursor(spec); !cursor.done(); cursor.advance()) {
      if (cursor.at_phase_start()) add_changes(spec, cursor.phase());
      add_op(cursor.op());
    }
    link_locks(spec);
  }

  check::ScriptOp& add(check::Instruction code, std::string text, const workload::Place& place) {
    if (task_->ops.size() == kMaxOps) {
      reject(place,
             "task " + task_->name + " with more than " + std::to_string(kMaxOps) +
                 " operations, loops unrolled",
             "fewer: the checker explores all their interleavings");
    }
    check::ScriptOp& op = task_->ops.emplace_back();
    op.code = code;
    op.text = std::move(text);
    return op;
  }

  void add_changes(const TaskSpec& spec, const workload::Phase& phase) {
    const int self = static_cast<int>(scenario_.tasks.size()) - 1;
    if (phase.params && *phase.params != params_) {
      params_ = *phase.params;
      check::ScriptOp& op = add(check::Instruction::kClass, "class " + task_->name, phase.place);
      op.object = self;
      op.params = params_;
    }
    const std::uint64_t cpus = bits_of(phase.cpus ? phase.cpus : spec.cpus);
    if (cpus == cpus_) return;
    cpus_ = cpus;
    check::ScriptOp& op =
        add(check::Instruction::kAffinity, "affinity " + task_->name, phase.place);
    op.object = self;
    op.cpus = cpus;
  }

  void add_op(const Op& from) {
    using check::Instruction;
    switch (from.kind) {
      case OpKind::kRun:
      case OpKind::kRuntime:
        add(Instruction::kRun, "run", from.place);
        return;
      case OpKind::kSleep:
      case OpKind::kTimer:
        if (from.amount_ns <= 0) return;
        add(Instruction::kSleep, from.kind == OpKind::kSleep ? "sleep" : "timer", from.place).ns =
            from.amount_ns;
        return;
      case OpKind::kLock:
      case OpKind::kUnlock: {
        const bool locks = from.kind == OpKind::kLock;
        const std::string name = scenario_.locks[from.index];
        add(locks ? Instruction::kLock : Instruction::kUnlock, (locks ? "lock " : "unlock ") + name,
            from.place)
            .object = static_cast<int>(from.index);
        return;
      }
    }
    reject(from.place, "an event of another kind", "one that the checker's scripts have");
  }

  // A lock call that ends with a deadlock goes on behind its unlock.
  void link_locks(const TaskSpec& spec) {
    auto& ops = task_->ops;
    for (std::size_t i = 0; i < ops.size(); ++i) {
      if (ops[i].code != check::Instruction::kLock) continue;
      const auto unlock = std::find_if(
          ops.begin() + static_cast<std::ptrdiff_t>(i), ops.end(), [&](const check::ScriptOp& op) {
            return op.code == check::Instruction::kUnlock && op.object == ops[i].object;
          });
      if (unlock == ops.end()) reject(spec.place, "'" + ops[i].text + "'", "an unlock behind it");
      ops[i].otherwise = static_cast<int>(unlock - ops.begin()) + 1;
    }
  }

  Workload workload_;
  check::Scenario scenario_;
  check::TaskScript* task_ = nullptr;
  policy::Params params_;   // in force at this place of the task's program
  std::uint64_t cpus_ = 0;  // likewise
};

}  // namespace

bool names_workload(std::string_view name) { return name.ends_with(".json"); }

check::Scenario scenario_from_file(const std::string& path) {
  return Translation(path).translate();
}

}  // namespace px::tools
