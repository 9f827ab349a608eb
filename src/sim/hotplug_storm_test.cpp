// Goal: CPUs that come and go, affinities and classes that change, 10,000 times at random under
// load, break no invariant and lose no task. Method: 24 tasks on 8 virtual CPUs sleep, compute and
// nest locks until they are told to end, while one task of the highest rank changes something every
// few microseconds; every invariant is checked after every phase of every instant. At the end all
// CPUs are brought back, every task must have gone on during the storm, and all must end.
// PX_STRESS_SEED=N runs that seed.
#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/prng.hpp"
#include "sim/simulator.hpp"

namespace px::sim {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr int kChanges = 1'000;
#else
constexpr int kChanges = 10'000;
#endif
constexpr int kCpus = 8;
constexpr int kTasks = 24;
constexpr int kLocks = 4;

class Storm {
 public:
  explicit Storm(std::uint64_t seed) : prng_(seed) {
    SimulatorOptions options;
    options.cpus = kCpus;
    options.max_tasks = kTasks + 1;
    options.tunables.fair_slice_ns = 10'000;
    options.check_invariants = true;
    options.on_violation = [this](const core::ViolationReport& v) {
      throw std::runtime_error("invariant " + std::to_string(v.number) + " (" + v.name + ") at " +
                               std::to_string(simulator_->now()) + ": " + v.message);
    };
    simulator_ = std::make_unique<Simulator>(options, [](const trace::Event& /*event*/) {});
    for (std::size_t i = 0; i < locks_.size(); ++i)
      locks_[i].id = static_cast<std::uint32_t>(i + 1);
    for (int i = 0; i < kTasks; ++i) {
      tasks_.push_back(&simulator_->spawn("t", params(), mask(), i * 1000,
                                          [this, i] { work(static_cast<std::size_t>(i)); }));
    }
    simulator_->spawn("controller", policy::RealtimeParams{99, false}, CpuMask::first(kCpus),
                      50'000, [this] { change_things(); });
  }

  void run() {
    simulator_->run(kNever);
    EXPECT_FALSE(simulator_->dead_end());
    EXPECT_EQ(simulator_->tasks_alive(), 0U);
    for (std::size_t i = 0; i < kTasks; ++i) EXPECT_GT(rounds_[i], 0) << "task " << i;
    EXPECT_GT(refused_, 0);
    EXPECT_GT(done_, kChanges / 20);
  }

 private:
  int number(int low, int high) { return static_cast<int>(prng_.between(low, high)); }
  CpuMask mask() {
    CpuMask mask = CpuMask::only(number(0, kCpus - 1));
    for (int more = number(0, 3); more > 0; --more) mask.add(number(0, kCpus - 1));
    return mask;
  }
  policy::Params params() {
    if (prng_.chance(40)) return policy::RealtimeParams{number(1, 50), prng_.chance(30)};
    policy::FairParams fair;
    fair.nice = number(-20, 19);
    return fair;
  }

  void work(std::size_t me) {
    auto& scheduler = simulator_->scheduler();
    while (!over_) {
      const int first = number(0, kLocks - 1);
      for (int lock = first; lock <= std::min(first + 1, kLocks - 1); ++lock) {
        const auto end = locks_[static_cast<std::size_t>(lock)].lock(scheduler, *tasks_[me]);
        EXPECT_EQ(end, core::WaitEnd::kGranted);
      }
      simulator_->consume(number(500, 3000));
      if (prng_.chance(20)) (void)scheduler.sleep_until(simulator_->now() + number(0, 2000));
      for (int lock = std::min(first + 1, kLocks - 1); lock >= first; --lock) {
        EXPECT_TRUE(locks_[static_cast<std::size_t>(lock)].unlock(scheduler, *tasks_[me]));
      }
      simulator_->consume(number(0, 2000));
      (void)scheduler.sleep_until(simulator_->now() + number(10'000, 40'000));
      ++rounds_[me];
    }
  }

  void change_things() {
    auto& scheduler = simulator_->scheduler();
    for (int i = 0; i < kChanges; ++i) {
      auto& task = *tasks_[static_cast<std::size_t>(number(0, kTasks - 1))];
      const bool alive = task.exit.pending() != nullptr;
      switch (number(0, 3)) {
        case 0:
          count(scheduler.offline(number(0, kCpus - 1)));
          break;
        case 1:
          count(scheduler.online(number(0, kCpus - 1)));
          break;
        case 2:
          if (alive && !scheduler.set_affinity(task, mask())) ++refused_;
          break;
        default:
          if (alive) scheduler.set_params(task, params());
      }
      // What a CPU did before it is drained is over now: it takes one decision.
      if (prng_.chance(70)) (void)scheduler.sleep_until(simulator_->now() + number(0, 5000));
    }
    for (int cpu = 0; cpu < kCpus; ++cpu) (void)scheduler.online(cpu);
    over_ = true;
  }
  void count(core::Hotplug result) { done_ += result == core::Hotplug::kDone ? 1 : 0; }

  Prng prng_;
  std::unique_ptr<Simulator> simulator_;
  std::array<Simulator::Mutex, kLocks> locks_;
  std::vector<Simulator::Task*> tasks_;
  std::array<int, kTasks> rounds_{};
  bool over_ = false;
  int done_ = 0;
  int refused_ = 0;
};

TEST(HotplugStorm, NothingIsLost) {
  const char* text = std::getenv("PX_STRESS_SEED");
  const std::uint64_t seed = text != nullptr ? std::strtoull(text, nullptr, 10) : 1;
  Storm(seed).run();
}

}  // namespace
}  // namespace px::sim
