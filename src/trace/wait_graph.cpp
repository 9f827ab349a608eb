#include "trace/wait_graph.hpp"

#include "base/check.hpp"

namespace px::trace {

namespace {

std::uint32_t index_of_end(const std::vector<std::uint32_t>& list) {
  return static_cast<std::uint32_t>(list.size());
}

}  // namespace

WaitGraph::WaitGraph(std::size_t tasks, std::size_t locks) : tasks_(tasks), locks_(locks) {}

void WaitGraph::block(std::uint32_t task, std::uint32_t lock) {
  TaskNode& node = tasks_[task];
  PX_CHECK(node.lock == kNoLock, "a task waits for one lock at a time");
  node.lock = lock;
  node.slot = index_of_end(blocked_);
  blocked_.push_back(task);
  LockNode& wanted = locks_[lock];
  if (wanted.waiters++ == 0) {
    wanted.slot = index_of_end(contended_);
    contended_.push_back(lock);
  }
}

void WaitGraph::unblock(std::uint32_t task) {
  TaskNode& node = tasks_[task];
  PX_CHECK(node.lock != kNoLock, "only a blocked task can be unblocked");
  LockNode& wanted = locks_[node.lock];
  PX_CHECK(wanted.waiters > 0, "a blocked task is counted at its lock");
  if (--wanted.waiters == 0) {
    const std::uint32_t moved = contended_.back();
    contended_[wanted.slot] = moved;
    locks_[moved].slot = wanted.slot;
    contended_.pop_back();
  }
  const std::uint32_t moved = blocked_.back();
  blocked_[node.slot] = moved;
  tasks_[moved].slot = node.slot;
  blocked_.pop_back();
  node.lock = kNoLock;
}

void WaitGraph::set_owner(std::uint32_t lock, std::uint32_t owner) {
  LockNode& node = locks_[lock];
  if (node.owner != kNoTask) --tasks_[node.owner].owned;
  node.owner = owner;
  if (owner != kNoTask) ++tasks_[owner].owned;
}

WaitGraph::Chain WaitGraph::chain_of(std::uint32_t task) const {
  Chain chain;
  std::uint32_t at = task;
  while (tasks_[at].lock != kNoLock) {
    // A chain without a cycle passes each blocked task at most once.
    if (chain.locks == blocked_.size()) {
      chain.end = kNoTask;
      chain.cycle = true;
      return chain;
    }
    chain.lock = tasks_[at].lock;
    ++chain.locks;
    chain.end = locks_[chain.lock].owner;
    if (chain.end == kNoTask) return chain;
    at = chain.end;
  }
  return chain;
}

}  // namespace px::trace
