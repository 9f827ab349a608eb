// Goal: a task is preempted in its own code and nowhere else: not in libc, not with preemption off,
// not while it holds something of another library's, not in the handler's own first and last
// instructions; and a hook that switches stacks inside the handler loses nothing.
// Method: a storm of timer signals, re-armed by the hook, over loops of each kind. The handler's
// tail is walked one instruction at a time with the CPU's trap flag, asking at each what a second
// signal there would be allowed.
#include "live/preempt_signal.hpp"

#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <iomanip>
#include <memory>
#include <mutex>
#include <sstream>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

#include "fiber/context.hpp"
#include "fiber/stack.hpp"
#include "live/foreign.hpp"
#include "live/signal_timer.hpp"

namespace px::live {
namespace {

Nanos monotonic() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * kSecond + time.tv_nsec;
}

constexpr Nanos kStorm = 100 * kMicrosecond;

std::atomic<int> allowed{0};
std::atomic<int> refused{0};
std::atomic<SignalTimer*> storm_timer{nullptr};
std::atomic<void (*)(bool)> extra_hook{nullptr};

void hook(bool may_preempt, void* /*context*/) noexcept {
  ++(may_preempt ? allowed : refused);
  if (auto* const timer = storm_timer.load()) timer->arm_at(monotonic() + kStorm);
  if (const auto extra = extra_hook.load()) extra(may_preempt);
  errno = EDOM;  // what interrupted code must never get to see
}

// One worker thread, the test's own, under a storm of signals while a Storm lives.
class PreemptSignalTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!kAsynchronousPreemption) GTEST_SKIP() << "no asynchronous preemption in this build";
    set_worker(this, &need_resched_);
    signal_ = std::make_unique<PreemptSignal>(0, text_, &hook);
    tid_ = static_cast<pid_t>(::syscall(SYS_gettid));
    thread_state().statistics.refused_count = 0;
    thread_state().statistics.refused_foreign = 0;
    thread_state().statistics.refused_text = 0;
    clear();
  }
  void TearDown() override {
    extra_hook = nullptr;
    signal_.reset();
    set_worker(nullptr, nullptr);
  }
  static void clear() { allowed = refused = 0; }

  class Storm {
   public:
    explicit Storm(const PreemptSignalTest& test) : timer_(test.tid_, test.signal_->number()) {
      storm_timer = &timer_;
      timer_.arm_at(monotonic());
    }
    ~Storm() {
      storm_timer = nullptr;
      timer_.disarm();
    }

   private:
    SignalTimer timer_;
  };

  // Computes in this executable's text until `count` signals were answered with `answers`.
  [[gnu::noinline]] static void compute_until(const std::atomic<int>& answers, int count) {
    volatile unsigned sum = 0;
    while (answers.load(std::memory_order_relaxed) < count) {
      for (unsigned i = 0; i < 1000; ++i) sum = sum + i;
    }
  }

  const PreemptText text_;
  std::atomic<std::uint32_t> need_resched_{0};
  std::unique_ptr<PreemptSignal> signal_;
  pid_t tid_ = 0;
};

TEST_F(PreemptSignalTest, ComputingCodeIsPreempted) {
  const Storm storm(*this);
  errno = 0;
  compute_until(allowed, 50);
  EXPECT_EQ(errno, 0) << "a signal changed the interrupted code's errno";
}

TEST_F(PreemptSignalTest, LibcIsNot) {
  const Storm storm(*this);
  clear();
  while (allowed.load() + refused.load() < 400) {
    for (int i = 0; i < 100; ++i) {
      // NOLINTNEXTLINE(cppcoreguidelines-no-malloc): malloc is what this is about
      void* const memory = std::malloc(5000);
      asm volatile("" : : "r"(memory) : "memory");  // or the pair would be optimised away
      std::free(memory);                            // NOLINT(cppcoreguidelines-no-malloc)
    }
  }
  EXPECT_GT(refused.load(), allowed.load()) << "most signals in a malloc loop come inside malloc";
  EXPECT_GT(thread_state().statistics.refused_text.load(), 0u);
}

TEST_F(PreemptSignalTest, CodeWithPreemptionOffIsNot) {
  const Storm storm(*this);
  preempt_disable();
  clear();
  compute_until(refused, 50);
  EXPECT_EQ(allowed.load(), 0);
  preempt_enable_no_check();
  EXPECT_GE(thread_state().statistics.refused_count.load(), 50u);
  compute_until(allowed, 1);
}

