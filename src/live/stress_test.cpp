// Goal: tasks survive being preempted anywhere, for as long as one cares to watch: while they use
// malloc, streams, exceptions, statics and locks of the C++ library; while they nest locks and
// change their class and CPU; while realtime tasks wake over computing ones; while waits time out.
// Method: storms of short slices. Every task checks what it alone may have changed: a pattern on
// its stack, checksums of its heap blocks, texts that it formats, counters under its locks. Nothing
// is judged by the clock: a task that is never preempted or woken leaves the test hanging, and too
// few preemptions for the time given fail it. PX_SOAK_SECONDS (5 unless set) is the length of the
// storm; the other tests take a quarter of it each.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fstream>
#include <memory>
#include <mutex>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "base/prng.hpp"
#include "live/preempt_signal.hpp"
#include "live/thread_state.hpp"
#include "px/px.hpp"

#if PX_TSAN
// The C++ library, which is not instrumented, counts the references to an exception by itself: the
// sanitizer does not see that the last of two threads is the one that deletes it.
extern "C" const char* __tsan_default_suppressions() {
  return "race:std::__exception_ptr::exception_ptr::_M_release\n";
}
#endif

namespace px::live {
namespace {

using namespace std::chrono_literals;

std::chrono::milliseconds soak_time() {
  const char* const text = std::getenv("PX_SOAK_SECONDS");
  int seconds = 5;
  if (text != nullptr) std::from_chars(text, text + std::strlen(text), seconds);
  return std::chrono::seconds(std::max(seconds, 1));
}

// Tasks that were preempted at a safepoint of their own, over all tests.
std::atomic<std::uint64_t> at_safepoints{0};

void safepoint() {
  if constexpr (!kAsynchronousPreemption) {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);  // the sanitizer lets signals in
  }
  if (live::need_resched()) {
    at_safepoints.fetch_add(1, std::memory_order_relaxed);
    this_task::checkpoint();
  }
}

// Computes for a while without a library call.
std::uint64_t compute_unswitched(std::uint64_t value, int steps) {
  for (int i = 0; i < steps; ++i) value = value * 6364136223846793005ULL + 1442695040888963407ULL;
  return value;
}

// The same. Under the thread sanitizer, which holds signals back, with safepoints.
std::uint64_t compute(std::uint64_t value, int steps) {
  if constexpr (kAsynchronousPreemption) return compute_unswitched(value, steps);
  for (; steps > 0; steps -= 64) {
    value = compute_unswitched(value, std::min(steps, 64));
    safepoint();
  }
  return value;
}

RuntimeOptions storm_options() {
  RuntimeOptions options;
  options.cpus = 2;
  options.slice = 150us;
  return options;
}

void print(const char* test, const Runtime& runtime) {
  const auto counts = runtime.preemptions();
  std::printf(
      "%s: %llu asynchronous, %llu refused, %llu retried, %llu exchanges, %llu at "
      "safepoints\n",
      test, static_cast<unsigned long long>(counts.asynchronous),
      static_cast<unsigned long long>(counts.refused),
      static_cast<unsigned long long>(counts.retried),
      static_cast<unsigned long long>(counts.exchanges),
      static_cast<unsigned long long>(at_safepoints.load()));
}

// A part of the task's stack that nobody else may touch.
class StackPattern {
 public:
  explicit StackPattern(std::uint64_t seed) : seed_(seed) {
    for (std::size_t i = 0; i < words_.size(); ++i) words_[i] = word(i);
  }
  [[nodiscard]] bool intact() const {
    for (std::size_t i = 0; i < words_.size(); ++i) {
      if (words_[i] != word(i)) return false;
    }
    return true;
  }

