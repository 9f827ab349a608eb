// Goal: CPUs of a running program go offline and come back under load, with affinities and classes
// changing at the same time, and no task and no lock's state is lost; what cannot be is refused.
// Method: tasks that compute, sleep and nest locks count their rounds; a foreign thread and a task
// change things at random for PX_SOAK_SECONDS (5 unless set). Then all CPUs are brought back, and
// every task must do more rounds: one that was lost leaves the test hanging. Nothing is judged by
// the clock.
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <thread>
#include <vector>

#include "base/prng.hpp"
#include "px/px.hpp"

namespace px::live {
namespace {

using namespace std::chrono_literals;

constexpr int kCpus = 4;

std::chrono::seconds soak_time() {
  const char* const text = std::getenv("PX_SOAK_SECONDS");
  int seconds = 5;
  if (text != nullptr) std::from_chars(text, text + std::strlen(text), seconds);
  return std::chrono::seconds(std::max(seconds, 1));
}

template <typename F>
std::error_code code_of(F&& f) {
  try {
    f();
  } catch (const std::system_error& error) {
    return error.code();
  }
  return {};
}

TEST(LiveHotplug, RefusesWhatCannotBe) {
  Runtime runtime({.cpus = 2});
  EXPECT_TRUE(runtime.is_online(1));
  runtime.offline(1);
  runtime.offline(1);
  EXPECT_FALSE(runtime.is_online(1));
  EXPECT_EQ(code_of([&] { runtime.offline(0); }), errc::last_cpu);
  EXPECT_TRUE(runtime.is_online(0));
  EXPECT_EQ(code_of([&] { runtime.offline(2); }), errc::invalid_params);
  EXPECT_EQ(code_of([&] { runtime.online(-1); }), errc::invalid_params);
  runtime.run([&] {
    EXPECT_EQ(code_of([] { this_task::set_affinity(CpuSet{1}); }), errc::invalid_affinity);
    runtime.online(1);
    EXPECT_EQ(code_of([] { this_task::set_affinity(CpuSet{1}); }), std::error_code());
    runtime.offline(1);  // its own: it strays
    runtime.online(1);
  });
}

// Tasks bound to a CPU that goes offline stray and go on, also one that only computes.
TEST(LiveHotplug, BoundTasksGoOn) {
  Runtime runtime({.cpus = 2});
  std::atomic<std::uint64_t> rounds{0};
  std::atomic<bool> stop{false};
  auto computes = runtime.spawn({.name = "computes", .affinity = CpuSet{1}}, [&] {
    while (!stop.load(std::memory_order_relaxed)) {
      rounds.fetch_add(1, std::memory_order_relaxed);
      this_task::checkpoint();
    }
  });
  for (int i = 0; i < 20; ++i) {
    runtime.offline(1);
    const auto before = rounds.load();
    while (rounds.load() == before) std::this_thread::yield();
    runtime.online(1);
  }
  stop = true;
  computes.join();
}

class Storm {
 public:
  void run() {
    for (std::size_t i = 0; i < kTasks; ++i) {
      tasks_.push_back(runtime_.spawn([this, i] { work(i); }));
    }
    auto inner = runtime_.spawn({.params = Realtime{60}}, [this] { change_things(11, 200us); });
    change_things(7, 100us);
    inner.join();
    for (int cpu = 0; cpu < kCpus; ++cpu) runtime_.online(cpu);
    for (std::size_t i = 0; i < kTasks; ++i) {
      const auto before = rounds_[i].load();
      while (rounds_[i].load() == before) std::this_thread::sleep_for(1ms);
    }
    stop_ = true;
    for (auto& task : tasks_) task.join();
    for (const auto& cell : cells_) EXPECT_EQ(cell.first, cell.second);
    EXPECT_GT(done_.load(), 10U);
  }

 private:
  static constexpr std::size_t kTasks = 16;
  struct Cell {
    Mutex mutex;
    std::uint64_t first = 0;
    std::uint64_t second = 0;
  };

  static CpuSet random_cpus(Prng& random) {
    CpuSet set{static_cast<int>(random.between(0, kCpus - 1))};
    for (auto more = random.between(0, 3); more > 0; --more) {
      set.add(static_cast<int>(random.between(0, kCpus - 1)));
    }
    return set;
  }

  void work(std::size_t me) {
    Prng random(me + 1);
    while (!stop_.load(std::memory_order_relaxed)) {
      auto at = static_cast<std::size_t>(random.between(0, 2));
      {
        const std::lock_guard outer(cells_[at].mutex);
        ++cells_[at].first;
        const std::lock_guard inner(cells_[at + 1].mutex);
        ++cells_[at + 1].first;
        for (volatile int i = 0; i < 20'000;) i = i + 1;
        if (random.between(0, 9) == 0) this_task::sleep_for(100us);
        ++cells_[at + 1].second;
        ++cells_[at].second;
      }
      rounds_[me].fetch_add(1, std::memory_order_relaxed);
      // Realtime tasks of all ranks would keep the rest from going on.
      this_task::sleep_for(std::chrono::microseconds(random.between(50, 1000)));
    }
  }

  template <typename Pause>
  void change_things(std::uint64_t seed, Pause pause) {
    Prng random(seed);
    const auto end = std::chrono::steady_clock::now() + soak_time();
    while (std::chrono::steady_clock::now() < end) {
      const int cpu = static_cast<int>(random.between(0, kCpus - 1));
      auto& task = tasks_[static_cast<std::size_t>(random.between(0, kTasks - 1))];
      const auto which = random.between(0, 3);
      const auto error = code_of([&] {
        if (which == 0) runtime_.offline(cpu);
        if (which == 1) runtime_.online(cpu);
        if (which == 2) task.set_affinity(random_cpus(random));
        if (which == 3 && random.between(0, 1) == 0) {
          task.set_params(Realtime{static_cast<int>(random.between(1, 50))});
        } else if (which == 3) {
          task.set_params(Fair{.nice = static_cast<int>(random.between(-20, 19))});
        }
      });
      if (error) {
        EXPECT_TRUE(error == errc::last_cpu || error == errc::invalid_affinity) << error.message();
      } else {
        done_.fetch_add(1, std::memory_order_relaxed);
      }
      if (seed == 7) {
        std::this_thread::sleep_for(pause);
      } else {
        this_task::sleep_for(pause);
      }
    }
  }

  Runtime runtime_{{.cpus = kCpus}};
  std::array<Cell, 4> cells_;
  std::array<std::atomic<std::uint64_t>, kTasks> rounds_{};
  std::atomic<bool> stop_{false};
  std::atomic<std::uint64_t> done_{0};
  std::vector<Task<void>> tasks_;
};

TEST(LiveHotplug, StormLosesNothing) { Storm().run(); }

}  // namespace
}  // namespace px::live
