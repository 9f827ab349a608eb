// The realtime class: 99 priorities, SCHED_FIFO and SCHED_RR, as POSIX orders them.
//
// Each priority has a list in the order in which its contexts will run; a bitmap tells which lists
// are not empty. The current context stays on its list, at the head, so whoever is preempted by a
// higher priority is the first of its own to go on. Contexts go to the tail when they start to
// wait, yield or have used up their round-robin turn.
//
// Invariants (check() verifies them):
//   RT-1  bit p is set iff list p is not empty, and list p holds contexts of priority p only.
//   RT-2  each list is in ascending order of (queue_seq, id).
#pragma once

#include <array>
#include <cstdint>

#include "policy/arrival_order.hpp"
#include "policy/params.hpp"
#include "policy/sched_class.hpp"

namespace px::policy {

// Guarded by the runqueue's lock, as every class.
class RealtimeClass final : public SchedClass {
 public:
  // `rr_slice_ns`: the length of a SCHED_RR turn, 1 .. kSliceMax.
  explicit RealtimeClass(Nanos rr_slice_ns);

  // To the tail of its level with a full turn; among those that came at the same instant, by id.
  // kRestore at an unchanged priority: to the place it had, with what was left of its turn.
  // kRestorePlace: at another level, among those who have waited as long; from another class as if
  // it came now. kRestoreHead: to the head, but behind the current context.
  void enqueue(SchedContext& context, Enqueue why, Nanos now) override;
  void dequeue(SchedContext& context, Dequeue why, Nanos now) override;
  // The head of the highest level; O(1).
  [[nodiscard]] SchedContext* pick(Nanos now) override;
  void set_current(SchedContext& context, Nanos now) override;
  void put_current(SchedContext& context, Nanos now) override;
  // SCHED_RR: when the turn is used up, a full one begins at the tail of the level. True if others
  // wait at that level.
  [[nodiscard]] bool charge(SchedContext& current, Nanos ran, Nanos now) override;
  // True iff `woken` has the higher priority.
  [[nodiscard]] bool preempts(const SchedContext& woken, const SchedContext& current,
                              Nanos now) override;
  // To the tail of its level, with a full turn.
  void yield(SchedContext& current, Nanos now) override;
  // kNever for SCHED_FIFO, and for SCHED_RR alone at its level.
  [[nodiscard]] Nanos slice_end(const SchedContext& current, Nanos now) const override;
  [[nodiscard]] int queued() const override { return queued_; }

  // The queue in the order of ranks, each level in its own order: its first context, and the one
  // behind `context`; nullptr: there is none. O(1).
  [[nodiscard]] SchedContext* first() const;
  [[nodiscard]] SchedContext* next(const SchedContext& context) const;

  // `visit(SchedContext&)`, highest priority first, each level in order. `visit` must not change
  // the queue.
  template <typename F>
  void for_each_queued(F&& visit) const {
    for (int priority = highest_below(kRtPriorityMax + 1); priority >= 0;
         priority = highest_below(priority)) {
      SchedContext* head = head_of(priority);
      SchedContext* at = head;
      do {
        visit(*at);
        at = at->rt.next;
      } while (at != head);
    }
  }

  [[nodiscard]] const SchedContext* current() const { return current_; }
  [[nodiscard]] const ArrivalOrder& arrivals() const { return arrivals_; }

  // nullptr if every invariant holds, else a sentence naming the broken one. O(n).
  [[nodiscard]] const char* check() const;

 private:
  [[nodiscard]] SchedContext* head_of(int priority) const {
    return heads_[static_cast<std::size_t>(priority)];
  }
  [[nodiscard]] int highest_below(int limit) const;
  [[nodiscard]] const char* check_level(int priority) const;
  void mark(int priority, bool present);
  void insert_in_order(SchedContext& context);
  void remove(SchedContext& context);
  void move_to_head(SchedContext& context);
  void move_to_tail(SchedContext& context);

  // Circular lists: the head's prev is the tail. Index 0 is unused.
  std::array<SchedContext*, kRtPriorityMax + 1> heads_{};
  std::array<std::uint64_t, 2> present_{};
  SchedContext* current_ = nullptr;
  int queued_ = 0;
  Nanos rr_slice_ns_;
  ArrivalOrder arrivals_;
};

}  // namespace px::policy
