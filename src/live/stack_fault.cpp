#include "live/stack_fault.hpp"

#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <system_error>

#include "base/check.hpp"
#include "fiber/stack.hpp"

namespace px::live {
namespace {

using fiber::kPageSize;
using fiber::signal_frame_bytes;

constexpr std::size_t kHandlerStack = std::size_t{32} * 1024;
constexpr std::array kSignals = {SIGSEGV, SIGBUS};

std::atomic<GuardLookup> current_lookup{nullptr};
// Written before the handler is installed.
std::array<struct sigaction, kSignals.size()> previous_actions;

// One line, put together by hand: nothing of stdio or malloc may be used here.
class Line {
 public:
  Line& operator<<(const char* text) noexcept {
    const std::size_t count = std::min(std::strlen(text), kCapacity - size_);
    std::memcpy(text_ + size_, text, count);
    size_ += count;
    return *this;
  }
  Line& operator<<(std::size_t number) noexcept {
    char digits[24];
    char* first = digits + sizeof digits - 1;
    *first = '\0';
    do {
      *--first = static_cast<char>('0' + number % 10);
      number /= 10;
    } while (number != 0);
    return *this << first;
  }
  void print() const noexcept {
    // Nothing is left to report a failed write to, and the process aborts next.
    [[maybe_unused]] const auto written = ::write(STDERR_FILENO, text_, size_);
  }

 private:
  static constexpr std::size_t kCapacity = 512;
  char text_[kCapacity] = {};
  std::size_t size_ = 0;
};

[[noreturn]] void report(const GuardHit& hit) noexcept {
  Line line;
  line << "px: task '" << hit.task << "': stack overflow: its " << hit.stack_size
       << "-byte stack is used up; give it more with TaskOptions::stack_size "
          "(RuntimeOptions::stack_size for all tasks)\n";
  line.print();
  std::abort();
}

// The address of a fault, or what it must have been when the kernel itself ran into the guard page
// on its way to push a signal frame: then it reports no address, only that it could not.
const void* fault_address(const siginfo_t& info, const void* context) noexcept {
  if (info.si_code != SI_KERNEL) return info.si_addr;
  const auto* const saved = static_cast<const ucontext_t*>(context);
  constexpr std::uintptr_t kRedZone = 128;
  const auto stack_pointer = static_cast<std::uintptr_t>(saved->uc_mcontext.gregs[REG_RSP]);
  return reinterpret_cast<const void*>(stack_pointer - kRedZone - signal_frame_bytes());
}

// Passes a fault that is not ours on to the action that was in force before.
void pass_on(int signal, siginfo_t* info, void* context) noexcept {
  const auto* const slot = std::find(kSignals.begin(), kSignals.end(), signal);
  const struct sigaction& previous =
      previous_actions[static_cast<std::size_t>(slot - kSignals.begin())];
  const bool sent = info->si_code <= 0;  // by kill() and its kin, not by a faulting instruction
  const bool has_handler = (previous.sa_flags & SA_SIGINFO) != 0 ||
                           (previous.sa_handler != SIG_DFL && previous.sa_handler != SIG_IGN);
  if (has_handler) {
    sigset_t before;
    ::pthread_sigmask(SIG_SETMASK, &previous.sa_mask, &before);
    if ((previous.sa_flags & SA_SIGINFO) != 0) {
      previous.sa_sigaction(signal, info, context);
    } else {
      previous.sa_handler(signal);
    }
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    return;
  }
  if (sent && previous.sa_handler == SIG_IGN) return;
  ::sigaction(signal, &previous, nullptr);
  // A faulting instruction is executed again on return and faults again, with everything as it was.
  // A signal frame that the kernel could not push is not tried again, so that one is repeated too.
  if (sent || info->si_code == SI_KERNEL)
    ::syscall(SYS_tgkill, ::getpid(), ::syscall(SYS_gettid), signal);
}

void on_fault(int signal, siginfo_t* info, void* context) noexcept {
  const int saved_errno = errno;
  const auto lookup = current_lookup.load(std::memory_order_acquire);
  if (lookup != nullptr && info->si_code > 0) {
    const GuardHit hit = lookup(fault_address(*info, context));
    if (hit.task != nullptr) report(hit);
  }
  pass_on(signal, info, context);
  errno = saved_errno;
}

}  // namespace

StackFaultHandler::StackFaultHandler(GuardLookup lookup) {
  PX_CHECK(lookup != nullptr, "the stack fault handler needs a lookup function");
  GuardLookup none = nullptr;
  if (!current_lookup.compare_exchange_strong(none, lookup)) {
    throw std::system_error(std::make_error_code(std::errc::device_or_resource_busy),
                            "this process has a stack fault handler already");
  }
  struct sigaction action {};
  action.sa_sigaction = &on_fault;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  // Nothing else may be delivered on the alternate stack, a preemption least of all.
  ::sigfillset(&action.sa_mask);
  for (std::size_t i = 0; i < kSignals.size(); ++i) {
    PX_CHECK(::sigaction(kSignals[i], nullptr, &previous_actions[i]) == 0 &&
                 ::sigaction(kSignals[i], &action, nullptr) == 0,
             "the handler of SIGSEGV and SIGBUS cannot be installed");
  }
}

StackFaultHandler::~StackFaultHandler() {
  for (std::size_t i = 0; i < kSignals.size(); ++i) {
    struct sigaction now {};
    const bool ours = ::sigaction(kSignals[i], nullptr, &now) == 0 &&
                      (now.sa_flags & SA_SIGINFO) != 0 && now.sa_sigaction == &on_fault;
    if (ours) ::sigaction(kSignals[i], &previous_actions[i], nullptr);
  }
  current_lookup.store(nullptr, std::memory_order_release);
}

AlternateStack::AlternateStack()
    : bytes_(kPageSize +
             (kHandlerStack + signal_frame_bytes() + kPageSize - 1) / kPageSize * kPageSize) {
  void* const memory = ::mmap(nullptr, bytes_, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
  if (memory == MAP_FAILED) {
    throw std::system_error(errno, std::generic_category(),
                            "no memory for a worker's alternate signal stack");
  }
  memory_ = static_cast<std::byte*>(memory);
  // Without the page below it the stack would be no worse than most alternate stacks.
  ::mprotect(memory_, kPageSize, PROT_NONE);
  stack_t stack{};
  stack.ss_sp = memory_ + kPageSize;
  stack.ss_size = bytes_ - kPageSize;
  PX_CHECK(::sigaltstack(&stack, &previous_) == 0, "the kernel refuses an alternate signal stack");
}

AlternateStack::~AlternateStack() {
  ::sigaltstack(&previous_, nullptr);
  ::munmap(memory_, bytes_);
}

}  // namespace px::live
