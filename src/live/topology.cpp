#include "live/topology.hpp"

#include <fstream>

namespace px::live {

// cpuN/cache/index0 and on are its caches, each with a level and a list such as "0-3,8".
int llc_of(int os_cpu, const std::string& root) {
  constexpr int kCachesAtMost = 16;
  const std::string caches = root + "/cpu" + std::to_string(os_cpu) + "/cache/index";
  int highest = 0;
  int first_cpu = 0;
  for (int index = 0; index < kCachesAtMost; ++index) {
    int level = 0;
    int first = 0;
    std::ifstream level_file(caches + std::to_string(index) + "/level");
    std::ifstream list_file(caches + std::to_string(index) + "/shared_cpu_list");
    if (!(level_file >> level) || !(list_file >> first)) break;
    if (level <= highest) continue;
    highest = level;
    first_cpu = first;
  }
  return first_cpu;
}

}  // namespace px::live
