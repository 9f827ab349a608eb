// Requests to stop: a flag that tasks look at and that ends their waits. As std::stop_source and
// std::stop_token, without callbacks: those spin inside header code, where a task may be preempted.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

namespace px {
inline namespace v0 {

// How a wait ended that had a time limit, a stop token or both.
enum class wait_status : std::uint8_t {
  ready,      // what was waited for has come; a lock is owned
  timed_out,  // the time limit came first
  stopped,    // the stop request came first
};

namespace detail {

struct StopWaiter;

// The flag behind a source and its tokens, and the waits that it ends.
class StopState {
 public:
  // Any thread.
  [[nodiscard]] bool requested() const noexcept {
    return requested_.load(std::memory_order_acquire);
  }
  // Sets the flag and ends the waits. False: it was set already. Any thread.
  bool request() noexcept;

 private:
  friend class StopWait;
  std::atomic<bool> requested_{false};
  std::atomic<std::uint32_t> lock_{0};  // guards the list; held with preemption off
  StopWaiter* first_ = nullptr;
};

}  // namespace detail

class stop_token {
 public:
  // A token that is never stopped.
  stop_token() noexcept = default;
  // A token of that flag; made by the library.
  explicit stop_token(std::shared_ptr<detail::StopState> state) noexcept
      : state_(std::move(state)) {}
  // Any thread.
  [[nodiscard]] bool stop_requested() const noexcept {
    return state_ != nullptr && state_->requested();
  }
  // Whether there is a source at all. Any thread.
  [[nodiscard]] bool stop_possible() const noexcept { return state_ != nullptr; }
  // For the library: the flag, or nullptr.
  [[nodiscard]] detail::StopState* state() const noexcept { return state_.get(); }

 private:
  std::shared_ptr<detail::StopState> state_;
};

// A flag of one's own. (A task has one already: this_task::stop_token().)
class stop_source {
 public:
  // Allocates the flag.
  stop_source() : state_(std::make_shared<detail::StopState>()) {}
  // Any thread.
  [[nodiscard]] stop_token get_token() const noexcept { return stop_token(state_); }
  // Sets the flag and ends the waits that were given one of its tokens. False: it was set already.
  // Any thread.
  bool request_stop() noexcept { return state_->request(); }
  // Any thread.
  [[nodiscard]] bool stop_requested() const noexcept { return state_->requested(); }

 private:
  std::shared_ptr<detail::StopState> state_;
};

}  // namespace v0
}  // namespace px
