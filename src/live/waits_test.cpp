// Goal: everything a task can wait for besides a plain lock works on real threads: recursive
// mutexes, stop tokens, condition variables, semaphores, latches, barriers, event counts, futures.
// Who waits lends to whoever is known to end the wait, and misuse is a named error.
// Method: small programs whose outcome does not depend on timing. Where lending is to be seen, one
// CPU and three realtime tasks: an owner of priority 1, a middle task of 10 and a waiter of 50.
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "fiber/sanitizer.hpp"
#include "px/px.hpp"

namespace {

using namespace std::chrono_literals;

px::RuntimeOptions one_cpu() {
  px::RuntimeOptions options;
  options.cpus = 1;
  return options;
}

px::TaskOptions realtime(const char* name, int priority) {
  px::TaskOptions options;
  options.name = name;
  options.params = px::Realtime{.priority = priority};
  return options;
}

// Runs f() in a task of realtime priority 1 on one CPU.
template <typename F>
void run_low(F f) {
  px::Runtime runtime(one_cpu());
  runtime.spawn(realtime("L", 1), f).join();
}

TEST(RecursiveMutex, CountsItsOwnersLocks) {
  px::Runtime runtime(one_cpu());
  runtime.run([] {
    px::RecursiveMutex mutex("again");
    mutex.lock();
    EXPECT_TRUE(mutex.try_lock());
    EXPECT_TRUE(mutex.try_lock_for(1ms));
    EXPECT_EQ(mutex.lock(px::stop_token()), px::wait_status::ready);
    const auto other_gets_it = [&] {
      return px::spawn([&] {
               const bool taken = mutex.try_lock();
               if (taken) mutex.unlock();
               return taken;
             })
          .join();
    };
    for (int depth = 4; depth > 0; --depth) {
      EXPECT_FALSE(other_gets_it()) << depth;
      mutex.unlock();
    }
    EXPECT_TRUE(other_gets_it());
    std::scoped_lock both(mutex);
  });
}

TEST(RecursiveMutex, LendsToItsOwner) {
  std::string order;
  run_low([&] {
    px::RecursiveMutex mutex;
    mutex.lock();
    mutex.lock();
    auto high = px::spawn(realtime("H", 50), [&] {
      std::lock_guard guard(mutex);
      order += 'H';
    });
    px::this_task::checkpoint();
    auto middle = px::spawn(realtime("M", 10), [&] { order += 'M'; });
    px::this_task::checkpoint();
    mutex.unlock();
    order += 'L';
    mutex.unlock();
    high.join();
    middle.join();
  });
  EXPECT_EQ(order, "LHM");
}

TEST(StopToken, EndsAWaitForALock) {
  px::Runtime runtime(one_cpu());
  runtime.run([] {
    px::Mutex mutex("m");
    px::stop_source source;
    mutex.lock();
    auto waiter = px::spawn([&] { return mutex.lock(source.get_token()); });
    px::this_task::yield();
    EXPECT_TRUE(source.request_stop());
    EXPECT_FALSE(source.request_stop());
    EXPECT_EQ(waiter.join(), px::wait_status::stopped);
    EXPECT_EQ(px::spawn([&] { return mutex.try_lock_for(1h, source.get_token()); }).join(),
              px::wait_status::stopped);
    EXPECT_EQ(px::spawn([&] { return mutex.try_lock_for(1ms, px::stop_token()); }).join(),
              px::wait_status::timed_out);
    mutex.unlock();
    EXPECT_EQ(mutex.lock(px::stop_token()), px::wait_status::ready);
    mutex.unlock();
  });
}

// CPU 0 of the one runtime is not CPU 0 of the other, which sleeps and has to be told.
TEST(Semaphore, ATaskOfAnotherRuntimeWakesASleepingCpu) {
  px::RuntimeOptions options = one_cpu();
  px::Runtime here(options);
  options.preempt = false;  // one signal, one runtime
  px::Runtime there(options);
  px::Semaphore ping(0);
  px::Semaphore pong(0);
  constexpr int kTurns = 200;
  auto waiter = there.spawn([&] {
    for (int i = 0; i < kTurns; ++i) {
      ping.acquire();
      pong.release();
    }
  });
  auto notifier = here.spawn([&] {
    for (int i = 0; i < kTurns; ++i) {
      ping.release();
      pong.acquire();
    }
  });
  notifier.join();
  waiter.join();
}

// The stopper computes without another px call, and so does the other CPU: only the kick that the
// request sent can have let the waiter run.
TEST(StopToken, ARequestInterruptsTheComputingCpuOfARealtimeWaiter) {
  px::RuntimeOptions options;
  options.cpus = 2;
  px::Runtime runtime(options);
  px::Semaphore never(0);
  px::stop_source source;
  std::atomic<bool> stopped{false};
  std::atomic<int> waits{0};
  const auto compute = [&] {
    while (!stopped) {
#if PX_TSAN
      usleep(50);
      px::this_task::checkpoint();
#endif
    }
  };
  auto on_one = realtime("waiter", 50);
  on_one.affinity = px::CpuSet{1};
  auto waiter = runtime.spawn(on_one, [&] {
    waits = 1;
    EXPECT_EQ(never.acquire(source.get_token()), px::wait_status::stopped);
    stopped = true;
  });
  while (waits == 0) std::this_thread::yield();
  px::TaskOptions there;
  there.affinity = px::CpuSet{1};
  auto hog = runtime.spawn(there, [&] {
    waits = 2;
    compute();
  });
  px::TaskOptions here;
  here.affinity = px::CpuSet{0};
  auto stopper = runtime.spawn(here, [&] {
    while (waits != 2) px::this_task::yield();
    source.request_stop();
    compute();
  });
  waiter.join();
  hog.join();
  stopper.join();
}

TEST(StopToken, OfATaskEndsItsWait) {
  px::Runtime runtime;
  px::Mutex mutex("m");
  runtime.run([&] {
    mutex.lock();
    auto waiter = px::spawn([&] { return mutex.lock(px::this_task::stop_token()); });
    waiter.request_stop();
    EXPECT_EQ(waiter.join(), px::wait_status::stopped);
    mutex.unlock();
  });
}

TEST(ConditionVariable, PassesABall) {
  px::Runtime runtime;
  px::Mutex mutex("m");
  px::ConditionVariable turn("turn");
  int ball = 0;
  const auto player = [&](int parity) {
    for (int i = 0; i < 200; ++i) {
      std::unique_lock lock(mutex);
      turn.wait(lock, [&] { return ball % 2 == parity; });
      ++ball;
      turn.notify_all();
    }
  };
  auto even = runtime.spawn([&] { player(0); });
  auto odd = runtime.spawn([&] { player(1); });
  even.join();
  odd.join();
  EXPECT_EQ(ball, 400);
}

TEST(ConditionVariable, WakesByRank) {
  std::string order;
  run_low([&] {
    px::Mutex mutex;
    px::ConditionVariable ready;
    std::vector<px::Task<void>> waiters;
    const auto add = [&](const char* name, int priority) {
      waiters.push_back(px::spawn(realtime(name, priority), [&, name] {
        std::unique_lock lock(mutex);
        ready.wait(lock);
        order += name;
      }));
      px::this_task::checkpoint();
    };
    add("b", 20);
    add("c", 10);
    add("a", 30);
    for (int i = 0; i < 3; ++i) {
      ready.notify_one();
      order += '.';
    }
    for (auto& waiter : waiters) waiter.join();
  });
  EXPECT_EQ(order, "a.b.c.");
}

TEST(ConditionVariable, EndsByTimeAndByStop) {
  px::Runtime runtime(one_cpu());
  runtime.run([] {
    px::Mutex mutex;
    px::ConditionVariable never;
    std::unique_lock lock(mutex);
    EXPECT_EQ(never.wait_for(lock, 1ms), std::cv_status::timeout);
    EXPECT_EQ(never.wait_for(lock, -1ms), std::cv_status::timeout);
    EXPECT_FALSE(never.wait_for(lock, 1ms, [] { return false; }));
    EXPECT_TRUE(lock.owns_lock());
    EXPECT_FALSE(mutex.try_lock()) << "the mutex is owned again";
    px::stop_source source;
    auto stopper = px::spawn([&] { source.request_stop(); });
    EXPECT_FALSE(never.wait(lock, source.get_token(), [] { return false; }));
    lock.unlock();
    try {
      never.wait(lock);
      ADD_FAILURE() << "waited without the mutex";
    } catch (const std::system_error& error) {
      EXPECT_EQ(error.code(), std::errc::operation_not_permitted) << error.what();
    }
    stopper.join();
  });
}

// The textbook inversion on a condition: L is to notify H, and M is in between.
TEST(ConditionVariable, AWaiterLendsToItsHelper) {
  for (const bool declared : {true, false}) {
    std::string order;
    run_low([&] {
      px::Mutex mutex;
      px::ConditionVariable done;
      bool is_done = false;
      std::optional<px::ConditionVariable::Helper> helper;
      if (declared) helper.emplace(done);
      auto high = px::spawn(realtime("H", 50), [&] {
        std::unique_lock lock(mutex);
        done.wait(lock, [&] { return is_done; });
        order += 'H';
      });
      px::this_task::checkpoint();
      auto middle = px::spawn(realtime("M", 10), [&] { order += 'M'; });
      px::this_task::checkpoint();
      order += 'L';
      {
        std::lock_guard guard(mutex);
        is_done = true;
      }
      done.notify_one();
      helper.reset();
      high.join();
      middle.join();
    });
    EXPECT_EQ(order, declared ? "LHM" : "MLH");
  }
}

TEST(Semaphore, CountsAndServesByRank) {
  std::string order;
  run_low([&] {
    px::Semaphore permits(1, "permits");
    permits.acquire();
    EXPECT_FALSE(permits.try_acquire());
    EXPECT_FALSE(permits.try_acquire_for(1ms));
    std::vector<px::Task<void>> waiters;
    for (const int priority : {20, 30, 10}) {
      waiters.push_back(px::spawn(realtime("W", priority), [&, priority] {
        permits.acquire();
        order += std::to_string(priority) + " ";
      }));
      px::this_task::checkpoint();
    }
    permits.release(2);
    order += "| ";
    permits.release();
    for (auto& waiter : waiters) waiter.join();
    EXPECT_FALSE(permits.try_acquire());
    permits.release();
    EXPECT_TRUE(permits.try_acquire());
  });
  EXPECT_EQ(order, "30 20 | 10 ");
}

TEST(Semaphore, AWaiterLendsToADeclaredHolder) {
  std::string order;
  run_low([&] {
    px::Semaphore permits(0);
    {
      const px::Semaphore::Holder holder(permits);
      auto high = px::spawn(realtime("H", 50), [&] {
        permits.acquire();
        order += 'H';
      });
      px::this_task::checkpoint();
      auto middle = px::spawn(realtime("M", 10), [&] { order += 'M'; });
      px::this_task::checkpoint();
      order += 'L';
      permits.release();
      high.join();
      middle.join();
    }
  });
  EXPECT_EQ(order, "LHM");
}

TEST(Semaphore, IsReleasedByAForeignThread) {
  px::Runtime runtime(one_cpu());
  px::Semaphore permits(0);
  permits.release();
  auto task = runtime.spawn([&] {
    permits.acquire();
    permits.acquire();
    return true;
  });
  permits.release();
  EXPECT_TRUE(task.join());
  EXPECT_THROW(permits.acquire(), std::system_error);
  EXPECT_THROW(px::Semaphore(-1), std::invalid_argument);
  EXPECT_THROW(permits.release(-1), std::invalid_argument);
}

TEST(Rendezvous, LatchBarrierAndEventCountLetAllGoOn) {
  px::Runtime runtime;
  px::Latch latch(4, "latch");
  px::Barrier barrier(4);
  px::EventCount count;
  std::atomic<int> in_round{0};
  std::atomic<bool> flag{false};
  std::vector<px::Task<void>> tasks;
  for (int i = 0; i < 4; ++i) {
    tasks.push_back(runtime.spawn([&] {
      latch.arrive_and_wait();
      for (int round = 1; round <= 50; ++round) {
        in_round.fetch_add(1);
        barrier.arrive_and_wait();
        EXPECT_GE(in_round.load(), 4 * round);
        barrier.arrive_and_wait();
      }
      while (!flag.load()) {
        const auto key = count.prepare_wait();
        if (!flag.load()) count.wait(key);
      }
    }));
  }
  runtime.run([&] {
    latch.wait();
    EXPECT_TRUE(latch.try_wait());
    EXPECT_THROW(latch.count_down(), std::invalid_argument);
    flag.store(true);
    count.notify_all();
  });
  for (auto& task : tasks) task.join();
  EXPECT_EQ(in_round.load(), 200);
}

TEST(Future, CarriesValuesAndExceptions) {
  px::Runtime runtime;
  runtime.run([] {
    EXPECT_EQ(px::async([](int a, int b) { return a + b; }, 40, 2).get(), 42);
    EXPECT_THROW(px::async([]() -> int { throw std::runtime_error("boom"); }).get(),
                 std::runtime_error);
    auto nothing = px::async([] {});
    nothing.wait();
    EXPECT_TRUE(nothing.is_ready());
    nothing.get();
    EXPECT_FALSE(nothing.valid());
    auto pointer = px::async([] { return std::make_unique<int>(7); });
    EXPECT_EQ(*pointer.get(), 7);
    auto a = px::async([] { return 1; });
    auto b = px::async([] { return 2; });
    px::when_all(a, b);
    EXPECT_TRUE(a.is_ready() && b.is_ready());
    px::Promise<int> never;
    auto missing = never.get_future();
    auto soon = px::async([] { return 3; });
    EXPECT_EQ(px::when_any(missing, soon), 1U);
    EXPECT_EQ(missing.wait_for(1ms), std::future_status::timeout);
  });
}

TEST(Future, ErrorsAreTheStandards) {
  const auto code_of = [](auto call) {
    try {
      call();
    } catch (const std::future_error& error) {
      return error.code();
    }
    return std::error_code();
  };
  px::Promise<int> promise;
  auto future = promise.get_future();
  EXPECT_EQ(code_of([&] { (void)promise.get_future(); }),
            std::future_errc::future_already_retrieved);
  promise.set_value(1);
  EXPECT_EQ(code_of([&] { promise.set_value(2); }), std::future_errc::promise_already_satisfied);
  EXPECT_EQ(future.get(), 1);
  EXPECT_EQ(code_of([&] { (void)future.get(); }), std::future_errc::no_state);
  px::Future<int> broken;
  {
    px::Promise<int> abandoned;
    broken = abandoned.get_future();
  }
  EXPECT_EQ(code_of([&] { (void)broken.get(); }), std::future_errc::broken_promise);
}

// The textbook inversion on a future: H waits for what L computes, and M is in between.
TEST(Future, AWaiterLendsToTheProducer) {
  std::string order;
  run_low([&] {
    px::Promise<int> promise;
    promise.set_producer();
    auto future = promise.get_future();
    auto high = px::spawn(realtime("H", 50), [&] {
      EXPECT_EQ(future.get(), 9);
      order += 'H';
    });
    px::this_task::checkpoint();
    auto middle = px::spawn(realtime("M", 10), [&] { order += 'M'; });
    px::this_task::checkpoint();
    order += 'L';
    promise.set_value(9);
    high.join();
    middle.join();
  });
  EXPECT_EQ(order, "LHM");
}

TEST(Future, AForeignThreadWaitsAndSets) {
  px::Runtime runtime;
  px::Promise<int> from_task;
  px::Promise<int> from_thread;
  auto to_thread = from_task.get_future();
  auto to_task = from_thread.get_future();
  auto task = runtime.spawn([&] {
    from_task.set_value(1);
    return to_task.get();
  });
  EXPECT_EQ(to_thread.get(), 1);
  from_thread.set_value(2);
  EXPECT_EQ(task.join(), 2);
}

TEST(WaitsDeathTest, DestroyingWhatIsWaitedForIsFatal) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_DEATH(
      {
        px::Runtime runtime(one_cpu());
        runtime.run([] {
          auto permits = std::make_unique<px::Semaphore>(0, "gone");
          auto waiter = px::spawn([&] { permits->acquire(); });
          px::this_task::yield();
          permits.reset();
          waiter.join();
        });
      },
      "semaphore \"gone\" is destroyed while task \".*\" waits for it");
}

}  // namespace
