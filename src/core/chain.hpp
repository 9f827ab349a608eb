// A blocked-on chain in words, for reports of deadlocks and dead ends.
#pragma once

#include <string>

#include "core/task.hpp"

namespace px::core {

// "B waits for m1, held by A; A waits for m2, held by B": from `task`, which wants `on`, along the
// owners until one repeats or does not wait. Exact only while the chain stands still, as that of a
// deadlock does. Any thread; allocates.
template <typename P>
[[nodiscard]] std::string describe_chain(const Task<P>& task, const Waitable<P>& on) {
  constexpr int kMaxLinks = 64;  // longer chains are cut: a line must stay readable
  std::string text;
  const Task<P>* waiter = &task;
  const Waitable<P>* wanted = &on;
  for (int link = 0; wanted != nullptr; ++link) {
    if (link > 0) text += "; ";
    if (link == kMaxLinks) return text + "...";
    const Task<P>* owner = wanted->next(*waiter);
    text += std::string(waiter->name) + " waits for ";
    if (wanted->kind == WaitableKind::kEvent) {
      text += wanted->name != nullptr ? wanted->name : "an unnamed event";
      if (owner == nullptr) return text + ", which nobody is known to bring about";
      text += ", expected of " + std::string(owner->name);
    } else if (wanted->kind == WaitableKind::kExit) {
      text += "the end of " + std::string(owner != nullptr ? owner->name : "a task");
    } else {
      text += wanted->name != nullptr ? wanted->name : "an unnamed lock";
      if (owner == nullptr) return text + ", which is free";
      text += ", held by " + std::string(owner->name);
    }
    if (owner == nullptr || owner == &task) return text;
    if (owner->state.load(std::memory_order_relaxed) == TaskState::kDead) {
      return text + ", which has ended";
    }
    waiter = owner;
    wanted = owner->blocked_on.load(std::memory_order_acquire);
  }
  return text;
}

}  // namespace px::core
