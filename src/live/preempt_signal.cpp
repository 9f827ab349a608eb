#include "live/preempt_signal.hpp"

#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <system_error>

#include "base/check.hpp"
#include "live/foreign.hpp"

namespace px::live {
namespace {

// What the handler of each signal number works with. A runtime has one signal; several runtimes in
// a process have different ones.
struct Registration {
  std::atomic<const PreemptText*> text{nullptr};
  std::atomic<PreemptSignal::Hook> hook{nullptr};
  std::atomic<bool> claimed{false};
};
constinit std::array<Registration, NSIG> registrations;

std::string signal_name(int signal) {
  if (signal >= SIGRTMIN && signal <= SIGRTMAX) {
    return "SIGRTMIN+" + std::to_string(signal - SIGRTMIN) + " (" + std::to_string(signal) + ")";
  }
  const char* const abbreviation = ::sigabbrev_np(signal);
  if (abbreviation == nullptr) return "signal " + std::to_string(signal);
  return "SIG" + std::string(abbreviation) + " (" + std::to_string(signal) + ")";
}

std::uintptr_t program_counter(const void* context) noexcept {
  const auto* const saved = static_cast<const ucontext_t*>(context);
  return static_cast<std::uintptr_t>(saved->uc_mcontext.gregs[REG_RIP]);
}

void count(std::atomic<std::uint64_t>& statistic) noexcept {
  statistic.fetch_add(1, std::memory_order_relaxed);
}

// The decision and the hook, with preemption off by one level of the caller's. Not in the handler
// itself, so that there is nothing in it that a compiler could move behind its last instruction.
[[gnu::noinline]] void act(int signal, void* context) noexcept {
  const int saved_errno = errno;
  ThreadState& state = thread_state();
  state.signal_sent.store(0, std::memory_order_seq_cst);
  const Registration& registration = registrations[static_cast<std::size_t>(signal)];
  const auto* const text = registration.text.load(std::memory_order_acquire);
  const auto hook = registration.hook.load(std::memory_order_acquire);
  bool may_preempt = false;
  if (preempt_count() != 1) {
    count(state.statistics.refused_count);
  } else if (foreign_held() != 0) {
    count(state.statistics.refused_foreign);
  } else if (text == nullptr || !text->contains(program_counter(context))) {
    count(state.statistics.refused_text);
  } else {
    count(state.statistics.preempted);
    may_preempt = true;
  }
  if (hook != nullptr) hook(may_preempt, context);
  errno = saved_errno;
}

[[gnu::section("px_nopreempt"), gnu::noinline]] PX_NO_SANITIZE void on_signal(int signal,
                                                                              siginfo_t* /*info*/,
                                                                              void* context) {
  if (current_worker() == nullptr) return;
  preempt_disable();
  act(signal, context);
  preempt_enable_no_check();
}

bool has_default_action(int signal) noexcept {
  struct sigaction action {};
  return ::sigaction(signal, nullptr, &action) == 0 && (action.sa_flags & SA_SIGINFO) == 0 &&
         action.sa_handler == SIG_DFL;
}

// Reserves the number among the runtimes of this process, then looks whether anybody else has it.
bool claim(int signal) noexcept {
  auto& claimed = registrations[static_cast<std::size_t>(signal)].claimed;
  if (claimed.exchange(true)) return false;
  if (has_default_action(signal)) return true;
  claimed.store(false);
  return false;
}

int claim_first_free() {
  for (int signal = SIGRTMIN; signal <= SIGRTMAX; ++signal) {
    if (claim(signal)) return signal;
  }
  throw std::system_error(std::make_error_code(std::errc::device_or_resource_busy),
                          "preempt_signal: every signal from SIGRTMIN to SIGRTMAX has a handler; "
                          "one with the default action is needed");
}

// Not the two that cannot be caught, and not those that the CPU raises for a faulty instruction.
bool is_usable(int signal) noexcept {
  constexpr std::array kUnusable = {SIGKILL, SIGSTOP, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP};
  return signal >= 1 && signal < NSIG &&
         std::find(kUnusable.begin(), kUnusable.end(), signal) == kUnusable.end();
}

void claim_given(int signal) {
  if (!is_usable(signal)) {
    throw std::system_error(std::make_error_code(std::errc::invalid_argument),
                            "preempt_signal: " + signal_name(signal) +
                                " cannot be used; expected one from SIGRTMIN to SIGRTMAX, or 0 "
                                "to choose one");
  }
  if (claim(signal)) return;
  throw std::system_error(std::make_error_code(std::errc::device_or_resource_busy),
                          "preempt_signal: " + signal_name(signal) +
                              " is in use (it has a handler or is ignored); give another one, or 0 "
                              "to choose one");
}

}  // namespace

PreemptSignal::PreemptSignal(int signal, const PreemptText& text, Hook hook) {
  PX_CHECK(hook != nullptr, "the preemption signal needs a hook");
  if (signal == 0) {
    number_ = claim_first_free();
  } else {
    claim_given(signal);
    number_ = signal;
  }
  auto& registration = registrations[static_cast<std::size_t>(number_)];
  registration.text.store(&text, std::memory_order_release);
  registration.hook.store(hook, std::memory_order_release);
  struct sigaction action {};
  action.sa_sigaction = &on_signal;
  // SA_NODEFER and an empty mask: the task switched to must not find the signal blocked. Never
  // SA_ONSTACK: what is suspended is the interrupted stack with the handler's frame on it.
  action.sa_flags = SA_SIGINFO | SA_RESTART | SA_NODEFER;
  ::sigemptyset(&action.sa_mask);
  if (::sigaction(number_, &action, nullptr) == 0) return;
  const int error = errno;
  registration.claimed.store(false);
  throw std::system_error(error, std::generic_category(),
                          "preempt_signal: " + signal_name(number_) +
                              " cannot be given a handler; give another one, or 0 to choose one");
}

PreemptSignal::~PreemptSignal() {
  struct sigaction action {};
  action.sa_handler = SIG_DFL;
  ::sigaction(number_, &action, nullptr);
  auto& registration = registrations[static_cast<std::size_t>(number_)];
  registration.hook.store(nullptr, std::memory_order_release);
  registration.text.store(nullptr, std::memory_order_release);
  registration.claimed.store(false);
}

std::string PreemptSignal::name() const { return signal_name(number_); }

bool PreemptSignal::raise_on(pid_t tid) const noexcept {
  const int saved_errno = errno;
  const bool sent = ::syscall(SYS_tgkill, ::getpid(), tid, number_) == 0;
  errno = saved_errno;
  return sent;
}

bool PreemptSignal::raise_once(ThreadState& target) const noexcept {
  // Pairs with the handler's store: either the target has not looked at need_resched yet, or this
  // exchange finds the mark cleared.
  if (target.signal_sent.exchange(1, std::memory_order_seq_cst) != 0) return true;
  return raise_on(target.tid.load(std::memory_order_relaxed));
}

}  // namespace px::live
