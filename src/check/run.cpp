#include "check/run.hpp"

#include <poll.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <map>
#include <new>
#include <nlohmann/json.hpp>
#include <optional>
#include <stdexcept>

#include "check/names.hpp"
#include "check/scenarios.hpp"
#include "check/schedule.hpp"
#include "check/text.hpp"
#include "check/world.hpp"

namespace px::check {

namespace {

using Json = nlohmann::ordered_json;

WorldOptions world_options(const RunRequest& request) {
  WorldOptions options;
  options.granularity = request.granularity;
  if (request.mutant != nullptr) options.mutant = request.mutant->id;
  options.coverage = request.coverage;
  return options;
}

Exploration explore(Explorer& explorer, const RunRequest& request) {
  if (request.mode == "bounded") return explorer.bounded(request.bound);
  if (request.mode == "breadth") return explorer.breadth_first();
  if (request.mode == "pct") return explorer.pct(3);
  if (request.mode == "random") return explorer.random();
  return explorer.depth_first();
}

RunReport blank_report(const RunRequest& request) {
  RunReport report;
  report.scenario = request.scenario->name;
  report.mode = request.mode;
  report.granularity = request.granularity == Granularity::kFine ? "fine" : "coarse";
  report.mutant = request.mutant != nullptr ? request.mutant->name : "";
  report.cpus = request.scenario->cpus;
  return report;
}

void add_counts(RunReport& report, const Exploration& result, const Scenario& scenario) {
  report.states = result.states;
  report.transitions = result.transitions;
  report.executions = result.executions;
  report.final_states = result.final_states;
  report.depth = result.max_depth;
  report.compared = result.compared;
  report.dead_paths = result.dead_paths;
  report.state_bytes = result.state_bytes;
  report.peak_bytes = result.peak_bytes;
  report.seconds = result.seconds;
  report.miss_probability = result.miss_probability;
  report.complete = result.complete;
  report.stopped = result.stopped;
  report.ways.assign(result.ways.begin(), result.ways.end());
  for (const std::string& outcome : scenario.reaches) {
    if (!reached(result, outcome)) report.missing.push_back(outcome);
  }
}

void add_finding(RunReport& report, World& world, const Finding& finding,
                 const RunRequest& request) {
  const Finding best = request.minimise ? minimised(world, finding) : finding;
  report.violated = true;
  report.number = best.breach.number;
  report.invariant = invariant_name(best.breach);
  report.message = best.breach.message;
  Schedule schedule;
  schedule.scenario = report.scenario;
  schedule.mode = report.mode;
  schedule.granularity = request.granularity;
  schedule.cpus = report.cpus;
  schedule.mutant = request.mutant != nullptr ? request.mutant->name : "none";
  schedule.loop = best.loop;
  schedule.steps = best.path;
  schedule.trail = Explorer(world, {}).trail_of(best.path);
  report.replay = to_line(schedule);
  report.table = table_of(world, best.path, best.loop);
}

// --- Between processes

Json to_json(const RunReport& r) {
  return {{"scenario", r.scenario},
          {"mode", r.mode},
          {"granularity", r.granularity},
          {"mutant", r.mutant},
          {"cpus", r.cpus},
          {"states", r.states},
          {"transitions", r.transitions},
          {"executions", r.executions},
          {"final_states", r.final_states},
          {"depth", r.depth},
          {"compared", r.compared},
          {"dead_paths", r.dead_paths},
          {"state_bytes", r.state_bytes},
          {"peak_bytes", r.peak_bytes},
          {"seconds", r.seconds},
          {"miss_probability", r.miss_probability},
          {"complete", r.complete},
          {"stopped", r.stopped},
          {"ways", r.ways},
          {"missing", r.missing},
          {"premises", r.premises},
          {"violated", r.violated},
          {"number", r.number},
          {"invariant", r.invariant},
          {"message", r.message},
          {"replay", r.replay},
          {"table", r.table}};
}

RunReport from_json(const Json& j) {
  RunReport r;
  r.scenario = j["scenario"];
  r.mode = j["mode"];
  r.granularity = j["granularity"];
  r.mutant = j["mutant"];
  r.cpus = j["cpus"];
  r.states = j["states"];
  r.transitions = j["transitions"];
  r.executions = j["executions"];
  r.final_states = j["final_states"];
  r.depth = j["depth"];
  r.compared = j["compared"];
  r.dead_paths = j["dead_paths"];
  r.state_bytes = j["state_bytes"];
  r.peak_bytes = j["peak_bytes"];
  r.seconds = j["seconds"];
  r.miss_probability = j["miss_probability"];
  r.complete = j["complete"];
  r.stopped = j["stopped"];
  r.ways = j["ways"].get<std::vector<std::uint64_t>>();
  r.missing = j["missing"].get<std::vector<std::string>>();
  r.premises = j["premises"].get<std::vector<std::uint64_t>>();
  r.violated = j["violated"];
  r.number = j["number"];
  r.invariant = j["invariant"];
  r.message = j["message"];
  r.replay = j["replay"];
  r.table = j["table"];
  return r;
}

struct Child {
  std::size_t request = 0;
  pid_t pid = 0;
  int pipe = -1;
  std::string text;
};

void write_all(int file, const std::string& text) {
  for (std::size_t at = 0; at < text.size();) {
    const ssize_t wrote = ::write(file, text.data() + at, text.size() - at);
    if (wrote <= 0) return;
    at += static_cast<std::size_t>(wrote);
  }
}

// Allocations beyond that fail, rather than that the system ends whatever process it likes.
void limit_memory(std::uint64_t bytes) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_AS, &limit) != 0) return;
  limit.rlim_cur = std::min<rlim_t>(limit.rlim_cur, bytes);
  (void)::setrlimit(RLIMIT_AS, &limit);
}

