// The inversion bound: nice -20 waits for a section that needs 5 ms of CPU and belongs to nice 19,
// while others of nice 0 compute, all on one CPU.
#include <pthread.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "bench/meter.hpp"

namespace px::bench {
namespace {

constexpr double kSection = 5e6;

// The wait on the CPU's own time: what other processes took away meanwhile is no inversion.
template <int kHogs>
Measurement proxied() {
  Runtime runtime(runtime_options(1));
  px::Mutex mutex;
  std::atomic<bool> held{false};
  std::atomic<bool> stop{false};
  std::atomic<bool> asked{false};  // the section begins when somebody wants it
  std::vector<Task<void>> tasks;
  TaskOptions low;
  low.params = Fair{19};
  tasks.push_back(runtime.spawn(low, [&] {
    const std::lock_guard guard(mutex);
    held = true;
    while (!asked.load(std::memory_order_relaxed)) {
    }
    const auto end = this_task::executed() + std::chrono::milliseconds(5);
    while (this_task::executed() < end) {
    }
  }));
  while (!held) std::this_thread::yield();
  for (int i = 0; i < kHogs; ++i) {
    tasks.push_back(runtime.spawn([&stop] {
      while (!stop.load(std::memory_order_relaxed)) {
      }
    }));
  }
  TaskOptions high;
  high.params = Fair{-20};
  auto waiter = runtime.spawn(high, [&] {
    const double wall = wall_ns();
    const double start = thread_cpu_ns();
    asked = true;
    const std::lock_guard guard(mutex);
    const double waited = thread_cpu_ns() - start;
    return Measurement{waited, {{"wall", wall_ns() - wall}}};
  });
  const Measurement result = waiter.join();
  stop = true;
  return result;
}

bool set_nice(int nice) {
  return setpriority(PRIO_PROCESS, static_cast<id_t>(syscall(SYS_gettid)), nice) == 0;
}

// A section on threads of the kernel; needs the right to raise a thread's nice level. 0 = refused.
template <int kHogs, bool kInherit>
Measurement on_threads() {
  pthread_mutexattr_t attributes;
  pthread_mutexattr_init(&attributes);
  if (kInherit) pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_INHERIT);
  pthread_mutex_t mutex;
  pthread_mutex_init(&mutex, &attributes);
  pthread_mutexattr_destroy(&attributes);
  std::atomic<bool> held{false};
  std::atomic<bool> stop{false};
  std::atomic<bool> asked{false};
  std::thread low([&] {
    pin_to(0);
    set_nice(19);
    pthread_mutex_lock(&mutex);
    held = true;
    while (!asked.load(std::memory_order_relaxed)) {
    }
    const double end = thread_cpu_ns() + kSection;
    while (thread_cpu_ns() < end) {
    }
    pthread_mutex_unlock(&mutex);
  });
  while (!held) std::this_thread::yield();
  std::vector<std::thread> hogs;
  for (int i = 0; i < kHogs; ++i) {
    hogs.emplace_back([&stop] {
      pin_to(0);
      set_nice(0);
      while (!stop.load(std::memory_order_relaxed)) {
      }
    });
  }
  double waited = 0;
  std::thread high([&] {
    pin_to(0);
    if (!set_nice(-20)) {
      asked = true;
      return;
    }
    const double start = wall_ns();
    asked = true;
    pthread_mutex_lock(&mutex);
    waited = wall_ns() - start;
    pthread_mutex_unlock(&mutex);
  });
  high.join();
  stop = true;
  for (auto& hog : hogs) hog.join();
  low.join();
  pthread_mutex_destroy(&mutex);
  return {waited};
}

}  // namespace

std::vector<Case> inversion_cases() {
  return {
      {"mutex/inversion_1hog", "nice -20 waits for 5 ms of nice 19; 1 hog of nice 0", &proxied<1>,
       "mutex/pi_inversion_1hog"},
      {"mutex/inversion_4hogs", "the same, 4 hogs", &proxied<4>, "mutex/pi_inversion_4hogs"},
      {"mutex/std_inversion_1hog", "pthread mutex", &on_threads<1, false>, nullptr, 3},
      {"mutex/pi_inversion_1hog", "PTHREAD_PRIO_INHERIT", &on_threads<1, true>, nullptr, 3},
      {"mutex/pi_inversion_4hogs", "PTHREAD_PRIO_INHERIT, 4 hogs", &on_threads<4, true>, nullptr,
       3},
  };
}

}  // namespace px::bench
