// A request to stop: a flag that a task looks at. (std::stop_source spins inside header code, where
// a task may be preempted; this one is a single atomic.)
#pragma once

#include <atomic>
#include <memory>

namespace px {
inline namespace v0 {

class stop_token {
 public:
  // A token that is never stopped.
  stop_token() noexcept = default;
  // A token of that flag; made by the library.
  explicit stop_token(std::shared_ptr<std::atomic<bool>> flag) noexcept : flag_(std::move(flag)) {}
  // Any thread.
  [[nodiscard]] bool stop_requested() const noexcept {
    return flag_ != nullptr && flag_->load(std::memory_order_acquire);
  }
  // Whether it belongs to a task at all. Any thread.
  [[nodiscard]] bool stop_possible() const noexcept { return flag_ != nullptr; }

 private:
  std::shared_ptr<std::atomic<bool>> flag_;
};

}  // namespace v0
}  // namespace px
