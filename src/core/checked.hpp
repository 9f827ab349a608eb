// What the model checker sees inside the core. In every other world all of this is empty inline
// code.
//
// Identity of states. The checker hashes, for each context, the values that its visible operations
// (locks, atomics, Shared) observed. That chain must forget what is no longer live, or no two ways
// to one state would ever meet; and it must hear of plain values that stay live across a visible
// operation. Hence three rules for code in the core:
// - a Frame at the top of a function whose locals are dead when it returns; its result, if any, is
//   passed through returns();
// - an Anchor before a loop, and again() at its head: what earlier turns observed is dead;
// - observe() for a value that was read from plain shared memory (a list link, a pick's result) and
//   is used after the next visible operation.
//
// Seeded faults: `if (mutant<P>(platform, Mutant::kX))` at the place where the code does it right.
// Only the checker's Platform has them.
#pragma once

#include <cstdint>
#include <type_traits>

namespace px::core {

// Ways through the core that a complete check must have taken; counted by the checker.
enum class Way : std::uint8_t {
  // find_proxy_task, by row of its table
  kRow1Self,
  kRow1Other,
  kRow2,
  kRow4Run,
  kRow4Lend,
  kRow4Leave,
  kRow5,
  kRow6Link,
  kRow6Migrate,
  kRow7,
  kRow9,
  kRow10,
  kRowEnd,
  kRowIdle,
  kHangMissed,  // the owner was back before the waiter hung on it
  // the link of a wait, blocked_on
  kLinkSet,
  kLinkKept,       // awake again with it: the wait goes on
  kLinkReleased,   // taken away by who released the lock, or lends to a free one
  kLinkGranted,    // by a hand-off
  kLinkNotified,   // by the end of the task waited for
  kLinkEnded,      // by a time limit or a stop request
  kLinkDeadlock,   // by who found a deadlock
  kLinkGoneFirst,  // not taken away: somebody else, or the waiter itself, was there before
  // going to sleep, is_blocked
  kBlockLends,   // and stays queued as a donor
  kBlockLeaves,  // and leaves the runqueue
  kBlockWoken,   // does not sleep: woken since it decided to
  kBlockEnded,   // does not sleep: its wait ended before
  // wakeups
  kWakeNoMatch,  // it does not sleep
  kWakeInPlace,
  kWakeCurrent,      // in place, and it is still on its CPU
  kWakeReturn,       // may not stay, or was moved: taken off, to be placed anew
  kWakeReturnDonor,  // and it was the donor in use
  kWakeOff,
  kWakeOnCpu,      // its last CPU is still switching away from it
  kWakeHome,       // placed where it came from
  kWakeAway,       // placed elsewhere
  kWakeAdopts,     // placed where lending had taken it: that is its home now
  kWakeMoving,     // its context is between two CPUs
  kWakeFromTree,   // it hung on an owner
  kWakeEndsBoost,  // the CPU that ran on its context, or through it, chooses again
  kActivate,
  kActivateGone,  // it has left the tree meanwhile
  kActivateSubtree,
  // balancing
  kPush,
  kPull,
  kMoveFair,
  // budgets
  kThrottle,       // the paying context had no budget left
  kThrottleDonor,  // and another task ran on it
  kReplenish,
  // locks; the last three are counted by the checker's scripts
  kHandoff,
  kHandoffBound,  // to a waiter that has lost the lock too often
  kSpun,
  kTimedOut,
  kStopped,
  kDeadlock,
  kCount,
};
static_assert(static_cast<int>(Way::kCount) <= 64, "a step's ways are a 64-bit mask");

// Historical faults, by the number they have in section E of the semantics. The letter tells
// several mutations of one entry apart. M: from the catalogue of the checker's method.
enum class Mutant : std::uint8_t {
  kNone,
  kE02,
  kE07,
  kE07b,
  kE08,
  kE09,
  kE12,
  kE13,
  kE15,
  kE17a,
  kE17b,
  kE17c,
  kE20,
  kE21,
  kE24,
  kE25,
  kE26,
  kE32,
  kE33,
  kE34,
  kE35,
  kE36,
  kE37,
  kE38,
  kE39,
  kE41,
  kE42,
  kE44,
  kE47,
  kE48,
  kE48c,
  kE49,
  kE50,
  kE52,
  kE53,
  kE55,
  kE56a,
  kE56b,
  kE56c,
  kE56f,
  kE57,
  kE60a,
  kE60b,
  kE60c,
  kE61b,
  kE62,
  kE66,
  kE67,
  kE68,
  kE69,
  kE71,
  kE72,
  kE76,
  kE77,
  kE84,
  kE85a,
  kE85b,
  kD01,
  kD02,
  kD03,
  kD04,
  kM16,
  kM17,
  kM21,
  kM23,
  kM24,
  kM25,
  kM26,
  kF01,
  kM27,
  kM28,
  kCount,
};

// A Platform that the checker runs has a Mark: the control state of a context at some moment.
template <typename P>
concept Checked = requires {
  typename P::Mark;
};

template <typename P>
class [[nodiscard]] Frame {
 public:
  explicit Frame(P& /*platform*/) {}
  template <typename T>
  T returns(T value) {
    return value;
  }
};

template <Checked P>
class [[nodiscard]] Frame<P> {
 public:
  explicit Frame(P& platform) : platform_(platform), mark_(platform.mark()) {}
  ~Frame() { platform_.rewind(mark_, result_); }
  Frame(const Frame&) = delete;
  Frame& operator=(const Frame&) = delete;

