// The lock functions of libc and of the C++ ABI, defined once more so that the dynamic linker binds
// every caller here; each counts (live/foreign.hpp says what and why) and passes the call on to the
// next definition in the search order: libc's own, or a sanitizer's that wraps it.
#include <dlfcn.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <threads.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <climits>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "fiber/sanitizer.hpp"
#include "live/foreign.hpp"
#include "live/thread_state.hpp"

#if !PX_TSAN

namespace px::live {
namespace {

[[noreturn]] void no_next_definition(const char* name) noexcept {
  constexpr char kText[] =
      ": no definition to pass the call on to; a fully static executable needs proxyexec built "
      "with "
      "-DPX_INTERPOSE=OFF\n";
  // Nothing is left to report a failed write to, and the process ends anyway.
  [[maybe_unused]] auto written = ::write(STDERR_FILENO, "px: ", 4);
  written = ::write(STDERR_FILENO, name, std::strlen(name));
  written = ::write(STDERR_FILENO, kText, sizeof kText - 1);
  std::abort();
}

// The next definition of a function. Found at start (resolve_all), or at the first call if that
// comes earlier, from another library's constructor. glibc's dlsym takes its locks internally and
// allocates only when it fails, so it does not come back here.
template <typename Function>
class Next {
 public:
  constexpr explicit Next(const char* name, const char* version = nullptr)
      : name_(name), version_(version) {}

  // Null if there is none.
  Function find() noexcept {
    Function function = function_.load(std::memory_order_relaxed);
    if (function != nullptr || searched_.load(std::memory_order_acquire)) [[likely]]
      return function;
    // An unversioned search may find a function's oldest version, whose objects have another
    // layout.
    void* const symbol =
        version_ != nullptr ? ::dlvsym(RTLD_NEXT, name_, version_) : ::dlsym(RTLD_NEXT, name_);
    function = reinterpret_cast<Function>(symbol);
    function_.store(function, std::memory_order_relaxed);
    searched_.store(true, std::memory_order_release);
    return function;
  }

  template <typename... Arguments>
  auto operator()(Arguments... arguments) {
    const Function function = find();
    if (function == nullptr) [[unlikely]]
      no_next_definition(name_);
    return function(arguments...);
  }

