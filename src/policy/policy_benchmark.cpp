// What the runqueue pays for a decision, by the number of contexts queued: a slice end (charge,
// pick, put, set), a yield, a sleep with its wakeup. Figures are per cycle.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <vector>

#include "base/prng.hpp"
#include "policy/class_stack.hpp"

namespace px::policy {
namespace {

class Cpu {
 public:
  Cpu(std::int64_t count, const Params& params, bool mixed_nice) {
    Prng prng(1);
    contexts_.resize(static_cast<std::size_t>(count));
    std::uint32_t id = 0;
    for (auto& context : contexts_) {
      context.id = id++;
      set_params(context, params);
      if (mixed_nice) {
        set_params(context, FairParams{.nice = static_cast<int>(prng.between(-20, 19))});
      }
      stack_.enqueue(context, Enqueue::kNew, now_);
    }
    choose();
  }

  void choose() {
    SchedContext* next = stack_.pick(now_);
    if (next == current_) return;
    if (current_ != nullptr) stack_.put_current(*current_, now_);
    current_ = next;
    stack_.set_current(*current_, now_);
  }

  void run(Nanos ran) {
    now_ += ran;
    if (stack_.charge(*current_, ran, now_)) choose();
  }

  void yield() {
    now_ += 20;
    benchmark::DoNotOptimize(stack_.charge(*current_, 20, now_));
    stack_.yield(*current_, now_);
    choose();
  }

  // The current context goes to sleep, the next one runs, the sleeper wakes.
  void sleep_and_wake() {
    now_ += 20;
    benchmark::DoNotOptimize(stack_.charge(*current_, 20, now_));
    SchedContext& sleeper = *current_;
    stack_.dequeue(sleeper, Dequeue::kSleep, now_);
    current_ = nullptr;
    choose();
    stack_.enqueue(sleeper, Enqueue::kWake, now_);
    if (stack_.preempts(sleeper, *current_, now_)) choose();
  }

  // The end of the current slice, whatever its weight.
  void run_slice() { run(stack_.slice_end(*current_, now_) - now_); }

  [[nodiscard]] const FairCounters& counters() const { return stack_.fair().counters(); }

 private:
  ClassStack stack_;
  std::vector<SchedContext> contexts_;
  SchedContext* current_ = nullptr;
  Nanos now_ = 0;
};

void report(benchmark::State& state, const Cpu& cpu) {
  const auto& counters = cpu.counters();
  if (counters.picks == 0) return;
  state.counters["nodes/pick"] =
      static_cast<double>(counters.pick_nodes) / static_cast<double>(counters.picks);
  state.counters["nodes/insert"] =
      static_cast<double>(counters.insert_nodes) / static_cast<double>(counters.inserts);
}

void fair_slice_end(benchmark::State& state) {
  Cpu cpu(state.range(0), FairParams{}, false);
  for (auto _ : state) cpu.run_slice();
  report(state, cpu);
}

void fair_slice_end_mixed_nice(benchmark::State& state) {
  Cpu cpu(state.range(0), FairParams{}, true);
  for (auto _ : state) cpu.run_slice();
  report(state, cpu);
}

void fair_yield(benchmark::State& state) {
  Cpu cpu(state.range(0), FairParams{}, false);
  for (auto _ : state) cpu.yield();
  report(state, cpu);
}

void fair_sleep_wake(benchmark::State& state) {
  Cpu cpu(state.range(0), FairParams{}, false);
  for (auto _ : state) cpu.sleep_and_wake();
  report(state, cpu);
}

void realtime_yield(benchmark::State& state) {
  Cpu cpu(state.range(0), RealtimeParams{.priority = 50}, false);
  for (auto _ : state) cpu.yield();
}

void realtime_sleep_wake(benchmark::State& state) {
  Cpu cpu(state.range(0), RealtimeParams{.priority = 50}, false);
  for (auto _ : state) cpu.sleep_and_wake();
}

BENCHMARK(fair_slice_end)->Arg(2)->Arg(100)->Arg(1000)->Arg(100'000);
BENCHMARK(fair_slice_end_mixed_nice)->Arg(2)->Arg(100)->Arg(1000)->Arg(100'000);
BENCHMARK(fair_yield)->Arg(2)->Arg(100)->Arg(1000)->Arg(100'000);
BENCHMARK(fair_sleep_wake)->Arg(2)->Arg(100)->Arg(1000)->Arg(100'000);
BENCHMARK(realtime_yield)->Arg(2)->Arg(100)->Arg(1000)->Arg(100'000);
BENCHMARK(realtime_sleep_wake)->Arg(2)->Arg(100)->Arg(1000)->Arg(100'000);

}  // namespace
}  // namespace px::policy
