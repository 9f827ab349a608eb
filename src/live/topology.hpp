// Which CPUs of the machine share a last-level cache.
#pragma once

#include <string>

namespace px::live {

// The lowest CPU that shares the last-level cache with `os_cpu`, from the files that Linux keeps
// below `root`; 0 if it does not say (some containers hide it): then all CPUs count as near.
[[nodiscard]] int llc_of(int os_cpu, const std::string& root = "/sys/devices/system/cpu");

}  // namespace px::live
