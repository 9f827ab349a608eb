#include "live/thread_state.hpp"

#include <sys/syscall.h>
#include <unistd.h>

#include <type_traits>

#include "base/check.hpp"

namespace px::live {

static_assert(std::is_standard_layout_v<ThreadState>, "members are addressed by their offsets");
static_assert(sizeof(std::atomic<std::uint32_t>) == 4 && sizeof(std::atomic<void*>) == 8,
              "assembly and atomics agree on the members' sizes");

// "used": link-time optimisation does not see the references of inline assembly.
extern "C" {
[[gnu::used]] constinit thread_local ThreadState px_live_thread_state;
}

ThreadState& thread_state() noexcept {
  asm volatile("");  // keeps the function from being taken for one whose results may be merged
  return px_live_thread_state;
}

void set_worker(void* worker, std::atomic<std::uint32_t>* need_resched) noexcept {
  PX_CHECK((worker == nullptr) == (need_resched == nullptr),
           "a worker has a need_resched flag, and nobody else does");
  ThreadState& state = thread_state();
  // The handler acts once it sees a worker, so the rest is in place before, and goes after.
  if (worker != nullptr) {
    state.tid.store(static_cast<std::int32_t>(::syscall(SYS_gettid)), std::memory_order_relaxed);
    state.need_resched.store(need_resched, std::memory_order_relaxed);
    state.worker.store(worker, std::memory_order_release);
  } else {
    state.worker.store(nullptr, std::memory_order_release);
    std::atomic_signal_fence(std::memory_order_seq_cst);
    state.need_resched.store(nullptr, std::memory_order_relaxed);
  }
}

}  // namespace px::live
