// Goal: the game of ksched_football: on N CPUs the N best chains and tasks run at every instant, so
// that the offense never gets the ball; and without lending the same game is lost.
// Method: N each of low players (hold a lock each), mid players (hold one, wait for low), offense
// (counts the ball), high players (wait for mid) and fans (disturb), all SCHED_FIFO, as the
// kernel's test has them. The ball must not have moved when the game is over.
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "sim/simulator.hpp"

namespace px::sim {
namespace {

class Football {
 public:
  Football(int cpus, bool proxy) : cpus_(cpus) {
    SimulatorOptions options;
    options.cpus = cpus;
    options.proxy_exec = proxy;
    options.max_tasks = static_cast<std::uint32_t>(cpus) * 5 + 1;
    options.stack_size = std::size_t{32} * 1024;
    options.check_invariants = cpus <= 4;
    options.on_violation = [this](const core::ViolationReport& v) {
      throw std::runtime_error("invariant " + std::to_string(v.number) + " (" + v.name + ") at " +
                               std::to_string(simulator_->now()) + ": " + v.message);
    };
    simulator_ = std::make_unique<Simulator>(options, [](const trace::Event& /*event*/) {});
    for (int i = 0; i < cpus; ++i) {
      low_.push_back(std::make_unique<Simulator::Mutex>());
      mid_.push_back(std::make_unique<Simulator::Mutex>());
    }
  }

  // The ball at the end of a game of that length.
  std::uint64_t play(Nanos game) {
    for (std::size_t i = 0; i < low_.size(); ++i) {
      player(2, 0, [this, i] {
        lock(*low_[i]);
        while (!over_) simulator_->consume(10 * kMicrosecond);
        unlock(*low_[i]);
      });
      player(3, kMillisecond, [this, i] {
        lock(*mid_[i]);
        lock(*low_[i]);
        unlock(*low_[i]);
        unlock(*mid_[i]);
      });
      player(5, 2 * kMillisecond, [this] {
        while (!over_) {
          simulator_->consume(10 * kMicrosecond);
          ++ball_;
        }
      });
      player(10, 3 * kMillisecond, [this, i] {
        lock(*mid_[i]);
        unlock(*mid_[i]);
      });
      player(15, 4 * kMillisecond, [this] {
        while (!over_) {
          simulator_->consume(kMillisecond);
          (void)simulator_->scheduler().sleep_until(simulator_->now() + 2 * kMillisecond);
        }
      });
    }
    std::uint64_t result = 0;
    player(20, 5 * kMillisecond, [this, game, &result] {
      ball_ = 0;
      (void)simulator_->scheduler().sleep_until(simulator_->now() + game);
      result = ball_;
      over_ = true;
    });
    simulator_->run(kNever);
    EXPECT_EQ(simulator_->tasks_alive(), 0U);
    return result;
  }

 private:
  void player(int priority, Nanos start, std::function<void()> body) {
    simulator_->spawn("player", policy::RealtimeParams{priority, false}, CpuMask::first(cpus_),
                      start, std::move(body));
  }
  void lock(Simulator::Mutex& mutex) {
    EXPECT_EQ(mutex.lock(simulator_->scheduler(), simulator_->current()), core::WaitEnd::kGranted);
  }
  void unlock(Simulator::Mutex& mutex) {
    EXPECT_TRUE(mutex.unlock(simulator_->scheduler(), simulator_->current()));
  }

  int cpus_;
  std::unique_ptr<Simulator> simulator_;
  std::vector<std::unique_ptr<Simulator::Mutex>> low_;
  std::vector<std::unique_ptr<Simulator::Mutex>> mid_;
  bool over_ = false;
  std::uint64_t ball_ = 0;
};

TEST(Football, TheOffenseNeverGetsTheBall) {
  for (const int cpus : {2, 4, 16, 64}) {
    EXPECT_EQ(Football(cpus, true).play(400 * kMillisecond / cpus), 0U) << cpus << " CPUs";
  }
}

TEST(Football, WithoutLendingTheGameIsLost) {
  for (const int cpus : {2, 4, 16}) {
    EXPECT_GT(Football(cpus, false).play(50 * kMillisecond), 100U) << cpus << " CPUs";
  }
}

}  // namespace
}  // namespace px::sim
