// Goal: a context keeps what belongs to it over every switch (locals, exceptions in flight, the
// floating-point mode), on one thread and across threads, and misuse is caught at the switch.
// Method: small fibers that switch to and fro; a copy of a suspended fiber's bytes is written back
// to show that it is all of its state.
#include "fiber/context.hpp"

#include <gtest/gtest.h>

#include <xmmintrin.h>

#include <cstring>
#include <exception>
#include <functional>
#include <memory>
#include <semaphore>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "fiber/stack.hpp"

namespace px::fiber {
namespace {

StackPool& pool() {
  static StackPool pool;
  return pool;
}

// A fiber that runs a function and then switches to `after` for good.
class TestFiber {
 public:
  explicit TestFiber(std::function<void(TestFiber&)> body)
      : stack_(pool().acquire()), body_(std::move(body)) {
    make(context, stack_, &TestFiber::run, this);
  }
  ~TestFiber() {
    discard(context);
    pool().release(stack_);
  }
  TestFiber(const TestFiber&) = delete;
  TestFiber& operator=(const TestFiber&) = delete;

  // Runs the fiber until it yields or ends; `here` is the caller's own context.
  void resume(Context& here) {
    after = &here;
    switch_to(here, context);
  }
  void yield() { switch_to(context, *after); }

  Context context;
  Context* after = nullptr;
  bool done = false;

 private:
  static void run(void* argument) noexcept {
    auto& self = *static_cast<TestFiber*>(argument);
    self.body_(self);
    self.done = true;
    switch_final(self.context, *self.after);
  }

