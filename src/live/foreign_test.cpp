// Goal: every foreign lock is counted from before it is taken until after it is released, failed
// attempts are not, and the locks still lock.
// Method: each kind of lock through the C++ class or call that programs use, with the count read
// while it is held and after. Also linked with a static libstdc++, where the guards are our own.
#include "live/foreign.hpp"

#include <gtest/gtest.h>
#include <pthread.h>
#include <threads.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <mutex>
#include <shared_mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "fiber/sanitizer.hpp"

namespace px::live {
namespace {

std::atomic<int> reports{0};
std::atomic<const char*> last_report{""};
void record_block(const char* what) noexcept {
  last_report = what;
  ++reports;
}

class Foreign : public testing::Test {
 protected:
  void SetUp() override {
    if (!interposed()) GTEST_SKIP() << "foreign locks are not interposed in this build";
    ASSERT_EQ(foreign_held(), 0u);
  }
  void TearDown() override { EXPECT_EQ(foreign_held(), 0u) << "a count was left up"; }
};

TEST_F(Foreign, Mutexes) {
  std::mutex plain;
  std::recursive_mutex recursive;
  std::timed_mutex timed;
  plain.lock();
  EXPECT_EQ(foreign_held(), 1u);
  recursive.lock();
  recursive.lock();
  EXPECT_EQ(foreign_held(), 3u);
  EXPECT_TRUE(timed.try_lock_for(std::chrono::seconds(1)));
  EXPECT_EQ(foreign_held(), 4u);
  timed.unlock();
  recursive.unlock();
  recursive.unlock();
  EXPECT_EQ(foreign_held(), 1u);
  std::thread([&] {
    EXPECT_EQ(foreign_held(), 0u) << "the count belongs to the thread";
    EXPECT_FALSE(plain.try_lock());
    EXPECT_EQ(foreign_held(), 0u) << "a failed attempt was counted";
  }).join();
  plain.unlock();
}

TEST_F(Foreign, TimedLocksThatFailAreNotCounted) {
  std::timed_mutex timed;
  timed.lock();
  std::thread([&] {
    EXPECT_FALSE(timed.try_lock_for(std::chrono::milliseconds(1)));
    EXPECT_FALSE(timed.try_lock_until(std::chrono::system_clock::now()));
    EXPECT_EQ(foreign_held(), 0u);
  }).join();
  timed.unlock();
}

TEST_F(Foreign, ErrorCheckingMutexes) {
  pthread_mutexattr_t attributes;
  pthread_mutexattr_init(&attributes);
  pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ERRORCHECK);
  pthread_mutex_t mutex;
  pthread_mutex_init(&mutex, &attributes);
  EXPECT_EQ(pthread_mutex_lock(&mutex), 0);
  EXPECT_EQ(pthread_mutex_lock(&mutex), EDEADLK);
  EXPECT_EQ(foreign_held(), 1u);
  EXPECT_EQ(pthread_mutex_unlock(&mutex), 0);
  EXPECT_EQ(pthread_mutex_unlock(&mutex), EPERM);
  EXPECT_EQ(foreign_held(), 0u);
  pthread_mutex_destroy(&mutex);
  pthread_mutexattr_destroy(&attributes);
}

TEST_F(Foreign, RobustMutexOfADeadOwnerIsHeld) {
  pthread_mutexattr_t attributes;
  pthread_mutexattr_init(&attributes);
  pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
  pthread_mutex_t mutex;
  pthread_mutex_init(&mutex, &attributes);
  std::thread([&] { pthread_mutex_lock(&mutex); }).join();
  EXPECT_EQ(pthread_mutex_lock(&mutex), EOWNERDEAD);
  EXPECT_EQ(foreign_held(), 1u);
  pthread_mutex_consistent(&mutex);
  pthread_mutex_unlock(&mutex);
  pthread_mutex_destroy(&mutex);
  pthread_mutexattr_destroy(&attributes);
}

TEST_F(Foreign, ReaderWriterLocks) {
  std::shared_timed_mutex lock;
  lock.lock_shared();
  lock.lock_shared();
  EXPECT_EQ(foreign_held(), 2u);
  EXPECT_FALSE(lock.try_lock());
  EXPECT_FALSE(lock.try_lock_for(std::chrono::milliseconds(1)));
  EXPECT_EQ(foreign_held(), 2u);
  lock.unlock_shared();
  lock.unlock_shared();
  lock.lock();
  EXPECT_EQ(foreign_held(), 1u);
  EXPECT_FALSE(lock.try_lock_shared());
  lock.unlock();
  EXPECT_TRUE(lock.try_lock_shared_for(std::chrono::seconds(1)));
  EXPECT_EQ(foreign_held(), 1u);
  lock.unlock_shared();
}

TEST_F(Foreign, SpinLocksStreamsAndC11Mutexes) {
  pthread_spinlock_t spin;
  pthread_spin_init(&spin, PTHREAD_PROCESS_PRIVATE);
  pthread_spin_lock(&spin);
  EXPECT_EQ(foreign_held(), 1u);
  EXPECT_NE(pthread_spin_trylock(&spin), 0);
  EXPECT_EQ(foreign_held(), 1u);
  pthread_spin_unlock(&spin);
  flockfile(stdin);
  EXPECT_EQ(foreign_held(), 1u);
  EXPECT_EQ(ftrylockfile(stdin), 0);  // recursive
  EXPECT_EQ(foreign_held(), 2u);
  funlockfile(stdin);
  funlockfile(stdin);
  EXPECT_EQ(foreign_held(), 0u);
  mtx_t mutex;
  mtx_init(&mutex, mtx_timed);
  EXPECT_EQ(mtx_lock(&mutex), thrd_success);
  EXPECT_EQ(mtx_trylock(&mutex), thrd_busy);
  EXPECT_EQ(foreign_held(), 1u);
  mtx_unlock(&mutex);
  mtx_destroy(&mutex);
}

std::uint32_t held_in_initialiser = 0;
struct Observed {
  explicit Observed(bool fail) {
    held_in_initialiser = foreign_held();
    if (fail) throw std::runtime_error("initialiser");
  }
};

TEST_F(Foreign, StaticInitialisersHoldTheirGuard) {
  const auto initialise = [](bool fail) { static const Observed observed(fail); };
  EXPECT_THROW(initialise(true), std::runtime_error);
  EXPECT_EQ(held_in_initialiser, 1u);
  EXPECT_EQ(foreign_held(), 0u) << "a failed initialiser kept its guard";
  held_in_initialiser = 0;
  initialise(false);
  EXPECT_EQ(held_in_initialiser, 1u);
  EXPECT_EQ(foreign_held(), 0u);
  held_in_initialiser = 0;
  initialise(false);
  EXPECT_EQ(held_in_initialiser, 0u) << "a static was initialised twice";
}

TEST_F(Foreign, StaticInitialisersRunOnceAmongThreads) {
  static std::atomic<int> runs{0};
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  threads.reserve(8);
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&wrong] {
      static const int value = [] {
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
        return ++runs + 41;
      }();
      if (value != 42 || foreign_held() != 0) ++wrong;
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(runs.load(), 1);
  EXPECT_EQ(wrong.load(), 0);
}

TEST_F(Foreign, OnceInitialisersAreHeld) {
  std::once_flag flag;
  EXPECT_THROW(std::call_once(flag,
                              [] {
                                held_in_initialiser = foreign_held();
                                throw std::runtime_error("once");
                              }),
               std::runtime_error);
  EXPECT_EQ(held_in_initialiser, 1u);
  EXPECT_EQ(foreign_held(), 0u);
  std::call_once(flag, [] { held_in_initialiser = foreign_held() + 10; });
  EXPECT_EQ(held_in_initialiser, 11u);
}

TEST_F(Foreign, ConditionVariableWaitsKeepTheMutexCounted) {
  std::mutex mutex;
  std::condition_variable condition;
  bool ready = false;
  std::thread waker([&] {
    const std::lock_guard guard(mutex);
    ready = true;
    condition.notify_one();
    EXPECT_EQ(foreign_held(), 1u);
  });
  {
    std::unique_lock lock(mutex);
    condition.wait(lock, [&] { return ready; });
    EXPECT_EQ(foreign_held(), 1u);
    condition.wait_for(lock, std::chrono::milliseconds(1));
    EXPECT_EQ(foreign_held(), 1u);
  }
  EXPECT_EQ(foreign_held(), 0u);
  waker.join();
}

TEST_F(Foreign, ReleaseByAnotherThreadNeverGoesBelowZero) {
  pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
  std::thread([&] { pthread_mutex_lock(&mutex); }).join();
  pthread_mutex_unlock(&mutex);
  EXPECT_EQ(foreign_held(), 0u);
  pthread_mutex_lock(&mutex);
  EXPECT_EQ(foreign_held(), 1u);
  pthread_mutex_unlock(&mutex);
}

TEST_F(Foreign, WorkersReportBeforeTheyBlock) {
  const auto previous = set_foreign_block_hook(&record_block);
  reports = 0;
  std::mutex mutex;
  mutex.lock();
  std::thread bystander([&] {
    mutex.lock();  // blocks, but is no worker
    mutex.unlock();
  });
  std::thread worker([&] {
    int self = 0;
    std::atomic<std::uint32_t> flag{0};
    set_worker(&self, &flag);
    mutex.lock();
    EXPECT_EQ(foreign_held(), 1u);
    mutex.unlock();
    std::mutex free;
    free.lock();  // had at once: no report
    free.unlock();
    set_worker(nullptr, nullptr);
  });
  while (reports.load() == 0) std::this_thread::yield();
  EXPECT_STREQ(last_report.load(), "pthread_mutex_lock");
  mutex.unlock();
  worker.join();
  bystander.join();
  EXPECT_EQ(reports.load(), 1);
  EXPECT_EQ(set_foreign_block_hook(previous), &record_block);
}

// std::condition_variable::wait is code of libstdc++, so the report shows that calls from shared
// libraries come by as well.
TEST_F(Foreign, CallsFromOtherLibrariesComeBy) {
  const auto previous = set_foreign_block_hook(&record_block);
  reports = 0;
  std::thread worker([&] {
    int self = 0;
    std::atomic<std::uint32_t> flag{0};
    set_worker(&self, &flag);
    std::mutex mutex;
    std::condition_variable_any condition;
    std::unique_lock lock(mutex);
    condition.wait_for(lock, std::chrono::milliseconds(1));
    set_worker(nullptr, nullptr);
  });
  worker.join();
  EXPECT_GE(reports.load(), 1);
  set_foreign_block_hook(previous);
}

TEST_F(Foreign, LocksStillExclude) {
  std::mutex mutex;
  long counter = 0;
  std::atomic<int> left_up{0};
  std::vector<std::thread> threads;
  threads.reserve(8);
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      int self = 0;
      std::atomic<std::uint32_t> flag{0};
      if (i % 2 == 0) set_worker(&self, &flag);
      for (int k = 0; k < 20'000; ++k) {
        const std::lock_guard guard(mutex);
        ++counter;
      }
      if (foreign_held() != 0) ++left_up;
      if (i % 2 == 0) set_worker(nullptr, nullptr);
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(counter, 80'000);
  EXPECT_EQ(left_up.load(), 0);
}

TEST(ForeignBuild, InterposesWhereItSaysSo) {
  EXPECT_EQ(interposed(), PX_INTERPOSE != 0 && PX_TSAN == 0);
  std::mutex mutex;
  const std::lock_guard guard(mutex);
  EXPECT_EQ(foreign_held(), interposed() ? 1u : 0u);
}

}  // namespace
}  // namespace px::live
