// Locks: uncontended, handed over on one CPU, contended by two; beside std::mutex, a mutex with
// PTHREAD_PRIO_INHERIT and Boost.Fiber's.
#include <pthread.h>

#include <boost/fiber/all.hpp>
#include <mutex>
#include <thread>

#include "bench/meter.hpp"

namespace px::bench {
namespace {

constexpr int kLocks = 1'000'000;
constexpr int kSections = 200'000;

class InheritMutex {
 public:
  InheritMutex() {
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_INHERIT);
    pthread_mutex_init(&mutex_, &attributes);
    pthread_mutexattr_destroy(&attributes);
  }
  ~InheritMutex() { pthread_mutex_destroy(&mutex_); }
  InheritMutex(const InheritMutex&) = delete;
  InheritMutex& operator=(const InheritMutex&) = delete;
  void lock() { pthread_mutex_lock(&mutex_); }
  void unlock() { pthread_mutex_unlock(&mutex_); }

 private:
  pthread_mutex_t mutex_{};
};

template <typename Mutex>
double uncontended() {
  Mutex mutex;
  const double start = thread_cpu_ns();
  for (int i = 0; i < kLocks; ++i) {
    mutex.lock();
    mutex.unlock();
  }
  return (thread_cpu_ns() - start) / kLocks;
}

Measurement lock_unlock() {
  Runtime runtime(runtime_options(1));
  return runtime.run([] { return Measurement{uncontended<px::Mutex>()}; });
}

// On a thread of its own: a process of one thread is spared the locked instructions.
template <typename Mutex>
Measurement thread_lock_unlock() {
  double ns = 0;
  std::thread([&ns] { ns = uncontended<Mutex>(); }).join();
  return {ns};
}

// Each section: the waiter blocks and lends, the owner runs as its proxy, releases, the waiter
// runs.
Measurement handoff() {
  Runtime runtime(runtime_options(1));
  return runtime.run([] {
    px::Mutex mutex;
    const auto body = [&mutex] {
      for (int i = 0; i < kSections / 2; ++i) {
        mutex.lock();
        this_task::yield();
        mutex.unlock();
      }
    };
    auto first = px::spawn(body);
    auto second = px::spawn(body);
    const double start = thread_cpu_ns();
    first.join();
    second.join();
    return Measurement{(thread_cpu_ns() - start) / kSections};
  });
}

Measurement boost_handoff() {
  double ns = 0;
  std::thread([&ns] {
    boost::fibers::mutex mutex;
    const auto body = [&mutex] {
      for (int i = 0; i < kSections / 2; ++i) {
        mutex.lock();
        boost::this_fiber::yield();
        mutex.unlock();
      }
    };
    boost::fibers::fiber first(body);
    boost::fibers::fiber second(body);
    const double start = thread_cpu_ns();
    first.join();
    second.join();
    ns = (thread_cpu_ns() - start) / kSections;
  }).join();
  return {ns};
}

Measurement contended() {
  Runtime runtime(runtime_options(2));
  px::Mutex mutex;
  std::uint64_t count = 0;
  const auto body = [&] {
    for (int i = 0; i < kLocks; ++i) {
      mutex.lock();
      ++count;
      mutex.unlock();
    }
  };
  TaskOptions options;
  const double start = wall_ns();
  options.affinity = CpuSet{0};
  auto first = runtime.spawn(options, body);
  options.affinity = CpuSet{1};
  auto second = runtime.spawn(options, body);
  first.join();
  second.join();
  return {(wall_ns() - start) / static_cast<double>(count)};
}

template <typename Mutex, int kCount>
Measurement thread_contended() {
  Mutex mutex;
  std::uint64_t count = 0;
  const double start = wall_ns();
  on_two_threads([&](int /*index*/) {
    for (int i = 0; i < kCount; ++i) {
      mutex.lock();
      ++count;
      mutex.unlock();
    }
  });
  return {(wall_ns() - start) / static_cast<double>(count)};
}

}  // namespace

std::vector<Case> mutex_cases() {
  return {
      {"mutex/lock_unlock", "an uncontended lock and unlock", &lock_unlock,
       "mutex/std_lock_unlock"},
      {"mutex/std_lock_unlock", "std::mutex", &thread_lock_unlock<std::mutex>},
      {"mutex/pi_lock_unlock", "pthread mutex, PTHREAD_PRIO_INHERIT",
       &thread_lock_unlock<InheritMutex>},
      {"mutex/boost_lock_unlock", "Boost.Fiber's mutex", &thread_lock_unlock<boost::fibers::mutex>},
      {"mutex/handoff", "a section with a yield in it, 2 tasks on a CPU: 3 switches", &handoff,
       "mutex/boost_handoff"},
      {"mutex/boost_handoff", "Boost.Fiber, the same", &boost_handoff},
      {"mutex/contended_2cpus", "a section, 2 tasks on 2 CPUs", &contended,
       "mutex/std_contended_2cpus"},
      {"mutex/std_contended_2cpus", "std::mutex, 2 threads on 2 CPUs",
       &thread_contended<std::mutex, kLocks>},
      {"mutex/pi_contended_2cpus", "pthread mutex, PTHREAD_PRIO_INHERIT",
       &thread_contended<InheritMutex, kLocks / 20>},
  };
}

}  // namespace px::bench
