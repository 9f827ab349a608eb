// A foreground task shares a lock with a background task that other work keeps from running. With a
// plain lock the foreground waits for all of them; with a proxy lock for one section of 1 ms.

#include <px/px.hpp>

#include <algorithm>
#include <cstdio>
#include <mutex>

using namespace std::chrono_literals;

void compute(std::chrono::nanoseconds time) {
  const auto end = px::this_task::executed() + time;
  while (px::this_task::executed() < end) continue;
}

void measure(const char* name, px::Protocol protocol) {
  px::Runtime runtime({.cpus = 1});
  px::Mutex index("index", protocol);
  std::chrono::duration<double, std::milli> longest{0};
  auto background = runtime.spawn({.name = "background", .params = px::Fair{.nice = 19}}, [&] {
    while (!px::this_task::stop_token().stop_requested()) {
      const std::lock_guard lock(index);
      compute(1ms);
    }
  });
  auto other = runtime.spawn({.name = "other", .params = px::Fair{.nice = 0}}, [] {
    while (!px::this_task::stop_token().stop_requested()) compute(1ms);
  });
  auto foreground = runtime.spawn({.name = "foreground", .params = px::Fair{.nice = 0}}, [&] {
    const auto start = std::chrono::steady_clock::now();
    for (auto asked = start; asked - start < 1s; asked = std::chrono::steady_clock::now()) {
      {
        const std::lock_guard lock(index);
        longest = std::max(longest, decltype(longest)(std::chrono::steady_clock::now() - asked));
      }
      px::this_task::sleep_for(2ms);
    }
  });
  foreground.join();
  std::printf("%s: waited at most %.1f ms\n", name, longest.count());
}  // the other two are asked to stop, and joined

int main() {
  measure("plain lock", px::Protocol::none);
  measure("proxy lock", px::Protocol::proxy);
}