 private:
  const char* const name_;
  const char* const version_;
  std::atomic<Function> function_{nullptr};
  std::atomic<bool> searched_{false};
};

using MutexCall = int (*)(pthread_mutex_t*);
using RwlockCall = int (*)(pthread_rwlock_t*);
using RwlockTimedCall = int (*)(pthread_rwlock_t*, const timespec*);
using RwlockClockCall = int (*)(pthread_rwlock_t*, clockid_t, const timespec*);
using SpinCall = int (*)(pthread_spinlock_t*);
using MtxCall = int (*)(mtx_t*);
using FileCall = void (*)(FILE*);
using Guard = std::uint64_t;
using CondCall = int (*)(pthread_cond_t*, pthread_mutex_t*);

constinit Next<int (*)(Guard*)> next_guard_acquire("__cxa_guard_acquire");
constinit Next<void (*)(Guard*)> next_guard_release("__cxa_guard_release");
constinit Next<void (*)(Guard*)> next_guard_abort("__cxa_guard_abort");
constinit Next<MutexCall> next_mutex_lock("pthread_mutex_lock");
constinit Next<MutexCall> next_mutex_trylock("pthread_mutex_trylock");
constinit Next<int (*)(pthread_mutex_t*, const timespec*)> next_mutex_timedlock(
    "pthread_mutex_timedlock");
constinit Next<int (*)(pthread_mutex_t*, clockid_t, const timespec*)> next_mutex_clocklock(
    "pthread_mutex_clocklock");
constinit Next<MutexCall> next_mutex_unlock("pthread_mutex_unlock");
constinit Next<RwlockCall> next_rdlock("pthread_rwlock_rdlock");
constinit Next<RwlockCall> next_tryrdlock("pthread_rwlock_tryrdlock");
constinit Next<RwlockTimedCall> next_timedrdlock("pthread_rwlock_timedrdlock");
constinit Next<RwlockClockCall> next_clockrdlock("pthread_rwlock_clockrdlock");
constinit Next<RwlockCall> next_wrlock("pthread_rwlock_wrlock");
constinit Next<RwlockCall> next_trywrlock("pthread_rwlock_trywrlock");
constinit Next<RwlockTimedCall> next_timedwrlock("pthread_rwlock_timedwrlock");
constinit Next<RwlockClockCall> next_clockwrlock("pthread_rwlock_clockwrlock");
constinit Next<RwlockCall> next_rwlock_unlock("pthread_rwlock_unlock");
constinit Next<SpinCall> next_spin_lock("pthread_spin_lock");
constinit Next<SpinCall> next_spin_trylock("pthread_spin_trylock");
constinit Next<SpinCall> next_spin_unlock("pthread_spin_unlock");
constinit Next<MtxCall> next_mtx_lock("mtx_lock");
constinit Next<MtxCall> next_mtx_trylock("mtx_trylock");
constinit Next<int (*)(mtx_t*, const timespec*)> next_mtx_timedlock("mtx_timedlock");
constinit Next<MtxCall> next_mtx_unlock("mtx_unlock");
constinit Next<int (*)(pthread_once_t*, void (*)())> next_once("pthread_once");
constinit Next<void (*)(once_flag*, void (*)())> next_call_once("call_once");
constinit Next<FileCall> next_flockfile("flockfile");
constinit Next<int (*)(FILE*)> next_ftrylockfile("ftrylockfile");
constinit Next<FileCall> next_funlockfile("funlockfile");
constinit Next<CondCall> next_cond_wait("pthread_cond_wait", "GLIBC_2.3.2");
constinit Next<int (*)(pthread_cond_t*, pthread_mutex_t*, const timespec*)> next_cond_timedwait(
    "pthread_cond_timedwait", "GLIBC_2.3.2");
constinit Next<int (*)(pthread_cond_t*, pthread_mutex_t*, clockid_t, const timespec*)>
    next_cond_clockwait("pthread_cond_clockwait");

// Before the constructors of ordinary priority, so that a call never meets the loader's locks. What
// this libc does not have stays null.
[[gnu::constructor(101)]] void resolve_all() noexcept {
  const auto find = [](auto&... functions) { (static_cast<void>(functions.find()), ...); };
  find(next_guard_acquire, next_guard_release, next_guard_abort, next_mutex_lock,
       next_mutex_trylock, next_mutex_timedlock, next_mutex_clocklock, next_mutex_unlock,
       next_rdlock, next_tryrdlock, next_timedrdlock, next_clockrdlock, next_wrlock, next_trywrlock,
       next_timedwrlock, next_clockwrlock, next_rwlock_unlock, next_spin_lock, next_spin_trylock,
       next_spin_unlock, next_mtx_lock, next_mtx_trylock, next_mtx_timedlock, next_mtx_unlock,
       next_once, next_call_once, next_flockfile, next_ftrylockfile, next_funlockfile,
       next_cond_wait, next_cond_timedwait, next_cond_clockwait);
}

void enter() noexcept { own::increment<offsetof(ThreadState, foreign_depth)>(); }

void leave() noexcept {
  // Zero: the lock was taken by another thread, or before the first count.
  if (foreign_held() != 0) own::decrement<offsetof(ThreadState, foreign_depth)>();
}

// A robust mutex whose owner died is acquired, too.
bool acquired(int result) noexcept { return result == 0 || result == EOWNERDEAD; }

// `attempt` never blocks and answers EBUSY where `block` would.
template <typename Attempt, typename Block>
int acquire(const char* what, Attempt attempt, Block block) noexcept {
  enter();
  int result = EBUSY;
  const bool worker = current_worker() != nullptr;
  if (worker) result = attempt();
  if (result == EBUSY) {
    if (worker) report_foreign_block(what);
    result = block();
  }
  if (!acquired(result)) leave();
  return result;
}

template <typename Attempt>
int try_acquire(Attempt attempt) noexcept {
  enter();
  const int result = attempt();
  if (!acquired(result)) leave();
  return result;
}

template <typename Unlock>
int release(Unlock unlock) noexcept {
  const int result = unlock();
  if (result == 0) leave();
  return result;
}

// Held over a call back into the program, which may leave by an exception.
class Held {
 public:
  Held() noexcept { enter(); }
  ~Held() { leave(); }
  Held(const Held&) = delete;
  Held& operator=(const Held&) = delete;
};

// The guard protocol of libstdc++, for executables that link it statically: then these functions
// are the only definition, and there is no next one. The first byte says initialised, the second
// that somebody is at it, the third that somebody waits.
constexpr std::uint32_t kInitialised = 1;
constexpr std::uint32_t kPending = 1U << 8;
constexpr std::uint32_t kWaiting = 1U << 16;

std::atomic_ref<std::uint32_t> guard_word(Guard* guard) noexcept {
  return std::atomic_ref<std::uint32_t>(*reinterpret_cast<std::uint32_t*>(guard));
}

int acquire_guard(Guard* guard) noexcept {
  auto word = guard_word(guard);
  for (;;) {
    std::uint32_t seen = 0;
    if (word.compare_exchange_strong(seen, kPending, std::memory_order_acq_rel)) return 1;
    if (seen == kInitialised) return 0;
    if (seen == kPending && !word.compare_exchange_strong(seen, kPending | kWaiting)) continue;
    ::syscall(SYS_futex, guard, FUTEX_WAIT_PRIVATE, kPending | kWaiting, nullptr, nullptr, 0);
  }
}

void release_guard(Guard* guard, std::uint32_t state) noexcept {
  const std::uint32_t before = guard_word(guard).exchange(state, std::memory_order_acq_rel);
  if ((before & kWaiting) != 0) {
    ::syscall(SYS_futex, guard, FUTEX_WAKE_PRIVATE, INT_MAX, nullptr, nullptr, 0);
  }
}

}  // namespace

bool interpose_functions_are_ours() noexcept {
  // An executable that does not export the functions is the only one to use them. (Not kept in a
  // function-local static: their guards are what this file defines.)
  return ::dlsym(RTLD_DEFAULT, "pthread_mutex_lock") ==
         reinterpret_cast<void*>(&pthread_mutex_lock);
}

}  // namespace px::live