 private:
  [[nodiscard]] std::uint64_t word(std::size_t i) const {
    return (seed_ + i) * 0x9e3779b97f4a7c15ULL;
  }
  std::uint64_t seed_;
  std::array<std::uint64_t, 256> words_{};
};

// A block of the heap that names its content.
class Block {
 public:
  Block(std::size_t size, std::uint64_t seed) : bytes_(size), seed_(seed) {
    for (std::size_t i = 0; i < size; ++i) bytes_[i] = byte(i);
  }
  [[nodiscard]] bool intact() const {
    for (std::size_t i = 0; i < bytes_.size(); ++i) {
      if (bytes_[i] != byte(i)) return false;
    }
    return true;
  }

 private:
  [[nodiscard]] unsigned char byte(std::size_t i) const {
    return static_cast<unsigned char>(((seed_ + i) * 0x9e3779b97f4a7c15ULL) >> 56);
  }
  std::vector<unsigned char> bytes_;
  std::uint64_t seed_;
};

// What the tasks of the storm do in turn, each with its own random numbers. Every function returns
// whether what it saw was right.
class Mischief {
 public:
  explicit Mischief(std::uint64_t seed) : random_(seed), seed_(seed) {}

  bool allocate() {
    for (int i = 0; i < 8; ++i) {
      const auto size = static_cast<std::size_t>(random_.between(1, 2000));
      blocks_.push_back(std::make_unique<Block>(size, seed_ + size));
      sum_ = compute(sum_, 40);
    }
    bool good = true;
    while (blocks_.size() > 24) {
      const auto at = static_cast<std::size_t>(
          random_.between(0, static_cast<std::int64_t>(blocks_.size()) - 1));
      good = good && blocks_[at]->intact();
      blocks_.erase(blocks_.begin() + static_cast<std::ptrdiff_t>(at));
    }
    return good;
  }

