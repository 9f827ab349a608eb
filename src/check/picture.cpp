#include "check/picture.hpp"

#include <algorithm>
#include <stdexcept>
#include <vector>

#include "check/names.hpp"
#include "check/schedule.hpp"
#include "check/text.hpp"
#include "check/world.hpp"

namespace px::check {

namespace {

// Intervals grow while the same thing goes on and end when it changes.
template <typename T>
class Growing {
 public:
  Growing(std::vector<T>& to, std::size_t keys) : to_(to), open_(keys, -1) {}

  // During this step `now` is the case for `key`; nothing: nothing is.
  void step(std::size_t key, Nanos at, const T* now) {
    std::ptrdiff_t& open = open_[key];
    if (open >= 0) {
      T& last = to_[static_cast<std::size_t>(open)];
      if (now != nullptr && same(last, *now)) {
        last.end_ns = at + kStepWidth;
        return;
      }
      open = -1;
    }
    if (now == nullptr) return;
    open = static_cast<std::ptrdiff_t>(to_.size());
    to_.push_back(*now);
    to_.back().start_ns = at;
    to_.back().end_ns = at + kStepWidth;
  }

 private:
  static bool same(const trace::Segment& a, const trace::Segment& b) {
    return a.exec == b.exec && a.donor == b.donor;
  }
  static bool same(const trace::Wait& a, const trace::Wait& b) { return a.lock == b.lock; }
  static bool same(const trace::Hold& a, const trace::Hold& b) { return a.task == b.task; }
  static bool same(const trace::Runnable&, const trace::Runnable&) { return true; }

  std::vector<T>& to_;
  std::vector<std::ptrdiff_t> open_;
};

class Recorder {
 public:
  explicit Recorder(World& world) : world_(world) {
    result_.world = "check";
    result_.cpus = world.cpus();
    result_.protocol = world.scenario().proxy ? "proxy" : "none";
    for (const TaskScript& script : world.scenario().tasks) {
      trace::TaskResult& task = result_.tasks.emplace_back();
      task.name = script.name;
      const auto* realtime = std::get_if<policy::RealtimeParams>(&script.params);
      task.policy = realtime == nullptr ? "other" : realtime->round_robin ? "rr" : "fifo";
    }
    for (const std::string& name : world.scenario().locks) {
      result_.locks.emplace_back().name = name;
    }
    owners_.resize(result_.locks.size());
  }

  // What is the case after the step that ended at `at`.
  void look(Nanos at) {
    for (int cpu = 0; cpu < world_.cpus(); ++cpu) look_at_cpu(cpu, at);
    for (int i = 0; i < world_.tasks(); ++i) look_at_task(i, at);
    for (int i = 0; i < world_.locks(); ++i) look_at_lock(i, at);
  }

  trace::RunResult finish(Nanos end) {
    result_.duration_ns = end;
    std::stable_sort(result_.segments.begin(), result_.segments.end(),
                     [](const trace::Segment& a, const trace::Segment& b) {
                       return a.start_ns != b.start_ns ? a.start_ns < b.start_ns : a.cpu < b.cpu;
                     });
    for (const trace::Segment& segment : result_.segments) {
      const Nanos length = segment.end_ns - segment.start_ns;
      result_.tasks[segment.exec].executed_ns += length;
      result_.tasks[segment.donor].charged_ns += length;
      ++result_.tasks[segment.exec].switches;
      ++result_.totals.switches;
      if (segment.exec == segment.donor) continue;
      result_.tasks[segment.donor].donated_ns += length;
      result_.tasks[segment.exec].received_ns += length;
      result_.totals.proxied_ns += length;
    }
    return std::move(result_);
  }

 private:
  void look_at_cpu(int cpu, Nanos at) {
    const World::Task& curr = *world_.rq(cpu).curr.peek();
    const World::Task& donor = *world_.rq(cpu).donor.peek();
    trace::Segment segment;
    segment.cpu = cpu;
    segment.exec = curr.id;
    segment.donor = donor.is_idle ? curr.id : donor.id;
    segments_.step(static_cast<std::size_t>(cpu), at, curr.is_idle ? nullptr : &segment);
  }

  void look_at_task(int index, Nanos at) {
    const World::Task& task = world_.task(index);
    const auto id = static_cast<std::uint32_t>(index);
    const auto* on = task.blocked_on.peek();
    const bool waits = on != nullptr && on->kind == core::WaitableKind::kMutex;
    const trace::Wait wait{id, waits ? on->id - 1 : 0, 0, 0};
    waits_.step(id, at, waits ? &wait : nullptr);
    const bool runnable =
        task.on_rq.peek() == core::OnRq::kQueued && !task.is_blocked.peek() && !task.on_cpu.peek();
    const trace::Runnable queued{id, 0, 0};
    runnable_.step(id, at, runnable ? &queued : nullptr);
  }

  void look_at_lock(int index, Nanos at) {
    const World::Mutex& lock = world_.lock(index);
    const auto at_index = static_cast<std::size_t>(index);
    const World::Task* owner = lock.owner();
    const auto id = static_cast<std::uint32_t>(index);
    const trace::Hold hold{owner != nullptr ? owner->id : 0, id, 0, 0};
    holds_.step(at_index, at, owner != nullptr ? &hold : nullptr);
    const World::Task* before = owners_[at_index];
    if (owner != before && owner != nullptr) {
      ++result_.locks[at_index].acquisitions;
      if (before != nullptr) {
        ++result_.locks[at_index].handoffs;
        result_.handoffs.push_back({id, before->id, owner->id, at});
      }
    }
    owners_[at_index] = owner;
  }

  World& world_;
  trace::RunResult result_;
  std::vector<const World::Task*> owners_;
  Growing<trace::Segment> segments_{result_.segments, kMaxVirtualCpus};
  Growing<trace::Wait> waits_{result_.waits, World::kMaxTasks};
  Growing<trace::Hold> holds_{result_.holds, World::kMaxLocks};
  Growing<trace::Runnable> runnable_{result_.runnable, World::kMaxTasks};
};

}  // namespace

trace::RunResult picture_of(const std::string& line, const Scenario* given) {
  const Schedule schedule = parse_line(line);
  const bool is_given = given != nullptr && given->name == schedule.scenario;
  WorldOptions options;
  options.granularity = schedule.granularity;
  if (schedule.mutant != "none") options.mutant = known_mutant(schedule.mutant).id;
  World world(is_given ? *given : known_scenario(schedule.scenario), options);
  world.ignore_assertions(false);
  Recorder recorder(world);
  Nanos at = 0;
  std::string breach;
  for (const Choice choice : schedule.steps) {
    if ((world.choices() & bit(choice)) == 0) {
      throw std::invalid_argument(
          concat({"step ", std::to_string(at / kStepWidth + 1), " does not fit"}));
    }
    const bool held = world.step(choice);
    recorder.look(at);
    at += kStepWidth;
    if (!held || !world.state_holds(world.choices())) {
      breach = concat({invariant_name(world.breach()), ": ", world.breach().message});
      break;
    }
  }
  trace::RunResult result = recorder.finish(at);
  if (breach.empty() && schedule.loop != 0) {
    breach = concat({"45 no livelock: the last ", std::to_string(schedule.loop),
                     " steps can go round for ever"});
  }
  if (!breach.empty()) result.warnings.push_back(breach);
  result.warnings.push_back(
      "one microsecond is one step of the schedule; how long steps take has no meaning");
  result.warnings.push_back(concat({"px check --replay '", line, "'"}));
  return result;
}

}  // namespace px::check
