#include "check/check.hpp"

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iomanip>
#include <map>
#include <nlohmann/json.hpp>
#include <ostream>
#include <sstream>
#include <stdexcept>

#include "check/coverage.hpp"
#include "check/names.hpp"
#include "check/picture.hpp"
#include "check/points.hpp"
#include "check/run.hpp"
#include "check/scenarios.hpp"
#include "check/state_counts.hpp"
#include "check/text.hpp"

namespace px::check {

namespace {

using Json = nlohmann::ordered_json;

// A mutant's exploration ends with its first finding.
constexpr std::uint64_t kMutantStates = 2'000'000;
// Of what counts as a scenario of some size.
constexpr std::uint64_t kBigEnough = 10'000;

class Command {
 public:
  Command(const CheckOptions& options, std::ostream& out, std::ostream& err)
      : options_(options), out_(options.json == "-" ? err : out), data_(out) {}

  int execute() {
    check_options();
    int status = 0;
    if (options_.list) {
      status = list();
    } else if (options_.list_mutants) {
      status = list_mutants();
    } else if (!options_.replay.empty()) {
      status = replay_line();
    } else if (options_.mutants) {
      status = score_mutants();
    } else {
      status = explore();
    }
    write_json();
    out_ << summary_ << '\n';
    return status;
  }

 private:
  void check_options() const {
    const auto one_of = [](const char* option, const std::string& value,
                           std::initializer_list<std::string_view> allowed) {
      std::string expected;
      for (const std::string_view word : allowed) {
        if (value == word) return;
        expected += concat({expected.empty() ? "" : ", ", word});
      }
      throw std::invalid_argument(concat({option, ": found '", value, "', expected ", expected}));
    };
    one_of("--mode", options_.mode, {"stateful", "breadth", "bounded", "pct", "random"});
    one_of("--granularity", options_.granularity, {"coarse", "fine"});
    if (options_.bound >= 0 && options_.mode != "bounded") {
      throw std::invalid_argument("--bound: found with another mode, expected --mode bounded");
    }
    if (options_.json == "-" && &out_ == &data_) {
      throw std::invalid_argument("--json -: no other stream for the summary");
    }
  }

  [[nodiscard]] Limits limits_for(const Scenario& scenario, Granularity granularity) const {
    const Tier& tier = options_.nightly ? kNightlyTier : kQuickTier;
    Limits limits;
    const bool fine = granularity == Granularity::kFine;
    const std::uint64_t nightly = fine ? tier.fine_states : tier.coarse_states;
    limits.max_states = options_.max_states != 0 ? options_.max_states
                        : options_.nightly       ? nightly
                                                 : quick_bound(scenario, fine);
    limits.seconds = options_.seconds > 0 ? options_.seconds : tier.seconds;
    limits.seed = options_.seed;
    limits.max_bytes = options_.max_mib != 0
                           ? options_.max_mib << 20
                           : std::min(limits.max_bytes, memory_for(options_.jobs));
    limits.wide_digest = options_.nightly;
    if (options_.mode == "pct" || options_.mode == "random") {
      limits.max_states = UINT64_MAX;
      if (options_.seconds <= 0) limits.seconds = 10;
    }
    return limits;
  }

  [[nodiscard]] RunRequest request_for(const Scenario& scenario, Granularity granularity) const {
    RunRequest request;
    request.scenario = &scenario;
    request.mode = options_.mode;
    request.granularity = granularity;
    request.bound = options_.bound >= 0 ? options_.bound : 2;
    request.limits = limits_for(scenario, granularity);
    if (!options_.invariant.empty()) request.limits.rule = known_rule(options_.invariant);
    request.coverage = options_.coverage;
    if (!options_.mutant.empty()) {
      request.mutant = &known_mutant(options_.mutant);
      request.limits.self_test = false;
    }
    return request;
  }

  // What the options ask to explore. All: each scenario coarse, and those of two tasks or one CPU
  // also fine; with a named one just that.
  [[nodiscard]] std::vector<RunRequest> plan() const {
    const Granularity asked =
        options_.granularity == "fine" ? Granularity::kFine : Granularity::kCoarse;
    std::vector<RunRequest> requests;
    if (!options_.scenario.empty()) {
      const bool is_given = options_.given && options_.given->name == options_.scenario;
      requests.push_back(
          request_for(is_given ? *options_.given : known_scenario(options_.scenario), asked));
      return requests;
    }
    for (const Scenario& scenario : scenarios()) {
      if (options_.cpus != 0 && scenario.cpus != options_.cpus) continue;
      requests.push_back(request_for(scenario, asked));
    }
    if (asked == Granularity::kFine || options_.mode != "stateful" || !options_.mutant.empty()) {
      return requests;
    }
    for (const Scenario& scenario : scenarios()) {
      if (options_.cpus != 0 && scenario.cpus != options_.cpus) continue;
      requests.push_back(request_for(scenario, Granularity::kFine));
    }
    return requests;
  }

