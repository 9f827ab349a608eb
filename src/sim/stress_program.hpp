// For the stress test: random programs as data, so that a failing one can be printed and made
// smaller, and one run of a program with every check that a single run allows.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/prng.hpp"
#include "sim/simulator.hpp"

namespace px::sim::stress {

enum class OpKind : std::uint8_t {
  kWork,   // executes for `ns`
  kSleep,  // sleeps for `ns`
  kYield,
  kSection,       // locks `target`, does `body`, unlocks
  kTimedSection,  // the same with a time limit of `ns`
  kTrySection,    // the same if the lock is free
  kAffinity,      // sets the affinity of task `target` to the CPUs of `value`
  kParams,        // sets the parameters of task `target` to number `value`
  kOffline,       // takes CPU `target` offline
  kOnline,        // brings CPU `target` back
  kJoin,          // waits for task `target` to end; `ns` > 0: at most that long
};

struct Op {
  OpKind kind = OpKind::kWork;
  int target = 0;
  int value = 0;
  Nanos ns = 0;
  bool settle = true;  // wait for the instant to settle first
  std::vector<Op> body;
};

struct TaskProgram {
  int params = 0;  // see params_of()
  int affinity = 0;
  Nanos start_ns = 0;
  std::vector<Op> ops;
};

struct Program {
  int cpus = 1;
  bool proxy = true;
  bool may_deadlock = false;  // locks are taken in any order
  Nanos slice_ns = 0;
  struct Lock {
    core::Protocol protocol = core::Protocol::kProxy;
    int ceiling = 0;  // of kProtect: a realtime priority; tasks above it are refused
  };
  std::vector<Lock> locks;
  std::vector<TaskProgram> tasks;
};

struct Outcome {
  std::string error;       // "" if every check held
  std::uint64_t hash = 0;  // over all events
  std::uint64_t events = 0;
  int deadlocks = 0;
  int hotplugs = 0;           // CPUs taken offline or brought back
  core::ProxyCounters proxy;  // summed over CPUs
};

[[nodiscard]] Program make_program(std::uint64_t seed);
[[nodiscard]] std::string to_text(const Program& program);
// Runs it and checks: the core's invariants after every phase, mutual exclusion, that everybody
// ends, that time limits and deadlocks are reported only where they may be, and that the times add
// up. A hang is cut after an absurd number of events. Core checks (PX_CHECK) abort.
[[nodiscard]] Outcome run_program(const Program& program);

}  // namespace px::sim::stress
