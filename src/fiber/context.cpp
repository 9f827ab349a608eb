#include "fiber/context.hpp"

#include <cxxabi.h>
#include <pthread.h>

#include <boost/context/detail/fcontext.hpp>

#include "base/check.hpp"

#if PX_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#if PX_TSAN
#include <sanitizer/tsan_interface.h>
#endif

namespace px::fiber {
namespace {

using boost::context::detail::jump_fcontext;
using boost::context::detail::make_fcontext;
using boost::context::detail::transfer_t;

// The layout that the Itanium C++ ABI gives __cxa_eh_globals; <cxxabi.h> only declares the type.
struct [[gnu::may_alias]] ExceptionState {
  void* caught;
  unsigned int uncaught;
};

// The calling thread's exception state. Looking it up costs a call into the C++ library and its
// dynamic TLS, so each thread remembers the answer. Only ever used before a jump, in functions that
// are not inlined, so that no thread's answer survives into another thread.
[[gnu::tls_model("initial-exec")]] constinit thread_local ExceptionState* exception_state = nullptr;

ExceptionState& current_exception_state() noexcept {
  if (exception_state == nullptr) [[unlikely]] {
    exception_state = reinterpret_cast<ExceptionState*>(abi::__cxa_get_globals());
  }
  return *exception_state;
}

// Keeps the exception state of `from` and puts that of `to` in force on this thread, on which `to`
// is about to run. The stores to the thread's words are left out in the usual case, in which
// neither side has an exception in flight.
void exchange_exception_state(Context& from, const Context& to) noexcept {
  ExceptionState& state = current_exception_state();
  const ExceptionState leaving = state;
  const bool in_flight = leaving.caught != nullptr || leaving.uncaught != 0 ||
                         to.caught_exceptions != nullptr || to.uncaught_exceptions != 0;
  if (in_flight) [[unlikely]] {
    state.caught = to.caught_exceptions;
    state.uncaught = to.uncaught_exceptions;
  }
  from.caught_exceptions = leaving.caught;
  from.uncaught_exceptions = leaving.uncaught;
}

// The last step before a jump. `keep` is where the address sanitizer leaves the departing side's
// fake stack, or null if that side never runs again. Inlined always, as complete_arrival() is: the
// thread sanitizer counts a function's entry and exit on the fiber that is current at each.
[[gnu::always_inline]] inline void announce_departure([[maybe_unused]] void** keep,
                                                      [[maybe_unused]] Context& to) noexcept {
#if PX_ASAN
  __sanitizer_start_switch_fiber(keep, to.stack_low, to.stack_size);
#endif
#if PX_TSAN
  __tsan_switch_to_fiber(to.tsan_fiber, 0);
#endif
}

// Suspends the running side and resumes the one at `point`, telling it `message`. Returns when
// something jumps back here, with the resume point of whoever did.
//
// Boost's function leaves through an indirect jump, not through a return. If it were called, the
// CPU's return predictor would keep that call's entry for ever and then mispredict every return up
// the resumed side's stack (measured three levels up: 24 ns a switch against 12). Pushing
// the return address by hand leaves the predictor balanced: where both sides suspend at the same
// place, as under a scheduler, even the returns above are predicted right.
[[gnu::always_inline]] inline void* jump(void* point, Context* message) noexcept {
  void* departed = nullptr;
  // The red zone of this frame is stepped over first; a called function would have done so.
  asm volatile(
      "leaq -128(%%rsp), %%rsp\n\t"
      "leaq 1f(%%rip), %%rax\n\t"
      "pushq %%rax\n\t"
      "jmpq *%[function]\n"
      "1:\n\t"
      "leaq 128(%%rsp), %%rsp"
      : "=&a"(departed), "+D"(point), "+S"(message)
      : [function] "r"(&jump_fcontext)
      : "rcx", "rdx", "r8", "r9", "r10", "r11", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5",
        "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15", "cc",
        "memory");
  return departed;
}

// The first step after a jump, on the side arrived at.
[[gnu::always_inline]] inline void complete_arrival(Context& self, void* departed) noexcept {
#if PX_ASAN
  __sanitizer_finish_switch_fiber(self.fake_stack, nullptr, nullptr);
#endif
#if PX_TSAN
  if (self.tsan_retired != nullptr) {
    __tsan_destroy_fiber(self.tsan_retired);
    self.tsan_retired = nullptr;
  }
#endif
  if (self.arrived_from != nullptr) self.arrived_from->resume_point = departed;
}

// Takes the resume point out of `to`, so that resuming a running or dead context is caught here and
// not by whatever its stale stack pointer leads to.
void* take_resume_point(Context& to) noexcept {
  void* const point = to.resume_point;
  PX_CHECK(point != nullptr, "switch to a context that is running, dead or was never made");
  to.resume_point = nullptr;
  return point;
}

void first_entry(transfer_t arrival) noexcept {
  auto& self = *static_cast<Context*>(arrival.data);
  complete_arrival(self, arrival.fctx);
  self.entry(self.argument);
  check_failed(__FILE__, __LINE__, "entry(argument)",
               "a context's entry function returned; it has to end in switch_final()");
}

}  // namespace

void adopt_thread(Context& context) noexcept {
  context = Context{};
  pthread_attr_t attributes;
  PX_CHECK(pthread_getattr_np(pthread_self(), &attributes) == 0,
           "the bounds of this thread's stack cannot be read");
  void* low = nullptr;
  PX_CHECK(pthread_attr_getstack(&attributes, &low, &context.stack_size) == 0,
           "the bounds of this thread's stack cannot be read");
  context.stack_low = static_cast<std::byte*>(low);
  pthread_attr_destroy(&attributes);
#if PX_TSAN
  context.tsan_fiber = __tsan_get_current_fiber();
#endif
}

void make(Context& context, const Stack& stack, Entry entry, void* argument) noexcept {
  PX_CHECK(stack.low != nullptr, "a context needs a stack");
  PX_CHECK(entry != nullptr, "a context needs an entry function");
  context = Context{};
  context.entry = entry;
  context.argument = argument;
  context.stack_low = stack.low;
  context.stack_size = stack.size;
  context.resume_point = make_fcontext(stack.low + stack.size, stack.size, &first_entry);
#if PX_TSAN
  context.tsan_fiber = __tsan_create_fiber(0);
#endif
}

[[gnu::noinline]] void switch_to(Context& from, Context& to) noexcept {
  exchange_exception_state(from, to);
  void* const point = take_resume_point(to);
  to.arrived_from = &from;
#if PX_ASAN
  announce_departure(&from.fake_stack, to);
#else
  announce_departure(nullptr, to);
#endif
  void* const departed = jump(point, &to);
  complete_arrival(from, departed);
}

[[gnu::noinline]] void switch_final(Context& from, Context& to) noexcept {
  exchange_exception_state(from, to);
  void* const point = take_resume_point(to);
  to.arrived_from = nullptr;
  from.resume_point = nullptr;
#if PX_TSAN
  to.tsan_retired = from.tsan_fiber;
  from.tsan_fiber = nullptr;
#endif
  announce_departure(nullptr, to);
  jump(point, &to);
  check_failed(__FILE__, __LINE__, "jump(point, &to)", "a context ran on after its final switch");
}

void discard([[maybe_unused]] Context& context) noexcept {
#if PX_TSAN
  if (context.tsan_fiber != nullptr) __tsan_destroy_fiber(context.tsan_fiber);
  context.tsan_fiber = nullptr;
#endif
  context.resume_point = nullptr;
}

}  // namespace px::fiber
