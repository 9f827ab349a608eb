// What the core reports of itself: one POD record for each scheduling event. Consumers: metrics.hpp
// (results), tests. Emitted on the CPU where it happens, with that runqueue's clock.
//
// What a consumer may rely on:
// - Leaving a CPU: kBlock, kSleep or kExit comes before the kSwitch that replaces the task. Without
//   one of them the task was taken off while runnable.
// - A lock call without contention is one kAcquire (other = 0). With contention it is
//   [kContend] {kBlock kUnblock}... kAcquire (other = 1), or kAbandon in place of kAcquire. It
//   lasts from its first event to its last.
// - A wait ends with kUnblock, kWake, kAcquire or kHandoff to the task, or with a kSwitch to it. A
//   waiter that leaves the runqueue (kSleep) still waits.
// - A hand-off is kHandoff in place of kRelease. The receiver owns the lock from that instant; its
//   kAcquire follows at once or when its lock call returns, and does not begin a second hold.
#pragma once

#include <cstdint>

#include "base/time.hpp"

namespace px::trace {

enum class EventKind : std::uint8_t {
  kSwitch,   // cpu now runs `task` (execution context) on `other`'s scheduling context
  kWake,     // task became runnable; other = the CPU it was placed on
  kBlock,    // task waits for lock `lock`, whose owner is `other`; lock 0: for `other` to end
  kSleep,    // task left the runqueue
  kUnblock,  // task's wait for lock `lock` was ended by somebody else
  kAcquire,  // task owns lock `lock`; other = 1 if it had to wait
  kRelease,  // task gave lock `lock` up
  kHandoff,  // task handed lock `lock` to `other`
  kMigrate,  // the scheduling context of task moved to CPU `other` without its execution
  kExit,     // task ended
  kContend,  // task found lock `lock` taken: its lock call begins, before it spins or blocks
  kAbandon,  // task's lock call for `lock` ended without it: time limit, stop request, deadlock
  kRank,     // the rank of task's context is now `other` (policy::Rank); lock = 1: a fair one
};

inline constexpr std::uint32_t kNoTask = 0xffffffff;
inline constexpr std::uint32_t kNoLock = 0xffffffff;
inline constexpr std::uint32_t kIdleTask = 0xfffffffe;  // the CPU's idle task

struct Event {
  Nanos time_ns = 0;
  EventKind kind{};
  std::uint16_t cpu = 0;
  std::uint32_t task = kNoTask;
  std::uint32_t other = kNoTask;
  std::uint32_t lock = 0;  // index of the lock in its run + 1; 0 = none
};

}  // namespace px::trace