  bool format() {
    const std::int64_t number = random_.between(0, 1'000'000'000);
    std::ostringstream out;
    out << number << ' ' << std::to_string(number + 1) << ' ' << 0.5;
    sum_ = compute(sum_, 100);
    std::istringstream in(out.str());
    std::int64_t first = 0;
    std::int64_t second = 0;
    double half = 0;
    in >> first >> second >> half;
    return first == number && second == number + 1 && half == 0.5;
  }

  bool write() {
    if (!null_.is_open()) null_.open("/dev/null");
    null_ << "task " << seed_ << " at " << sum_ << '\n' << std::flush;
    return null_.good();
  }

  // The handler is interrupted, and the exception in flight must still be its own.
  bool throw_and_catch() {
    const std::int64_t number = random_.between(0, 1000);
    try {
      try {
        throw std::runtime_error(std::to_string(number));
      } catch (const std::runtime_error& inner) {
        sum_ = compute(sum_, 300);
        throw std::logic_error(std::string(inner.what()) + "!");
      }
    } catch (const std::exception& outer) {
      sum_ = compute(sum_, 300);
      return outer.what() == std::to_string(number) + "!" && std::uncaught_exceptions() == 0;
    }
  }

  bool lock_foreign();
  bool use_static();

  [[nodiscard]] std::uint64_t sum() const { return sum_; }
  [[nodiscard]] bool blocks_intact() const {
    return std::all_of(blocks_.begin(), blocks_.end(), [](const auto& b) { return b->intact(); });
  }

 private:
  Prng random_;
  std::uint64_t seed_;
  std::uint64_t sum_ = 1;
  std::vector<std::unique_ptr<Block>> blocks_;
  std::ofstream null_;
};

// Two values that differ only while somebody is between them.
template <typename Mutex>
struct Guarded {
  Mutex mutex;
  std::uint64_t first = 0;
  std::uint64_t second = 0;
};
Guarded<std::mutex> plain;
Guarded<std::recursive_mutex> recursive;

// Without the counting of foreign locks, as under the thread sanitizer, a switch between lock and
// unlock would be the program's fault; with it, none must happen there.
bool Mischief::lock_foreign() {
  bool good = true;
  {
    const std::lock_guard guard(plain.mutex);
    good = good && plain.first == plain.second;
    ++plain.first;
    sum_ = compute_unswitched(sum_, 200);
    ++plain.second;
  }
  {
    const std::lock_guard outer(recursive.mutex);
    const std::lock_guard inner(recursive.mutex);
    good = good && recursive.first == recursive.second;
    ++recursive.first;
    sum_ = compute_unswitched(sum_, 200);
    ++recursive.second;
  }
  return good;
}

std::atomic<int> static_initialisations{0};

// One static of a function for each N, slow to initialise.
template <int N>
std::uint64_t static_value() {
  static const std::uint64_t value = [] {
    static_initialisations.fetch_add(1);
    return compute_unswitched(N, 20000) | 1;
  }();
  return value;
}

template <int... N>
std::uint64_t static_value_of(int which, std::integer_sequence<int, N...> /*all*/) {
  using Function = std::uint64_t (*)();
  constexpr std::array<Function, sizeof...(N)> kFunctions = {&static_value<N>...};
  return kFunctions[static_cast<std::size_t>(which)]();
}

constexpr int kStatics = 32;

bool Mischief::use_static() {
  const auto which = static_cast<int>(random_.between(0, kStatics - 1));
  return static_value_of(which, std::make_integer_sequence<int, kStatics>()) ==
         (compute_unswitched(static_cast<std::uint64_t>(which), 20000) | 1);
}

// One task of the storm. Returns the number of rounds; 0 for something that was not as it left it.
std::uint64_t storm_task(std::uint64_t seed, const std::atomic<bool>& stop) {
  const StackPattern pattern(seed);
  Mischief mischief(seed);
  std::uint64_t rounds = 0;
  using Turn = bool (Mischief::*)();
  constexpr std::array<Turn, 6> kTurns = {&Mischief::allocate,        &Mischief::format,
                                          &Mischief::write,           &Mischief::lock_foreign,
                                          &Mischief::throw_and_catch, &Mischief::use_static};
  do {
    const auto turn = (seed + rounds) % kTurns.size();
    if (!(mischief.*kTurns[turn])() || !pattern.intact()) return 0;
    if (compute(seed, 2000) == mischief.sum()) return 0;  // keeps both computations
    safepoint();
    ++rounds;
  } while (!stop.load(std::memory_order_relaxed));
  return mischief.blocks_intact() ? rounds : 0;
}

TEST(Stress, LibraryCallsUnderAStormOfPreemptions) {
  constexpr int kTasks = 1000;
  Runtime runtime(storm_options());
  std::atomic<bool> stop{false};
  std::vector<Task<std::uint64_t>> tasks;
  const std::uint64_t safepoints_before = at_safepoints;
  for (int i = 0; i < kTasks; ++i) {
    const auto seed = static_cast<std::uint64_t>(i) + 1;
    tasks.push_back(runtime.spawn([seed, &stop] { return storm_task(seed, stop); }));
  }
  std::this_thread::sleep_for(soak_time());
  stop = true;
  for (auto& task : tasks) EXPECT_GT(task.join(), 0U);
  EXPECT_EQ(static_initialisations.load(), kStatics);
  EXPECT_EQ(plain.first, plain.second);
  EXPECT_EQ(recursive.first, recursive.second);
  print("storm", runtime);
  // 10,000 in 60 seconds.
  const auto expected = static_cast<std::uint64_t>(soak_time().count()) * 10'000 / 60'000;
  if constexpr (kAsynchronousPreemption) {
    EXPECT_GE(runtime.preemptions().asynchronous, expected);
  } else {
    EXPECT_GE(at_safepoints - safepoints_before, expected);
  }
}

SchedParams random_params(Prng& random) {
  switch (random.between(0, 3)) {
    case 0:
      return Realtime{static_cast<int>(random.between(1, 20)), random.between(0, 1) == 0};
    case 1:
      return Idle{};
    default:
      return Fair{static_cast<int>(random.between(-20, 19))};
  }
}

// A lock, and what it guards.
struct Cell {
  px::Mutex mutex;
  std::uint64_t first = 0;
  std::uint64_t second = 0;

