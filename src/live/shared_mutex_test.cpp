// Goal: px::SharedMutex keeps the promises of the standard's shared mutex on real threads, lends,
// and names every misuse. Method: small programs whose outcome does not depend on timing.
#include <gtest/gtest.h>

#include <atomic>
#include <mutex>
#include <shared_mutex>
#include <thread>
#include <vector>

#include "px/px.hpp"

namespace {

using namespace std::chrono_literals;

px::RuntimeOptions with_cpus(int cpus) {
  px::RuntimeOptions options;
  options.cpus = cpus;
  options.name = "test";
  return options;
}

TEST(SharedMutex, WritersExcludeEverybodyAndReadersOnlyWriters) {
  constexpr int kTasks = 8;
  constexpr int kTurns = 2'000;
  px::Runtime runtime(with_cpus(2));
  px::SharedMutex mutex("table");
  std::atomic<int> readers{0};
  std::atomic<int> writers{0};
  std::atomic<int> wrong{0};
  long value = 0;  // guarded by the mutex
  std::vector<px::Task<void>> tasks;
  for (int i = 0; i < kTasks; ++i) {
    tasks.push_back(runtime.spawn([&, i] {
      for (int turn = 0; turn < kTurns; ++turn) {
        if ((turn + i) % 4 == 0) {
          const std::unique_lock lock(mutex);
          if (++writers != 1 || readers != 0) ++wrong;
          ++value;
          if (turn % 16 == 0) px::this_task::yield();
          --writers;
        } else {
          const std::shared_lock lock(mutex);
          ++readers;
          if (writers != 0 || value < 0) ++wrong;
          if (turn % 16 == 1) px::this_task::yield();
          --readers;
        }
      }
    }));
  }
  for (auto& task : tasks) task.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(value, kTasks * kTurns / 4);
}

TEST(SharedMutex, AWriterBehindReadersLendsToThem) {
  px::Runtime runtime(with_cpus(1));
  px::SharedMutex mutex;
  std::atomic<bool> stop{false};
  std::atomic<int> reading{0};
  const auto long_reader = [&] {
    mutex.lock_shared();
    ++reading;
    // Ends only if it is run on the writer's behalf: the hog outranks it.
    while (!stop.load()) px::this_task::yield();
    mutex.unlock_shared();
  };
  px::TaskOptions low;
  low.params = px::Realtime{1};
  px::TaskOptions middle;
  middle.params = px::Realtime{2};
  px::TaskOptions high;
  high.params = px::Realtime{3};
  auto first = runtime.spawn(low, long_reader);
  auto second = runtime.spawn(low, long_reader);
  while (reading != 2) std::this_thread::yield();
  std::atomic<bool> written{false};
  auto writer = runtime.spawn(high, [&] {
    auto hog = px::spawn(middle, [&] {
      while (!written) px::this_task::checkpoint();
    });
    stop = true;
    mutex.lock();
    written = true;
    mutex.unlock();
    hog.join();
  });
  writer.join();
  first.join();
  second.join();
  EXPECT_TRUE(written);
}

TEST(SharedMutex, TimeLimitsAndStopsEndWaitsAndLetOthersGoOn) {
  px::Runtime runtime(with_cpus(1));
  px::SharedMutex mutex;
  runtime.run([&] {
    mutex.lock_shared();
    std::atomic<bool> read{false};
    auto writer = px::spawn([&] { return mutex.try_lock_for(2ms); });
    px::this_task::yield();
    // Behind the writer, until that gives up.
    auto reader = px::spawn([&] {
      const std::shared_lock lock(mutex);
      read = true;
    });
    EXPECT_FALSE(writer.join());
    reader.join();
    EXPECT_TRUE(read);
    px::stop_source stop;
    auto stopped = px::spawn([&, token = stop.get_token()] { return mutex.lock(token); });
    px::this_task::yield();
    stop.request_stop();
    EXPECT_EQ(stopped.join(), px::wait_status::stopped);
    EXPECT_FALSE(px::spawn([&] { return mutex.try_lock(); }).join());
    EXPECT_FALSE(px::spawn([&] { return mutex.try_lock_for(0ms); }).join());
    EXPECT_TRUE(px::spawn([&] {
                  const bool shared = mutex.try_lock_shared_for(1s);
                  if (shared) mutex.unlock_shared();
                  return shared;
                }).join());
    mutex.unlock_shared();
    EXPECT_TRUE(mutex.try_lock_until(std::chrono::steady_clock::now() + 1s));
    EXPECT_FALSE(px::spawn([&] { return mutex.try_lock_shared(); }).join());
    mutex.unlock();
  });
}

TEST(SharedMutex, AskingAgainIsAnErrorAndChangesNothing) {
  px::Runtime runtime(with_cpus(1));
  px::SharedMutex mutex("catalogue");
  runtime.run([&] {
    const auto refused = [&](auto call) {
      try {
        call();
        ADD_FAILURE() << "taken twice";
      } catch (const std::system_error& error) {
        EXPECT_EQ(error.code(), std::errc::resource_deadlock_would_occur);
        EXPECT_NE(std::string(error.what()).find("shared mutex \"catalogue\""), std::string::npos);
      }
    };
    mutex.lock_shared();
    refused([&] { mutex.lock(); });
    refused([&] { mutex.lock_shared(); });
    refused([&] { (void)mutex.try_lock(); });
    mutex.unlock_shared();
    mutex.lock();
    refused([&] { mutex.lock_shared(); });
    refused([&] { (void)mutex.try_lock_for(1s); });
    mutex.unlock();
    EXPECT_TRUE(mutex.try_lock());
    mutex.unlock();
  });
}

TEST(SharedMutex, ManyHoldsOfOneTaskAtATime) {
  px::Runtime runtime(with_cpus(1));
  std::vector<std::unique_ptr<px::SharedMutex>> all;
  for (int i = 0; i < 20; ++i) all.push_back(std::make_unique<px::SharedMutex>());
  runtime.run([&] {
    for (int round = 0; round < 3; ++round) {
      for (auto& mutex : all) mutex->lock_shared();
      for (auto& mutex : all) mutex->unlock_shared();
    }
    for (auto& mutex : all) EXPECT_TRUE(mutex->try_lock());
    for (auto& mutex : all) mutex->unlock();
  });
}

TEST(SharedMutex, ADeadlockThrowsAndTheOtherGoesOn) {
  px::Runtime runtime(with_cpus(1));
  px::SharedMutex table("table");
  px::Mutex index("index");
  int deadlocks = 0;
  const auto careful = [&](auto body) {
    try {
      body();
    } catch (const px::Deadlock& deadlock) {
      ++deadlocks;
      EXPECT_NE(std::string(deadlock.what()).find("table"), std::string::npos);
    }
  };
  auto first = runtime.spawn([&] {
    careful([&] {
      const std::shared_lock read(table);
      px::this_task::sleep_for(5ms);
      const std::lock_guard lock(index);
    });
  });
  auto second = runtime.spawn([&] {
    careful([&] {
      const std::lock_guard lock(index);
      px::this_task::sleep_for(5ms);
      const std::unique_lock write(table);
    });
  });
  first.join();
  second.join();
  EXPECT_EQ(deadlocks, 1);
}

TEST(SharedMutex, ProtocolNoneSleepsAndOthersAreRefused) {
  EXPECT_THROW(px::SharedMutex("m", px::Protocol::inherit), std::invalid_argument);
  px::Runtime runtime(with_cpus(1));
  px::SharedMutex mutex("m", px::Protocol::none);
  runtime.run([&] {
    mutex.lock();
    auto reader = px::spawn([&] { const std::shared_lock lock(mutex); });
    px::this_task::yield();
    mutex.unlock();
    reader.join();
  });
}

TEST(SharedMutex, ForeignThreadsAndOtherRuntimesAreErrors) {
  px::SharedMutex mutex;
  EXPECT_THROW(mutex.lock(), std::system_error);
  EXPECT_THROW((void)mutex.try_lock_shared(), std::system_error);
  px::Runtime here(with_cpus(1));
  px::RuntimeOptions options = with_cpus(1);
  options.preempt = false;
  px::Runtime there(options);
  here.run([&] {
    const std::shared_lock lock(mutex);
    std::thread([&] {
      there.run([&] {
        try {
          mutex.lock_shared();
          ADD_FAILURE() << "shared with another runtime";
        } catch (const std::system_error& error) {
          EXPECT_EQ(error.code(), px::errc::other_runtime);
        }
      });
    }).join();
  });
}

TEST(SharedMutexDeathTest, MisuseIsNamed) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const auto in_a_task = [](auto body) {
    px::Runtime runtime(with_cpus(1));
    runtime.run(body);
  };
  EXPECT_DEATH(in_a_task([] {
                 px::SharedMutex mutex("table");
                 mutex.lock_shared();
                 mutex.unlock();
               }),
               "unlock of shared mutex \"table\" by task .*does not hold it exclusively");
  EXPECT_DEATH(in_a_task([] {
                 px::SharedMutex mutex("table");
                 mutex.unlock_shared();
               }),
               "unlock_shared of shared mutex \"table\" .*does not hold it shared");
  EXPECT_DEATH(in_a_task([] {
                 px::SharedMutex mutex("table");
                 mutex.lock_shared();
               }),
               "shared mutex \"table\" is destroyed while task .* holds it");
}

}  // namespace
