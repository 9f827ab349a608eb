#include "live/burn.hpp"

#include "px/this_task.hpp"
#include "trace/result.hpp"

namespace px::live {

[[gnu::noinline, gnu::section(".user_text.px_burn")]] void burn(const TscClock& clock,
                                                                const std::atomic<Nanos>& exec_base,
                                                                const BurnGoal& goal,
                                                                const std::atomic<bool>& stop,
                                                                GapSink on_gap, void* context) {
  Nanos base = exec_base.load(std::memory_order_acquire);
  Nanos last = clock.now();
  // A base that stayed the same from before to after a look at the clock belongs to that look.
  while (exec_base.load(std::memory_order_acquire) != base) {
    base = exec_base.load(std::memory_order_acquire);
    last = clock.now();
  }
  const Nanos executed = last - base;
  const Nanos target = goal.amount > kNever - executed ? kNever : executed + goal.amount;
  for (;;) {
    const Nanos now = clock.now();
    const Nanos base_now = exec_base.load(std::memory_order_acquire);
    if (base_now != base) {
      // Switched away in between. What the base did not move by was executed, or taken by the
      // machine just before the switch.
      const Nanos here = clock.now();
      const Nanos mine = here - last - (base_now - base);
      if (mine > trace::kDisturbance) on_gap(context, last, last + mine);
      base = base_now;
      last = here;
      continue;
    }
    if (now - last > trace::kDisturbance) on_gap(context, last, now);
    last = now;
    if (now - base >= target || now >= goal.end_at || stop.load(std::memory_order_relaxed)) return;
  }
}

}  // namespace px::live