TEST_F(PreemptSignalTest, HoldersOfAMutexAreNot) {
  if (!interposed()) GTEST_SKIP() << "foreign locks are not interposed in this build";
  const Storm storm(*this);
  std::mutex mutex;
  mutex.lock();
  clear();
  compute_until(refused, 50);
  EXPECT_EQ(allowed.load(), 0);
  mutex.unlock();
  // Not all of them: one that comes inside the handler is refused for the count.
  EXPECT_GT(thread_state().statistics.refused_foreign.load(), 0u);
  compute_until(allowed, 1);
}

TEST_F(PreemptSignalTest, StaticInitialisersAreNot) {
  if (!interposed()) GTEST_SKIP() << "foreign locks are not interposed in this build";
  const Storm storm(*this);
  static const int allowed_inside = [] {
    clear();
    compute_until(refused, 50);
    return allowed.load();
  }();
  EXPECT_EQ(allowed_inside, 0);
  compute_until(allowed, 1);
}

TEST_F(PreemptSignalTest, ThreadsThatAreNoWorkersAreLeftAlone) {
  std::thread([this] {
    const auto tid = static_cast<pid_t>(::syscall(SYS_gettid));
    for (int i = 0; i < 10; ++i) EXPECT_TRUE(signal_->raise_on(tid));
  }).join();
  EXPECT_EQ(allowed.load() + refused.load(), 0);
}

TEST_F(PreemptSignalTest, RaiseOnceKeepsOneUnderWay) {
  sigset_t set, before;
  sigemptyset(&set);
  sigaddset(&set, signal_->number());
  pthread_sigmask(SIG_BLOCK, &set, &before);
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(signal_->raise_once(thread_state()));
  EXPECT_EQ(allowed.load() + refused.load(), 0);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  EXPECT_EQ(allowed.load() + refused.load(), 1);
  EXPECT_TRUE(signal_->raise_once(thread_state()));
  EXPECT_EQ(allowed.load() + refused.load(), 2) << "the handler did not clear the mark";
}

// --- The handler's tail -------------------------------------------------------------------------

const PreemptText* tail_text = nullptr;
std::atomic<int> steps{0};
std::atomic<int> steps_with_count_zero{0};
std::atomic<int> steps_preemptible{0};

constexpr long kTrapFlag = 0x100;

void set_trap_flag(bool may_preempt) {
  if (may_preempt) return;
  asm volatile("pushfq\n\torq %0, (%%rsp)\n\tpopfq" : : "i"(kTrapFlag) : "memory", "cc");
}

// What a preemption signal at this instruction would be allowed to do. The return into the kernel
// ends the walk: it loads the flags of the interrupted code.
void on_step(int /*signal*/, siginfo_t* /*info*/, void* context) {
  const auto* const saved = static_cast<const ucontext_t*>(context);
  const auto pc = static_cast<std::uintptr_t>(saved->uc_mcontext.gregs[REG_RIP]);
  ++steps;
  if (preempt_count() != 0 || foreign_held() != 0) return;
  ++steps_with_count_zero;
  if (tail_text->contains(pc)) ++steps_preemptible;
}

TEST_F(PreemptSignalTest, ASecondSignalInTheHandlersTailIsRefusedToo) {
  struct sigaction action {};
  action.sa_sigaction = &on_step;
  action.sa_flags = SA_SIGINFO;
  struct sigaction previous {};
  ASSERT_EQ(::sigaction(SIGTRAP, &action, &previous), 0);
  tail_text = &text_;
  steps = steps_with_count_zero = steps_preemptible = 0;
  extra_hook = &set_trap_flag;
  signal_->raise_on(tid_);  // interrupts libc, on the way out of the system call: refused
  extra_hook = nullptr;
  ::sigaction(SIGTRAP, &previous, nullptr);
  EXPECT_EQ(refused.load(), 1);
  if (steps.load() == 0) GTEST_SKIP() << "the trap flag does not work here";
  EXPECT_GT(steps_with_count_zero.load(), 0) << "the walk did not reach the tail";
  EXPECT_EQ(steps_preemptible.load(), 0);
}

// --- Switching inside the handler ---------------------------------------------------------------

