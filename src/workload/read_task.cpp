// Tasks, phases and events.
#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <utility>

#include "policy/sched_context.hpp"
#include "workload/read.hpp"
#include "workload/reader_state.hpp"

namespace px::workload {
namespace {

constexpr std::int64_t kNoLimit = std::numeric_limits<std::int64_t>::max();

// rt-app takes a key for the first of these words that it begins with. A word without a kind is an
// event of rt-app that this version does not have.
struct EventWord {
  std::string_view word;
  std::optional<OpKind> kind;
};
constexpr std::array<EventWord, 20> kEventWords = {
    {{"runtime", OpKind::kRuntime}, {"run", OpKind::kRun},       {"sleep", OpKind::kSleep},
     {"memrun", std::nullopt},      {"mem", std::nullopt},       {"iorun", std::nullopt},
     {"lock", OpKind::kLock},       {"unlock", OpKind::kUnlock}, {"signal", std::nullopt},
     {"broad", std::nullopt},       {"wait", std::nullopt},      {"sync", std::nullopt},
     {"barrier", std::nullopt},     {"timer", OpKind::kTimer},   {"resume", std::nullopt},
     {"suspend", std::nullopt},     {"yield", std::nullopt},     {"fork", std::nullopt},
     {"sem_post", std::nullopt},    {"sem_wait", std::nullopt}}};

const EventWord* event_of(std::string_view key) {
  for (const EventWord& event : kEventWords) {
    if (key.starts_with(event.word)) return &event;
  }
  return nullptr;
}

// What an object says of the scheduling of a task or phase, beside its events.
struct Attributes {
  std::optional<Value> cpus;
  std::optional<Value> delay;
  std::optional<Value> dl_deadline;
  std::optional<Value> dl_period;
  std::optional<Value> dl_runtime;
  std::optional<Value> instance;
  std::optional<Value> loop;
  std::optional<Value> phases;
  std::optional<Value> policy;
  std::optional<Value> priority;
  std::optional<Value> px;
  std::vector<Value> events;
};

struct AttributeKey {
  std::string_view key;
  std::optional<Value> Attributes::*member;
  bool task_only;
};
constexpr std::array<AttributeKey, 11> kAttributeKeys = {{
    {"cpus", &Attributes::cpus, false},
    {"delay", &Attributes::delay, true},
    {"dl-deadline", &Attributes::dl_deadline, false},
    {"dl-period", &Attributes::dl_period, false},
    {"dl-runtime", &Attributes::dl_runtime, false},
    {"instance", &Attributes::instance, true},
    {"loop", &Attributes::loop, false},
    {"phases", &Attributes::phases, true},
    {"policy", &Attributes::policy, false},
    {"priority", &Attributes::priority, false},
    {"px", &Attributes::px, false},
}};

// Scheduling parameters as the file gives them, in force at one point of a task's program.
struct Scheduling {
  SchedPolicy policy = SchedPolicy::kOther;
  int priority = 0;  // nice, or the realtime priority
  Nanos slice_ns = 0;
  policy::DeadlineParams deadline;

  [[nodiscard]] bool realtime() const {
    return policy == SchedPolicy::kFifo || policy == SchedPolicy::kRoundRobin;
  }
  [[nodiscard]] policy::Params params() const {
    if (realtime()) {
      return policy::RealtimeParams{priority, policy == SchedPolicy::kRoundRobin};
    }
    if (policy == SchedPolicy::kDeadline) return deadline;
    return policy::FairParams{priority, policy == SchedPolicy::kBatch, policy == SchedPolicy::kIdle,
                              slice_ns};
  }
};

// Reads one task object.
class TaskReader {
 public:
  TaskReader(ReaderState& state, const Value& task)
      : state_(state), task_(task), name_("task " + in_quotes(task.key())) {}

  TaskTemplate read();

 private:
  enum class Level : std::uint8_t { kTask, kPhase };

  [[nodiscard]] Attributes collect(const Value& object, Level level);
  void add_attribute(Attributes& attributes, const Value& value, Level level);
  void reject_px(const Attributes& attributes, const std::string& owner) const;
  [[nodiscard]] std::int64_t read_loop(const Value& value) const;
  [[nodiscard]] CpuMask read_cpus(const Value& value);
  [[nodiscard]] bool apply_scheduling(const Attributes& attributes, Scheduling& in_force) const;
  void apply_deadline_keys(const Attributes& attributes, Scheduling& in_force) const;
  void apply_deadline_params(const Attributes& attributes, Scheduling& in_force) const;
  [[nodiscard]] Phase read_phase(const Value& object, Scheduling& in_force);
  [[nodiscard]] std::vector<Op> read_events(const std::vector<Value>& events);
  [[nodiscard]] Op read_event(const Value& value);
  void read_timer(const Value& value, Op& op);
  void read_timer_mode(const Value& value, std::uint32_t timer);
  void apply_unique_modes(std::vector<Phase>& phases) const;

