// A reference for the simulator: one CPU, fixed-priority FIFO tasks, locks without a cure or with
// classic transitive priority inheritance. It is written to be obviously right rather than fast:
// effective priorities are computed afresh from the locks held whenever they are asked for, and
// nothing is shared with the product but the type of time.
//
// The rules at one instant (src/sim/simulator.hpp has the same): work that ends, with the
// unlocks and the beginning of a sleep that directly follow it; then arrivals and ends of sleep;
// then the most urgent ready task is chosen and does its next instruction; again until the chosen
// task has work to do. Hence a task that would lock or compute on at the instant at which a more
// urgent one arrives does so only afterwards. Among equals the running or preempted task goes
// first, then who has been ready for longest, then the order of the set.
#pragma once

#include <cstdint>
#include <vector>

#include "base/time.hpp"

namespace px::oracle {

enum class Step : std::uint8_t { kRun, kSleep, kLock, kUnlock };

struct Instruction {
  Step step{};
  Nanos ns = 0;  // kRun, kSleep: how long, above 0
  int lock = 0;  // kLock, kUnlock: 0 .. TaskSet::locks - 1
};

struct RefTask {
  int priority = 1;  // higher is more urgent
  Nanos arrival = 0;
  std::vector<Instruction> program;
};

struct TaskSet {
  int locks = 0;
  std::vector<RefTask> tasks;  // their order is the order of ties
};

enum class RefProtocol : std::uint8_t {
  kNone,
  kInherit,            // an unlock sets the lock free and wakes the most urgent waiter
  kInheritAndHandOver  // as kInherit, but an owner that runs on a waiter's urgency gives it the
                       // lock
};

// Mistakes that schedulers really make; each can be switched on to prove that a comparison with the
// reference is able to fail.
enum class Fault : std::uint8_t {
  kNone,
  kNoTransitivity,        // a waiter lends its own priority, not what it has inherited
  kBoostOutlastsUnlock,   // two locks held: the boost ends with the last unlock, not with its own
  kBoostEndsTooEarly,     // two locks held: the first unlock ends the boost of the other one too
  kWakesFirstCome,        // an unlock wakes the waiter that came first, not the most urgent
  kWaitersKeepTheirRank,  // waiters are ordered by the rank that they had when they began to wait
  kPreemptedGoesToTail,   // a preempted task queues behind its equals
};

struct RefSegment {
  Nanos start = 0;
  Nanos end = 0;
  int task = 0;
  bool operator==(const RefSegment&) const = default;
};

// What happened in a run, to prove that a generator makes interesting sets.
struct Blocking {
  int blocked_tasks = 0;                 // tasks that waited for a lock at least once
  int longest_chain = 0;                 // locks in the longest chain task -> lock -> owner -> ...
  bool chain_of_three_with_two = false;  // three locks or more, and a member that held two at once
  // A waiter was woken by an owner that ran on its urgency, and a more urgent task that had become
  // ready at the very instant of the unlock took the lock first. It is the one case in which
  // handing the lock over to the waiter makes a difference to inheritance, which gives the lock
  // free.
  bool stolen_from_donor = false;
};

struct RefResult {
  std::vector<Nanos> finish;         // per task
  std::vector<RefSegment> segments;  // in time order, idle left out, neighbours merged
  Blocking blocking;
};

// Runs the set until every task has ended. The set must be well-formed, which is checked: every
// unlock is of a lock held, no task ends holding one or asleep, no lock is taken twice, nobody
// deadlocks.
[[nodiscard]] RefResult simulate(const TaskSet& set, RefProtocol protocol,
                                 Fault fault = Fault::kNone);

}  // namespace px::oracle