  int list() {
    out_ << "states when complete; over N: not complete within the quick tier's N states\n"
         << std::left << std::setw(32) << "scenario"
         << "CPUs tasks locks" << std::right << std::setw(20) << "coarse" << std::setw(20) << "fine"
         << '\n';
    for (const Scenario& scenario : scenarios()) {
      out_ << std::left << std::setw(32) << scenario.name << std::right << std::setw(4)
           << scenario.cpus << std::setw(6) << scenario.tasks.size() << std::setw(6)
           << scenario.locks.size() << std::setw(20) << size_text(scenario, false) << std::setw(20)
           << size_text(scenario, true) << "  " << scenario.about << '\n';
    }
    list_points();
    summary_ = concat({std::to_string(scenarios().size()), " scenarios"});
    return 0;
  }

  void list_points() {
    out_ << "\nscheduling points of one call" << std::setw(39) << "coarse" << std::setw(20)
         << "fine" << '\n';
    for (const CallPoints& call : points_per_call()) {
      out_ << std::left << std::setw(52) << call.call << std::right << std::setw(16) << call.coarse
           << std::setw(20) << call.fine << '\n';
    }
  }

  int list_mutants() {
    for (const MutantInfo& mutant : mutants()) {
      out_ << std::left << std::setw(6) << mutant.name << std::setw(26) << mutant.scenario
           << mutant.cause << '\n';
    }
    summary_ = concat({std::to_string(mutants().size()), " mutants"});
    return 0;
  }

  void print(const RunReport& r) {
    std::ostringstream line;
    line << std::left << std::setw(26) << r.scenario << std::setw(7) << r.granularity << std::right
         << std::setw(10) << r.states << (r.executions == 0 ? " states " : " steps  ")
         << std::setw(10) << r.transitions << " transitions " << std::fixed << std::setprecision(2)
         << std::setw(7) << r.seconds << " s  ";
    if (r.violated) {
      line << "VIOLATION";
    } else if (r.complete) {
      line << "complete";
    } else {
      line << r.stopped << ": not complete";
    }
    if (!r.violated && r.miss_probability > 0) {
      line << ", miss probability " << std::scientific << std::setprecision(1)
           << r.miss_probability;
    }
    if (r.dead_paths != 0) {
      line << ", " << r.dead_paths << " paths ended where something else broke";
    }
    if (owes_outcomes(r)) {
      for (const std::string& outcome : r.missing) line << ", did not reach '" << outcome << "'";
    }
    out_ << line.str() << '\n';
    if (r.violated) {
      out_ << "  invariant: " << r.invariant << "\n  " << r.message << '\n'
           << r.table << "  replay: px check --replay '" << r.replay << "'\n";
    }
  }

  // A scenario that did not reach what it declares, though it was explored as far as it is meant to
  // be. What the bounds of fine granularity leave out says nothing.
  [[nodiscard]] bool owes_outcomes(const RunReport& r) const {
    const bool as_meant = r.granularity == "coarse" && r.mode == "stateful" &&
                          options_.max_states == 0 && options_.seconds <= 0 &&
                          options_.max_mib == 0 && !r.violated;
    return !r.missing.empty() && (r.complete || as_meant);
  }

  [[nodiscard]] const Scenario* given() const {
    return options_.given ? &*options_.given : nullptr;
  }

  void draw_first(const RunReport& r) {
    if (!options_.draw || drawn_ || !r.violated || r.replay.empty()) return;
    drawn_ = true;
    options_.draw(picture_of(r.replay, given()),
                  concat({"px check ", r.scenario, ": invariant ", r.invariant}));
  }

  void remember(const RunReport& r) {
    Json violation = nullptr;
    if (r.violated) {
      violation = {{"invariant", r.invariant}, {"message", r.message}, {"replay", r.replay}};
    }
    runs_.push_back({{"scenario", r.scenario},
                     {"mode", r.mode},
                     {"granularity", r.granularity},
                     {"cpus", r.cpus},
                     {"states", r.states},
                     {"transitions", r.transitions},
                     {"executions", r.executions},
                     {"seconds", r.seconds},
                     {"complete", r.complete},
                     {"violation", violation}});
  }

  // Sums over the explorations of one call.
  struct Totals {
    std::uint64_t states = 0;
    std::uint64_t transitions = 0;
    std::uint64_t compared = 0;
    int complete = 0;
    int violations = 0;
    int missing = 0;
    int big_coarse = 0;  // complete, of kBigEnough states, with the outcomes that they declare
    int big_fine = 0;

    void add(const RunReport& r) {
      states += r.states;
      transitions += r.transitions;
      compared += r.compared;
      complete += r.complete ? 1 : 0;
      violations += r.violated ? 1 : 0;
      const Scenario* scenario = find_scenario(r.scenario);
      const bool declares = scenario != nullptr && !scenario->reaches.empty() && r.missing.empty();
      if (!r.complete || r.violated || r.states < kBigEnough || !declares) return;
      ++(r.granularity == "fine" ? big_fine : big_coarse);
    }
  };

