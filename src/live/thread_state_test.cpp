// Goal: the counts and pointers are the calling thread's own, also for a fiber that has changed
// thread in between, and no update is lost to a signal handler that makes balanced updates itself.
// Method: a fiber is carried from thread to thread and asks who it is; a timer storms a counting
// loop with a handler that counts up and down.
#include "live/thread_state.hpp"

#include <gtest/gtest.h>
#include <sys/time.h>

#include <atomic>
#include <csignal>
#include <set>
#include <thread>

#include "fiber/context.hpp"
#include "fiber/stack.hpp"

namespace px::live {
namespace {

TEST(ThreadState, CountsNestAndBelongToTheThread) {
  EXPECT_EQ(preempt_count(), 0u);
  preempt_disable();
  preempt_disable();
  EXPECT_EQ(preempt_count(), 2u);
  EXPECT_EQ(thread_state().preempt_off.load(), 2u) << "assembly and C++ mean different memory";
  std::thread([] {
    EXPECT_EQ(preempt_count(), 0u);
    preempt_disable();
    EXPECT_EQ(preempt_count(), 1u);
    preempt_enable_no_check();
  }).join();
  preempt_enable_no_check();
  EXPECT_EQ(preempt_count(), 1u);
  set_preempt_count(0);
  EXPECT_EQ(preempt_count(), 0u);
  EXPECT_EQ(thread_state().foreign_depth.load(), 0u) << "a neighbour was written";
}

TEST(ThreadState, WorkerAndFlagAreSetAndCleared) {
  EXPECT_EQ(current_worker(), nullptr);
  EXPECT_FALSE(need_resched());
  std::atomic<std::uint32_t> flag{0};
  int worker = 0;
  set_worker(&worker, &flag);
  EXPECT_EQ(current_worker(), &worker);
  EXPECT_NE(thread_state().tid.load(), 0);
  EXPECT_FALSE(need_resched());
  flag = 1;
  EXPECT_TRUE(need_resched());
  std::thread([] {
    EXPECT_EQ(current_worker(), nullptr);
    EXPECT_FALSE(need_resched());
  }).join();
  set_worker(nullptr, nullptr);
  EXPECT_EQ(current_worker(), nullptr);
  EXPECT_FALSE(need_resched());
}

struct Traveller {
  fiber::Context context;
  fiber::Context* host = nullptr;
  std::set<void*> workers;
  std::set<ThreadState*> blocks;
  bool done = false;
};

// Asks for its thread before and after each switch, all in one frame, where a compiler would like
// to keep the first answer.
void travel(void* argument) noexcept {
  auto& self = *static_cast<Traveller*>(argument);
  for (int i = 0; i < 8; ++i) {
    self.workers.insert(current_worker());
    self.blocks.insert(&thread_state());
    preempt_disable();
    fiber::switch_to(self.context, *self.host);
    preempt_enable_no_check();
  }
  self.done = true;
  fiber::switch_final(self.context, *self.host);
}

TEST(ThreadState, FollowsAFiberAcrossThreads) {
  fiber::StackPool pool;
  const fiber::Stack stack = pool.acquire();
  Traveller traveller;
  fiber::make(traveller.context, stack, &travel, &traveller);
  int numbers[9] = {};
  std::atomic<std::uint32_t> flag{0};
  // All threads live at the same time, or a later one could be given an earlier one's memory.
  std::atomic<int> turn{0};
  std::vector<std::thread> threads;
  threads.reserve(9);
  for (int i = 0; i < 9; ++i) {
    threads.emplace_back([&, i] {
      set_worker(&numbers[i], &flag);
      if (i > 0) preempt_disable();  // what the fiber will enable after its arrival here
      fiber::Context host;
      fiber::adopt_thread(host);
      while (turn.load() != i) std::this_thread::yield();
      traveller.host = &host;
      fiber::switch_to(host, traveller.context);
      if (i < 8) preempt_enable_no_check();  // what the fiber has left disabled
      EXPECT_EQ(preempt_count(), 0u) << "on thread " << i;
      ++turn;
      while (turn.load() != 9) std::this_thread::yield();
      set_worker(nullptr, nullptr);
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_TRUE(traveller.done);
  EXPECT_EQ(traveller.workers.size(), 8u);
  EXPECT_EQ(traveller.blocks.size(), 8u);
  pool.release(stack);
}

std::atomic<int> storms{0};
void count_up_and_down(int) {
  preempt_disable();
  ++storms;
  preempt_enable_no_check();
}

TEST(ThreadState, SignalsLoseNoUpdate) {
  struct sigaction action {};
  action.sa_handler = &count_up_and_down;
  action.sa_flags = SA_RESTART;
  struct sigaction previous {};
  ASSERT_EQ(sigaction(SIGALRM, &action, &previous), 0);
  const itimerval storm{{0, 100}, {0, 100}};
  ASSERT_EQ(setitimer(ITIMER_REAL, &storm, nullptr), 0);
  while (storms.load() < 200) {
    for (int i = 0; i < 10'000; ++i) {
      preempt_disable();
      preempt_enable_no_check();
    }
    ASSERT_EQ(preempt_count(), 0u);
  }
  const itimerval off{};
  setitimer(ITIMER_REAL, &off, nullptr);
  sigaction(SIGALRM, &previous, nullptr);
}

}  // namespace
}  // namespace px::live
