// Goal: the signal comes to the right thread, not before its time, and the last instant asked for
// is the one that counts, whoever asked. Method: the signal is blocked and fetched with
// sigtimedwait, so nothing depends on handlers; only "not before" is asserted about time.
#include "live/signal_timer.hpp"

#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <system_error>
#include <thread>
#include <vector>

namespace px::live {
namespace {

Nanos monotonic() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * kSecond + time.tv_nsec;
}

pid_t thread_id() { return static_cast<pid_t>(::syscall(SYS_gettid)); }

class SignalTimerTest : public testing::Test {
 protected:
  void SetUp() override {
    signal_ = SIGRTMIN + 7;
    sigemptyset(&set_);
    sigaddset(&set_, signal_);
    ASSERT_EQ(pthread_sigmask(SIG_BLOCK, &set_, &before_), 0);
  }
  void TearDown() override {
    while (arrives(0)) {
    }
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  // Whether the calling thread gets the signal within `limit`.
  bool arrives(Nanos limit) const {
    const timespec time{limit / kSecond, limit % kSecond};
    for (;;) {
      const int got = sigtimedwait(&set_, nullptr, &time);
      if (got == signal_) return true;
      if (got < 0 && errno != EINTR) return false;
    }
  }
  static constexpr Nanos kLong = 20 * kSecond;  // given to a signal that must come

  int signal_ = 0;
  sigset_t set_{};
  sigset_t before_{};
};

TEST_F(SignalTimerTest, FiresOnceAndNotEarly) {
  SignalTimer timer(thread_id(), signal_);
  EXPECT_EQ(timer.armed_at(), kNever);
  const Nanos at = monotonic() + 5 * kMillisecond;
  timer.arm_at(at);
  EXPECT_EQ(timer.armed_at(), at);
  ASSERT_TRUE(arrives(kLong));
  EXPECT_GE(monotonic(), at);
  timer.note_expiry(monotonic());
  EXPECT_EQ(timer.armed_at(), kNever);
  EXPECT_FALSE(arrives(5 * kMillisecond));
}

TEST_F(SignalTimerTest, PastInstantsFireAtOnce) {
  SignalTimer timer(thread_id(), signal_);
  for (const Nanos at : {Nanos{-5}, Nanos{0}, Nanos{1}, monotonic() - kSecond}) {
    timer.arm_at(at);
    EXPECT_TRUE(arrives(kLong)) << at;
  }
}

TEST_F(SignalTimerTest, DisarmedItDoesNotFire) {
  SignalTimer timer(thread_id(), signal_);
  timer.arm_at(monotonic() + 200 * kMillisecond);
  timer.disarm();
  EXPECT_EQ(timer.armed_at(), kNever);
  EXPECT_FALSE(arrives(250 * kMillisecond));
}

TEST_F(SignalTimerTest, ArmNotLaterOnlyBringsForward) {
  SignalTimer timer(thread_id(), signal_);
  const Nanos soon = monotonic() + 20 * kMillisecond;
  timer.arm_not_later(soon + kSecond);
  EXPECT_EQ(timer.armed_at(), soon + kSecond) << "not armed counts as never";
  timer.arm_not_later(soon);
  timer.arm_not_later(soon + 1000 * kSecond);
  EXPECT_EQ(timer.armed_at(), soon);
  ASSERT_TRUE(arrives(kLong));
  EXPECT_GE(monotonic(), soon);
  timer.arm_not_later(soon + 1);
  EXPECT_EQ(timer.armed_at(), soon) << "a signal whose expiry was not noted counts as to come";
  timer.note_expiry(soon - 1);
  EXPECT_EQ(timer.armed_at(), soon) << "noted before its time";
}

TEST_F(SignalTimerTest, AnyThreadArmsForItsTarget) {
  std::atomic<SignalTimer*> shared{nullptr};
  std::atomic<bool> target_got_it{false};
  std::thread target([&] {
    SignalTimer timer(thread_id(), signal_);
    shared = &timer;
    target_got_it = arrives(kLong);
    shared = nullptr;
  });
  while (shared.load() == nullptr) std::this_thread::yield();
  shared.load()->arm_at(monotonic() + kMillisecond);
  target.join();
  EXPECT_TRUE(target_got_it.load());
  EXPECT_FALSE(arrives(0)) << "the arming thread got the target's signal";
}

// Many threads ask for different instants at the same time. Whichever wish is the last, the kernel
// must end up with that one: an earlier one would show as an early signal, a later one or none as
// no signal at all.
TEST_F(SignalTimerTest, TheLastWishReachesTheKernel) {
  for (int round = 0; round < 30; ++round) {
    SignalTimer timer(thread_id(), signal_);
    const Nanos base = monotonic() + 40 * kMillisecond;
    std::vector<std::thread> threads;
    threads.reserve(4);
    for (Nanos i = 0; i < 4; ++i) {
      threads.emplace_back([&timer, base, i] {
        for (Nanos k = 0; k < 50; ++k) {
          timer.arm_at(k % 5 == 4 ? kNever : base + (i * 50 + k) * 50 * kMicrosecond);
        }
        timer.arm_at(base + i * 10 * kMillisecond);
      });
    }
    for (auto& thread : threads) thread.join();
    const Nanos wish = timer.armed_at();
    if (monotonic() >= base) continue;  // too slow a machine for this round: it may have fired
    ASSERT_TRUE(arrives(kLong));
    ASSERT_GE(monotonic(), wish) << "round " << round;
    ASSERT_FALSE(arrives(0));
  }
}

TEST_F(SignalTimerTest, UnknownThreadIsAnError) {
  EXPECT_THROW(SignalTimer(0x3fffffff, signal_), std::system_error);
}

}  // namespace
}  // namespace px::live
