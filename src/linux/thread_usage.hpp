// What the kernel has counted for the calling thread.
#pragma once

#include <cstdint>

#include "base/time.hpp"

namespace px::linux_world {

struct ThreadUsage {
  Nanos executed_ns = 0;
  Nanos runnable_ns = 0;          // waiting for a CPU; 0 where the kernel does not count it
  std::uint64_t voluntary = 0;    // left the CPU to wait for something
  std::uint64_t involuntary = 0;  // taken off while runnable
};

// Some 20 us: it opens a file of /proc.
[[nodiscard]] ThreadUsage read_thread_usage();

// ThreadUsage::involuntary alone; some 400 ns.
[[nodiscard]] std::uint64_t count_preemptions();

}  // namespace px::linux_world