  Stack stack_;
  std::function<void(TestFiber&)> body_;
};

TEST(Context, KeepsLocalsOverSwitches) {
  Context here;
  adopt_thread(here);
  std::vector<int> seen;
  TestFiber fiber([&seen](TestFiber& self) {
    for (int i = 0; i < 3; ++i) {
      seen.push_back(i);
      self.yield();
    }
  });
  for (int i = 0; i < 3; ++i) {
    fiber.resume(here);
    seen.push_back(100 + i);
  }
  EXPECT_FALSE(fiber.done);
  fiber.resume(here);
  EXPECT_TRUE(fiber.done);
  EXPECT_EQ(seen, (std::vector<int>{0, 100, 1, 101, 2, 102}));
}

// Catches `name`, lets others run inside the handler, and rethrows.
void throw_and_rethrow(TestFiber& self, const std::string& name, std::string& result) {
  try {
    try {
      throw std::runtime_error(name);
    } catch (const std::runtime_error&) {
      self.yield();
      throw;
    }
  } catch (const std::runtime_error& error) {
    result = error.what();
  }
}

TEST(Context, ExceptionsInFlightDoNotCross) {
  Context here;
  adopt_thread(here);
  std::string a, b;
  TestFiber first([&a](TestFiber& self) { throw_and_rethrow(self, "A", a); });
  TestFiber second([&b](TestFiber& self) { throw_and_rethrow(self, "B", b); });
  first.resume(here);
  second.resume(here);
  EXPECT_EQ(std::current_exception(), nullptr) << "a fiber's exception leaked into the thread";
  first.resume(here);  // in the order that a shared stack of exceptions would get wrong
  second.resume(here);
  EXPECT_EQ(a, "A");
  EXPECT_EQ(b, "B");
}

// Switches away while the exception is still being unwound.
struct YieldsInDestructor {
  TestFiber& self;
  int& uncaught;
  ~YieldsInDestructor() {
    self.yield();
    uncaught = std::uncaught_exceptions();
  }
};

TEST(Context, UncaughtCountBelongsToTheFiber) {
  Context here;
  adopt_thread(here);
  int during = -1;
  TestFiber fiber([&during](TestFiber& self) {
    try {
      const YieldsInDestructor guard{self, during};
      throw std::runtime_error("unwinding");
    } catch (const std::runtime_error&) {
    }
  });
  fiber.resume(here);
  EXPECT_EQ(std::uncaught_exceptions(), 0);
  fiber.resume(here);
  EXPECT_EQ(during, 1);
}

TEST(Context, ResumesOnAnotherThread) {
  std::string result;
  std::vector<std::thread::id> ids;
  Context first_thread;
  adopt_thread(first_thread);
  TestFiber fiber([&](TestFiber& self) {
    ids.push_back(std::this_thread::get_id());
    throw_and_rethrow(self, "moved", result);
    self.yield();
    ids.push_back(std::this_thread::get_id());
  });
  fiber.resume(first_thread);  // suspended inside its catch handler
  std::thread other([&] {
    Context second_thread;
    adopt_thread(second_thread);
    fiber.resume(second_thread);  // rethrows over there
    EXPECT_EQ(std::current_exception(), nullptr);
  });
  other.join();
  EXPECT_EQ(result, "moved");
  fiber.resume(first_thread);
  EXPECT_TRUE(fiber.done);
  ASSERT_EQ(ids.size(), 2u);
  EXPECT_EQ(ids[0], std::this_thread::get_id());
}

TEST(Context, PassesToAndFroBetweenTwoThreads) {
  constexpr int kRounds = 1000;
  int count = 0;
  TestFiber fiber([&count](TestFiber& self) {
    for (int i = 0; i < 2 * kRounds; ++i) {
      try {
        throw i;
      } catch (int value) {
        self.yield();
        count += value == i ? 1 : 0;
      }
    }
  });
  std::binary_semaphore turn[2] = {std::binary_semaphore{1}, std::binary_semaphore{0}};
  const auto loop = [&](int mine) {
    Context here;
    adopt_thread(here);
    for (int i = 0; i < kRounds; ++i) {
      turn[mine].acquire();
      fiber.resume(here);
      turn[1 - mine].release();
    }
  };
  std::thread one(loop, 0), two(loop, 1);
  one.join();
  two.join();
  EXPECT_EQ(count, 2 * kRounds - 1);
  Context here;
  adopt_thread(here);
  fiber.resume(here);
  EXPECT_TRUE(fiber.done);
  EXPECT_EQ(count, 2 * kRounds);
}

TEST(Context, HundredThousandFibersComeAndGo) {
  Context here;
  adopt_thread(here);
  // The thread sanitizer takes 0.3 ms to make a fiber.
  constexpr int kFibers = PX_TSAN != 0 ? 2'000 : 100'000;
  int ran = 0;
  std::vector<std::unique_ptr<TestFiber>> alive;
  for (int i = 0; i < kFibers; ++i) {
    alive.push_back(std::make_unique<TestFiber>([&ran](TestFiber& self) {
      self.yield();
      ++ran;
    }));
    alive.back()->resume(here);
    if (alive.size() == 500) {
      for (auto& fiber : alive) fiber->resume(here);
      alive.clear();
    }
  }
  EXPECT_EQ(ran, kFibers);
  EXPECT_EQ(pool().statistics().in_use, 0u);
  EXPECT_LE(pool().statistics().mapped, 500u + 8u) << "stacks were not reused";
}

TEST(Context, KeepsTheFloatingPointMode) {
  Context here;
  adopt_thread(here);
  const unsigned before = _mm_getcsr();
  unsigned inside = 0;
  TestFiber fiber([&inside](TestFiber& self) {
    _MM_SET_ROUNDING_MODE(_MM_ROUND_UP);
    self.yield();
    inside = _MM_GET_ROUNDING_MODE();
  });
  fiber.resume(here);
  EXPECT_EQ(_mm_getcsr() & _MM_ROUND_MASK, before & _MM_ROUND_MASK);
  fiber.resume(here);
  EXPECT_EQ(inside, static_cast<unsigned>(_MM_ROUND_UP));
}

#if !PX_ASAN && !PX_TSAN
TEST(Context, CopiedBytesAreTheWholeState) {
  Context here;
  adopt_thread(here);
  int observed = 0;
  // By value in the fiber's own frame: only the bytes of its stack know the count.
  TestFiber fiber([&observed](TestFiber& self) {
    for (volatile int count = 0;;) {
      count = count + 1;
      observed = count;
      self.yield();
    }
  });
  for (int i = 0; i < 3; ++i) fiber.resume(here);
  EXPECT_EQ(observed, 3);
  const Context saved = fiber.context;
  const auto live = live_stack(fiber.context);
  const std::vector<std::byte> bytes(live.begin(), live.end());
  for (int i = 0; i < 4; ++i) fiber.resume(here);
  EXPECT_EQ(observed, 7);
  fiber.context = saved;
  std::memcpy(live.data(), bytes.data(), bytes.size());
  fiber.resume(here);
  EXPECT_EQ(observed, 4);
}
#endif

TEST(ContextDeathTest, ResumingARunningContextIsCaught) {
  EXPECT_DEATH(
      {
        Context here;
        adopt_thread(here);
        TestFiber fiber([](TestFiber& self) { switch_to(*self.after, self.context); });
        fiber.resume(here);
      },
      "running, dead or was never made");
}

TEST(ContextDeathTest, ResumingADeadContextIsCaught) {
  EXPECT_DEATH(
      {
        Context here;
        adopt_thread(here);
        TestFiber fiber([](TestFiber&) {});
        fiber.resume(here);
        fiber.resume(here);
      },
      "running, dead or was never made");
}

TEST(ContextDeathTest, ReturningFromTheEntryIsCaught) {
  EXPECT_DEATH(
      {
        Context here;
        adopt_thread(here);
        Context fiber;
        make(
            fiber, pool().acquire(), [](void*) noexcept {}, nullptr);
        switch_to(here, fiber);
      },
      "entry function returned");
}

}  // namespace
}  // namespace px::fiber
