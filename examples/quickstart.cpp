// A request waits for a lock that a background job holds, while a report wants all of the CPU.

#include <px/px.hpp>

#include <cstdio>
#include <mutex>

int main() {
  px::Runtime runtime({.cpus = 1});
  px::Mutex index("index");
  auto job = runtime.spawn({.name = "job", .params = px::Fair{.nice = 19}}, [&] {
    while (!px::this_task::stop_token().stop_requested()) {
      const std::lock_guard lock(index);  // a weight of 15 against 1024: the report runs
    }
  });
  auto report = runtime.spawn({.name = "report"}, [] {
    while (!px::this_task::stop_token().stop_requested()) px::this_task::checkpoint();
  });
  auto request = runtime.spawn({.name = "request", .params = px::Realtime{.priority = 50}}, [&] {
    px::this_task::sleep_for(std::chrono::milliseconds(5));
    const std::lock_guard lock(index);  // the job runs at priority 50 until it unlocks
    std::puts("served");
  });
  request.join();
}  // job and report are asked to stop, and joined