// Two fibers that never call the scheduler, and a hook that gives each its turn.
struct Computing {
  fiber::Context host;
  fiber::Context contexts[2];
  int current = 0;
  std::atomic<int> switches{0};
  std::atomic<bool> stop{false};
  std::atomic<int> ended{0};
  std::atomic<int> errno_changed{0};
  std::atomic<int> memory_changed{0};
};
Computing* computing = nullptr;

void switch_in_hook(bool may_preempt) {
  if (!may_preempt || computing->stop.load() || computing->ended.load() != 0) return;
  const int from = computing->current;
  computing->current = 1 - from;
  ++computing->switches;
  fiber::switch_to(computing->contexts[from], computing->contexts[1 - from]);
}

// Runs `turn(index)` over and over, until there were enough switches.
template <int kIndex, typename Turn>
void compute(Computing& self, Turn turn) noexcept {
  preempt_enable_no_check();
  errno = kIndex + 1;
  while (!self.stop.load(std::memory_order_relaxed)) {
    turn(self, kIndex);
    if (errno != kIndex + 1) ++self.errno_changed;
    if (self.switches.load(std::memory_order_relaxed) >= 1000) self.stop = true;
  }
  preempt_disable();
  // The first to end resumes the other where it was interrupted; the second ends the test.
  const bool last = self.ended.fetch_add(1) == 1;
  fiber::Context& next = last ? self.host : self.contexts[1 - kIndex];
  fiber::switch_final(self.contexts[kIndex], next);
}

using Turn = void (*)(Computing& self, int index);

template <int kIndex, Turn kTurn>
void run_turns(void* argument) noexcept {
  compute<kIndex>(*static_cast<Computing*>(argument), kTurn);
}

void burn() {
  volatile double sum = 0;
  for (int i = 0; i < 2000; ++i) sum = sum * 1.0000001 + 1;
}

// Would find its memory changed if the other fiber had entered malloc in the middle of a call.
void allocate(Computing& self, int index) {
  // NOLINTNEXTLINE(cppcoreguidelines-no-malloc): malloc is what this is about
  auto* const block = static_cast<int*>(std::malloc(512));
  for (int i = 0; i < 128; ++i) block[i] = index * 1000 + i;
  burn();
  for (int i = 0; i < 128; ++i) {
    if (block[i] != index * 1000 + i) ++self.memory_changed;
  }
  std::free(block);  // NOLINT(cppcoreguidelines-no-malloc)
}

// Would never come back if the other fiber had been switched to with one of these held.
void lock_foreign(Computing& self, int index) {
  static std::mutex mutex;
  static std::recursive_mutex recursive;
  static int owner = -1;
  {
    const std::lock_guard guard(mutex);
    const std::lock_guard outer(recursive);
    const std::lock_guard inner(recursive);
    owner = index;
    burn();
    if (owner != index) ++self.memory_changed;
  }
  burn();
}

// A fresh static per instantiation; all of them are initialised by whichever fiber comes first.
template <int kNumber>
int slow_static() {
  static const int value = [] {
    for (int i = 0; i < 20; ++i) burn();
    return kNumber + 1;
  }();
  return value;
}

template <int... kNumbers>
int all_statics(std::integer_sequence<int, kNumbers...> /*numbers*/) {
  return (slow_static<kNumbers>() + ...);
}

void initialise_statics(Computing& self, int /*index*/) {
  constexpr int kStatics = 64;
  if (all_statics(std::make_integer_sequence<int, kStatics>()) != kStatics * (kStatics + 1) / 2) {
    ++self.memory_changed;
  }
  burn();
}

void use_streams(Computing& self, int index) {
  std::ostringstream text;
  text << index << ' ' << 1.5 << std::boolalpha << true;
  burn();
  text << std::setw(6) << index;
  if (text.str() != std::to_string(index) + " 1.5true     " + std::to_string(index)) {
    ++self.memory_changed;
  }
  static std::FILE* const null = std::fopen("/dev/null", "we");
  flockfile(null);
  std::fprintf(null, "%d", index);
  burn();
  funlockfile(null);
}

