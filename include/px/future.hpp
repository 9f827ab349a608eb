// Future, Promise, async: a result that comes later. Who waits for it lends its scheduling context
// to the task that is known to produce it, and through the locks that this one waits for.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <exception>
#include <future>
#include <memory>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>

#include "px/duration.hpp"
#include "px/event_room.hpp"
#include "px/runtime.hpp"
#include "px/stop_token.hpp"

namespace px {
inline namespace v0 {

template <typename R>
class Future;
template <typename R>
class Promise;

namespace detail {

class FutureStateBase;

// One of several futures that one when_any() waits for; on its caller's stack.
struct AnyLink {
  FutureStateBase* state = nullptr;
  void* flag = nullptr;
  AnyLink* next = nullptr;
  HelperLink helper;
};

// What a promise and its future share, but for the value.
class FutureStateBase {
 public:
  FutureStateBase();
  virtual ~FutureStateBase();
  FutureStateBase(const FutureStateBase&) = delete;
  FutureStateBase& operator=(const FutureStateBase&) = delete;

  // Any thread.
  [[nodiscard]] bool ready() const noexcept { return ready_.load(std::memory_order_acquire) != 0; }
  // Takes the right to set the result; throws promise_already_satisfied the second time.
  void claim();
  // The result is there: everybody goes on. Once, by who claimed it. Any thread.
  void set_ready() noexcept;
  // Until ready. Tasks lend meanwhile and throw Deadlock if the producer waits for them; foreign
  // threads sleep.
  wait_status wait_ns(std::int64_t duration_ns, const stop_token& token);
  // From here on, until the result is there, `task` is known to produce it. Any thread.
  void set_producer(const std::shared_ptr<TaskStateBase>& task);
  // The same of the calling task; throws not_a_task.
  void set_producer_to_caller();
  // Until one of the futures in `links` is ready; returns its index, the lowest of several.
  static std::size_t wait_any(AnyLink* links, std::size_t count);

  std::exception_ptr error;

 private:
  void clear_producer() noexcept;

  EventRoom room_;
  std::atomic<std::uint32_t> ready_{0};  // foreign threads sleep on it
  std::atomic<bool> claimed_{false};
  std::atomic<std::uint32_t> lock_{0};       // guards all below; held with preemption off
  std::shared_ptr<TaskStateBase> producer_;  // whose memory has a reference more while it is one
  HelperLink helper_;
  AnyLink* any_ = nullptr;
};

template <typename R>
class FutureState : public FutureStateBase {
 public:
  std::optional<R> value;
};
template <>
class FutureState<void> : public FutureStateBase {};

struct TaskAccess {
  template <typename R>
  static std::shared_ptr<TaskStateBase> state(const Task<R>& task) {
    return task.state_;
  }
};

[[noreturn]] inline void throw_future_error(std::future_errc code) {
  throw std::future_error(code);
}

}  // namespace detail

// As std::future: move-only, one get(). Throws std::future_error(no_state) where std::future's
// behaviour is undefined: every call of one without a state. Any thread, one at a time.
//
//   state     get()                          wait()           valid()
//   missing   waits and lends, then ready    the same         true
//   ready     the value or its exception     returns          true, after get() false
//   none      no_state                       no_state         false
//
// Unlike a std::future of std::async its destructor does not wait.
template <typename R>
class Future {
  static_assert(!std::is_reference_v<R>, "px::Future of a reference: use std::reference_wrapper");

 public:
  Future() noexcept = default;

  // Whether there is something to wait for or to get.
  [[nodiscard]] bool valid() const noexcept { return state_ != nullptr; }
  // Whether the result is there: get() would not wait.
  [[nodiscard]] bool is_ready() const { return checked().ready(); }
  // Throws Deadlock if the producer waits for the caller.
  void wait() const { (void)checked().wait_ns(detail::kForEver, {}); }
  // ready or stopped.
  wait_status wait(const stop_token& token) const {
    return checked().wait_ns(detail::kForEver, token);
  }
  // ready or timeout.
  template <typename Rep, typename Period>
  std::future_status wait_for(const std::chrono::duration<Rep, Period>& duration) const {
    const wait_status status = checked().wait_ns(detail::saturated_ns(duration), {});
    return status == wait_status::ready ? std::future_status::ready : std::future_status::timeout;
  }
  // As wait_for, until an instant of any clock.
  template <typename Clock, typename Duration>
  std::future_status wait_until(const std::chrono::time_point<Clock, Duration>& time) const {
    const wait_status status = checked().wait_ns(detail::ns_until(time), {});
    return status == wait_status::ready ? std::future_status::ready : std::future_status::timeout;
  }
  // Waits, then returns the value or throws what the producer threw; valid() is false afterwards.
  R get() {
    wait();
    const auto state = std::move(state_);
    if (state->error) std::rethrow_exception(state->error);
    if constexpr (!std::is_void_v<R>) return std::move(*state->value);
  }
  // For the library.
  [[nodiscard]] detail::FutureStateBase& checked() const {
    if (state_ == nullptr) detail::throw_future_error(std::future_errc::no_state);
    return *state_;
  }

 private:
  friend class Promise<R>;
  explicit Future(std::shared_ptr<detail::FutureState<R>> state) : state_(std::move(state)) {}
  std::shared_ptr<detail::FutureState<R>> state_;
};

// As std::promise. Any thread, one at a time. Destroyed without a result, its future throws
// std::future_error(broken_promise).
template <typename R>
class Promise {
 public:
  // Allocates what it shares with its future.
  Promise() : state_(std::make_shared<detail::FutureState<R>>()) {}
  Promise(Promise&&) noexcept = default;
  Promise& operator=(Promise&& other) noexcept {
    abandon();
    state_ = std::move(other.state_);
    taken_ = other.taken_;
    return *this;
  }
  ~Promise() { abandon(); }

  // Throws future_already_retrieved the second time, no_state for one that was moved from.
  [[nodiscard]] Future<R> get_future() {
    auto& state = checked();
    static_cast<void>(state);
    if (std::exchange(taken_, true)) {
      detail::throw_future_error(std::future_errc::future_already_retrieved);
    }
    return Future<R>(state_);
  }
  // Sets the result. Throws promise_already_satisfied the second time, no_state.
  template <typename... Value>
  void set_value(Value&&... value) {
    static_assert(sizeof...(Value) == (std::is_void_v<R> ? 0 : 1));
    auto& state = checked();
    if constexpr (std::is_void_v<R>) {
      state.claim();
    } else {
      // A copy that throws leaves the promise as it was.
      std::optional<R> made(std::in_place, std::forward<Value>(value)...);
      state.claim();
      state.value = std::move(made);
    }
    state.set_ready();
  }
  // The same with what get() will throw.
  void set_exception(std::exception_ptr error) {
    auto& state = checked();
    state.claim();
    state.error = std::move(error);
    state.set_ready();
  }
  // The calling task is known to produce the result from here on: waiters lend to it.
  void set_producer() { checked().set_producer_to_caller(); }
  // That task is.
  template <typename T>
  void set_producer(const Task<T>& task) {
    checked().set_producer(detail::TaskAccess::state(task));
  }

 private:
  detail::FutureState<R>& checked() {
    if (state_ == nullptr) detail::throw_future_error(std::future_errc::no_state);
    return *state_;
  }
  void abandon() noexcept {
    if (state_ != nullptr && !state_->ready()) {
      try {
        set_exception(std::make_exception_ptr(std::future_error(std::future_errc::broken_promise)));
      } catch (const std::future_error&) {
        // Another thread has just set it.
      }
    }
    state_ = nullptr;
  }

  std::shared_ptr<detail::FutureState<R>> state_;
  bool taken_ = false;
};

// Starts a task that runs f(args...), all decay-copied, and returns its future result. The task is
// known as the producer before it runs, so that a waiter pulls it through. Tasks only.
template <typename F, typename... Args>
auto async(const TaskOptions& options, F&& f, Args&&... args) {
  using R = std::invoke_result_t<std::decay_t<F>, std::decay_t<Args>...>;
  auto promise = std::make_shared<Promise<R>>();
  Future<R> future = promise->get_future();
  auto body = [promise, f = std::decay_t<F>(std::forward<F>(f)),
               args = std::tuple<std::decay_t<Args>...>(std::forward<Args>(args)...)]() mutable {
    try {
      if constexpr (std::is_void_v<R>) {
        std::apply(std::move(f), std::move(args));
        promise->set_value();
      } else {
        promise->set_value(std::apply(std::move(f), std::move(args)));
      }
    } catch (...) {
      promise->set_exception(std::current_exception());
    }
  };
  auto task = spawn(options, std::move(body));
  future.checked().set_producer(detail::TaskAccess::state(task));
  task.detach();
  return future;
}
// The same with default options.
template <typename F, typename... Args>
requires(!std::is_same_v<std::decay_t<F>, TaskOptions>) auto async(F&& f, Args&&... args) {
  return async(TaskOptions{}, std::forward<F>(f), std::forward<Args>(args)...);
}

// Waits until all are ready, lending to one missing producer after another. Throws as wait().
template <typename... R>
void when_all(const Future<R>&... futures) {
  (futures.wait(), ...);
}

// Waits until one is ready and returns its index, the lowest of several; lends to the producer with
// the best rank that can run. Throws no_state. Tasks only.
template <typename... R>
[[nodiscard]] std::size_t when_any(const Future<R>&... futures) {
  std::array<detail::AnyLink, sizeof...(R)> links{};
  std::size_t at = 0;
  ((links[at++].state = &futures.checked()), ...);
  return detail::FutureStateBase::wait_any(links.data(), links.size());
}

}  // namespace v0
}  // namespace px
