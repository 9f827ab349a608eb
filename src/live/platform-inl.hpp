// The platform's calls that sit on hot paths, for instantiate.cpp.
#pragma once

#include "live/machine.hpp"

namespace px::live {

inline Nanos Platform::now() const { return machine_.clock().now(); }

inline int Platform::this_cpu() const {
  const auto* carrier = static_cast<const Carrier*>(current_worker());
  // A task of another runtime may notify tasks of this one: its CPU is none of ours.
  if (carrier == nullptr || carrier->cpu == nullptr || &carrier->machine() != &machine_) return -1;
  return carrier->cpu->index;
}

inline Task* Platform::current() const {
  return static_cast<const Carrier*>(current_worker())->current;
}

inline bool Platform::can_run(const Task& task) {
  if (task.context.bound == nullptr) [[likely]]
    return true;
  auto* here = static_cast<Carrier*>(current_worker());
  if (task.context.bound == here) {
    return !here->turn_is_over(now(), here->cpu->rq.donor_rank.load(std::memory_order_relaxed));
  }
  return task.context.bound->claim();
}

inline void Platform::before_pick() {
  auto& carrier = *static_cast<Carrier*>(current_worker());
  auto& context = carrier.current->context;
  if (!context.in_signal) {
    context.bound = nullptr;
    if (carrier.wanted()) [[unlikely]]
      move_to_spare();
  }
  Cpu& cpu = *static_cast<Carrier*>(current_worker())->cpu;  // anew: it may be another thread's
  if (cpu.tick_pending.load(std::memory_order_relaxed)) [[unlikely]] {
    cpu.tick_pending.store(false, std::memory_order_relaxed);
    const Nanos at = now();
    while (machine_.scheduler().expire_first(cpu.index, at)) {
    }
  }
}

// Sets the CPU's one-shot timer, unless it fires early enough anyway: then the tick looks again and
// sets it anew. So the many slices that end by themselves cost no system call.
inline void Platform::arm(int index, Nanos when) {
  Cpu& cpu = machine_.cpu(index);
  Nanos armed = cpu.armed_at.load(std::memory_order_relaxed);
  if (when >= armed) [[likely]]
    return;
  while (!cpu.armed_at.compare_exchange_weak(armed, when, std::memory_order_seq_cst)) {
    if (when >= armed) return;
  }
  Carrier* carrier = cpu.carrier.load(std::memory_order_seq_cst);
  if (carrier == nullptr || !carrier->timer) return;
  // Of two that arm at a time the later system call wins, which may be the one with the later
  // expiry.
  for (;;) {
    carrier->timer->arm_at(machine_.clock().absolute_monotonic(when));
    armed = cpu.armed_at.load(std::memory_order_seq_cst);
    if (armed >= when) return;
    when = armed;
  }
}

// For a task that the CPU has just switched to.
inline void Platform::arrive() {
  if constexpr (!kAsynchronousPreemption) {
    // The thread sanitizer keeps a signal that it holds back with the task that was running, which
    // has taken it along. So each task gets a timer and signals of its own.
    Cpu& cpu = *static_cast<Carrier*>(current_worker())->cpu;
    thread_state().signal_sent.store(0, std::memory_order_seq_cst);
    cpu.armed_at.store(kNever, std::memory_order_seq_cst);
    arm(cpu.index, machine_.scheduler().next_expiry(cpu.index));
  }
}

inline void Platform::trace(trace::EventKind kind, std::uint32_t task, std::uint32_t other,
                            std::uint32_t lock) {
  if (machine_.traces()) [[unlikely]]
    machine_.record(kind, task, other, lock);
}

inline void Platform::retire(Task& task) { machine_.retire(task); }

}  // namespace px::live
