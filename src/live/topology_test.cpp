// Goal: CPUs are grouped by the cache of the highest level that they share; a machine that says
// nothing has one group.
// Method: trees of files like the kernel's, written below the test's temporary folder.
#include "live/topology.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace px::live {
namespace {

class Topology : public testing::Test {
 protected:
  void TearDown() override { std::filesystem::remove_all(root_); }
  void cache(int cpu, int index, int level, const char* shared) const {
    const auto folder =
        root_ / ("cpu" + std::to_string(cpu)) / "cache" / ("index" + std::to_string(index));
    std::filesystem::create_directories(folder);
    std::ofstream(folder / "level") << level << '\n';
    std::ofstream(folder / "shared_cpu_list") << shared << '\n';
  }
  const std::filesystem::path root_ =
      std::filesystem::path(testing::TempDir()) / "px-topology-test";
};

TEST_F(Topology, TheHighestLevelCounts) {
  cache(5, 0, 1, "5");
  cache(5, 1, 1, "5");
  cache(5, 2, 2, "5");
  cache(5, 3, 3, "4-7,12-15");
  cache(9, 0, 1, "9");
  cache(9, 1, 2, "8-9");
  EXPECT_EQ(llc_of(5, root_.string()), 4);
  EXPECT_EQ(llc_of(9, root_.string()), 8);
}

TEST_F(Topology, AMachineThatSaysNothingIsOneGroup) {
  EXPECT_EQ(llc_of(3, root_.string()), 0);
  std::filesystem::create_directories(root_ / "cpu3" / "cache" / "index0");
  std::ofstream(root_ / "cpu3" / "cache" / "index0" / "level") << "x\n";
  EXPECT_EQ(llc_of(3, root_.string()), 0);
}

}  // namespace
}  // namespace px::live
