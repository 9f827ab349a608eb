// A set of waits as the points from which the demo's chart is drawn.
#pragma once

#include <string>
#include <vector>

#include "base/time.hpp"

namespace px::report {

// JSON list of integers: wait, how many of the samples are at least that long, next wait, ... in
// ascending order of waits. Exact at every point; where waits lie closer than one percent apart
// only some are points, but the 100 longest different ones all are. Empty without samples.
[[nodiscard]] std::string distribution_points(std::vector<Nanos> samples);

}  // namespace px::report