class SwitchingTest : public PreemptSignalTest {
 protected:
  template <Turn kTurn>
  void storm_two_fibers() {
    fiber::StackPool pool;
    const fiber::Stack stacks[] = {pool.acquire(), pool.acquire()};
    Computing state;
    computing = &state;
    fiber::adopt_thread(state.host);
    fiber::make(state.contexts[0], stacks[0], &run_turns<0, kTurn>, &state);
    fiber::make(state.contexts[1], stacks[1], &run_turns<1, kTurn>, &state);
    extra_hook = &switch_in_hook;
    {
      const Storm storm(*this);
      preempt_disable();
      fiber::switch_to(state.host, state.contexts[0]);
      preempt_enable_no_check();
    }
    EXPECT_EQ(preempt_count(), 0u);
    EXPECT_EQ(foreign_held(), 0u);
    EXPECT_GE(state.switches.load(), 1000);
    EXPECT_EQ(state.ended.load(), 2);
    EXPECT_EQ(state.errno_changed.load(), 0);
    EXPECT_EQ(state.memory_changed.load(), 0);
    for (const auto& stack : stacks) pool.release(stack);
  }
};

TEST_F(SwitchingTest, OverMalloc) { storm_two_fibers<&allocate>(); }

TEST_F(SwitchingTest, OverMutexes) {
  if (!interposed()) GTEST_SKIP() << "foreign locks are not interposed in this build";
  storm_two_fibers<&lock_foreign>();
}

TEST_F(SwitchingTest, OverStaticInitialisers) {
  if (!interposed()) GTEST_SKIP() << "foreign locks are not interposed in this build";
  storm_two_fibers<&initialise_statics>();
}

TEST_F(SwitchingTest, OverStreams) {
  if (!interposed()) GTEST_SKIP() << "foreign locks are not interposed in this build";
  storm_two_fibers<&use_streams>();
}

// --- Choosing the signal ------------------------------------------------------------------------

void idle_hook(bool, void*) noexcept {}

TEST(PreemptSignalChoice, TakesTheFirstWithDefaultAction) {
  const PreemptText text;
  struct sigaction action {};
  action.sa_handler = SIG_IGN;
  struct sigaction previous {};
  ASSERT_EQ(::sigaction(SIGRTMIN, &action, &previous), 0);
  {
    const PreemptSignal first(0, text, &idle_hook);
    EXPECT_EQ(first.number(), SIGRTMIN + 1);
    EXPECT_EQ(first.name(), "SIGRTMIN+1 (" + std::to_string(SIGRTMIN + 1) + ")");
    const PreemptSignal second(0, text, &idle_hook);
    EXPECT_EQ(second.number(), SIGRTMIN + 2);
  }
  const PreemptSignal again(0, text, &idle_hook);
  EXPECT_EQ(again.number(), SIGRTMIN + 1) << "a signal was not given back";
  ::sigaction(SIGRTMIN, &previous, nullptr);
}

TEST(PreemptSignalChoice, RefusesOneInUseByName) {
  const PreemptText text;
  const int signal = SIGRTMIN + 3;
  struct sigaction action {};
  action.sa_handler = [](int) {};
  struct sigaction previous {};
  ASSERT_EQ(::sigaction(signal, &action, &previous), 0);
  try {
    const PreemptSignal refused_signal(signal, text, &idle_hook);
    FAIL() << "a signal in use was taken";
  } catch (const std::system_error& error) {
    EXPECT_EQ(error.code(), std::errc::device_or_resource_busy);
    EXPECT_NE(std::string(error.what()).find("SIGRTMIN+3"), std::string::npos) << error.what();
  }
  ::sigaction(signal, &previous, nullptr);
  const PreemptSignal taken(signal, text, &idle_hook);
  EXPECT_THROW(PreemptSignal(signal, text, &idle_hook), std::system_error);
  EXPECT_EQ(PreemptSignal(SIGUSR2, text, &idle_hook).name(),
            "SIGUSR2 (" + std::to_string(SIGUSR2) + ")");
}

TEST(PreemptSignalChoice, RefusesWhatCannotServe) {
  const PreemptText text;
  for (const int signal : {-1, SIGKILL, SIGSTOP, SIGSEGV, 1000}) {
    try {
      const PreemptSignal refused_signal(signal, text, &idle_hook);
      FAIL() << "signal " << signal << " was taken";
    } catch (const std::system_error& error) {
      EXPECT_EQ(error.code(), std::errc::invalid_argument) << signal;
    }
  }
}

}  // namespace
}  // namespace px::live
