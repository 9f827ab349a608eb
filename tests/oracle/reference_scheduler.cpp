#include "reference_scheduler.hpp"

#include <algorithm>
#include <utility>

#include "base/check.hpp"

namespace px::oracle {
namespace {

constexpr int kNobody = -1;

enum class State : std::uint8_t { kNotArrived, kReady, kSleeping, kWaiting, kDone };

struct Live {
  State state = State::kNotArrived;
  Nanos due = 0;                // kNotArrived, kSleeping: when it becomes ready
  Nanos ready_since = 0;        // kReady: the order of those that have not run since
  std::int64_t head_seq = 0;    // kReady: above 0 = at the head of its level, the latest first
  std::size_t at = 0;           // next instruction
  Nanos left = 0;               // of a begun kRun; 0 = not begun
  std::vector<int> held;        // locks, in order of acquisition
  std::int64_t wait_seq = 0;    // order of the begin of this wait; kept until the lock is taken
  int rank_at_block = 0;        // only for Fault::kWaitersKeepTheirRank
  int sticky_boost = 0;         // only for Fault::kBoostOutlastsUnlock
  bool boost_dropped = false;   // only for Fault::kBoostEndsTooEarly
  bool woken_as_donor = false;  // the owner that woke it ran on its urgency
  bool was_blocked = false;
};

class Reference {
 public:
  Reference(const TaskSet& set, RefProtocol protocol, Fault fault)
      : set_(set),
        protocol_(protocol),
        fault_(fault),
        live_(set.tasks.size()),
        owner_(static_cast<std::size_t>(set.locks), kNobody) {
    result_.finish.resize(set.tasks.size());
    for (std::size_t i = 0; i < live_.size(); ++i) live_[i].due = set.tasks[i].arrival;
  }

  RefResult run() {
    for (;;) {
      settle();
      const Nanos next = next_event();
      if (next == kNever) break;
      execute_until(next);
    }
    for (const Live& task : live_) {
      PX_CHECK(task.state == State::kDone, "a task of the reference never ends");
      result_.blocking.blocked_tasks += task.was_blocked ? 1 : 0;
    }
    return std::move(result_);
  }

 private:
  [[nodiscard]] Live& live(int task) { return live_[static_cast<std::size_t>(task)]; }
  [[nodiscard]] const Live& live(int task) const { return live_[static_cast<std::size_t>(task)]; }
  [[nodiscard]] const RefTask& spec(int task) const {
    return set_.tasks[static_cast<std::size_t>(task)];
  }
  [[nodiscard]] int& owner(int lock) { return owner_[static_cast<std::size_t>(lock)]; }
  [[nodiscard]] int tasks() const { return static_cast<int>(live_.size()); }

  // The instruction that the task does next; nullptr at the end of its program.
  [[nodiscard]] const Instruction* next_of(int task) const {
    const auto& program = spec(task).program;
    return live(task).at < program.size() ? &program[live(task).at] : nullptr;
  }

  [[nodiscard]] bool waits_for(int task, int lock) const {
    return live(task).state == State::kWaiting && next_of(task)->lock == lock;
  }

  // The heart of priority inheritance: the most urgent of oneself and of all who wait for a lock
  // that one holds, who are themselves as urgent as those who wait for them.
  [[nodiscard]] int effective(int task) const {
    int best = spec(task).priority;
    if (protocol_ == RefProtocol::kNone || live(task).boost_dropped) return best;
    best = std::max(best, live(task).sticky_boost);
    for (const int lock : live(task).held) {
      for (int waiter = 0; waiter < tasks(); ++waiter) {
        if (!waits_for(waiter, lock)) continue;
        const bool transitive = fault_ != Fault::kNoTransitivity;
        best = std::max(best, transitive ? effective(waiter) : spec(waiter).priority);
      }
    }
    return best;
  }

  void settle() {
    if (running_ != kNobody && next_of(running_)->step == Step::kRun && live(running_).left == 0) {
      advance(running_);
      do_what_needs_no_cpu(running_);
    }
    admit_due();
    for (;;) {
      choose();
      if (running_ == kNobody) return;
      if (next_of(running_)->step == Step::kRun) {
        if (live(running_).left == 0) live(running_).left = next_of(running_)->ns;
        return;
      }
      perform(running_);
    }
  }

  void advance(int task) {
    ++live(task).at;
    if (next_of(task) != nullptr) return;
    PX_CHECK(live(task).held.empty(), "a task of the reference ends with a lock held");
    live(task).state = State::kDone;
    result_.finish[static_cast<std::size_t>(task)] = now_;
  }

