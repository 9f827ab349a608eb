#include "trace/steal.hpp"

#include <unistd.h>

#include <cstdio>

namespace px::trace {

Nanos stolen_time() {
  std::FILE* const file = std::fopen("/proc/stat", "r");
  if (file == nullptr) return 0;
  // user, nice, system, idle, iowait, irq, softirq, steal
  long long steal = 0;
  if (std::fscanf(file, "cpu %*d %*d %*d %*d %*d %*d %*d %lld", &steal) != 1) steal = 0;
  std::fclose(file);
  const long ticks = sysconf(_SC_CLK_TCK);
  return ticks > 0 ? steal * (kSecond / ticks) : 0;
}

}  // namespace px::trace
