// What `px demo` found, as JSON, as a plain-text table and as a self-contained HTML page.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "trace/result.hpp"

namespace px::report {

// One run of the demo's workload.
struct DemoCase {
  std::string world;                // linux, live, sim
  std::string protocol;             // none, inherit, proxy
  std::string skipped;              // why it did not run; if not empty, nothing below counts
  trace::LatencySummary lock_wait;  // of the foreground
  Nanos max_net = 0;                // its longest wait that overlaps no disturbance
  std::vector<Nanos> waits;         // all its lock waits in any order; for the distribution
  std::uint64_t foreground_ops = 0;
  std::uint64_t background_ops = 0;
  double hog_share = 0;    // hogs' executed time / wall time
  Nanos disturbed_ns = 0;  // time that the machine took the CPU away
  // A window around the longest wait; instants count from its beginning (trace::excerpt_of).
  std::optional<trace::RunResult> excerpt;
  std::uint32_t foreground = 0;  // index of the foreground in excerpt->tasks
};

struct DemoPart {
  std::string name;   // fair, realtime
  std::string setup;  // a sentence: what the tasks of this part do
  std::vector<DemoCase> cases;
};

struct DemoResult {
  std::vector<DemoPart> parts;
  // For the page alone: what produced it, when and where.
  std::string command;
  std::string machine;
  std::string date;
};

// "linux/none" and the like.
[[nodiscard]] std::string case_name(const DemoCase& one);

// From the longest wait of plain Linux threads (else of any case without a cure) to that with proxy
// execution in the live runtime (else in the simulator), of one part.
struct DemoGain {
  const DemoCase* before = nullptr;
  const DemoCase* after = nullptr;
  double times_shorter = 0;  // below 1 where it became longer
};
// Nothing where one of the two did not run or saw no wait. Points into `part`.
[[nodiscard]] std::optional<DemoGain> gain_of(const DemoPart& part);
// "42 times shorter", "2.5 times longer".
[[nodiscard]] std::string gain_in_words(const DemoGain& gain);

// Is the quantile numerator/denominator of `count` samples worth printing: are there at least
// 100 / (1 - quantile) of them?
[[nodiscard]] bool enough_samples(std::uint64_t count, std::uint64_t numerator,
                                  std::uint64_t denominator);

// Pure functions, any thread. The JSON is schema 1 of the demo, on one line for each case, ending
// with a newline; a skipped case has its world, protocol and reason alone.
[[nodiscard]] std::string demo_json(const DemoResult& result);
[[nodiscard]] std::string demo_table(const DemoResult& result);
[[nodiscard]] std::string demo_report_html(const DemoResult& result);

}  // namespace px::report