  template <typename T>
  T returns(T value) {
    if constexpr (std::is_pointer_v<T>) {
      result_ = reinterpret_cast<std::uintptr_t>(value) + 2;
    } else {
      result_ = static_cast<std::uint64_t>(value) + 2;
    }
    return value;
  }

 private:
  P& platform_;
  typename P::Mark mark_;
  std::uint64_t result_ = 1;
};

template <typename P>
class [[nodiscard]] Anchor {
 public:
  explicit Anchor(P& /*platform*/) {}
  void again() {}
};

template <Checked P>
class [[nodiscard]] Anchor<P> {
 public:
  explicit Anchor(P& platform) : platform_(platform), mark_(platform.mark()) {}
  void again() { platform_.rewind(mark_, 0); }

 private:
  P& platform_;
  typename P::Mark mark_;
};

template <typename P, typename T>
void observe([[maybe_unused]] P& platform, [[maybe_unused]] T value) {
  if constexpr (Checked<P>) platform.observe(value);
}

// A block sequence number: only its order among the others counts.
template <typename P>
void observe_sequence([[maybe_unused]] P& platform, [[maybe_unused]] std::uint64_t value) {
  if constexpr (Checked<P>) platform.observe_sequence(value);
}

template <typename P>
void cover([[maybe_unused]] P& platform, [[maybe_unused]] Way way) {
  if constexpr (Checked<P>) platform.cover(way);
}

// Does this run spin for locks at all? A scenario of the checker decides; elsewhere kSpins does.
template <typename P>
[[nodiscard]] bool spins([[maybe_unused]] const P& platform) {
  if constexpr (Checked<P>) {
    return platform.spins();
  } else {
    return P::kSpins;
  }
}

// Is this fault seeded in the run? A constant, false, in every world but the checker's.
template <typename P>
[[nodiscard, gnu::always_inline]] inline bool mutant([[maybe_unused]] P& platform,
                                                     [[maybe_unused]] Mutant which) {
  if constexpr (P::kMutants) {
    return platform.mutant(which);
  } else {
    return false;
  }
}

// A guard for a lock that a seeded fault takes or leaves out. `wanted` is a constant in every world
// but the checker's.
template <typename L>
class [[nodiscard]] GuardIf {
 public:
  GuardIf(bool wanted, L& lock) : lock_(wanted ? &lock : nullptr) {
    if (lock_ != nullptr) lock_->lock();
  }
  ~GuardIf() {
    if (lock_ != nullptr) lock_->unlock();
  }
  GuardIf(const GuardIf&) = delete;
  GuardIf& operator=(const GuardIf&) = delete;

 private:
  L* lock_;
};

}  // namespace px::core
