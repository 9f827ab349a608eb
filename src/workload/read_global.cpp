// The parts of a workload file that are not tasks: "global", "resources" and their "px" objects.
#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "workload/reader_state.hpp"

namespace px::workload {
namespace {

// What rt-app uses for its logs, its calibration and its memory events: nothing here depends on
// them, and a note for each would drown the notes that matter.
constexpr std::array<std::string_view, 11> kNoEffect = {
    "calibration", "cumulative_slack", "frag",     "ftrace", "gnuplot",        "io_device",
    "lock_pages",  "log_basename",     "log_size", "logdir", "mem_buffer_size"};

// Of a setting given twice the last one counts, with a note.
void note_repeated(ReaderState& state, const Value& value, const std::string& owner) {
  const std::string setting = in_quotes(value.key()) + " of " + owner;
  if (!state.first_time(setting)) {
    state.notes.add(value.key_place(), "replaced an earlier " + setting + ": the last one counts");
  }
}

Protocol to_protocol(const Value& value) {
  static const std::vector<std::string_view> kNames = {"none", "inherit", "protect", "proxy"};
  if (value.kind() == JsonKind::kString) {
    if (const auto protocol = protocol_named(value.text())) return *protocol;
    fail_value(value, "the lock protocol " + listed(kNames) + suggestion(value.text(), kNames));
  }
  fail_value(value, "the lock protocol " + listed(kNames));
}

void read_placement(const Value& value) {
  const std::string_view name = to_name(value, "a placement");
  if (name == "donor") {
    fail_value(value, "\"owner\": this version does not support the placement \"donor\"");
  }
  if (name != "owner") fail_value(value, "the placement \"owner\"");
}

void read_global_px(ReaderState& state, const Value& px) {
  expect_object(px, "the px settings of the workload");
  check_px_keys(px, "\"global\"",
                {"admission_percent", "cpus", "llc_cpus", "lock_protocol", "migration_cost_us",
                 "placement", "reclaim", "slice_us"});
  for (const Value& value : Children(px)) {
    note_repeated(state, value, "\"global\" \"px\"");
    if (value.key() == "admission_percent") {
      state.workload.admission_percent = static_cast<int>(to_integer(
          value, 0, 100, "the percentage of each CPU for deadline tasks, 0 for no limit"));
    } else if (value.key() == "reclaim") {
      state.workload.deadline_reclaim = to_bool(value);
    } else if (value.key() == "cpus") {
      state.workload.cpus = static_cast<int>(to_integer(value, 1, kMaxCpus, "the number of CPUs"));
    } else if (value.key() == "lock_protocol") {
      state.workload.lock_protocol = to_protocol(value);
    } else if (value.key() == "placement") {
      read_placement(value);
    } else if (value.key() == "llc_cpus") {
      state.workload.llc_cpus =
          static_cast<int>(to_integer(value, 1, kMaxCpus, "the CPUs that share a cache"));
    } else if (value.key() == "migration_cost_us") {
      state.workload.migration_cost_ns =
          to_integer(value, 0, 1'000'000, "the cost of a migration in microseconds") * kMicrosecond;
    } else if (value.key() == "slice_us") {
      constexpr std::int64_t kLongest = std::numeric_limits<std::int64_t>::max() / kMicrosecond;
      state.workload.slice_ns =
          to_integer(value, 1, kLongest, "the fair slice in microseconds") * kMicrosecond;
    }
  }
}

void read_resource_px(ReaderState& state, const Value& px, std::uint32_t index) {
  const std::string owner = "the resource " + in_quotes(state.workload.locks[index].name);
  expect_object(px, "the px settings of " + owner);
  check_px_keys(px, owner, {"ceiling", "protocol"});
  LockSpec& lock = state.workload.locks[index];
  for (const Value& value : Children(px)) {
    note_repeated(state, value, owner);
    if (value.key() == "protocol") {
      lock.protocol = to_protocol(value);
    } else {
      lock.ceiling = static_cast<int>(
          to_integer(value, policy::kRtPriorityMin, policy::kRtPriorityMax, "a realtime priority"));
    }
  }
  if (lock.ceiling && lock.protocol && *lock.protocol != Protocol::kProtect) {
    state.notes.add(px.place(), "ignored the ceiling of " + owner + ": its protocol is \"" +
                                    name_of(*lock.protocol) + "\"");
  }
}

void read_resource(ReaderState& state, const Value& resource) {
  const std::string name = in_quotes(resource.key());
  expect_object(resource, "the resource " + name);
  if (resource.key().empty()) {
    fail_at_key(resource, "an empty name", "the name of a resource");
  }
  std::optional<Value> px;
  std::string_view type = "mutex";
  for (const Value& value : Children(resource)) {
    if (value.key() == "type") {
      type = to_name(value, "the type of the resource " + name);
    } else if (value.key() == "px") {
      if (px) fail_at_key(value, "\"px\" twice in the resource " + name, "it once");
      px = value;
    } else if (value.key() != "target") {  // rt-app's old signals name what they wake
      state.notes.add(value.key_place(),
                      "ignored the unknown key " + in_quotes(value.key()) + " of a resource");
    }
  }
  if (type == "mutex") {
    const std::uint32_t index = state.lock_index(resource.key(), resource.key_place());
    if (px) read_resource_px(state, *px, index);
    return;
  }
  if (px) fail_at_key(*px, "\"px\" in a resource of type " + in_quotes(type), "type \"mutex\"");
  state.notes.add(resource.key_place(), "ignored a resource of type " + in_quotes(type) +
                                            ": only mutexes are declared here");
}

}  // namespace

void check_px_keys(const Value& px, std::string_view owner,
                   const std::vector<std::string_view>& known) {
  std::vector<std::string_view> seen;
  for (const Value& value : Children(px)) {
    const std::string found = in_quotes(value.key());
    if (std::find(known.begin(), known.end(), value.key()) == known.end()) {
      fail_at_key(value, found + " in the \"px\" of " + std::string(owner),
                  known.empty() ? "no key: this version has no px settings there"
                                : listed(known) + suggestion(value.key(), known));
    }
    if (std::find(seen.begin(), seen.end(), value.key()) != seen.end()) {
      fail_at_key(value, found + " twice in the \"px\" of " + std::string(owner), "it once");
    }
    seen.push_back(value.key());
  }
}

SchedPolicy to_policy(const Value& value) {
  static const std::vector<std::string_view> kNames = {
      "SCHED_OTHER", "SCHED_BATCH", "SCHED_IDLE", "SCHED_FIFO", "SCHED_RR", "SCHED_DEADLINE"};
  static constexpr std::array kPolicies = {SchedPolicy::kOther,      SchedPolicy::kBatch,
                                           SchedPolicy::kIdle,       SchedPolicy::kFifo,
                                           SchedPolicy::kRoundRobin, SchedPolicy::kDeadline};
  const std::string_view name = to_name(value, "a scheduling policy");
  const auto found = std::find(kNames.begin(), kNames.end(), name);
  if (found != kNames.end()) return kPolicies[static_cast<std::size_t>(found - kNames.begin())];
  fail_value(value, listed(kNames) + suggestion(name, kNames));
}

void read_global(ReaderState& state, const Value& global) {
  expect_object(global, "the settings of the workload");
  for (const Value& value : Children(global)) {
    if (std::find(kNoEffect.begin(), kNoEffect.end(), value.key()) != kNoEffect.end()) continue;
    if (value.key() == "px") {
      read_global_px(state, value);
      continue;
    }
    if (value.key() == "duration") {
      state.workload.duration_ns = to_duration(value);
    } else if (value.key() == "default_policy") {
      state.default_policy = to_policy(value);
    } else if (value.key() == "pi_enabled") {
      state.workload.pi_enabled = to_bool(value);
    } else {
      state.notes.add(value.key_place(),
                      "ignored the unknown key " + in_quotes(value.key()) + " of \"global\"");
      continue;
    }
    note_repeated(state, value, "\"global\"");
  }
}

void read_resources(ReaderState& state, const Value& resources) {
  if (resources.kind() != JsonKind::kObject) {
    // rt-app's oldest grammar gave a number of resources here.
    state.notes.add(resources.place(), "ignored \"resources\": not an object");
    return;
  }
  for (const Value& resource : Children(resources)) read_resource(state, resource);
}

}  // namespace px::workload
