// Scenarios: a few tasks, each with a short script, on a few CPUs.
//
// Script text: instructions separated by ';'
//   lock a | unlock a | try_lock a | lock_timeout a T | run | run N | yield | yield_until X | sleep
//   T | wake X | cancel X | affinity X CPUS | class X PARAMS | join X | offline CPU | online CPU
//   down s | down_timeout s T | up s | help s | unhelp s: a semaphore without permits at the start,
//   and the calling task as a declared holder of it
//   rlock r | rlock_timeout r T | runlock r | wlock r | wlock_timeout r T | wunlock r: a lock that
//   may be shared, each task of it once at a time
//   wait c a | wait_timeout c a T | signal c: a condition with mutex a, which the task holds
// T counts ticks of 1 ms; CPUS is a list of digits ("01"); PARAMS is "fifo:P", "rr:P", "fair:NICE"
// or "dl:RUNTIME/DEADLINE/PERIOD" in ticks. A lock call that ends without the lock (time limit,
// cancellation, deadlock, a failed try) goes on behind the matching unlock. `run` is work: a place
// where interrupts are taken.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.hpp"
#include "policy/params.hpp"

namespace px::check {

inline constexpr Nanos kTick = kMillisecond;

enum class Instruction : std::uint8_t {
  kLock,
  kUnlock,
  kTryLock,
  kLockTimeout,
  kRun,
  kYield,
  kYieldUntil,  // until another task has ended
  kSleep,
  kWake,
  kCancel,
  kAffinity,
  kClass,
  kJoin,
  kOffline,
  kOnline,
  kDown,
  kDownTimeout,
  kUp,
  kHelp,
  kUnhelp,
  kWait,
  kWaitTimeout,
  kSignal,
  kReadLock,
  kReadLockTimeout,
  kReadUnlock,
  kWriteLock,
  kWriteLockTimeout,
  kWriteUnlock,
};

struct ScriptOp {
  Instruction code{};
  int object = 0;  // index of the lock, event or task, or the CPU
  int mutex = 0;   // of a condition
  Nanos ns = 0;    // duration, or the time limit
  std::uint64_t cpus = 0;
  policy::Params params;
  int otherwise = 0;  // where a lock call without the lock goes on
  std::string text;
};

struct TaskScript {
  std::string name;
  policy::Params params;
  std::uint64_t cpus = 0;  // allowed; bit mask
  int start_cpu = -1;
  std::vector<ScriptOp> ops;
};

// As core::Protocol; whoever reads a scenario need not see the core.
enum class Protocol : std::uint8_t { kProxy, kNone, kInherit, kProtect };

struct LockProtocol {
  Protocol protocol = Protocol::kProxy;
  std::int8_t ceiling = 0;  // as core::CeilingByte
};

struct Scenario {
  std::string name;
  std::string about;
  int cpus = 1;
  std::vector<TaskScript> tasks;
  std::vector<std::string> locks;
  std::vector<LockProtocol> protocols;  // by lock; proxy where there is none
  std::vector<std::string> semaphores;
  std::vector<std::string> conditions;
  std::vector<std::string> shared_locks;
  int slice_ticks = 0;                  // how often time may move to the end of a slice
  std::uint64_t quick_states = 0;       // bound in the quick tier, coarse; 0: the tier's
  std::uint64_t quick_fine_states = 0;  // the same, fine
  bool proxy = true;
  bool spins = false;
  bool deadlock = false;             // a lock call may end with a deadlock
  bool watch_moves = false;          // no context comes twice to one CPU while nothing else happens
  std::vector<std::string> reaches;  // names of the outcomes of find_proxy_task it must reach

  // Gives lock `name`, which some script mentions, another protocol.
  Scenario& with(std::string_view name, Protocol protocol, std::int8_t ceiling = 0);
};

// "H fifo:3 @1 on 01": name, parameters, start CPU, allowed CPUs (all by default).
struct TaskText {
  std::string_view head;
  std::string_view script;
};

// Builds a scenario from text. Throws std::invalid_argument naming the scenario, the task and the
// word that was not understood.
[[nodiscard]] Scenario make_scenario(std::string_view name, int cpus,
                                     const std::vector<TaskText>& tasks);

}  // namespace px::check
