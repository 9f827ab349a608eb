// What a task can wait for, and the list of those who wait.
//
// `blocked_on` names a Waitable, not a mutex: find_proxy_task asks it, anew at each pick, for the
// one task that the waiter should lend to. All-zero bytes are an idle mutex, so that a lock can be
// a constant-initialised static; the kind is therefore a byte, not a virtual table.
#pragma once

#include <cstdint>

#include "base/check.hpp"
#include "core/boost.hpp"
#include "core/platform.hpp"
#include "policy/params.hpp"

namespace px::core {

template <typename P>
struct Task;
template <typename P>
struct Waitable;

// How a wait ended. Leaves kNone by one compare-exchange: exactly one of the ways wins.
enum class WaitEnd : std::uint8_t {
  kNone,      // still waiting
  kGranted,   // the lock was handed over, or simply taken
  kNotified,  // the awaited thing happened (a task ended)
  kTimedOut,
  kStopped,   // a stop was requested
  kDeadlock,  // this wait was chosen to end a cycle
  kRefused,   // never waited: the caller ranks above the lock's ceiling
};

// What a waiter's link means for deadlocks: every AND edge must be satisfied.
enum class Edge : std::uint8_t { kAnd, kOr, kHint };

template <typename P>
struct WaitLink {
  Waitable<P>* on = nullptr;
  Edge edge = Edge::kAnd;
};

// A waiter's place in one wait list. In the task: a task waits for one thing at a time.
template <typename P>
struct WaitNode {
  Task<P>* prev = nullptr;
  Task<P>* next = nullptr;
  policy::Rank rank;        // rank under which it was queued
  std::uint64_t since = 0;  // order of the begin of this wait; 0: later than all others
  std::uint8_t lost = 0;    // times in a row that it was woken and found the lock taken again
  bool queued = false;
};

// Waiters by rank, first come first served among equals (and so among all fair tasks).
// Guarded by the wait_lock of the waitable it belongs to.
template <typename P>
class WaitList {
 public:
  // As a newcomer, or, with the wait's `since`, back among those of its rank.
  void insert(Task<P>& task, policy::Rank rank) {
    auto& node = task.wait_node;
    const auto goes_before = [&](const WaitNode<P>& other) {
      if (rank != other.rank) return rank.outranks(other.rank);
      return node.since != 0 && (other.since == 0 || node.since < other.since);
    };
    Task<P>* after = tail_;
    while (after != nullptr && goes_before(after->wait_node)) after = after->wait_node.prev;
    PX_CHECK(!node.queued, "a task waits for one thing at a time");
    node.rank = rank;
    node.queued = true;
    node.prev = after;
    node.next = after != nullptr ? after->wait_node.next : head_;
    (node.prev != nullptr ? node.prev->wait_node.next : head_) = &task;
    (node.next != nullptr ? node.next->wait_node.prev : tail_) = &task;
  }
  void remove(Task<P>& task) {
    auto& node = task.wait_node;
    PX_CHECK(node.queued, "only a queued waiter can leave");
    (node.prev != nullptr ? node.prev->wait_node.next : head_) = node.next;
    (node.next != nullptr ? node.next->wait_node.prev : tail_) = node.prev;
    node.prev = node.next = nullptr;
    node.queued = false;
  }
  // Removes and inserts: the rank of a waiter has changed.
  void move(Task<P>& task, policy::Rank rank) {
    remove(task);
    insert(task, rank);
  }
  [[nodiscard]] Task<P>* first() const { return head_; }
  [[nodiscard]] bool empty() const { return head_ == nullptr; }

 private:
  Task<P>* head_ = nullptr;
  Task<P>* tail_ = nullptr;
};

enum class WaitableKind : std::uint8_t { kMutex, kExit, kEvent };

// What a lock does about the rank of those who wait for it.
//   kProxy    a waiter stays queued and its scheduling context runs the owner
//   kNone     a waiter sleeps; the owner runs on its own
//   kInherit  a waiter sleeps; the owner's parameters become the best of its own and its waiters'
//   kProtect  whoever owns it has at least the lock's ceiling; a waiter sleeps
enum class Protocol : std::uint8_t { kProxy, kNone, kInherit, kProtect };

// Common part of everything that can be waited for: locks, a task's exit, events.
template <typename P>
struct Waitable {
  typename P::SpinLock wait_lock;  // guards `waiters` and, while there are any, who is waited for
  WaitableKind kind = WaitableKind::kMutex;
  Protocol protocol = Protocol::kProxy;
  CeilingByte ceiling = 0;  // of a mutex under kProtect
  std::uint32_t id = 0;     // the user's number for it, in traces, from 1 on; 0 = none
  WaitList<P> waiters;
  const char* name = nullptr;

  // The one task to lend to on behalf of `waiter`, or nullptr if there is none now (the lock is
  // free, the task has ended). wait_lock held.
  [[nodiscard]] Task<P>* next(const Task<P>& waiter) const;
};

}  // namespace px::core
