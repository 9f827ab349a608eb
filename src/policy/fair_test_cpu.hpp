// For tests: one CPU that drives a fair queue as the runqueue does.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>

#include "policy/fair.hpp"

namespace px::policy {

inline SchedContext fair_context(std::uint32_t id, const FairParams& params = {}) {
  SchedContext context;
  context.id = id;
  set_params(context, params);
  return context;
}

class FairTestCpu {
 public:
  explicit FairTestCpu(Nanos slice_ns = 3 * kMillisecond) : fair(slice_ns) {}

  void start(SchedContext& context) { fair.enqueue(context, Enqueue::kNew, now); }
  void wake(SchedContext& context) { fair.enqueue(context, Enqueue::kWake, now); }
  void sleep(SchedContext& context) {
    fair.dequeue(context, Dequeue::kSleep, now);
    if (&context == current) current = nullptr;
  }

  // Chooses again, as schedule() does. Returns the context that runs now, nullptr if none.
  SchedContext* schedule() {
    SchedContext* next = fair.pick(now);
    if (next == current) return current;
    if (current != nullptr) fair.put_current(*current, now);
    current = next;
    if (current != nullptr) fair.set_current(*current, now);
    return current;
  }

  // A higher class takes the CPU for no time; then this one decides anew.
  SchedContext* interrupt() {
    fair.put_current(*current, now);
    current = nullptr;
    return schedule();
  }

  // Lets the current context run for `ran`; true if the class wants to choose again.
  bool run(Nanos ran) {
    now += ran;
    return fair.charge(*current, ran, now);
  }

  // Runs to the end of the current request or to `until`, whichever is first, and chooses again.
  void run_slice(Nanos until) {
    const Nanos end = std::min(fair.slice_end(*current, now), until);
    if (run(end - now)) schedule();
  }

  void yield() {
    fair.yield(*current, now);
    schedule();
  }

  void expect_sound() const {
    const char* broken = fair.check();
    ASSERT_EQ(broken, nullptr) << broken << " at " << now;
  }

  FairClass fair;
  SchedContext* current = nullptr;
  Nanos now = 0;
};

}  // namespace px::policy
