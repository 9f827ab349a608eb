// Goal: an overflowing fiber ends the process with one line that names it, and every other fault
// does what it did before.
// Method: death tests that overflow a real guarded stack, by recursion and by a signal frame that
// no longer fits, and faults of other kinds under each kind of previous action.
#include "live/stack_fault.hpp"

#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <system_error>

#include "fiber/context.hpp"
#include "fiber/sanitizer.hpp"
#include "fiber/stack.hpp"

namespace px::live {
namespace {

fiber::Stack current_stack;

GuardHit lookup(const void* address) noexcept {
  if (!fiber::in_guard(current_stack, address)) return {};
  return {"deep", current_stack.size};
}

// Grows until the stack ends.
[[gnu::noinline]] int recurse(int depth) {
  volatile char frame[512];
  frame[0] = static_cast<char>(depth);
  return depth < 0 ? 0 : recurse(depth + 1) + frame[0];
}

// Leaves less stack than a signal frame needs and asks for a signal.
[[gnu::noinline]] void signal_at_the_end_of_the_stack() {
  const long pid = ::getpid();
  const long tid = ::syscall(SYS_gettid);
  const auto* const here = static_cast<std::byte*>(__builtin_frame_address(0));
  const auto left = static_cast<std::size_t>(here - current_stack.low);
  auto* const space = static_cast<volatile char*>(__builtin_alloca(left - 1024));
  space[0] = 1;
  long result = SYS_tgkill;
  asm volatile("syscall"
               : "+a"(result)
               : "D"(pid), "S"(tid), "d"(static_cast<long>(SIGUSR1))
               : "rcx", "r11", "memory");
}

struct Running {
  fiber::Context host;
  fiber::Context context;
  void (*body)() = nullptr;
};

void run_body(void* argument) noexcept {
  auto& running = *static_cast<Running*>(argument);
  running.body();
  fiber::switch_final(running.context, running.host);
}

void run_on_fiber(void (*body)()) {
  fiber::StackPool pool;
  current_stack = pool.acquire();
  Running running;
  running.body = body;
  fiber::adopt_thread(running.host);
  fiber::make(running.context, current_stack, &run_body, &running);
  const AlternateStack alternate;
  fiber::switch_to(running.host, running.context);
  pool.release(current_stack);
}

PX_NO_SANITIZE void fault_elsewhere() {
  volatile int* nowhere = nullptr;
  asm volatile("" : "+r"(nowhere));
  *nowhere = 1;
}

constexpr char kOverflowLine[] =
    "px: task 'deep': stack overflow: its 262144-byte stack is used up; give it more with "
    "TaskOptions::stack_size";

TEST(StackFaultDeathTest, AnOverflowNamesTheTask) {
  const StackFaultHandler handler(&lookup);
  EXPECT_EXIT(run_on_fiber([] { recurse(0); }), testing::KilledBySignal(SIGABRT), kOverflowLine);
}

TEST(StackFaultDeathTest, ASignalFrameThatDoesNotFitNamesTheTask) {
  if (PX_TSAN != 0) GTEST_SKIP() << "the thread sanitizer delivers signals later";
  const StackFaultHandler handler(&lookup);
  EXPECT_EXIT(
      {
        std::signal(SIGUSR1, [](int) {});
        run_on_fiber(&signal_at_the_end_of_the_stack);
      },
      testing::KilledBySignal(SIGABRT), kOverflowLine);
}

#if !PX_ASAN && !PX_TSAN
TEST(StackFaultDeathTest, OtherFaultsTakeTheDefaultAction) {
  EXPECT_EXIT(
      {
        const StackFaultHandler handler(&lookup);
        fault_elsewhere();
      },
      testing::KilledBySignal(SIGSEGV), "");
}

TEST(StackFaultDeathTest, SentSignalsTakeTheDefaultAction) {
  EXPECT_EXIT(
      {
        const StackFaultHandler handler(&lookup);
        ::kill(::getpid(), SIGSEGV);
      },
      testing::KilledBySignal(SIGSEGV), "");
}
#endif

TEST(StackFaultDeathTest, OtherFaultsGoToThePreviousHandler) {
  EXPECT_EXIT(
      {
        struct sigaction action {};
        action.sa_flags = SA_SIGINFO;
        action.sa_sigaction = [](int, siginfo_t* info, void*) {
          ::_exit(info->si_addr == nullptr ? 42 : 43);
        };
        ::sigaction(SIGSEGV, &action, nullptr);
        const StackFaultHandler handler(&lookup);
        fault_elsewhere();
      },
      testing::ExitedWithCode(42), "");
  EXPECT_EXIT(
      {
        std::signal(SIGBUS, [](int signal) { ::_exit(signal); });
        const StackFaultHandler handler(&lookup);
        ::raise(SIGBUS);
      },
      testing::ExitedWithCode(SIGBUS), "");
}

TEST(StackFault, AnIgnoredSignalThatWasSentIsIgnored) {
  const auto before = std::signal(SIGBUS, SIG_IGN);
  {
    const StackFaultHandler handler(&lookup);
    ::raise(SIGBUS);
    ::raise(SIGBUS);
  }
  std::signal(SIGBUS, before);
}

TEST(StackFault, PutsThePreviousActionsBack) {
  struct sigaction before {
  }, during{}, after{};
  ::sigaction(SIGSEGV, nullptr, &before);
  {
    const StackFaultHandler handler(&lookup);
    ::sigaction(SIGSEGV, nullptr, &during);
    EXPECT_THROW(StackFaultHandler second(&lookup), std::system_error);
  }
  ::sigaction(SIGSEGV, nullptr, &after);
  EXPECT_NE(during.sa_sigaction, before.sa_sigaction);
  EXPECT_EQ(after.sa_sigaction, before.sa_sigaction);
}

TEST(StackFault, PutsThePreviousAlternateStackBack) {
  stack_t before{}, during{}, after{};
  ::sigaltstack(nullptr, &before);
  {
    const AlternateStack alternate;
    ::sigaltstack(nullptr, &during);
    EXPECT_GE(during.ss_size, 32u * 1024);
    EXPECT_NE(during.ss_sp, before.ss_sp);
  }
  ::sigaltstack(nullptr, &after);
  EXPECT_EQ(after.ss_sp, before.ss_sp);
  EXPECT_EQ(after.ss_flags, before.ss_flags);
}

}  // namespace
}  // namespace px::live
