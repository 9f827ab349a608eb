// What a switch and a pooled stack cost. Goals on a 2.6 GHz VM: 8 ns per switch, 30 ns per
// acquire + release.
#include <benchmark/benchmark.h>

#include "fiber/context.hpp"
#include "fiber/stack.hpp"

namespace px::fiber {
namespace {

struct PingPong {
  Context here;
  Context there;
};

constexpr int kBatch = 1000;

// Both sides run this loop, as all tasks switch at one place in a scheduler. With two places, each
// switch also pays for a mispredicted return, about 7 ns.
[[gnu::noinline]] void alternate(Context& self, Context& other) {
  for (int i = 0; i < kBatch; ++i) switch_to(self, other);
}

void answer(void* argument) noexcept {
  auto& pair = *static_cast<PingPong*>(argument);
  for (;;) alternate(pair.there, pair.here);
}

void BM_Switch(benchmark::State& state) {
  StackPool pool;
  const Stack stack = pool.acquire();
  PingPong pair;
  adopt_thread(pair.here);
  make(pair.there, stack, &answer, &pair);
  for (auto _ : state) alternate(pair.here, pair.there);
  // Items per second is the number to read: its inverse is the cost of one switch.
  state.SetItemsProcessed(state.iterations() * 2 * kBatch);
  discard(pair.there);
  pool.release(stack);
}
BENCHMARK(BM_Switch);

void BM_AcquireAndRelease(benchmark::State& state) {
  StackPool pool;
  pool.release(pool.acquire());
  for (auto _ : state) pool.release(pool.acquire());
}
BENCHMARK(BM_AcquireAndRelease);

void run_once(void* argument) noexcept {
  auto& pair = *static_cast<PingPong*>(argument);
  switch_final(pair.there, pair.here);
}

void BM_MakeRunAndEnd(benchmark::State& state) {
  StackPool pool;
  PingPong pair;
  adopt_thread(pair.here);
  for (auto _ : state) {
    const Stack stack = pool.acquire();
    make(pair.there, stack, &run_once, &pair);
    switch_to(pair.here, pair.there);
    pool.release(stack);
  }
}
BENCHMARK(BM_MakeRunAndEnd);

}  // namespace
}  // namespace px::fiber
