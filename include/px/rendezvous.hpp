// Latch, Barrier, EventCount: waits for other tasks to have come somewhere. Nobody in particular is
// waited for, so nobody is lent to. Tasks of one runtime wait on one at a time (other_runtime).
// Destroying one that is waited for is fatal.
#pragma once

#include <cstdint>

#include "px/event_room.hpp"
#include "px/stop_token.hpp"

namespace px {
inline namespace v0 {

//   count    count_down(n)             wait()
//   above 0  n less; at 0 all go on    waits
//   0        error                     returns at once
class Latch {
 public:
  // Throws std::invalid_argument for a negative count.
  explicit Latch(std::int64_t count, const char* name = nullptr);
  ~Latch();
  Latch(const Latch&) = delete;
  Latch& operator=(const Latch&) = delete;

  // Throws std::invalid_argument if less than `by`, or a negative number, is left. Any thread.
  void count_down(std::int64_t by = 1);
  // Whether the count is 0. Any thread.
  [[nodiscard]] bool try_wait();
  // Until the count is 0. Tasks only.
  void wait();
  // ready or stopped.
  wait_status wait(const stop_token& token);
  // count_down(by), then wait().
  void arrive_and_wait(std::int64_t by = 1);

 private:
  detail::EventRoom room_;
};

//   arrivals missing   arrive_and_wait()                       arrive_and_drop()
//   more than one      waits for the others                    one party less, for ever
//   one, the caller    a new round begins and all go on        the same
class Barrier {
 public:
  // Throws std::invalid_argument for less than one party.
  explicit Barrier(std::int32_t parties, const char* name = nullptr);
  ~Barrier();
  Barrier(const Barrier&) = delete;
  Barrier& operator=(const Barrier&) = delete;

  // Tasks only.
  void arrive_and_wait();
  // ready or stopped; who was stopped has arrived all the same.
  wait_status arrive_and_wait(const stop_token& token);
  // Any thread.
  void arrive_and_drop();

 private:
  detail::EventRoom room_;
};

// To wait for a change of state that is kept elsewhere, without a mutex around it: read the key,
// look at the state, and wait for a notification since the key was read.
class EventCount {
 public:
  // `name`, if not null, outlives it.
  explicit EventCount(const char* name = nullptr);
  ~EventCount();
  EventCount(const EventCount&) = delete;
  EventCount& operator=(const EventCount&) = delete;

  using Key = std::uint64_t;
  // Any thread.
  [[nodiscard]] Key prepare_wait();
  // Returns at once if there was a notification since. Tasks only.
  void wait(Key key);
  // ready or stopped.
  wait_status wait(Key key, const stop_token& token);
  // The best-ranked waiter goes on, and whoever has read a key does not wait. Any thread.
  void notify_one();
  // All of them. Any thread.
  void notify_all();

 private:
  detail::EventRoom room_;
};

}  // namespace v0
}  // namespace px
