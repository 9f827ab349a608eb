// Goal: a change of the core that gives its calls more scheduling points, or fewer, is noticed.
// Method: the points of single calls, pinned, in both granularities.
#include "check/points.hpp"

#include <gtest/gtest.h>

#include <string>
#include <tuple>

namespace px::check {
namespace {

TEST(Points, OfEachCallArePinned) {
  using Row = std::tuple<std::string, int, int>;  // call, coarse, fine
  std::vector<Row> found;
  for (const CallPoints& call : points_per_call()) {
    found.emplace_back(call.call, call.coarse, call.fine);
  }
  const std::vector<Row> expected = {
      {"lock, free", 1, 1},
      {"unlock, nobody waits", 1, 1},
      {"lock, taken: until the owner goes on", 16, 59},
      {"unlock, to the waiter that pays: until it goes on", 17, 71},
      {"schedule, nobody else is there", 1, 16},
      {"schedule, to another task", 2, 25},
  };
  EXPECT_EQ(found, expected);
}

}  // namespace
}  // namespace px::check