  [[nodiscard]] bool change(std::uint64_t& sum) {
    const bool good = first == second;
    ++first;
    sum = compute(sum, 500);
    ++second;
    return good;
  }
};

constexpr int kCells = 6;

// Takes three of the locks in ascending order, one inside the other.
bool nest(std::array<Cell, kCells>& cells, Prng& random, std::uint64_t& sum) {
  std::array<int, 3> chosen{};
  chosen[0] = static_cast<int>(random.between(0, kCells - 3));
  chosen[1] = static_cast<int>(random.between(chosen[0] + 1, kCells - 2));
  chosen[2] = static_cast<int>(random.between(chosen[1] + 1, kCells - 1));
  const auto cell = [&](int i) -> Cell& {
    return cells[static_cast<std::size_t>(chosen[static_cast<std::size_t>(i)])];
  };
  const std::lock_guard outer(cell(0).mutex);
  bool good = cell(0).change(sum);
  const std::lock_guard middle(cell(1).mutex);
  good = cell(1).change(sum) && good;
  if (random.between(0, 15) == 0) this_task::sleep_for(std::chrono::microseconds(50));
  const std::lock_guard inner(cell(2).mutex);
  if (random.between(0, 7) == 0) this_task::yield();
  return cell(2).change(sum) && good;
}

CpuSet random_cpus(Prng& random) {
  const auto which = random.between(0, 3);
  if (which == 0) return CpuSet{0};
  if (which == 1) return CpuSet{1};
  return CpuSet{0, 1};
}

bool nesting_task(std::uint64_t seed, std::array<Cell, kCells>& cells,
                  const std::atomic<bool>& stop) {
  const StackPattern pattern(seed);
  Prng random(seed);
  std::uint64_t sum = seed;
  while (!stop.load(std::memory_order_relaxed)) {
    if (!nest(cells, random, sum) || !pattern.intact()) return false;
    if (random.between(0, 9) == 0) this_task::set_params(random_params(random));
    if (random.between(0, 9) == 0) this_task::set_affinity(random_cpus(random));
    // Realtime tasks of all ranks would keep the rest from ever seeing `stop`.
    this_task::sleep_for(std::chrono::microseconds(random.between(10, 300)));
  }
  return true;
}

TEST(Stress, NestedLocksUnderChangesOfClassAndCpu) {
  constexpr int kTasks = 16;
  constexpr int kComputing = 4;
  Runtime runtime(storm_options());
  std::array<Cell, kCells> cells;
  std::atomic<bool> stop{false};
  std::vector<Task<bool>> tasks;
  for (int i = 0; i < kTasks; ++i) {
    const auto seed = static_cast<std::uint64_t>(i) + 100;
    tasks.push_back(
        runtime.spawn([seed, &cells, &stop] { return nesting_task(seed, cells, stop); }));
  }
  // Preempted by signal and then sent elsewhere: these need an exchange of OS threads.
  for (int i = 0; i < kComputing; ++i) {
    tasks.push_back(runtime.spawn([i, &stop] {
      const StackPattern pattern(static_cast<std::uint64_t>(i));
      std::uint64_t sum = 1;
      while (!stop.load(std::memory_order_relaxed)) sum = compute(sum, 1000);
      return sum != 0 && pattern.intact();
    }));
  }
  Prng random(7);
  const auto end = std::chrono::steady_clock::now() + soak_time() / 4;
  while (std::chrono::steady_clock::now() < end) {
    const auto which = random.between(0, kTasks + kComputing - 1);
    auto& task = tasks[static_cast<std::size_t>(which)];
    // A computing task in the realtime class would not let the others come to an end.
    if (random.between(0, 1) == 0 && which < kTasks) {
      task.set_params(random_params(random));
    } else {
      task.set_affinity(random_cpus(random));
    }
    std::this_thread::sleep_for(100us);
  }
  stop = true;
  for (auto& task : tasks) EXPECT_TRUE(task.join());
  for (const auto& cell : cells) EXPECT_EQ(cell.first, cell.second);
  print("nested locks", runtime);
}

// The computing tasks go on until every realtime task has woken often enough: without preemption
// that never happens.
TEST(Stress, RealtimeWakeupsOverComputingTasks) {
  constexpr int kHogs = 6;
  constexpr int kUrgent = 3;
  const auto wakeups = soak_time() / 4 / 1ms;
  Runtime runtime(storm_options());
  std::atomic<int> urgent_left{kUrgent};
  px::Mutex shared;
  std::uint64_t under_lock = 0;
  std::vector<Task<bool>> tasks;
  for (int i = 0; i < kHogs; ++i) {
    tasks.push_back(runtime.spawn([&, i] {
      const StackPattern pattern(static_cast<std::uint64_t>(i));
      std::uint64_t sum = 1;
      while (urgent_left.load(std::memory_order_relaxed) > 0) {
        sum = compute(sum, 5000);
        if (i % 2 == 0) {
          const std::lock_guard guard(shared);
          sum = compute(sum, 2000);
          ++under_lock;
        }
      }
      return pattern.intact();
    }));
  }
  for (int i = 0; i < kUrgent; ++i) {
    TaskOptions options;
    options.params = Realtime{10 + i, false};
    tasks.push_back(runtime.spawn(options, [&, i] {
      const StackPattern pattern(static_cast<std::uint64_t>(i) + 50);
      Prng random(static_cast<std::uint64_t>(i));
      for (std::int64_t n = 0; n < wakeups; ++n) {
        this_task::sleep_for(std::chrono::microseconds(random.between(100, 900)));
        if (n % 4 == 0) {
          const std::lock_guard guard(shared);
          ++under_lock;
        }
      }
      urgent_left.fetch_sub(1);
      return pattern.intact();
    }));
  }
  for (auto& task : tasks) EXPECT_TRUE(task.join());
  EXPECT_GT(under_lock, static_cast<std::uint64_t>(wakeups));
  print("realtime wakeups", runtime);
}

// Yields and joins while an exception is being handled, and timed locks that win or lose.
bool waiting_task(std::uint64_t seed, std::array<Cell, kCells>& cells,
                  const std::atomic<bool>& stop) {
  const StackPattern pattern(seed);
  Prng random(seed);
  std::uint64_t sum = seed;
  while (!stop.load(std::memory_order_relaxed)) {
    Cell& cell = cells[static_cast<std::size_t>(random.between(0, 1))];
    if (cell.mutex.try_lock_for(std::chrono::microseconds(random.between(0, 200)))) {
      const std::lock_guard guard(cell.mutex, std::adopt_lock);
      if (!cell.change(sum)) return false;
      if (random.between(0, 3) == 0) this_task::sleep_for(100us);
    }
    const std::string text = std::to_string(random.between(0, 1'000'000));
    try {
      auto child = px::spawn([text]() -> int {
        this_task::yield();
        throw std::runtime_error(text);
      });
      try {
        throw std::logic_error("parent");
      } catch (const std::logic_error&) {
        this_task::yield();
        child.join();
      }
      return false;
    } catch (const std::runtime_error& error) {
      this_task::yield();
      if (error.what() != text || std::uncaught_exceptions() != 0) return false;
    }
    if (!pattern.intact()) return false;
  }
  return true;
}

TEST(Stress, TimedLocksJoinsAndExceptionsAcrossSwitches) {
  Runtime runtime(storm_options());
  std::array<Cell, kCells> cells;
  std::atomic<bool> stop{false};
  std::vector<Task<bool>> tasks;
  for (int i = 0; i < 12; ++i) {
    const auto seed = static_cast<std::uint64_t>(i) + 200;
    TaskOptions options;
    if (i < 3) options.params = Realtime{10 + i, true};
    tasks.push_back(
        runtime.spawn(options, [seed, &cells, &stop] { return waiting_task(seed, cells, stop); }));
  }
  std::this_thread::sleep_for(soak_time() / 4);
  stop = true;
  for (auto& task : tasks) EXPECT_TRUE(task.join());
  for (const auto& cell : cells) EXPECT_EQ(cell.first, cell.second);
  print("timed waits", runtime);
}

}  // namespace
}  // namespace px::live
