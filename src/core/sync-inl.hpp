// Bodies of what is built on events; the rules are in sync.hpp.
#pragma once

#include "core/event-inl.hpp"
#include "core/sync.hpp"

namespace px::core {

template <typename P>
WaitEnd Semaphore<P>::acquire(Scheduler& scheduler, Task& me, Nanos deadline_ns) {
  const WaitEnd end = this->wait(
      scheduler, me, Edge::kOr, deadline_ns, [this](Task*&) { return take(); }, [] {});
  return end == WaitEnd::kNotified ? WaitEnd::kGranted : end;
}

template <typename P>
bool Semaphore<P>::try_acquire(Scheduler& scheduler) {
  bool taken = false;
  this->look(scheduler, [&] { taken = take(); });
  return taken;
}

template <typename P>
bool Semaphore<P>::release(Scheduler& scheduler, int count) {
  bool fits = true;
  this->notify(
      scheduler, WaitEnd::kGranted, [count] { return count; },
      [this, &fits](int left) { fits = add(left); });
  return fits;
}

template <typename P>
WaitEnd Condition<P>::wait(Scheduler& scheduler, Task& me, Mutex<P>& mutex, Nanos deadline_ns) {
  const WaitEnd end = Event<P>::wait(
      scheduler, me, Edge::kHint, deadline_ns, [](Task*&) { return false; },
      [&] { static_cast<void>(mutex.unlock(scheduler, me)); });
  // The stop token, too, was of the wait that has ended.
  me.stop_requested = nullptr;
  mutex.relock(scheduler, me);
  return end;
}

template <typename P>
void Condition<P>::notify_some(Scheduler& scheduler, int count) {
  this->notify(
      scheduler, WaitEnd::kNotified, [count] { return count; }, [](int) {});
}

template <typename P>
WaitEnd Barrier<P>::arrive(Scheduler& scheduler, Task& me, Nanos deadline_ns) {
  return this->wait(
      scheduler, me, Edge::kHint, deadline_ns,
      [&](Task*& wakes) {
        if (!take_place()) return false;
        static_cast<void>(this->end_waits(scheduler, Event<P>::kAll, WaitEnd::kNotified, wakes));
        return true;
      },
      [] {});
}

template <typename P>
void Barrier<P>::drop(Scheduler& scheduler) {
  this->notify(
      scheduler, WaitEnd::kNotified,
      [this] {
        --parties_;
        return take_place() ? Event<P>::kAll : 0;
      },
      [](int) {});
}

template <typename P>
bool Latch<P>::count_down(Scheduler& scheduler, std::int64_t by) {
  bool fits = true;
  this->notify(
      scheduler, WaitEnd::kNotified,
      [&] {
        fits = subtract(by);
        return count_ == 0 ? Event<P>::kAll : 0;
      },
      [](int) {});
  return fits;
}

template <typename P>
WaitEnd Latch<P>::wait_for_zero(Scheduler& scheduler, Task& me, Nanos deadline_ns) {
  return this->wait(
      scheduler, me, Edge::kHint, deadline_ns, [this](Task*&) { return count_ == 0; }, [] {});
}

template <typename P>
WaitEnd EventCount<P>::wait_past(Scheduler& scheduler, Task& me, std::uint64_t seen,
                                 Nanos deadline_ns) {
  return this->wait(
      scheduler, me, Edge::kHint, deadline_ns, [this, seen](Task*&) { return count_ != seen; },
      [] {});
}

template <typename P>
void EventCount<P>::notify_some(Scheduler& scheduler, int count) {
  this->notify(
      scheduler, WaitEnd::kNotified,
      [this, count] {
        ++count_;
        return count;
      },
      [](int) {});
}

template <typename P>
bool Flag<P>::set(Scheduler& scheduler) {
  bool first = false;
  this->notify(
      scheduler, WaitEnd::kNotified,
      [&] {
        first = !set_;
        set_ = true;
        return Event<P>::kAll;
      },
      [](int) {});
  return first;
}

template <typename P>
WaitEnd Flag<P>::wait_until_set(Scheduler& scheduler, Task& me, Nanos deadline_ns) {
  return this->wait(
      scheduler, me, Edge::kAnd, deadline_ns, [this](Task*&) { return set_; }, [] {});
}

}  // namespace px::core