  // Unlocks that stand in a row after some work, and the beginning of a sleep after them, belong to
  // the instant at which the work ends, whoever else becomes ready at that instant.
  void do_what_needs_no_cpu(int task) {
    while (next_of(task) != nullptr && next_of(task)->step == Step::kUnlock) {
      unlock(task, next_of(task)->lock);
      advance(task);
    }
    if (next_of(task) == nullptr || next_of(task)->step != Step::kSleep) return;
    live(task).state = State::kSleeping;
    live(task).due = now_ + next_of(task)->ns;
  }

  void admit_due() {
    for (int task = 0; task < tasks(); ++task) {
      const State state = live(task).state;
      if ((state == State::kNotArrived || state == State::kSleeping) && live(task).due == now_) {
        if (state == State::kSleeping) advance(task);
        make_ready(task);
      }
    }
  }

  void make_ready(int task) {
    live(task).state = State::kReady;
    live(task).ready_since = now_;
    live(task).head_seq = 0;
  }

  void to_head_of_level(int task) { live(task).head_seq = ++head_counter_; }

  // The most urgent ready task runs. Among equals: the one that runs already or was preempted, else
  // who has been ready for longest, else the first in the order of the set.
  void choose() {
    int best = kNobody;
    for (int task = 0; task < tasks(); ++task) {
      if (live(task).state != State::kReady) continue;
      if (best == kNobody || runs_before(task, best)) best = task;
    }
    if (fault_ == Fault::kPreemptedGoesToTail && running_ != kNobody && running_ != best &&
        live(running_).state == State::kReady) {
      make_ready(running_);
    }
    running_ = best;
    if (best == kNobody) return;
    to_head_of_level(best);
    chosen_as_ = effective(best);
  }

  [[nodiscard]] bool runs_before(int a, int b) const {
    const int rank_a = effective(a);
    const int rank_b = effective(b);
    if (rank_a != rank_b) return rank_a > rank_b;
    if (live(a).head_seq != live(b).head_seq) return live(a).head_seq > live(b).head_seq;
    if (live(a).ready_since != live(b).ready_since) {
      return live(a).ready_since < live(b).ready_since;
    }
    return a < b;
  }

  void perform(int task) {
    const Instruction instruction = *next_of(task);
    if (instruction.step == Step::kLock && !lock(task, instruction.lock)) return;
    do_what_needs_no_cpu(task);
  }

  // False: the task waits now, and will try again when it runs next.
  bool lock(int task, int lock) {
    Live& self = live(task);
    const int holder = owner(lock);
    PX_CHECK(holder != task, "a task of the reference locks what it holds");
    if (holder == kNobody) {
      note_theft(task, lock);
      take(task, lock);
      return true;
    }
    self.rank_at_block = effective(task);
    self.state = State::kWaiting;
    self.was_blocked = true;
    if (self.wait_seq == 0) self.wait_seq = ++wait_counter_;
    count_chains();
    wake_new_top_waiters();
    for (int up = holder; up != kNobody; up = up_the_chain(up)) live(up).boost_dropped = false;
    return false;
  }

  void take(int task, int lock) {
    owner(lock) = task;
    live(task).held.push_back(lock);
    live(task).wait_seq = 0;
    live(task).woken_as_donor = false;
    live(task).boost_dropped = false;
    advance(task);
  }

  // `thief` takes a lock that was set free for another task that has not come to run since.
  void note_theft(int thief, int lock) {
    for (int task = 0; task < tasks(); ++task) {
      if (task != thief && live(task).woken_as_donor && next_of(task)->lock == lock) {
        result_.blocking.stolen_from_donor = true;
      }
    }
  }

  // The owner of the lock that `task` waits for, if it waits.
  [[nodiscard]] int up_the_chain(int task) {
    return live(task).state == State::kWaiting ? owner(next_of(task)->lock) : kNobody;
  }

