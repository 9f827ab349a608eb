#include "live/foreign.hpp"

#include <atomic>

#include "fiber/sanitizer.hpp"

namespace px::live {
namespace {

std::atomic<ForeignBlockHook> block_hook{nullptr};

}  // namespace

#if PX_INTERPOSE && !PX_TSAN
// Defined beside the interposed functions: calling it is what makes the linker take them in.
bool interpose_functions_are_ours() noexcept;
bool interposed() noexcept { return interpose_functions_are_ours(); }
#else
bool interposed() noexcept { return false; }
#endif

ForeignBlockHook set_foreign_block_hook(ForeignBlockHook hook) noexcept {
  return block_hook.exchange(hook, std::memory_order_acq_rel);
}

void report_foreign_block(const char* what) noexcept {
  if (current_worker() == nullptr) return;
  if (const auto hook = block_hook.load(std::memory_order_acquire)) hook(what);
}

}  // namespace px::live