  ReaderState& state_;
  Value task_;
  std::string name_;                                 // for messages
  std::map<std::uint32_t, TimerMode> unique_modes_;  // of this task, by timer index
};

TaskTemplate TaskReader::read() {
  expect_object(task_, name_);
  if (task_.key().empty()) fail_at_key(task_, "an empty name", "the name of a task");
  const Attributes attributes = collect(task_, Level::kTask);
  reject_px(attributes, name_);

  TaskTemplate result;
  TaskSpec& spec = result.spec;
  spec.name = task_.key();
  spec.place = task_.key_place();
  Scheduling in_force;
  in_force.policy = state_.default_policy;
  if (in_force.realtime()) in_force.priority = policy::RealtimeParams{}.priority;
  // The return value says whether anything was set, which matters only for phases.
  static_cast<void>(apply_scheduling(attributes, in_force));
  spec.params = in_force.params();
  if (attributes.cpus) spec.cpus = read_cpus(*attributes.cpus);
  if (attributes.delay) spec.delay_ns = to_time(*attributes.delay, "the delay of " + name_);
  if (attributes.instance) {
    result.instances = to_integer(*attributes.instance, 0, static_cast<std::int64_t>(kMaxTasks),
                                  "the number of instances of " + name_);
  }
  if (attributes.phases) {
    spec.has_phases = true;
    expect_object(*attributes.phases, "the phases of " + name_);
    spec.loop = attributes.loop ? read_loop(*attributes.loop) : -1;
    for (const Value& object : Children(*attributes.phases)) {
      spec.phases.push_back(read_phase(object, in_force));
    }
  } else {
    // The object is one phase, and a "loop" that it has is that phase's.
    Phase& phase = spec.phases.emplace_back();
    spec.loop = attributes.loop ? 1 : -1;
    if (attributes.loop) phase.loop = read_loop(*attributes.loop);
    phase.ops = read_events(attributes.events);
    phase.place = spec.place;
  }
  apply_unique_modes(spec.phases);
  return result;
}

Attributes TaskReader::collect(const Value& object, Level level) {
  Attributes attributes;
  bool has_phases = false;
  for (const Value& value : Children(object)) has_phases = has_phases || value.key() == "phases";
  for (const Value& value : Children(object)) {
    if (event_of(value.key()) == nullptr) {
      add_attribute(attributes, value, level);
    } else if (level == Level::kTask && has_phases) {
      state_.notes.add(value.key_place(), "ignored the event " + in_quotes(value.key()) + " of " +
                                              name_ + ": it stands beside \"phases\"");
    } else {
      attributes.events.push_back(value);
    }
  }
  return attributes;
}

void TaskReader::add_attribute(Attributes& attributes, const Value& value, Level level) {
  const std::string_view owner = level == Level::kTask ? "a task" : "a phase";
  for (const AttributeKey& known : kAttributeKeys) {
    if (known.key != value.key() || (known.task_only && level == Level::kPhase)) continue;
    std::optional<Value>& slot = attributes.*known.member;
    if (slot && known.key == "px") {
      fail_at_key(value, "\"px\" twice in one object of " + name_, "it once");
    }
    if (slot) {
      state_.notes.add(slot->key_place(), "ignored an earlier " + in_quotes(value.key()) + " of " +
                                              name_ + ": the last one counts");
    }
    slot = value;
    return;
  }
  state_.notes.add(value.key_place(), "ignored the unknown key " + in_quotes(value.key()) + " of " +
                                          std::string(owner));
}

void TaskReader::reject_px(const Attributes& attributes, const std::string& owner) const {
  if (!attributes.px) return;
  expect_object(*attributes.px, "the px settings of " + owner);
  check_px_keys(*attributes.px, owner, {});
}

std::int64_t TaskReader::read_loop(const Value& value) const {
  const std::int64_t loop =
      to_integer(value, -1, kNoLimit, "a loop count of " + name_ + ", -1 for ever");
  if (loop == 0) fail_value(value, "a loop count of " + name_ + ": -1 for ever, or at least 1");
  return loop;
}

CpuMask TaskReader::read_cpus(const Value& value) {
  const std::string expected = "the CPUs of " + name_ + ": an array of CPU numbers";
  if (value.kind() != JsonKind::kArray) fail_value(value, expected);
  CpuMask mask;
  for (const Value& element : Children(value)) {
    const auto cpu = static_cast<int>(to_integer(element, 0, kMaxCpus - 1, "a CPU number"));
    mask.add(cpu);
    state_.workload.highest_cpu = std::max(state_.workload.highest_cpu, cpu);
  }
  if (mask.empty()) fail_at(value, "no CPU", expected + ", at least one");
  return mask;
}

// Changes `in_force` by what the object says. A policy brings its default priority; a priority
// alone belongs to the policy in force. False if the object says nothing.
bool TaskReader::apply_scheduling(const Attributes& attributes, Scheduling& in_force) const {
  if (attributes.policy) {
    in_force.policy = to_policy(*attributes.policy);
    in_force.priority = in_force.realtime() ? policy::RealtimeParams{}.priority : 0;
    if (in_force.realtime() || in_force.policy == SchedPolicy::kIdle ||
        in_force.policy == SchedPolicy::kDeadline) {
      in_force.slice_ns = 0;
    }
  }
  if (attributes.priority && in_force.policy == SchedPolicy::kDeadline) {
    static_cast<void>(to_integer(*attributes.priority, 0, 0,
                                 "the priority of a SCHED_DEADLINE task, 0, or none"));
  } else if (attributes.priority) {
    const bool rt = in_force.realtime();
    in_force.priority = static_cast<int>(
        to_integer(*attributes.priority, rt ? policy::kRtPriorityMin : policy::kNiceMin,
                   rt ? policy::kRtPriorityMax : policy::kNiceMax,
                   (rt ? "the realtime priority of " : "the nice level of ") + name_));
  }
  apply_deadline_keys(attributes, in_force);
  return attributes.policy || attributes.priority || attributes.dl_runtime ||
         attributes.dl_deadline || attributes.dl_period;
}

// As in rt-app the period is the runtime unless given, the deadline the period.
void TaskReader::apply_deadline_params(const Attributes& attributes, Scheduling& in_force) const {
  policy::DeadlineParams& params = in_force.deadline;
  const Value& at = attributes.dl_runtime    ? *attributes.dl_runtime
                    : attributes.dl_deadline ? *attributes.dl_deadline
                    : attributes.dl_period   ? *attributes.dl_period
                    : attributes.policy      ? *attributes.policy
                                             : task_;
  if (attributes.dl_runtime) {
    params = {to_time(*attributes.dl_runtime, "the runtime of " + name_), 0, 0};
    params.deadline_ns = params.period_ns = params.runtime_ns;
  }
  if (params.runtime_ns == 0) {
    fail_at_key(at, "SCHED_DEADLINE in " + name_ + " without a runtime",
                "\"dl-runtime\" above 0, in microseconds");
  }
  if (attributes.dl_period) {
    params.period_ns = to_time(*attributes.dl_period, "the period of " + name_);
    params.deadline_ns = params.period_ns;
  }
  if (attributes.dl_deadline) {
    params.deadline_ns = to_time(*attributes.dl_deadline, "the deadline of " + name_);
  }
  if (const char* why = policy::invalid_params(params); *why != '\0') {
    fail_at_key(at,
                name_ + ": runtime " + std::to_string(params.runtime_ns / kMicrosecond) +
                    ", deadline " + std::to_string(params.deadline_ns / kMicrosecond) +
                    ", period " + std::to_string(params.period_ns / kMicrosecond) + " us",
                "0 < dl-runtime <= dl-deadline <= dl-period <= 8796 s");
  }
}

void TaskReader::apply_deadline_keys(const Attributes& attributes, Scheduling& in_force) const {
  if (in_force.policy == SchedPolicy::kDeadline) {
    apply_deadline_params(attributes, in_force);
    return;
  }
  for (const auto& value : {attributes.dl_period, attributes.dl_deadline}) {
    if (value) {
      fail_at_key(*value, in_quotes(value->key()) + " in " + name_, "it only with SCHED_DEADLINE");
    }
  }
  if (!attributes.dl_runtime) return;
  if (in_force.policy != SchedPolicy::kOther && in_force.policy != SchedPolicy::kBatch) {
    fail_at_key(*attributes.dl_runtime, "\"dl-runtime\" in " + name_,
                "it only with SCHED_DEADLINE, or with SCHED_OTHER or SCHED_BATCH as the slice");
  }
  in_force.slice_ns = to_time(*attributes.dl_runtime, "the slice of " + name_);
}

Phase TaskReader::read_phase(const Value& object, Scheduling& in_force) {
  const std::string owner = "the phase " + in_quotes(object.key()) + " of " + name_;
  expect_object(object, owner);
  const Attributes attributes = collect(object, Level::kPhase);
  reject_px(attributes, owner);
  Phase phase;
  phase.place = object.key_place();
  if (attributes.loop) phase.loop = read_loop(*attributes.loop);
  if (apply_scheduling(attributes, in_force)) phase.params = in_force.params();
  if (attributes.cpus) phase.cpus = read_cpus(*attributes.cpus);
  phase.ops = read_events(attributes.events);
  return phase;
}

std::vector<Op> TaskReader::read_events(const std::vector<Value>& events) {
  std::vector<Op> ops;
  ops.reserve(events.size());
  for (const Value& value : events) ops.push_back(read_event(value));
  return ops;
}

Op TaskReader::read_event(const Value& value) {
  if (value.key() == "lock_order") {
    fail_at_key(value, "\"lock_order\" in " + name_,
                "events: the grammar of rt-app before 1.0 is not read");
  }
  const EventWord& event = *event_of(value.key());
  std::string what = "the event " + in_quotes(value.key());
  if (event.word != value.key()) what += " (" + std::string(event.word) + ")";
  what += " of " + name_;
  if (!event.kind) {
    fail_at_key(value, what,
                "run, runtime, sleep, timer, lock or unlock: this version does not support " +
                    std::string(event.word));
  }
  Op op;
  op.kind = *event.kind;
  op.place = value.key_place();
  switch (op.kind) {
    case OpKind::kRun:
    case OpKind::kRuntime:
    case OpKind::kSleep:
      op.amount_ns = to_time(value, "the length of " + what);
      break;
    case OpKind::kLock:
    case OpKind::kUnlock:
      op.index = state_.lock_index(to_name(value, "the mutex for " + what), op.place);
      break;
    case OpKind::kTimer:
      expect_object(value, what);
      read_timer(value, op);
      break;
  }
  return op;
}

void TaskReader::read_timer(const Value& value, Op& op) {
  std::string_view ref = "unknown";  // rt-app's name for a timer without one
  std::optional<Value> mode;
  bool has_period = false;
  for (const Value& member : Children(value)) {
    if (member.key() == "ref") {
      ref = to_name(member, "the name of a timer");
    } else if (member.key() == "period") {
      op.amount_ns = to_time(member, "the period of a timer");
      has_period = true;
    } else if (member.key() == "mode") {
      mode = member;
    } else if (member.key() == "px") {
      expect_object(member, "the px settings of a timer");
      check_px_keys(member, "a timer", {});
    } else {
      state_.notes.add(member.key_place(),
                       "ignored the unknown key " + in_quotes(member.key()) + " of a timer");
    }
  }
  if (!has_period) {
    fail_at(value, "a timer of " + name_ + " without \"period\"", "a period in microseconds");
  }
  op.index = state_.timer_index(ref);
  if (mode) read_timer_mode(*mode, op.index);
}

void TaskReader::read_timer_mode(const Value& value, std::uint32_t timer) {
  const std::string_view name = to_name(value, "the mode of a timer");
  if (name != "absolute" && name != "relative") {
    fail_value(value, "the mode \"relative\" or \"absolute\"");
  }
  const bool unique = state_.workload.timers[timer].unique;
  TimerMode& mode = unique ? unique_modes_[timer] : state_.shared_modes[timer];
  if (mode.said && mode.absolute != (name == "absolute")) {
    const auto other = mode.said->tree->position(mode.said->node->offset);
    fail_value(value, "one mode for all uses of the timer " +
                          in_quotes(state_.workload.timers[timer].name) + ": " +
                          described(*mode.said->node) + " is given at " + mode.said->tree->file() +
                          ":" + std::to_string(other.line) + ":" + std::to_string(other.column));
  }
  mode.absolute = name == "absolute";
  if (!mode.said) mode.said = value;
}

void TaskReader::apply_unique_modes(std::vector<Phase>& phases) const {
  for (Phase& phase : phases) {
    for (Op& op : phase.ops) {
      if (op.kind != OpKind::kTimer) continue;
      const auto mode = unique_modes_.find(op.index);
      if (mode != unique_modes_.end()) op.absolute = mode->second.absolute;
    }
  }
}

}  // namespace

void read_tasks(ReaderState& state, const Value& tasks) {
  expect_object(tasks, "the tasks of the workload");
  for (const Value& task : Children(tasks)) {
    state.templates.push_back(TaskReader(state, task).read());
  }
}

}  // namespace px::workload
