// The checker's Platform: virtual CPUs, every visible operation a scheduling point. Core code runs
// on fibers of the explorer's thread; see machine.hpp.
#pragma once

#include <atomic>
#include <cstdint>
#include <type_traits>

#include "check/machine.hpp"
#include "core/checked.hpp"
#include "core/scheduler.hpp"

namespace px::check {

// A core lock. Free or held by a CPU; the explorer runs lock() only while it is free.
class SpinLock {
 public:
  void lock() {
    Machine& machine = Machine::active();
    if (machine.running()) {
      machine.point(OpKind::kLock, this);
      machine.lock_taken(this);
      machine.drain();
    }
    holder_ = static_cast<std::uint8_t>(machine.state().cpu + 1);
  }
  [[nodiscard]] bool try_lock() {
    Machine& machine = Machine::active();
    if (machine.running()) {
      machine.point(OpKind::kTryLock, this);
      machine.drain();
    }
    const bool taken = holder_ == 0;
    machine.observe(taken);
    if (!taken) return false;
    holder_ = static_cast<std::uint8_t>(machine.state().cpu + 1);
    if (machine.running()) machine.lock_tried(this);
    return true;
  }
  void unlock() {
    Machine& machine = Machine::active();
    if (machine.running()) machine.lock_released(this);
    if (machine.buffers()) {
      machine.buffer_store(&holder_, 0, 1);
    } else {
      holder_ = 0;
    }
  }
  [[nodiscard]] bool held() const { return holder_ != 0; }
  // The CPU that holds it, or -1.
  [[nodiscard]] int holder() const { return holder_ - 1; }

 private:
  std::uint8_t holder_ = 0;  // CPU + 1; first and only member: Machine reads it by address
};
static_assert(sizeof(SpinLock) == 1);

// std::atomic's interface. Sequentially consistent whatever the order asked for; in store-buffer
// mode every store that is not seq_cst waits in the CPU's buffer, and updates drain it.
template <typename T>
class Atomic {
 public:
  constexpr Atomic() = default;
  [[nodiscard]] T load(std::memory_order /*order*/) const {
    Machine& machine = Machine::active();
    machine.atomic_point(OpKind::kLoad, this);
    T value = value_;
    if (machine.buffers()) [[unlikely]]
      forwarded(machine, value);
    machine.observe(value);
    return value;
  }
  void store(T value, std::memory_order order) {
    Machine& machine = Machine::active();
    machine.atomic_point(OpKind::kStore, this);
    if (machine.buffers()) [[unlikely]] {
      if (order != std::memory_order_seq_cst) {
        machine.buffer_store(&value_, bits_of(value), sizeof(T));
        return;
      }
      machine.drain();
    }
    value_ = value;
  }
  // For the world and its properties: no visible operation.
  [[nodiscard]] T peek() const { return value_; }
  T exchange(T value, std::memory_order /*order*/) {
    return update([value](T) { return value; });
  }
  bool compare_exchange_strong(T& expected, T desired, std::memory_order /*success*/,
                               std::memory_order /*failure*/) {
    const T wanted = expected;
    expected = update([wanted, desired](T now) { return now == wanted ? desired : now; });
    return expected == wanted;
  }
  T fetch_add(T by, std::memory_order /*order*/) {
    return update([by](T now) { return static_cast<T>(now + by); });
  }
  T fetch_or(T bits, std::memory_order /*order*/) {
    return update([bits](T now) { return static_cast<T>(now | bits); });
  }
  T fetch_and(T bits, std::memory_order /*order*/) {
    return update([bits](T now) { return static_cast<T>(now & bits); });
  }

 private:
  void forwarded(const Machine& machine, T& value) const {
    std::uint64_t bits = 0;
    if (!machine.forward(&value_, bits)) return;
    std::memcpy(&value, &bits, sizeof value);
  }
  template <typename F>
  T update(F next) {
    Machine& machine = Machine::active();
    machine.atomic_point(OpKind::kRmw, this);
    if (machine.buffers()) [[unlikely]]
      machine.drain();
    const T before = value_;
    if (machine.class_of(this) == ObjectClass::kSequence) [[unlikely]] {
      machine.sequence_taken();
    } else {
      machine.observe(before);
    }
    value_ = next(before);
    return before;
  }

  T value_{};
};

// Plain memory that a lock guards: two CPUs about to access it, one to write, are a data race.
template <typename T>
class Shared {
 public:
  constexpr Shared() = default;
  [[nodiscard]] T get() const {
    Machine& machine = Machine::active();
    machine.shared_point(OpKind::kRead, this);
    machine.observe(value_);
    return value_;
  }
  [[nodiscard]] T peek() const { return value_; }
  void set(T value) {
    Machine::active().shared_point(OpKind::kWrite, this);
    value_ = value;
  }

 private:
  T value_{};
};

class World;

class Platform {
 public:
  using SpinLock = check::SpinLock;
  template <typename T>
  using Atomic = check::Atomic<T>;
  template <typename T>
  using Shared = check::Shared<T>;
  using Context = check::Context*;
  using Task = core::Task<Platform>;

  static constexpr bool kProxyExec = PX_PROXY_EXEC != 0;
  // Compiled in; a scenario switches it on, for fine mode only.
  static constexpr bool kSpins = true;
  static constexpr bool kMutants = true;

  explicit Platform(World& world) : world_(world) {}

  [[nodiscard]] Nanos now() const { return Machine::active().observe_now(); }
  [[nodiscard]] int this_cpu() const {
    Machine& machine = Machine::active();
    machine.observe(machine.state().cpu);
    return machine.state().cpu;
  }
  [[nodiscard]] Task* current() const;
  void preempt_disable() { ++Machine::active().this_cpu().preempt_off; }
  void preempt_enable_no_resched() { --Machine::active().this_cpu().preempt_off; }
  [[nodiscard]] bool preemptible() const { return Machine::active().this_cpu().preempt_off == 0; }
  [[nodiscard]] bool spins() const;
  void before_pick();
  void switch_context(Task& from, Task& to);
  [[nodiscard]] bool can_run(const Task& /*task*/) const { return true; }
  [[nodiscard]] bool await_turn(Task& /*task*/) { return true; }
  [[nodiscard]] bool moves_freely(const Task& /*task*/) const { return true; }
  void retire(Task& /*task*/) {}
  void kick(int cpu, bool urgent);
  void arm(int cpu, Nanos when) { Machine::active().state().cpus[cpu].armed = when; }
  void idle_wait();
  void relax() { Machine::active().point(OpKind::kRelax, nullptr); }
  void trace(trace::EventKind kind, std::uint32_t task, std::uint32_t other, std::uint32_t lock);

  // core/checked.hpp
  using Mark = Control;
  [[nodiscard]] Mark mark() const {
    Machine& machine = Machine::active();
    return machine.running() ? machine.control() : Mark{};
  }
  void rewind(const Mark& mark, std::uint64_t result);
  template <typename T>
  void observe(T value) {
    Machine::active().observe(value);
  }
  void observe_sequence(std::uint64_t value);
  void cover(core::Way way) { Machine::active().cover(static_cast<unsigned>(way)); }
  [[nodiscard]] bool mutant(core::Mutant which) const { return mutant_ == which; }
  void seed(core::Mutant which) { mutant_ = which; }

 private:
  World& world_;
  core::Mutant mutant_ = core::Mutant::kNone;
};

}  // namespace px::check

extern template class px::core::Scheduler<px::check::Platform>;
extern template class px::core::Mutex<px::check::Platform>;
