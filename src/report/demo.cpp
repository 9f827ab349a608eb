#include "report/demo.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <utility>

#include "trace/human.hpp"
#include "trace/json_text.hpp"

namespace px::report {

namespace {

using trace::fitted;
using trace::human_duration;
using trace::json_quoted;

std::string quantile_json(const trace::LatencySummary& wait, Nanos value, std::uint64_t numerator,
                          std::uint64_t denominator) {
  if (!enough_samples(wait.count, numerator, denominator)) return "null";
  return std::to_string(value);
}

std::string case_json(const DemoCase& one) {
  std::string text = fmt::format(R"({{"world":{},"protocol":{},)", json_quoted(one.world),
                                 json_quoted(one.protocol));
  if (!one.skipped.empty()) {
    return text + fmt::format(R"("skipped":{}}})", json_quoted(one.skipped));
  }
  const trace::LatencySummary& wait = one.lock_wait;
  text += fmt::format(R"("lock_wait_ns":{{"count":{},"contended":{},"p50":{},"p99":{},)",
                      wait.count, wait.contended, quantile_json(wait, wait.p50, 50, 100),
                      quantile_json(wait, wait.p99, 99, 100));
  text += fmt::format(R"("p999":{},"max":{},"max_net":{}}},)",
                      quantile_json(wait, wait.p999, 999, 1000), wait.max, one.max_net);
  // JSON has no word for a share that is no number.
  const double share = std::isfinite(one.hog_share) ? one.hog_share : 0;
  text += fmt::format(R"("foreground_ops":{},"background_ops":{},"hog_share":{:.4f},)",
                      one.foreground_ops, one.background_ops, share);
  return text + fmt::format(R"("disturbed_ns":{}}})", one.disturbed_ns);
}

std::string quantile_text(const trace::LatencySummary& wait, Nanos value, std::uint64_t numerator,
                          std::uint64_t denominator) {
  return enough_samples(wait.count, numerator, denominator) ? human_duration(value) : "-";
}

std::string case_row(const DemoCase& one) {
  const std::string name = "  " + fitted(case_name(one), 14);
  if (!one.skipped.empty()) return fmt::format("{} skipped: {}\n", name, one.skipped);
  const trace::LatencySummary& wait = one.lock_wait;
  return fmt::format("{} {:>7} {:>7} {:>7} {:>7} {:>7} {:>7} {:>7} {:>7} {:>5.1f}% {:>9}\n", name,
                     wait.count, quantile_text(wait, wait.p50, 50, 100),
                     quantile_text(wait, wait.p99, 99, 100),
                     quantile_text(wait, wait.p999, 999, 1000), human_duration(wait.max),
                     human_duration(one.max_net), one.foreground_ops, one.background_ops,
                     100 * one.hog_share, human_duration(one.disturbed_ns));
}

std::string part_table(const DemoPart& part) {
  std::string text = part.name;
  if (!part.setup.empty()) text += ": " + part.setup;
  text += fmt::format("\n  {} {:>7} {:>7} {:>7} {:>7} {:>7} {:>7} {:>7} {:>7} {:>6} {:>9}\n",
                      fitted("case", 14), "calls", "p50", "p99", "p99.9", "max", "max net",
                      "fg ops", "bg ops", "hogs", "disturbed");
  for (const DemoCase& one : part.cases) text += case_row(one);
  if (const auto gain = gain_of(part)) {
    text += fmt::format("  longest wait: {} with {}, {} with {}: {}\n",
                        human_duration(gain->before->lock_wait.max), case_name(*gain->before),
                        human_duration(gain->after->lock_wait.max), case_name(*gain->after),
                        gain_in_words(*gain));
  }
  return text;
}

// The first of `wanted` (world, protocol) that ran and saw a wait; nullptr if none did.
const DemoCase* first_of(const DemoPart& part,
                         std::initializer_list<std::pair<const char*, const char*>> wanted) {
  for (const auto& [world, protocol] : wanted) {
    for (const DemoCase& one : part.cases) {
      const bool ran = one.skipped.empty() && one.lock_wait.max > 0;
      if (ran && one.world == world && one.protocol == protocol) return &one;
    }
  }
  return nullptr;
}

}  // namespace

std::string case_name(const DemoCase& one) { return one.world + "/" + one.protocol; }

std::string gain_in_words(const DemoGain& gain) {
  const bool shorter = gain.times_shorter >= 1;
  const double times = shorter ? gain.times_shorter : 1 / gain.times_shorter;
  return fmt::format("{:.{}f} times {}", times, times < 10 ? 1 : 0, shorter ? "shorter" : "longer");
}

std::optional<DemoGain> gain_of(const DemoPart& part) {
  DemoGain gain;
  gain.before = first_of(part, {{"linux", "none"}, {"live", "none"}, {"sim", "none"}});
  gain.after = first_of(part, {{"live", "proxy"}, {"sim", "proxy"}});
  if (gain.before == nullptr || gain.after == nullptr) return std::nullopt;
  gain.times_shorter = static_cast<double>(gain.before->lock_wait.max) /
                       static_cast<double>(gain.after->lock_wait.max);
  return gain;
}

bool enough_samples(std::uint64_t count, std::uint64_t numerator, std::uint64_t denominator) {
  return numerator < denominator && count >= 100 * denominator / (denominator - numerator);
}

std::string demo_json(const DemoResult& result) {
  std::string text = R"({"schema":1,"parts":[)";
  for (std::size_t i = 0; i < result.parts.size(); ++i) {
    const DemoPart& part = result.parts[i];
    text += fmt::format("{}\n{{\"name\":{},\"cases\":[", i == 0 ? "" : ",", json_quoted(part.name));
    for (std::size_t k = 0; k < part.cases.size(); ++k) {
      text += k == 0 ? "\n" : ",\n";
      text += case_json(part.cases[k]);
    }
    text += "]}";
  }
  return text + "]}\n";
}

std::string demo_table(const DemoResult& result) {
  std::string text;
  for (const DemoPart& part : result.parts) {
    if (!text.empty()) text += '\n';
    text += part_table(part);
  }
  return text;
}

}  // namespace px::report
