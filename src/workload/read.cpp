#include "workload/read.hpp"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <functional>
#include <memory>
#include <unordered_map>
#include <utility>

#include "base/check.hpp"
#include "workload/reader_state.hpp"
#include "workload/static_checks.hpp"

namespace px::workload {
namespace {

struct FileCloser {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

// The whole file; Error if it cannot be read or is too long.
std::string read_whole(const std::string& path) {
  const auto cannot = [&](int error) {
    return Error(path, 1, 1,
                 error == EISDIR ? std::string("found a folder, expected a workload file")
                                 : std::string("found no readable file (") + std::strerror(error) +
                                       "), expected a workload file");
  };
  const std::unique_ptr<std::FILE, FileCloser> file(std::fopen(path.c_str(), "rb"));
  if (file == nullptr) throw cannot(errno);
  std::string text;
  std::string block(std::size_t{64} << 10, '\0');
  for (;;) {
    const std::size_t size = std::fread(block.data(), 1, block.size(), file.get());
    if (size == 0) break;
    text.append(block, 0, size);
    if (text.size() > kMaxJsonBytes) {
      throw Error(path, 1, 1,
                  "found more than " + std::to_string(kMaxJsonBytes) + " bytes, expected fewer");
    }
  }
  if (std::ferror(file.get()) != 0) throw cannot(errno);
  return text;
}

using Trees = std::vector<std::unique_ptr<JsonTree>>;

// Calls `read` for every value of that key at the top of the files, in order.
void for_each_section(const Trees& trees, std::string_view key,
                      const std::function<void(const Value&)>& read) {
  for (std::size_t i = 0; i < trees.size(); ++i) {
    const Value root{trees[i].get(), &trees[i]->root(), static_cast<int>(i)};
    for (const Value& section : Children(root)) {
      if (section.key() == key) read(section);
    }
  }
}

void note_unknown_sections(ReaderState& state, const Trees& trees) {
  for (std::size_t i = 0; i < trees.size(); ++i) {
    const Value root{trees[i].get(), &trees[i]->root(), static_cast<int>(i)};
    for (const Value& section : Children(root)) {
      const std::string_view key = section.key();
      if (key == "global" || key == "resources" || key == "tasks") continue;
      if (key == "px") {
        expect_object(section, "px settings");
        check_px_keys(section, "the workload (its place is in \"global\")", {});
        continue;
      }
      state.notes.add(section.key_place(),
                      "ignored the unknown key " + in_quotes(key) + " of the workload");
    }
  }
}

void apply_shared_modes(ReaderState& state) {
  for (TaskTemplate& task : state.templates) {
    for (Phase& phase : task.spec.phases) {
      for (Op& op : phase.ops) {
        if (op.kind == OpKind::kTimer && state.shared_modes[op.index].absolute) op.absolute = true;
      }
    }
  }
}

// The tasks whose names are taken so far; only looked up, never iterated.
using Names = std::unordered_map<std::string, Place>;

void add_instance(Workload& workload, Names& names, const TaskSpec& spec, std::string name) {
  const auto [other, added] = names.try_emplace(name, spec.place);
  if (!added) {
    const Place& place = other->second;
    throw Error(workload.files[static_cast<std::size_t>(spec.place.file)], spec.place.line,
                spec.place.column,
                "found a second task named " + in_quotes(name) +
                    ", expected unique names: the first is " +
                    workload.files[static_cast<std::size_t>(place.file)] + ":" +
                    std::to_string(place.line) + ":" + std::to_string(place.column));
  }
  workload.tasks.push_back(spec);
  workload.tasks.back().name = std::move(name);
}

void check_size(const ReaderState& state, const TaskSpec& spec, std::size_t tasks,
                std::size_t ops) {
  if (tasks <= kMaxTasks && ops <= kMaxOpsInAll) return;
  const bool many_tasks = tasks > kMaxTasks;
  throw Error(state.workload.files[static_cast<std::size_t>(spec.place.file)], spec.place.line,
              spec.place.column,
              "found more than " + std::to_string(many_tasks ? kMaxTasks : kMaxOpsInAll) +
                  (many_tasks ? " tasks" : " events of all tasks together") +
                  ", expected at most that");
}

// Checks every task, then makes its instances.
void make_tasks(ReaderState& state) {
  Workload& workload = state.workload;
  Names names;
  std::size_t tasks = 0;
  std::size_t ops = 0;
  for (const TaskTemplate& task : state.templates) {
    for (Finding& finding : check_program(workload, task.spec)) {
      state.notes.add(finding.place, std::move(finding.text));
    }
    const auto count = static_cast<std::size_t>(task.instances);
    std::size_t length = 0;
    for (const Phase& phase : task.spec.phases) length += phase.ops.size();
    tasks += count;
    ops += count * length;
    check_size(state, task.spec, tasks, ops);
    for (std::size_t i = 0; i < count; ++i) {
      add_instance(workload, names, task.spec,
                   count == 1 ? task.spec.name : task.spec.name + "-" + std::to_string(i));
    }
  }
}

Workload build(std::vector<std::string> files, const Trees& trees) {
  ReaderState state;
  state.workload.files = std::move(files);
  // Settings and resources come first, whatever their place: tasks depend on them.
  for_each_section(trees, "global", [&](const Value& value) { read_global(state, value); });
  for_each_section(trees, "resources", [&](const Value& value) { read_resources(state, value); });
  for_each_section(trees, "tasks", [&](const Value& value) { read_tasks(state, value); });
  note_unknown_sections(state, trees);
  apply_shared_modes(state);
  make_tasks(state);
  if (state.workload.tasks.empty()) {
    throw Error(state.workload.files.front(), 1, 1,
                "found no task, expected \"tasks\" with at least one task of one instance");
  }
  state.workload.notes = state.notes.lines(state.workload.files);
  return std::move(state.workload);
}

}  // namespace

void Notes::add(const Place& place, std::string text) {
  const auto [known, added] = index_.try_emplace(text, notes_.size());
  if (added) {
    notes_.push_back({place, std::move(text), 1});
  } else {
    ++notes_[known->second].times;
  }
}

std::vector<std::string> Notes::lines(const std::vector<std::string>& files) const {
  std::vector<std::string> out;
  out.reserve(notes_.size());
  for (const Note& note : notes_) {
    std::string line = files[static_cast<std::size_t>(note.place.file)] + ":" +
                       std::to_string(note.place.line) + ":" + std::to_string(note.place.column) +
                       ": " + note.text;
    if (note.times > 1) line += " (" + std::to_string(note.times) + " times)";
    out.push_back(std::move(line));
  }
  return out;
}

std::uint32_t ReaderState::lock_index(std::string_view name, const Place& place) {
  const auto known = locks_.find(name);
  if (known != locks_.end()) return known->second;
  const auto index = static_cast<std::uint32_t>(workload.locks.size());
  LockSpec& lock = workload.locks.emplace_back();
  lock.name = name;
  lock.place = place;
  locks_.emplace(lock.name, index);
  return index;
}

std::uint32_t ReaderState::timer_index(std::string_view name) {
  const auto known = timers_.find(name);
  if (known != timers_.end()) return known->second;
  const auto index = static_cast<std::uint32_t>(workload.timers.size());
  workload.timers.push_back({std::string(name), name.starts_with("unique")});
  shared_modes.emplace_back();
  timers_.emplace(std::string(name), index);
  return index;
}

Workload read_files(const std::vector<std::string>& paths) {
  PX_CHECK(!paths.empty(), "a workload has at least one file");
  Trees trees;
  for (const std::string& path : paths) {
    trees.push_back(std::make_unique<JsonTree>(read_whole(path), path));
  }
  return build(paths, trees);
}

Workload read_text(std::string_view text, std::string file_name) {
  Trees trees;
  trees.push_back(std::make_unique<JsonTree>(std::string(text), file_name));
  std::vector<std::string> files;
  files.push_back(std::move(file_name));
  return build(std::move(files), trees);
}

}  // namespace px::workload
