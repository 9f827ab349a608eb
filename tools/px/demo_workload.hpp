// The workloads of the demo.
#pragma once

#include <cstdint>
#include <string>

#include "workload/workload.hpp"

namespace px::tools {

enum class DemoKind : std::uint8_t { kFair, kRealtime };

// Tasks by their index in the workload; from kFirstHog on they are hogs.
inline constexpr std::uint32_t kForeground = 0;
inline constexpr std::uint32_t kBackground = 1;
inline constexpr std::uint32_t kFirstHog = 2;
inline constexpr std::uint32_t kHogs = 4;

// A foreground that sleeps 2 ms, locks and works 20 us; a background of the lowest weight or rank
// that holds the same lock for 1 ms at a time; four hogs between them. All on one CPU, one lock,
// for ever: a run needs a duration.
[[nodiscard]] workload::Workload demo_workload(DemoKind kind);

// "fair", "realtime", and what the tasks of that part do, as one sentence.
[[nodiscard]] const char* name_of(DemoKind kind);
[[nodiscard]] const char* setup_of(DemoKind kind);

}  // namespace px::tools
