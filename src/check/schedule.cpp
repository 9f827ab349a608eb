#include "check/schedule.hpp"

#include <algorithm>
#include <charconv>
#include <sstream>
#include <stdexcept>

#include "check/text.hpp"

namespace px::check {

namespace {

std::string code_of(Choice choice) {
  if (choice == kTimeChoice) return "t";
  const char* kind = choice >= kFlushChoice ? "f" : choice >= kInterruptChoice ? "i" : "";
  return concat({kind, std::to_string(choice % 4)});
}

[[noreturn]] void reject(std::string_view found, const char* expected) {
  throw std::invalid_argument(concat({"replay line: found '", found, "', expected ", expected}));
}

std::size_t number(std::string_view text, const char* expected) {
  std::size_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) {
    reject(text, expected);
  }
  return value;
}

Choice choice_of(std::string_view code) {
  constexpr const char* kExpected = "a step: N, iN, fN or t";
  if (code == "t") return kTimeChoice;
  Choice base = kStepChoice;
  if (!code.empty() && (code[0] == 'i' || code[0] == 'f')) {
    base = code[0] == 'i' ? kInterruptChoice : kFlushChoice;
    code.remove_prefix(1);
  }
  const std::size_t cpu = number(code, kExpected);
  if (cpu >= kMaxVirtualCpus) reject(code, kExpected);
  return static_cast<Choice>(base + cpu);
}

Path parse_steps(std::string_view text) {
  Path path;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(','), text.size());
    const std::string_view run = text.substr(0, end);
    const std::size_t times = run.find('x');
    const Choice choice = choice_of(run.substr(0, times));
    const std::size_t count =
        times == std::string_view::npos ? 1 : number(run.substr(times + 1), "a number of steps");
    if (count > 1'000'000) reject(run, "at most a million steps in a row");
    path.insert(path.end(), count, choice);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return path;
}

constexpr int kDigits = 16;  // of a digest

std::string hex(std::uint64_t value) {
  std::string text(kDigits, '0');
  for (int i = kDigits; i-- > 0; value >>= 4) {
    text[static_cast<std::size_t>(i)] = "0123456789abcdef"[value & 15];
  }
  return text;
}

std::uint64_t digest_of(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  if (error != std::errc() || end != text.data() + text.size() || text.size() != kDigits) {
    reject(text, "16 hexadecimal digits or 'any'");
  }
  return value;
}

// What was found of the two words that come last.
void set_trail(Schedule& schedule, const std::string& marks, const std::string& state) {
  if (state.empty()) reject("no state=...", "one, at the end of the line");
  if (state == "any" && marks.empty()) return;
  if (marks.size() != schedule.steps.size()) {
    reject(concat({"a trail of ", std::to_string(marks.size())}),
           concat({"a letter for each of the ", std::to_string(schedule.steps.size()), " steps"})
               .c_str());
  }
  schedule.trail = Trail{marks, digest_of(state)};
}

}  // namespace

std::string to_line(const Schedule& schedule) {
  std::string steps;
  for (std::size_t i = 0; i < schedule.steps.size();) {
    std::size_t end = i;
    while (end < schedule.steps.size() && schedule.steps[end] == schedule.steps[i]) ++end;
    if (!steps.empty()) steps += ',';
    steps += code_of(schedule.steps[i]);
    if (end - i > 1) steps += concat({"x", std::to_string(end - i)});
    i = end;
  }
  std::string states = " state=any";
  if (schedule.trail) {
    states = concat({" trail=", schedule.trail->marks, " state=", hex(schedule.trail->end)});
  }
  return concat({"px1 scenario=", schedule.scenario, " mode=", schedule.mode,
                 " granularity=", schedule.granularity == Granularity::kFine ? "fine" : "coarse",
                 schedule.store_buffers ? " memory=store-buffers" : "",
                 " cpus=", std::to_string(schedule.cpus), " mutant=", schedule.mutant,
                 " loop=", std::to_string(schedule.loop), " steps=", steps, states});
}