  // The lock becomes free, and the most urgent waiter is woken to try again: until it runs, a more
  // urgent task may take the lock first.
  void unlock(int task, int lock) {
    Live& self = live(task);
    PX_CHECK(owner(lock) == task, "a task of the reference unlocks what it does not hold");
    const int before = effective(task);
    self.held.erase(std::find(self.held.begin(), self.held.end(), lock));
    owner(lock) = kNobody;
    if (fault_ == Fault::kBoostOutlastsUnlock) self.sticky_boost = self.held.empty() ? 0 : before;
    if (fault_ == Fault::kBoostEndsTooEarly) self.boost_dropped = !self.held.empty();
    if (effective(task) < before) to_head_of_level(task);  // a boost has ended
    const int top = top_waiter(lock);
    if (top == kNobody || live(top).state == State::kReady) return;
    live(top).woken_as_donor = chosen_as_ > spec(task).priority && effective(top) == chosen_as_;
    if (live(top).woken_as_donor && protocol_ == RefProtocol::kInheritAndHandOver) take(top, lock);
    make_ready(top);
  }

  // A task that has begun to wait may have made another waiter more urgent; where the lock of that
  // one is free, it must not wait for the less urgent one that was woken for it before.
  void wake_new_top_waiters() {
    for (int lock = 0; lock < set_.locks; ++lock) {
      const int top = owner(lock) == kNobody ? top_waiter(lock) : kNobody;
      if (top != kNobody && live(top).state == State::kWaiting) make_ready(top);
    }
  }

  // A waiter stays in the line until it has the lock, also when it was woken and another one was
  // faster.
  [[nodiscard]] int top_waiter(int lock) const {
    int top = kNobody;
    for (int task = 0; task < tasks(); ++task) {
      if (live(task).wait_seq == 0 || next_of(task)->lock != lock) continue;
      if (top == kNobody || goes_before(task, top)) top = task;
    }
    return top;
  }

  [[nodiscard]] bool goes_before(int a, int b) const {
    const bool stale = fault_ == Fault::kWaitersKeepTheirRank;
    const int rank_a = stale ? live(a).rank_at_block : effective(a);
    const int rank_b = stale ? live(b).rank_at_block : effective(b);
    if (fault_ != Fault::kWakesFirstCome && rank_a != rank_b) return rank_a > rank_b;
    return live(a).wait_seq < live(b).wait_seq;
  }

  void count_chains() {
    for (int waiter = 0; waiter < tasks(); ++waiter) {
      int length = 0;
      bool two_held = false;
      for (int task = waiter; live(task).state == State::kWaiting;) {
        task = owner(next_of(task)->lock);
        if (task == kNobody) break;  // the lock is free, its top waiter is woken
        PX_CHECK(++length <= set_.locks, "tasks of the reference deadlock");
        two_held = two_held || live(task).held.size() >= 2;
      }
      Blocking& seen = result_.blocking;
      seen.longest_chain = std::max(seen.longest_chain, length);
      seen.chain_of_three_with_two |= length >= 3 && two_held;
    }
  }

  [[nodiscard]] Nanos next_event() const {
    Nanos next = running_ == kNobody ? kNever : now_ + live(running_).left;
    for (const Live& task : live_) {
      if (task.state == State::kNotArrived || task.state == State::kSleeping) {
        next = std::min(next, task.due);
      }
    }
    return next;
  }

  void execute_until(Nanos next) {
    if (running_ != kNobody && next > now_) {
      live(running_).left -= next - now_;
      auto& segments = result_.segments;
      if (!segments.empty() && segments.back().task == running_ && segments.back().end == now_) {
        segments.back().end = next;
      } else {
        segments.push_back({now_, next, running_});
      }
    }
    now_ = next;
  }

  const TaskSet& set_;
  RefProtocol protocol_;
  Fault fault_;
  std::vector<Live> live_;
  std::vector<int> owner_;
  int running_ = kNobody;
  int chosen_as_ = 0;  // the urgency with which running_ was chosen: its own or its donor's
  Nanos now_ = 0;
  std::int64_t wait_counter_ = 0;
  std::int64_t head_counter_ = 0;
  RefResult result_;
};

}  // namespace

RefResult simulate(const TaskSet& set, RefProtocol protocol, Fault fault) {
  for (const RefTask& task : set.tasks) {
    PX_CHECK(task.arrival >= 0 && !task.program.empty(), "a task of the reference does nothing");
    PX_CHECK(task.program.back().step != Step::kSleep, "a task of the reference ends asleep");
    for (const Instruction& instruction : task.program) {
      const bool timed = instruction.step == Step::kRun || instruction.step == Step::kSleep;
      PX_CHECK(timed ? instruction.ns > 0 : instruction.lock >= 0 && instruction.lock < set.locks,
               "an instruction of the reference is out of range");
    }
  }
  return Reference(set, protocol, fault).run();
}

}  // namespace px::oracle
