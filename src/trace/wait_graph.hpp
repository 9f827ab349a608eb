// Who waits for which lock, and who owns it: the blocked-on relation as the events tell it.
//
// Tasks and locks are indices. A task waits for at most one lock, a lock has at most one owner, so
// from each blocked task leads one chain: task -> lock -> owner -> lock -> ... No operation but the
// constructor allocates once the lists have grown to their largest size; nothing here is shared
// between threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "trace/event.hpp"

namespace px::trace {

class WaitGraph {
 public:
  // What a chain leads to.
  struct Chain {
    std::uint32_t end = kNoTask;   // the first owner that is not blocked; kNoTask if there is none:
                                   // the last lock is free, or the chain is a cycle
    std::uint32_t lock = kNoLock;  // the last lock
    std::uint64_t locks = 0;       // how many locks it passes; 0 for a task that is not blocked
    bool cycle = false;
  };

  WaitGraph(std::size_t tasks, std::size_t locks);

  // `task` waits for `lock` from now on. It must not be blocked already.
  void block(std::uint32_t task, std::uint32_t lock);
  // `task` waits no more. It must be blocked.
  void unblock(std::uint32_t task);
  // `owner` = kNoTask: the lock is free.
  void set_owner(std::uint32_t lock, std::uint32_t owner);

  [[nodiscard]] bool blocked(std::uint32_t task) const { return tasks_[task].lock != kNoLock; }
  [[nodiscard]] std::uint32_t lock_of(std::uint32_t task) const { return tasks_[task].lock; }
  [[nodiscard]] std::uint32_t owner_of(std::uint32_t lock) const { return locks_[lock].owner; }
  [[nodiscard]] std::size_t task_count() const { return tasks_.size(); }

  // In an order that depends on the history of calls alone.
  [[nodiscard]] const std::vector<std::uint32_t>& blocked_tasks() const { return blocked_; }
  // Locks with at least one waiter, likewise.
  [[nodiscard]] const std::vector<std::uint32_t>& contended_locks() const { return contended_; }

  // Walks from `task`; as many steps as the chain has locks.
  [[nodiscard]] Chain chain_of(std::uint32_t task) const;
  // Calls `visit(lock, locks)` for each blocked task whose chain passes or ends at `task`, itself
  // excepted: the lock of `task` that the chain comes through, and how many locks it has up to and
  // including that one. Walks from every blocked task, but only if `task` owns a lock at all.
  template <typename F>
  void for_each_chain_to(std::uint32_t task, F&& visit) const {
    if (tasks_[task].owned == 0) return;
    for (const std::uint32_t start : blocked_) {
      std::uint64_t locks = 0;
      std::uint32_t lock = kNoLock;
      std::uint32_t at = start;
      while (at != task && at != kNoTask && blocked(at) && locks < blocked_.size()) {
        ++locks;
        lock = tasks_[at].lock;
        at = locks_[lock].owner;
      }
      if (at == task && start != task) visit(lock, locks);
    }
  }

 private:
  struct TaskNode {
    std::uint32_t lock = kNoLock;
    std::uint32_t slot = 0;   // position in blocked_
    std::uint32_t owned = 0;  // locks it owns
  };
  struct LockNode {
    std::uint32_t owner = kNoTask;
    std::uint32_t waiters = 0;
    std::uint32_t slot = 0;  // position in contended_
  };

  std::vector<TaskNode> tasks_;
  std::vector<LockNode> locks_;
  std::vector<std::uint32_t> blocked_;
  std::vector<std::uint32_t> contended_;
};

}  // namespace px::trace
