// What a lock does about the rank of the tasks that wait for it: an attribute of each lock.
#pragma once

#include <cstdint>

namespace px {
inline namespace v0 {

//              a waiter                        the owner
//   proxy      stays queued and lends          runs on the waiters' scheduling contexts (class,
//                                              priority, weight, slice), which pay for it
//   none       sleeps                          runs on its own
//   inherit    sleeps                          has SCHED_FIFO at the best realtime priority of its
//                                              own and its waiters', transitively; fair waiters
//                                              have no effect, as with PTHREAD_PRIO_INHERIT
//   protect    sleeps                          has at least the lock's ceiling from the moment of
//                                              locking, as with PTHREAD_PRIO_PROTECT
//
// In a chain of locks of different protocols: a waiter whose context cannot run the owner, because
// that owner itself sleeps for an `inherit` lock, passes its rank on, not its time; a `none` lock
// passes nothing on. Where proxy execution is off, proxy acts as none.
enum class Protocol : std::uint8_t { proxy, none, inherit, protect };

namespace detail {
// Throws std::invalid_argument naming the level. Not constexpr: a constant ceiling that is out of
// range does not compile.
[[noreturn]] void invalid_ceiling(bool realtime, int level);
}  // namespace detail

// The rank of a `protect` lock: that of the highest-ranked task that locks it. A task that ranks
// above it does not get the lock.
class Ceiling {
 public:
  // SCHED_FIFO at priority 1 to 99.
  [[nodiscard]] static constexpr Ceiling realtime(int priority) {
    if (priority < 1 || priority > 99) detail::invalid_ceiling(true, priority);
    return Ceiling(static_cast<std::int8_t>(priority));
  }
  // A fair task at nice level -20 to 19: locked by fair tasks only.
  [[nodiscard]] static constexpr Ceiling nice(int level) {
    if (level < -20 || level > 19) detail::invalid_ceiling(false, level);
    return Ceiling(static_cast<std::int8_t>(-(level + 21)));
  }

 private:
  friend class Mutex;
  explicit constexpr Ceiling(std::int8_t code) : code_(code) {}
  std::int8_t code_;
};

}  // namespace v0
}  // namespace px
