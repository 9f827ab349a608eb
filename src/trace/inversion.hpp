// Finds the tasks that suffer priority inversion at one instant.
//
// A blocked task is inverted while the end of its chain is runnable and does not run, and every
// online CPU that the end may use runs a context that the task outranks. Rank does not order fair
// tasks, so for them any context outside their own chain counts: an upper bound. An idle CPU runs
// the lowest context there is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "trace/run_state.hpp"

namespace px::trace {

class InversionFinder {
 public:
  explicit InversionFinder(std::size_t tasks) : ends_(tasks), bars_(tasks) {}

  // Replaces the contents of `inverted` by the tasks inverted in `state`, in the order of
  // WaitGraph::blocked_tasks(). Cheap when no lock with waiters has a runnable owner; else one step
  // for each blocked task and one for each (chain end, CPU).
  void find(const RunState& state, std::vector<std::uint32_t>& inverted);

 private:
  // Memory of one call: valid where `call` is the current one.
  struct End {
    std::uint64_t call = 0;
    std::uint32_t task = kNoTask;
  };
  struct Bar {
    std::uint64_t call = 0;
    std::int64_t rank = 0;    // the highest rank that runs where the end could
    bool chain_runs = false;  // one of those CPUs runs a context whose chain leads to the end
  };

  [[nodiscard]] std::uint32_t end_of(const RunState& state, std::uint32_t task);
  [[nodiscard]] const Bar& bar_of(const RunState& state, std::uint32_t end);
  [[nodiscard]] bool runs_for_chain_of(const RunState& state, std::uint32_t task,
                                       std::uint32_t end) const;

  std::vector<End> ends_;
  std::vector<Bar> bars_;
  std::vector<std::uint32_t> path_;
  std::uint64_t call_ = 0;
};

}  // namespace px::trace