Child start(std::size_t index, const RunRequest& request, bool progress, int jobs) {
  int ends[2];
  if (::pipe(ends) != 0) throw std::runtime_error("no pipe for an exploration's result");
  const pid_t pid = ::fork();
  if (pid < 0) throw std::runtime_error("no process for an exploration");
  if (pid == 0) {
    ::close(ends[0]);
    limit_memory(memory_for(jobs));
    Progress report;
    if (progress) report = progress_to_stderr(request.scenario->name);
    write_all(ends[1], to_json(run(request, report)).dump());
    ::_exit(0);
  }
  ::close(ends[1]);
  return {index, pid, ends[0], {}};
}

// Reads what has come; true: the child has ended.
bool collect(Child& child) {
  char buffer[4096];
  const ssize_t got = ::read(child.pipe, buffer, sizeof buffer);
  if (got > 0) {
    child.text.append(buffer, static_cast<std::size_t>(got));
    return false;
  }
  ::close(child.pipe);
  return true;
}

RunReport result_of(const Child& child, const RunRequest& request) {
  int status = 0;
  ::waitpid(child.pid, &status, 0);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return from_json(Json::parse(child.text));
  RunReport report = blank_report(request);
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) {
    report.stopped = "stopped by the system, perhaps for lack of memory";
    return report;
  }
  report.violated = true;
  report.invariant = "crash";
  report.message = concat({"the exploration ended with status ", std::to_string(status)});
  return report;
}

}  // namespace

RunReport run(const RunRequest& request, const Progress& progress) {
  RunReport report = blank_report(request);
  World world(*request.scenario, world_options(request));
  world.ignore_assertions(request.mutant != nullptr);
  std::optional<Explorer> explorer;
  try {
    explorer.emplace(world, request.limits, progress);
    const Exploration result = explore(*explorer, request);
    add_counts(report, result, *request.scenario);
    report.premises = world.premises_met();
    explorer.reset();
    if (result.finding) add_finding(report, world, *result.finding, request);
  } catch (const std::bad_alloc&) {
    // With the explorer goes what it remembers, so that there is memory to report.
    if (explorer) add_counts(report, explorer->so_far(), *request.scenario);
    explorer.reset();
    report.complete = false;
    report.stopped =
        concat({"stopped out of memory at ", std::to_string(report.states), " states"});
  }
  return report;
}

std::uint64_t memory_for(int jobs) {
  const auto pages = static_cast<std::uint64_t>(std::max(::sysconf(_SC_PHYS_PAGES), 1L));
  const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  return pages * page / static_cast<std::uint64_t>(std::max(jobs, 1)) / 10 * 9;
}

void run_all(const std::vector<RunRequest>& requests, int jobs, bool progress,
             const std::function<void(const RunReport&)>& done) {
  std::vector<Child> children;
  std::map<std::size_t, RunReport> ready;
  std::size_t next = 0;
  std::size_t reported = 0;
  while (reported < requests.size()) {
    while (next < requests.size() && children.size() < static_cast<std::size_t>(jobs)) {
      children.push_back(start(next, requests[next], progress, jobs));
      ++next;
    }
    std::vector<pollfd> files;
    for (const Child& child : children) files.push_back({child.pipe, POLLIN, 0});
    ::poll(files.data(), files.size(), -1);
    for (std::size_t i = files.size(); i-- > 0;) {
      if (files[i].revents == 0 || !collect(children[i])) continue;
      const std::size_t request = children[i].request;
      ready.emplace(request, result_of(children[i], requests[request]));
      children.erase(children.begin() + static_cast<std::ptrdiff_t>(i));
    }
    for (auto found = ready.find(reported); found != ready.end(); found = ready.find(++reported)) {
      done(found->second);
    }
  }
}

RunReport replay(const std::string& line, const Scenario* given) {
  const Schedule schedule = parse_line(line);
  RunRequest request;
  const bool is_given = given != nullptr && given->name == schedule.scenario;
  request.scenario = is_given ? given : &known_scenario(schedule.scenario);
  request.mode = schedule.mode;
  request.granularity = schedule.granularity;
  request.minimise = false;
  if (schedule.mutant != "none") request.mutant = &known_mutant(schedule.mutant);
  if (schedule.cpus != request.scenario->cpus) {
    throw std::invalid_argument(
        concat({"replay line: cpus=", std::to_string(schedule.cpus), ", but the scenario has ",
                std::to_string(request.scenario->cpus)}));
  }
  World world(*request.scenario, world_options(request));
  Explorer explorer(world, {});
  const Exploration result =
      explorer.replay(schedule.steps, schedule.trail ? &*schedule.trail : nullptr);
  RunReport report = blank_report(request);
  add_counts(report, result, *request.scenario);
  report.missing.clear();
  if (result.finding) {
    add_finding(report, world, *result.finding, request);
  } else if (schedule.loop != 0 && explorer.closes_loop(schedule.steps, schedule.loop)) {
    Finding finding;
    finding.breach = {45, "no livelock", "the last steps lead back to where they began"};
    finding.path = schedule.steps;
    finding.loop = schedule.loop;
    add_finding(report, world, finding, request);
  }
  return report;
}

}  // namespace px::check
