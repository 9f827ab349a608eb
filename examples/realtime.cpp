// A realtime task preempts a computing one within microseconds of its wakeup, although the
// computing task never calls the library: the runtime interrupts it by signal.

#include <px/px.hpp>

#include <algorithm>
#include <atomic>
#include <cstdio>

using namespace std::chrono_literals;

int main() {
  px::Runtime runtime({.cpus = 1});
  std::atomic<bool> done{false};
  auto computing = runtime.spawn({.name = "computing"}, [&] {
    std::uint64_t sum = 0;
    while (!done.load(std::memory_order_relaxed)) ++sum;
    return sum;
  });
  std::chrono::duration<double, std::micro> latest{0};
  auto control = runtime.spawn({.name = "control", .params = px::Realtime{.priority = 50}}, [&] {
    auto due = std::chrono::steady_clock::now();
    for (int wakeup = 0; wakeup < 200; ++wakeup) {
      due += 2ms;
      px::this_task::sleep_until(due);
      latest = std::max(latest, decltype(latest)(std::chrono::steady_clock::now() - due));
    }
    done = true;
  });
  control.join();
  std::printf("200 wakeups over a computing task that counted to %llu, the latest %.0f us late\n",
              static_cast<unsigned long long>(computing.join()), latest.count());
}