  void print(const Totals& totals) {
    if (totals.compared != 0) {
      out_ << "self-test: " << totals.compared
           << " states were reached again, with the successors they had\n";
    }
    if (!options_.scenario.empty()) return;
    out_ << "complete with " << kBigEnough
         << " states or more and every declared outcome: " << totals.big_coarse << " coarse, "
         << totals.big_fine << " fine\n";
  }

  int explore() {
    const auto requests = plan();
    Totals totals;
    Coverage coverage;
    run_all(requests, options_.jobs, options_.progress, [&](const RunReport& r) {
      print(r);
      remember(r);
      totals.add(r);
      draw_first(r);
      totals.missing += owes_outcomes(r) ? 1 : 0;
      coverage.add(r);
    });
    if (options_.coverage) coverage.print(out_);
    print(totals);
    summary_ = concat(
        {std::to_string(requests.size()), " explorations, ", std::to_string(totals.complete),
         " complete, ", std::to_string(totals.states), " states, ",
         std::to_string(totals.transitions), " transitions, ", std::to_string(totals.violations),
         totals.violations == 1 ? " violation" : " violations"});
    if (totals.missing != 0 && options_.mutant.empty()) {
      summary_ +=
          concat({", ", std::to_string(totals.missing), " without an outcome they declare"});
      return 1;
    }
    if (totals.violations != 0) return 1;
    return all_covered(coverage) ? 0 : 1;
  }

  // Asked for the coverage of all scenarios: what the core implements and none of them reaches is a
  // gap in what is checked.
  bool all_covered(const Coverage& coverage) {
    if (!options_.coverage || !options_.scenario.empty() || options_.cpus != 0 ||
        options_.mode != "stateful" || !options_.mutant.empty()) {
      return true;
    }
    const std::vector<std::string> gaps = coverage.missing();
    for (const std::string& gap : gaps) out_ << "never met: " << gap << '\n';
    summary_ += concat({", ", std::to_string(gaps.size()), " never met"});
    return gaps.empty();
  }

  int replay_line() {
    const RunReport r = replay(options_.replay, given());
    draw_first(r);
    remember(r);
    if (r.violated) print(r);
    summary_ = r.violated ? concat({"the violation appears: ", r.invariant})
                          : concat({"no violation in ", std::to_string(r.transitions), " steps"});
    return r.violated ? 1 : 0;
  }

  int score_mutants() {
    std::vector<RunRequest> requests;
    for (const MutantInfo& mutant : mutants()) {
      RunRequest request;
      request.scenario = &known_scenario(mutant.scenario);
      request.granularity = mutant.fine ? Granularity::kFine : Granularity::kCoarse;
      request.mutant = &mutant;
      request.limits.max_states = kMutantStates;
      request.limits.seconds = 120;
      request.limits.self_test = false;
      request.minimise = false;
      requests.push_back(request);
    }
    std::size_t caught = 0;
    run_all(requests, options_.jobs, options_.progress, [&](const RunReport& r) {
      const bool found = r.violated && r.invariant != "crash";
      caught += found ? 1 : 0;
      out_ << std::left << std::setw(6) << r.mutant << std::setw(26) << r.scenario << std::setw(7)
           << r.granularity << std::right << std::setw(9) << r.states << " states " << std::fixed
           << std::setprecision(2) << std::setw(6) << r.seconds << " s  "
           << (found ? r.invariant : "NOT CAUGHT") << '\n';
      mutants_.push_back({{"name", r.mutant},
                          {"caught", found},
                          {"scenario", r.scenario},
                          {"invariant", r.invariant},
                          {"states", r.states},
                          {"seconds", r.seconds},
                          {"replay", r.replay}});
    });
    summary_ = concat({std::to_string(caught), " of ", std::to_string(requests.size()),
                       " seeded mutants caught"});
    return caught == requests.size() ? 0 : 1;
  }

  void write_json() {
    if (options_.json.empty()) return;
    const Json document = {{"schema", 1}, {"runs", runs_}, {"mutants", mutants_}};
    if (options_.json == "-") {
      data_ << document.dump(1) << '\n';
      return;
    }
    const std::string temporary = options_.json + ".tmp";
    std::ofstream file(temporary);
    file << document.dump(1) << '\n';
    file.close();
    if (!file || std::rename(temporary.c_str(), options_.json.c_str()) != 0) {
      throw std::invalid_argument(concat({"--json: cannot write ", options_.json}));
    }
  }

  const CheckOptions& options_;
  std::ostream& out_;
  std::ostream& data_;
  std::string summary_;
  bool drawn_ = false;
  Json runs_ = Json::array();
  Json mutants_ = Json::array();
};

}  // namespace

int check_command(const CheckOptions& options, std::ostream& out, std::ostream& err) {
  try {
    return Command(options, out, err).execute();
  } catch (const std::invalid_argument& error) {
    err << error.what() << '\n';
    return 2;
  } catch (const std::runtime_error& error) {
    err << error.what() << '\n';
    return 2;
  }
}

}  // namespace px::check
