// A program of a user: two tasks count together under a mutex.
#include <px/px.hpp>

#include <cstdio>
#include <mutex>

int main() {
  px::Runtime runtime;
  px::Mutex mutex("counter");
  int counter = 0;
  const auto count = [&] {
    for (int i = 0; i < 10'000; ++i) {
      const std::lock_guard lock(mutex);
      ++counter;
    }
  };
  auto first = runtime.spawn(count);
  auto second = runtime.spawn(px::TaskOptions{.name = "second", .params = px::Fair{5}}, count);
  first.join();
  second.join();
  std::printf("%d\n", counter);
}
