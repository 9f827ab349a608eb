// The locks of one run: pthread mutexes, and who holds and who waits for which.
//
// Plain pthread mutexes do not tell a deadlock: its members sleep for ever. So each lock names its
// owner and each task the lock that it waits for. A task that is about to wait first publishes
// that, then follows the chain of owners and locks from itself; the last one to publish sees a
// cycle whole (both sides are sequentially consistent). It follows the chain twice: two passes that
// saw the same waits, by their numbers, prove that all of them stood at the moment between the
// passes. It does not enter the kernel then, so that no task of a deadlock that is found ever
// sleeps unreachably: when the finder gives its own locks up, the others come through.
#pragma once

#include <pthread.h>

#include <atomic>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "linux/run_control.hpp"
#include "trace/result.hpp"
#include "workload/options.hpp"

namespace px::linux_world {

class LockTable {
 public:
  enum class Outcome : std::uint8_t {
    kAcquired,
    kDeadlock,  // not acquired: waiting would have closed a cycle; the chain is in the answer
    kRefused,   // not acquired: pthread_mutex_lock() failed; its error is in the answer
  };
  struct Answer {
    Outcome outcome = Outcome::kAcquired;
    bool contended = false;
    Nanos since = 0;  // when a contended call began; on an uncontended one, when it ended
    Nanos at = 0;     // when the call ended
    std::string chain;
    int error = 0;
  };

  // Throws workload::Error for a protocol that pthreads do not have, for a task that could not lock
  // a PTHREAD_PRIO_PROTECT mutex, and if the C library refuses to make a mutex.
  LockTable(const workload::Workload& workload, const workload::RunOptions& options,
            RunControl& control);
  ~LockTable();
  LockTable(const LockTable&) = delete;
  LockTable& operator=(const LockTable&) = delete;

  // Both are called by the task itself. `unlock`: the task must own the lock. Returns from when to
  // when it did, as far as that counts; the end may lie before the start then.
  [[nodiscard]] Answer lock(std::uint32_t task, std::uint32_t index);
  trace::Hold unlock(std::uint32_t task, std::uint32_t index);

  // The program of `task` has ended; called by the task itself. What it still holds stays held.
  void program_ended(std::uint32_t task);
  // A dead end: every program has ended or waits, in the end, for a lock held by one that has. In
  // words, or nothing. Any thread; O(tasks * length of chains).
  [[nodiscard]] std::optional<std::string> find_dead_end() const;

  // When nobody uses the locks any more.
  [[nodiscard]] std::vector<trace::LockResult> take_results();

 private:
  static constexpr std::uint32_t kNobody = 0xffffffff;

  // Followed by other tasks while they wait; a cache line each, so that they do not slow it down.
  struct alignas(64) Lock {
    pthread_mutex_t mutex{};
    std::atomic<std::uint32_t> owner{kNobody};
    std::atomic<std::uint64_t> max_chain{0};
    // Written by the owner.
    Nanos held_since = 0;
    trace::LockResult result;
  };
  // What a task waits for: the lock's index + 1 in the low half, kEnded there when its program has
  // ended, 0 if neither. The high half counts waits, so that no two of a task are taken for one.
  struct alignas(64) Wait {
    std::atomic<std::uint64_t> word{0};
  };
  static constexpr std::uint64_t kEnded = 0xffffffff;
  static constexpr std::uint64_t target_of(std::uint64_t word) { return word & 0xffffffff; }

  // How the chain that begins at a task ends.
  enum class ChainEnd : std::uint8_t {
    kCycle,   // it leads back to the task
    kEnded,   // at a lock held by a task whose program has ended
    kMoving,  // at a task that does not wait, or at a lock that is changing hands
  };
  struct Link {
    std::uint32_t task;
    std::uint64_t wait;  // its word
    bool operator==(const Link&) const = default;
  };

  void make_mutex(std::uint32_t index, workload::Protocol protocol);
  void publish(std::uint32_t task, std::uint64_t target);
  // Calls visit(link, lock) for each task of the chain that waits.
  template <typename F>
  ChainEnd follow(std::uint32_t task, F&& visit) const;
  // The chain that begins at `task` if it ends so; nothing if it does not, or does no longer.
  [[nodiscard]] std::optional<std::vector<Link>> proven(std::uint32_t task, ChainEnd end) const;
  [[nodiscard]] bool closes_cycle(std::uint32_t task);
  [[nodiscard]] std::string describe(const std::vector<Link>& chain) const;
  void take(Lock& lock, std::uint32_t task, const Answer& answer);

  const workload::Workload& workload_;
  RunControl& control_;
  std::deque<Lock> locks_;
  std::deque<Wait> waits_;  // by task
};

}  // namespace px::linux_world
