// Work whose length can be chosen without reading a clock.
#pragma once

#include <cstdint>

#include "base/time.hpp"

namespace px::linux_world {

// Reading the thread's CPU clock costs some 400 ns, so that a loop that did nothing else would
// measure the system call and not the task. Work is done in stretches of a known length instead,
// and the clock is read between them.
class Spinner {
 public:
  // Measures the speed of this machine; takes about a millisecond of CPU time.
  Spinner();

  // Computes for about `duration`, at the speed measured. Touches no memory. Any thread.
  void spin(Nanos duration) const;

 private:
  double steps_per_ns_ = 0;
};

}  // namespace px::linux_world
