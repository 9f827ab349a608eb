#include "check/points.hpp"

#include "base/check.hpp"
#include "check/scenario.hpp"
#include "check/world.hpp"

namespace px::check {

namespace {

// The call in question begins where `task` first stands at instruction `from`, and ends where any
// task stands at an instruction again. lock and unlock begin without standing anywhere, so they are
// counted from the `run` before them.
struct Call {
  const char* name;
  std::vector<TaskText> tasks;
  int task;
  const char* from;
};

// The only CPU goes on. Time moves as soon as it can, so that who sleeps comes in between.
Choice next_choice(World& world, bool between) {
  const Choices enabled = world.choices();
  if (between && (enabled & bit(kTimeChoice)) != 0) return kTimeChoice;
  if (between && (enabled & bit(kInterruptChoice)) != 0) return kInterruptChoice;
  return (enabled & bit(kStepChoice)) != 0 ? kStepChoice : kTimeChoice;
}

int points_of(const Call& call, Granularity granularity) {
  constexpr int kMaxSteps = 10'000;
  const Scenario scenario = make_scenario("points", 1, call.tasks);
  WorldOptions options;
  options.granularity = granularity;
  World world(scenario, options);
  const VirtualCpu& cpu = world.state().cpus[0];
  bool inside = false;
  int points = 0;
  for (int step = 0; step < kMaxSteps; ++step) {
    const bool between = cpu.next.kind == OpKind::kScript;
    if (inside && between) return points;
    points += inside ? 1 : 0;
    inside = inside || (between && world.instruction(call.task) == call.from &&
                        &world.running_task(*cpu.running) == &world.task(call.task));
    const Choice choice = inside ? kStepChoice : next_choice(world, between);
    PX_CHECK(world.step(choice), "a scenario that counts points breaks a rule");
  }
  PX_CHECK(false, "a scenario that counts points does not come to its call's end");
}

}  // namespace

std::vector<CallPoints> points_per_call() {
  const std::vector<Call> calls = {
      {"lock, free", {{"A fifo:1", "run; lock a; run; unlock a"}}, 0, "run"},
      {"unlock, nobody waits", {{"A fifo:1", "lock a; run; unlock a; run"}}, 0, "run"},
      {"lock, taken: until the owner goes on",
       {{"L fifo:1", "lock a; yield; yield; unlock a"},
        {"H fifo:3", "sleep 1; run; lock a; unlock a; run"}},
       1,
       "run"},
      {"unlock, to the waiter that pays: until it goes on",
       {{"L fifo:1", "lock a; yield; run; unlock a"},
        {"H fifo:3", "sleep 1; lock a; yield; unlock a"}},
       0,
       "run"},
      {"schedule, nobody else is there", {{"A fifo:1", "yield; run"}}, 0, "yield"},
      {"schedule, to another task",
       {{"A rr:5", "sleep 1; yield; run"}, {"B rr:5", "run; yield; run"}},
       0,
       "yield"},
  };
  std::vector<CallPoints> result;
  for (const Call& call : calls) {
    result.push_back(
        {call.name, points_of(call, Granularity::kCoarse), points_of(call, Granularity::kFine)});
  }
  return result;
}

}  // namespace px::check