Schedule parse_line(std::string_view line) {
  std::istringstream words{std::string(line)};
  std::string word;
  if (!(words >> word) || word != "px1") reject(word, "'px1' at the beginning");
  Schedule schedule;
  bool has_steps = false;
  std::string marks;
  std::string state;
  while (words >> word) {
    const std::size_t equals = word.find('=');
    if (equals == std::string::npos) reject(word, "name=value");
    const std::string name = word.substr(0, equals);
    const std::string value = word.substr(equals + 1);
    if (name == "scenario") {
      schedule.scenario = value;
    } else if (name == "mode") {
      if (value != "stateful" && value != "breadth" && value != "bounded" && value != "pct" &&
          value != "random") {
        reject(value, "stateful, breadth, bounded, pct or random");
      }
      schedule.mode = value;
    } else if (name == "granularity") {
      if (value != "fine" && value != "coarse") reject(value, "fine or coarse");
      schedule.granularity = value == "fine" ? Granularity::kFine : Granularity::kCoarse;
    } else if (name == "memory") {
      if (value != "store-buffers") reject(value, "store-buffers");
      schedule.store_buffers = true;
    } else if (name == "cpus") {
      schedule.cpus = static_cast<int>(number(value, "a number of CPUs"));
    } else if (name == "mutant") {
      schedule.mutant = value;
    } else if (name == "loop") {
      schedule.loop = number(value, "a number of steps");
    } else if (name == "steps") {
      schedule.steps = parse_steps(value);
      has_steps = true;
    } else if (name == "trail") {
      marks = value;
    } else if (name == "state") {
      state = value;
    } else {
      reject(name,
             "scenario, mode, granularity, memory, cpus, mutant, loop, steps, trail or state");
    }
  }
  if (schedule.scenario.empty()) reject(line, "scenario=NAME");
  if (!has_steps) reject(line, "steps=...");
  if (schedule.loop > schedule.steps.size()) reject(word, "a loop no longer than the steps");
  set_trail(schedule, marks, state);
  return schedule;
}

std::string table_of(Machine& machine, const Path& path, std::size_t loop) {
  constexpr std::size_t kWidth = 34;
  Image image(machine);
  std::string text = "  step";
  for (int cpu = 0; cpu < machine.cpus(); ++cpu) {
    std::string head = concat({"  CPU ", std::to_string(cpu)});
    head.resize(kWidth, ' ');
    text += head;
  }
  text += '\n';
  for (std::size_t i = 0; i < path.size(); ++i) {
    if (loop != 0 && i == path.size() - loop) text += "        --- from here on for ever ---\n";
    std::string what = machine.describe(path[i]);
    const std::size_t column = path[i] == kTimeChoice ? 0 : path[i] % 4;
    if (path[i] != kTimeChoice) what = what.substr(what.find(' ') + 1);
    std::string row = std::to_string(i + 1);
    row.insert(0, row.size() < 6 ? 6 - row.size() : 0, ' ');
    row.append(column * kWidth + 2, ' ');
    text += concat({row, what, "\n"});
    if (!machine.step(path[i])) break;
  }
  image.restart();
  return text;
}

Finding minimised(Machine& machine, const Finding& finding) {
  Limits limits;
  limits.livelocks = false;
  Explorer explorer(machine, limits);
  Finding best = finding;
  if (finding.loop != 0) return best;
  // Where the run of one choice ends, another copy of it may replace what comes next.
  for (bool shorter = true; shorter;) {
    shorter = false;
    for (std::size_t i = 0; i + 1 < best.path.size(); ++i) {
      if (best.path[i] == best.path[i + 1]) continue;
      Path candidate = best.path;
      candidate.erase(candidate.begin() + static_cast<std::ptrdiff_t>(i) + 1);
      try {
        const Exploration run = explorer.replay(candidate);
        if (run.finding && run.finding->breach.number == best.breach.number &&
            run.finding->path.size() < best.path.size()) {
          best.path = run.finding->path;
          best.breach = run.finding->breach;
          shorter = true;
        }
      } catch (const std::invalid_argument&) {
        continue;  // the shorter schedule does not fit
      }
    }
  }
  return best;
}

}  // namespace px::check
