// What the parts of the reader share while they fill one Workload. Internal to this folder.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "workload/values.hpp"
#include "workload/workload.hpp"

namespace px::workload {

enum class SchedPolicy : std::uint8_t { kOther, kBatch, kIdle, kFifo, kRoundRobin, kDeadline };

// A task object before its instances are made.
struct TaskTemplate {
  TaskSpec spec;  // name = the key
  std::int64_t instances = 1;
};

// The mode of one timer. rt-app keeps it with the timer, not with the event: one event that says
// "absolute" makes every use of that timer absolute.
struct TimerMode {
  bool absolute = false;
  std::optional<Value> said;  // the first event that names a mode
};

// Collects the notes: each distinct text once, with the place where it was first met.
class Notes {
 public:
  void add(const Place& place, std::string text);
  // One line each, "FILE:LINE:COLUMN: text", in the order of their first places.
  [[nodiscard]] std::vector<std::string> lines(const std::vector<std::string>& files) const;

 private:
  struct Note {
    Place place;
    std::string text;
    std::uint64_t times = 1;
  };
  std::vector<Note> notes_;
  std::unordered_map<std::string, std::size_t> index_;  // looked up, never iterated
};

struct ReaderState {
  Workload workload;
  Notes notes;
  SchedPolicy default_policy = SchedPolicy::kOther;
  std::vector<TaskTemplate> templates;

  // Indices into Workload::locks and ::timers, made at the first mention.
  [[nodiscard]] std::uint32_t lock_index(std::string_view name, const Place& place);
  [[nodiscard]] std::uint32_t timer_index(std::string_view name);

  // Settings already given, as "level/key": says whether `setting` is new.
  [[nodiscard]] bool first_time(const std::string& setting) {
    return given_.insert(setting).second;
  }

  std::vector<TimerMode> shared_modes;  // by timer index

 private:
  std::map<std::string, std::uint32_t, std::less<>> locks_;
  std::map<std::string, std::uint32_t, std::less<>> timers_;
  std::set<std::string> given_;
};

// Checks the keys of one "px" object: an unknown key or one given twice is an Error that lists the
// known ones. `owner` completes `in the "px" of ...`.
void check_px_keys(const Value& px, std::string_view owner,
                   const std::vector<std::string_view>& known);

// A policy by its name in the file; throws Error for an unknown or unsupported one.
[[nodiscard]] SchedPolicy to_policy(const Value& value);

// One "global" object.
void read_global(ReaderState& state, const Value& global);
// One "resources" object at the top of a file.
void read_resources(ReaderState& state, const Value& resources);
// One "tasks" object: appends to `templates`.
void read_tasks(ReaderState& state, const Value& tasks);

}  // namespace px::workload
