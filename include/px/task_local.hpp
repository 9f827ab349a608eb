// One object per task. A thread_local belongs to the OS thread that happens to run the task: a task
// that migrates, or that is preempted between two accesses, sees another one.
#pragma once

#include <memory>

namespace px {
inline namespace v0 {

namespace detail {
// The calling task's object for `key`, made by `create` at the first use and destroyed by `destroy`
// at the task's end, in reverse order of creation. Throws errc::not_a_task.
[[nodiscard]] void* task_slot(const void* key, void* (*create)(), void (*destroy)(void*));
}  // namespace detail

// A static or global of this type gives each task its own T, value-initialised at its first use.
template <typename T>
class task_local {
 public:
  constexpr task_local() noexcept = default;
  task_local(const task_local&) = delete;
  task_local& operator=(const task_local&) = delete;

  // The calling task's object. The reference is valid until the task ends.
  [[nodiscard]] T& get() {
    return *static_cast<T*>(detail::task_slot(
        this, []() -> void* { return new T(); },
        [](void* object) { delete static_cast<T*>(object); }));
  }
  // As get().
  T& operator*() { return get(); }
  // As get().
  T* operator->() { return &get(); }
};

}  // namespace v0
}  // namespace px