// NOLINTBEGIN(bugprone-reserved-identifier, readability-identifier-naming): the ABI's own names.

#define PX_EXPORT extern "C" [[gnu::visibility("default"), gnu::used]] PX_NO_SANITIZE

using namespace px::live;

PX_EXPORT int __cxa_guard_acquire(Guard* guard) {
  enter();
  if ((guard_word(guard).load(std::memory_order_relaxed) & kPending) != 0) {
    report_foreign_block("__cxa_guard_acquire");
  }
  const bool has_next = next_guard_acquire.find() != nullptr;
  const int mine = has_next ? next_guard_acquire(guard) : acquire_guard(guard);
  if (mine == 0) leave();
  return mine;
}

PX_EXPORT void __cxa_guard_release(Guard* guard) noexcept {
  if (next_guard_release.find() != nullptr) {
    next_guard_release(guard);
  } else {
    release_guard(guard, kInitialised);
  }
  leave();
}

PX_EXPORT void __cxa_guard_abort(Guard* guard) noexcept {
  if (next_guard_abort.find() != nullptr) {
    next_guard_abort(guard);
  } else {
    release_guard(guard, 0);
  }
  leave();
}

PX_EXPORT int pthread_mutex_lock(pthread_mutex_t* mutex) noexcept {
  return acquire(
      "pthread_mutex_lock", [mutex] { return next_mutex_trylock(mutex); },
      [mutex] { return next_mutex_lock(mutex); });
}

PX_EXPORT int pthread_mutex_trylock(pthread_mutex_t* mutex) noexcept {
  return try_acquire([mutex] { return next_mutex_trylock(mutex); });
}

PX_EXPORT int pthread_mutex_timedlock(pthread_mutex_t* mutex, const timespec* limit) noexcept {
  return acquire(
      "pthread_mutex_timedlock", [mutex] { return next_mutex_trylock(mutex); },
      [mutex, limit] { return next_mutex_timedlock(mutex, limit); });
}

PX_EXPORT int pthread_mutex_clocklock(pthread_mutex_t* mutex, clockid_t clock,
                                      const timespec* limit) noexcept {
  return acquire(
      "pthread_mutex_clocklock", [mutex] { return next_mutex_trylock(mutex); },
      [mutex, clock, limit] { return next_mutex_clocklock(mutex, clock, limit); });
}

PX_EXPORT int pthread_mutex_unlock(pthread_mutex_t* mutex) noexcept {
  return release([mutex] { return next_mutex_unlock(mutex); });
}

PX_EXPORT int pthread_rwlock_rdlock(pthread_rwlock_t* lock) noexcept {
  return acquire(
      "pthread_rwlock_rdlock", [lock] { return next_tryrdlock(lock); },
      [lock] { return next_rdlock(lock); });
}

PX_EXPORT int pthread_rwlock_tryrdlock(pthread_rwlock_t* lock) noexcept {
  return try_acquire([lock] { return next_tryrdlock(lock); });
}

PX_EXPORT int pthread_rwlock_timedrdlock(pthread_rwlock_t* lock, const timespec* limit) noexcept {
  return acquire(
      "pthread_rwlock_timedrdlock", [lock] { return next_tryrdlock(lock); },
      [lock, limit] { return next_timedrdlock(lock, limit); });
}

PX_EXPORT int pthread_rwlock_clockrdlock(pthread_rwlock_t* lock, clockid_t clock,
                                         const timespec* limit) noexcept {
  return acquire(
      "pthread_rwlock_clockrdlock", [lock] { return next_tryrdlock(lock); },
      [lock, clock, limit] { return next_clockrdlock(lock, clock, limit); });
}

