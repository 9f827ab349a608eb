// Goal: the public interface works on real threads: spawn, join, exceptions, locks, errors,
// changes. Method: small programs whose outcome does not depend on timing.
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <stdexcept>
#include <thread>
#include <vector>

#include "fiber/sanitizer.hpp"
#include "px/px.hpp"

namespace {

using namespace std::chrono_literals;

// One turn of a computing loop. The thread sanitizer delivers signals only where its runtime is
// entered by a call that may block, and tasks are preempted at px calls then; elsewhere a turn is
// nothing at all, and only a signal can end the loop's hold of its CPU.
void compute() {
#if PX_TSAN
  usleep(50);
  px::this_task::checkpoint();
#endif
}

px::RuntimeOptions one_cpu() {
  px::RuntimeOptions options;
  options.cpus = 1;
  return options;
}

TEST(Runtime, RunReturnsWhatTheTaskReturns) {
  px::Runtime runtime(one_cpu());
  EXPECT_EQ(runtime.run([] { return 42; }), 42);
}

TEST(Runtime, JoinRethrowsWhatTheTaskThrew) {
  px::Runtime runtime;
  auto task = runtime.spawn([]() -> int { throw std::runtime_error("boom"); });
  EXPECT_THROW(task.join(), std::runtime_error);
}

TEST(Runtime, ArgumentsAreDecayCopied) {
  px::Runtime runtime;
  auto task = runtime.spawn([](std::unique_ptr<int> p, int add) { return *p + add; },
                            std::make_unique<int>(40), 2);
  EXPECT_EQ(task.join(), 42);
}

TEST(Runtime, ManyTasksEachRunOnce) {
  px::Runtime runtime;
  std::atomic<int> count{0};
  runtime.run([&] {
    std::vector<px::Task<void>> tasks;
    for (int i = 0; i < 1000; ++i) {
      tasks.push_back(px::spawn([&] {
        count.fetch_add(1);
        px::this_task::yield();
      }));
    }
    for (auto& task : tasks) task.join();
  });
  EXPECT_EQ(count.load(), 1000);
}

TEST(Runtime, MutexExcludes) {
  px::Runtime runtime;
  px::Mutex mutex("counter");
  std::int64_t counter = 0;
  std::vector<px::Task<void>> tasks;
  for (int i = 0; i < 8; ++i) {
    tasks.push_back(runtime.spawn([&] {
      for (int n = 0; n < 5000; ++n) {
        std::lock_guard guard(mutex);
        const std::int64_t seen = counter;
        if (n % 64 == 0) px::this_task::yield();
        counter = seen + 1;
      }
    }));
  }
  for (auto& task : tasks) task.join();
  EXPECT_EQ(counter, 40000);
}

TEST(Runtime, DeadlockThrowsTheChain) {
  px::Runtime runtime(one_cpu());
  px::Mutex a("a");
  px::Mutex b("b");
  std::atomic<int> deadlocks{0};
  std::string chain;
  auto grab = [&](px::Mutex& first, px::Mutex& second) {
    std::lock_guard hold(first);
    px::this_task::sleep_for(2ms);
    try {
      std::lock_guard wait(second);
    } catch (const px::Deadlock& error) {
      chain = error.what();
      ++deadlocks;
    }
  };
  auto one = runtime.spawn(px::TaskOptions{.name = "one", .params = {}, .affinity = {}, .cpu = -1},
                           [&] { grab(a, b); });
  auto two = runtime.spawn(px::TaskOptions{.name = "two", .params = {}, .affinity = {}, .cpu = -1},
                           [&] { grab(b, a); });
  one.join();
  two.join();
  EXPECT_EQ(deadlocks.load(), 1);
  EXPECT_NE(chain.find("waits for"), std::string::npos) << chain;
}

TEST(Runtime, LockFromAForeignThreadIsAnError) {
  px::Mutex mutex;
  try {
    mutex.lock();
    FAIL() << "a foreign thread got the lock";
  } catch (const std::system_error& error) {
    EXPECT_EQ(error.code(), make_error_code(px::errc::not_a_task));
  }
}

TEST(Runtime, TimedLockGivesUp) {
  px::Runtime runtime;
  px::Mutex mutex("m");
  std::atomic<bool> held{false};
  std::atomic<bool> release{false};
  auto owner = runtime.spawn([&] {
    std::lock_guard guard(mutex);
    held = true;
    while (!release) px::this_task::sleep_for(100us);
  });
  const bool got = runtime.run([&] {
    while (!held) px::this_task::sleep_for(100us);
    const bool acquired = mutex.try_lock_for(5ms);
    if (acquired) mutex.unlock();
    return acquired;
  });
  EXPECT_FALSE(got);
  release = true;
  owner.join();
}

// A realtime task that wakes preempts a computing fair task on the same CPU: else it would never
// run, for the fair one computes until it has seen it.
TEST(Runtime, RealtimeWakeupPreemptsAComputingTask) {
  px::Runtime runtime(one_cpu());
  std::atomic<bool> seen{false};
  auto computing = runtime.spawn([&] {
    while (!seen.load(std::memory_order_relaxed)) compute();
  });
  auto urgent = runtime.spawn(
      px::TaskOptions{
          .name = "urgent", .params = px::Realtime{50, false}, .affinity = {}, .cpu = -1},
      [&] {
        px::this_task::sleep_for(1ms);
        seen = true;
      });
  urgent.join();
  computing.join();
}

// Two fair tasks that compute without any px call share one CPU: each waits for the other's step.
// A signal that finds the program inside the library preempts nothing: a loop that is in there most
// of the time has to be preempted by the calls themselves. No signals here, so by them alone.
TEST(Runtime, EachCallThatALoopMayConsistOfLooksForAPreemption) {
  px::RuntimeOptions options = one_cpu();
  options.preempt = false;
  px::Runtime runtime(options);
  px::Mutex held;
  px::Semaphore none_left(0);
  px::Latch closed(1);
  auto holder = runtime.spawn([&] {
    held.lock();
    while (!px::this_task::stop_token().stop_requested()) px::this_task::sleep_for(1ms);
    held.unlock();
  });
  const std::vector<std::function<void()>> calls = {
      [] { (void)px::this_task::executed(); },   [] { (void)px::this_task::id(); },
      [] { (void)px::this_task::name(); },       [] { (void)px::this_task::cpu(); },
      [] { (void)px::this_task::stop_token(); }, [&] { (void)held.try_lock(); },
      [&] { (void)none_left.try_acquire(); },    [&] { (void)closed.try_wait(); },
  };
  for (const auto& call : calls) {
    std::atomic<bool> loops{false};
    std::atomic<bool> over{false};
    auto loop = runtime.spawn([&] {
      while (!over) {
        loops = true;
        call();
      }
    });
    while (!loops) std::this_thread::yield();
    px::TaskOptions urgent;
    urgent.params = px::Realtime{50};
    runtime.spawn(urgent, [&] { over = true; }).join();
    loop.join();
  }
}

TEST(Runtime, FairTasksShareACpuWithoutCooperation) {
  px::Runtime runtime(one_cpu());
  std::atomic<int> turn{0};
  auto step = [&](int me) {
    for (int round = 0; round < 5; ++round) {
      while (turn.load(std::memory_order_relaxed) != me) compute();
      turn.store(1 - me, std::memory_order_relaxed);
    }
  };
  auto one = runtime.spawn([&] { step(0); });
  auto two = runtime.spawn([&] { step(1); });
  one.join();
  two.join();
#if !PX_TSAN
  EXPECT_GE(runtime.preemptions().asynchronous, 5U);
#endif
}

TEST(Runtime, AffinityChangesOfRunningAndQueuedTasks) {
  px::Runtime runtime;
  if (runtime.cpus() < 2) {
    GTEST_SKIP() << "one CPU: nothing to move between";
  }
  std::atomic<bool> stop{false};
  auto hog = [&] {
    while (!stop.load(std::memory_order_relaxed)) compute();
  };
  px::TaskOptions on0{.name = "", .params = {}, .affinity = px::CpuSet{0}, .cpu = -1};
  std::vector<px::Task<void>> tasks;
  for (int i = 0; i < 3; ++i) tasks.push_back(runtime.spawn(on0, hog));
  for (int round = 0; round < 40; ++round) {
    for (auto& task : tasks) {
      task.set_affinity(px::CpuSet{round % 2});
      std::this_thread::sleep_for(500us);
    }
  }
  stop = true;
  for (auto& task : tasks) task.join();
}

TEST(Runtime, ALockHeldInAnotherRuntimeIsAnError) {
  px::Runtime first(one_cpu());
  px::Runtime second(one_cpu());
  px::Mutex mutex("shared");
  std::atomic<bool> held{false};
  std::atomic<bool> release{false};
  auto owner = first.spawn([&] {
    std::lock_guard guard(mutex);
    held = true;
    while (!release) px::this_task::sleep_for(100us);
  });
  while (!held) std::this_thread::yield();
  try {
    second.run([&] { std::lock_guard guard(mutex); });
    ADD_FAILURE() << "locked across runtimes";
  } catch (const std::system_error& error) {
    EXPECT_EQ(error.code(), make_error_code(px::errc::other_runtime));
  }
  release = true;
  owner.join();
}

TEST(Runtime, EndlessTimesWait) {
  px::Runtime runtime;
  px::Mutex mutex("m");
  runtime.run([&] {
    mutex.lock();
    auto waiter = px::spawn([&] {
      const bool got = mutex.try_lock_for(std::chrono::hours::max());
      if (got) mutex.unlock();
      return got;
    });
    auto until = px::spawn([&] {
      const bool got = mutex.try_lock_until(std::chrono::steady_clock::time_point::max());
      if (got) mutex.unlock();
      return got;
    });
    px::this_task::sleep_for(5ms);
    mutex.unlock();
    EXPECT_TRUE(waiter.join());
    EXPECT_TRUE(until.join());
  });
}

TEST(Runtime, BadOptionsThrow) {
  px::RuntimeOptions slice = one_cpu();
  slice.slice = 0ns;
  EXPECT_THROW(px::Runtime{slice}, std::system_error);
  px::RuntimeOptions signal = one_cpu();
  signal.preempt_signal = 9;
  EXPECT_THROW(px::Runtime{signal}, std::system_error);
}

TEST(Runtime, AHandleMayOutliveItsRuntime) {
  px::Task<void> task;
  {
    px::Runtime runtime(one_cpu());
    task = runtime.spawn([] {});
  }
  task.set_params(px::Fair{.nice = 3, .slice = {}});
  task.request_stop();
  task.detach();
}

TEST(RuntimeDeathTest, EndingWithAHeldLockIsNamed) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(
      {
        px::Runtime runtime(one_cpu());
        static px::Mutex mutex("kept");
        runtime.run([] { mutex.lock(); });
      },
      "ends while it holds 1 mutex");
}

TEST(RuntimeDeathTest, UnlockByANonOwnerNamesTaskAndLock) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(
      {
        px::Runtime runtime(one_cpu());
        px::Mutex mutex("tap");
        runtime
            .spawn(px::TaskOptions{.name = "thief", .params = {}, .affinity = {}, .cpu = -1},
                   [&] { mutex.unlock(); })
            .join();
      },
      "unlock of mutex \"tap\" by task \"thief\"");
}

TEST(RuntimeDeathTest, DestroyingAHeldLockIsNamed) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(
      {
        px::Runtime runtime(one_cpu());
        runtime.run([] {
          px::Mutex mutex("short-lived");
          mutex.lock();
        });
      },
      "\"short-lived\" is destroyed while task");
}

}  // namespace