PX_EXPORT int pthread_rwlock_wrlock(pthread_rwlock_t* lock) noexcept {
  return acquire(
      "pthread_rwlock_wrlock", [lock] { return next_trywrlock(lock); },
      [lock] { return next_wrlock(lock); });
}

PX_EXPORT int pthread_rwlock_trywrlock(pthread_rwlock_t* lock) noexcept {
  return try_acquire([lock] { return next_trywrlock(lock); });
}

PX_EXPORT int pthread_rwlock_timedwrlock(pthread_rwlock_t* lock, const timespec* limit) noexcept {
  return acquire(
      "pthread_rwlock_timedwrlock", [lock] { return next_trywrlock(lock); },
      [lock, limit] { return next_timedwrlock(lock, limit); });
}

PX_EXPORT int pthread_rwlock_clockwrlock(pthread_rwlock_t* lock, clockid_t clock,
                                         const timespec* limit) noexcept {
  return acquire(
      "pthread_rwlock_clockwrlock", [lock] { return next_trywrlock(lock); },
      [lock, clock, limit] { return next_clockwrlock(lock, clock, limit); });
}

PX_EXPORT int pthread_rwlock_unlock(pthread_rwlock_t* lock) noexcept {
  return release([lock] { return next_rwlock_unlock(lock); });
}

PX_EXPORT int pthread_spin_lock(pthread_spinlock_t* lock) noexcept {
  return acquire(
      "pthread_spin_lock", [lock] { return next_spin_trylock(lock); },
      [lock] { return next_spin_lock(lock); });
}

PX_EXPORT int pthread_spin_trylock(pthread_spinlock_t* lock) noexcept {
  return try_acquire([lock] { return next_spin_trylock(lock); });
}

PX_EXPORT int pthread_spin_unlock(pthread_spinlock_t* lock) noexcept {
  return release([lock] { return next_spin_unlock(lock); });
}

namespace {

int try_mtx(mtx_t* mutex) noexcept {
  const int result = next_mtx_trylock(mutex);
  return result == thrd_busy ? EBUSY : result;
}

}  // namespace

static_assert(thrd_success == 0, "C11's lock functions report success as POSIX's do");

PX_EXPORT int mtx_lock(mtx_t* mutex) {
  return acquire(
      "mtx_lock", [mutex] { return try_mtx(mutex); }, [mutex] { return next_mtx_lock(mutex); });
}

PX_EXPORT int mtx_trylock(mtx_t* mutex) {
  return try_acquire([mutex] { return next_mtx_trylock(mutex); });
}

PX_EXPORT int mtx_timedlock(mtx_t* mutex, const timespec* limit) {
  return acquire(
      "mtx_timedlock", [mutex] { return try_mtx(mutex); },
      [mutex, limit] { return next_mtx_timedlock(mutex, limit); });
}

PX_EXPORT int mtx_unlock(mtx_t* mutex) {
  return release([mutex] { return next_mtx_unlock(mutex); });
}

PX_EXPORT int pthread_once(pthread_once_t* control, void (*initialise)()) {
  const Held held;
  return next_once(control, initialise);
}

PX_EXPORT void call_once(once_flag* control, void (*initialise)()) {
  const Held held;
  next_call_once(control, initialise);
}

PX_EXPORT void flockfile(FILE* file) noexcept {
  acquire(
      "flockfile", [file] { return next_ftrylockfile(file) == 0 ? 0 : EBUSY; },
      [file] {
        next_flockfile(file);
        return 0;
      });
}

PX_EXPORT int ftrylockfile(FILE* file) noexcept {
  return try_acquire([file] { return next_ftrylockfile(file); });
}

PX_EXPORT void funlockfile(FILE* file) noexcept {
  next_funlockfile(file);
  leave();
}

// The count stays as it is: the mutex is held before and after, and libc's calls in between do not
// come by here. These three exist for the report alone.
PX_EXPORT int pthread_cond_wait(pthread_cond_t* condition, pthread_mutex_t* mutex) {
  report_foreign_block("pthread_cond_wait");
  return next_cond_wait(condition, mutex);
}

PX_EXPORT int pthread_cond_timedwait(pthread_cond_t* condition, pthread_mutex_t* mutex,
                                     const timespec* limit) {
  report_foreign_block("pthread_cond_timedwait");
  return next_cond_timedwait(condition, mutex, limit);
}

PX_EXPORT int pthread_cond_clockwait(pthread_cond_t* condition, pthread_mutex_t* mutex,
                                     clockid_t clock, const timespec* limit) {
  report_foreign_block("pthread_cond_clockwait");
  return next_cond_clockwait(condition, mutex, clock, limit);
}

// NOLINTEND(bugprone-reserved-identifier, readability-identifier-naming)

#endif  // !PX_TSAN
