// Goal: the command px does what other programs and scripts rely on: exit statuses, what goes to
// which stream, "-" as an output, one line for each error, nothing half-written.
// Method: runs the built px through a shell in a folder of its own and looks at status, streams and
// files. JSON is parsed back with another library than the one that wrote it.
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr const char* kInversion = R"({
  "global": {"duration": -1, "px": {"cpus": 1}},
  "tasks": {
    "H": {"policy": "SCHED_FIFO", "priority": 30, "delay": 3000, "loop": 1,
          "lock0": "m", "run1": 1000, "unlock2": "m"},
    "M": {"policy": "SCHED_FIFO", "priority": 20, "delay": 2000, "loop": 1, "run0": 6000},
    "L": {"policy": "SCHED_FIFO", "priority": 10, "loop": 1,
          "lock0": "m", "run1": 4000, "unlock2": "m"}
  }
})";

constexpr const char* kDeadlock = R"({"tasks": {
  "a": {"loop": 1, "lock0": "x", "sleep1": 5000, "lock2": "y", "unlock3": "y", "unlock4": "x"},
  "b": {"loop": 1, "lock0": "y", "sleep1": 5000, "lock2": "x", "unlock3": "x", "unlock4": "y"}}})";

constexpr const char* kEndless = R"({"tasks": {
  "t": {"loop": -1, "lock0": "m", "run1": 1000, "unlock2": "m", "sleep3": 1000}}})";

struct Outcome {
  int status = -1;
  std::string out;
  std::string err;
};

class Cli : public testing::Test {
 protected:
  void SetUp() override {
    const char* const tmpdir = std::getenv("TMPDIR");
    std::string name = std::string(tmpdir != nullptr ? tmpdir : "/tmp") + "/px-cli-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
    ASSERT_EQ(::unsetenv("PX_PROXY_EXEC"), 0);
    put("w.json", kInversion);
    put("deadlock.json", kDeadlock);
    put("endless.json", kEndless);
  }
  void TearDown() override { fs::remove_all(folder_); }

  void put(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ / name) << text;
  }
  [[nodiscard]] std::string get(const std::string& name) const {
    std::ifstream file(folder_ / name);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
  }
  [[nodiscard]] bool exists(const std::string& name) const { return fs::exists(folder_ / name); }
  [[nodiscard]] std::size_t files() const {
    return static_cast<std::size_t>(
        std::distance(fs::directory_iterator(folder_), fs::directory_iterator()));
  }

  // Runs a shell command in the folder; $PX is the command under test. `out` and `err` are what it
  // wrote where it was not redirected.
  [[nodiscard]] Outcome shell(const std::string& command) const {
    const std::string outside = folder_.string() + ".streams";
    fs::create_directory(outside);
    const std::string line = "cd '" + folder_.string() + "' && PX='" + PX_BINARY + "' && { " +
                             command + "\n} >'" + outside + "/out' 2>'" + outside +
                             "/err' </dev/null";
    const int status = std::system(line.c_str());
    Outcome outcome;
    outcome.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    outcome.out = get("../" + fs::path(outside).filename().string() + "/out");
    outcome.err = get("../" + fs::path(outside).filename().string() + "/err");
    fs::remove_all(outside);
    return outcome;
  }
  [[nodiscard]] Outcome px(const std::string& arguments) const {
    return shell("\"$PX\" " + arguments);
  }

  // Status 2, nothing on standard output, one line on standard error that contains `message`, and
  // no new file.
  void expect_refused(const std::string& arguments, const std::string& message) const {
    const std::size_t before = files();
    const Outcome outcome = px(arguments);
    EXPECT_EQ(outcome.status, 2) << arguments;
    EXPECT_EQ(outcome.out, "") << arguments;
    EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
    EXPECT_NE(outcome.err.find(message), std::string::npos) << outcome.err;
    EXPECT_EQ(files(), before) << arguments;
  }

 private:
  fs::path folder_;
};

const Json& task_named(const Json& result, const std::string& name) {
  for (const Json& task : result["tasks"]) {
    if (task["name"] == name) return task;
  }
  throw std::runtime_error("no task " + name);
}

TEST_F(Cli, SaysWhatItIs) {
  const Outcome version = px("--version");
  EXPECT_EQ(version.status, 0);
  EXPECT_EQ(version.out, "px " PX_VERSION "\n");
  EXPECT_EQ(version.err, "");
  const Outcome help = px("--help");
  EXPECT_EQ(help.status, 0);
  EXPECT_NE(help.out.find("run"), std::string::npos);
  EXPECT_NE(help.out.find("demo"), std::string::npos);
}

TEST_F(Cli, HelpsWithEachCommandAndAnExample) {
  for (const std::string command : {"run", "demo", "check"}) {
    const Outcome help = px(command + " --help");
    EXPECT_EQ(help.status, 0);
    EXPECT_EQ(help.err, "");
    EXPECT_NE(help.out.find("Example:\n  px " + command), std::string::npos) << help.out;
    EXPECT_NE(help.out.find("--json"), std::string::npos);
  }
}

TEST_F(Cli, RefusesWhatItDoesNotKnow) {
  expect_refused("", "expected a command");
  expect_refused("frobnicate", "found \"frobnicate\", expected a command");
  expect_refused("--frobnicate", "found \"--frobnicate\", expected a command");
  expect_refused("run w.json --frobnicate", "--frobnicate");
  expect_refused("run", "FILE");
  expect_refused("run w.json --json", "--json");
  expect_refused("demo --frobnicate", "--frobnicate");
  expect_refused("demo w.json", "w.json");
}

TEST_F(Cli, RefusesValuesThatMakeNoSense) {
  expect_refused("run w.json --world mars",
                 "px run: found \"mars\" for --world, expected live, sim or linux");
  expect_refused("run w.json --protocol foo", "expected none, inherit, protect or proxy");
  expect_refused("run w.json --placement foo", "expected owner or donor");
  expect_refused("run w.json --costs foo", "expected zero or live");
  for (const std::string cpus : {"0", "1025", "-1", "two", "1.5", "' 1'"}) {
    expect_refused("run w.json --cpus=" + cpus, "expected a whole number from 1 to 1024");
  }
  for (const std::string seed : {"-1", "x", "18446744073709551616", "0x10"}) {
    expect_refused("run w.json --seed=" + seed, "for --seed, expected a whole number");
  }
  for (const std::string duration : {"0", "-2", "1e3", "abc", ".", "+1", "1s", "1.2.3"}) {
    expect_refused("run w.json --duration=" + duration, "expected a number of seconds above 0");
  }
  expect_refused("run w.json --duration=", "--duration");
  expect_refused("run w.json --duration 0.0000000001", "at most 9 decimals");
  expect_refused("run w.json --duration 99999999999", "at most 9223372036 seconds");
  expect_refused("demo --world live", "found \"live\" for --world, expected sim");
  expect_refused("demo --seconds 0", "for --seconds");
  expect_refused("demo --seconds -1", "for --seconds");
}

TEST_F(Cli, SaysWhatThisVersionDoesNotHave) {
  expect_refused("run w.json --trace out.pftrace", "--trace is not available in this version");
  expect_refused("run w.json --placement donor", "--placement donor is not available");
  EXPECT_EQ(px("run w.json --placement owner").status, 0);
}

TEST_F(Cli, RunsWithTheDefaults) {
  const Outcome outcome = px("run w.json");
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(outcome.err, "");
  EXPECT_EQ(outcome.out.find("world sim, 1 CPU, protocol proxy, placement owner"), 0U);
}

TEST_F(Cli, WritesJsonAloneOnStandardOutput) {
  const Outcome outcome = px("run w.json --json -");
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(outcome.err.find("world sim"), 0U);
  const Json result = Json::parse(outcome.out);
  EXPECT_EQ(result["schema"], 1);
  EXPECT_EQ(result["world"], "sim");
  EXPECT_EQ(result["cpus"], 1);
  EXPECT_EQ(result["protocol"], "proxy");
  EXPECT_EQ(result["placement"], "owner");
  EXPECT_EQ(result["seed"], 0);
  EXPECT_EQ(result["duration_ns"], 11'000'000);
  EXPECT_EQ(task_named(result, "H")["donated_ns"], 2'000'000);
  EXPECT_EQ(task_named(result, "L")["received_ns"], 2'000'000);
  EXPECT_EQ(result["locks"][0]["acquisitions"], 2);
  EXPECT_FALSE(result["segments"].empty());
}

TEST_F(Cli, WritesTheSameToAFile) {
  const Outcome to_file = px("run w.json --json out.json --seed 7");
  EXPECT_EQ(to_file.status, 0);
  EXPECT_EQ(to_file.out.find("world sim"), 0U);
  const Outcome to_stdout = px("run w.json --json - --seed 7");
  EXPECT_EQ(get("out.json"), to_stdout.out);
  EXPECT_EQ(Json::parse(to_stdout.out)["seed"], 7);
}

TEST_F(Cli, WritesAReport) {
  EXPECT_EQ(px("run w.json --report page.html --json out.json").status, 0);
  EXPECT_NE(get("page.html").find("<html"), std::string::npos);
  EXPECT_TRUE(Json::accept(get("out.json")));
  const Outcome outcome = px("run w.json --report - --json out2.json");
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(outcome.out, get("page.html"));
  EXPECT_EQ(outcome.err.find("world sim"), 0U);
}

TEST_F(Cli, GivesAnOutputToOnePlaceOnly) {
  expect_refused("run w.json --json - --report -", "both write to standard output");
  expect_refused("run w.json --json same --report same", "both write to same");
  expect_refused("demo --world sim --json - --report -", "both write to standard output");
}

TEST_F(Cli, RefusesOutputsBeforeTheRun) {
  expect_refused("run w.json --json missing/out.json", "there is no folder missing");
  expect_refused("run w.json --report /", "is a folder");
  expect_refused("run w.json --json ''", "--json needs a file name");
  expect_refused("demo --world sim --report missing/page.html", "there is no folder missing");
}

TEST_F(Cli, ReadsDecimalDurations) {
  const auto duration_of = [&](const std::string& duration) {
    return Json::parse(px("run endless.json --json - --duration " + duration).out)["duration_ns"];
  };
  EXPECT_EQ(duration_of("0.25"), 250'000'000);
  EXPECT_EQ(duration_of(".5"), 500'000'000);
  EXPECT_EQ(duration_of("2"), 2'000'000'000);
  EXPECT_EQ(duration_of("0.000000001"), 1);
  // The workload's own duration is replaced, also by -1.
  put("short.json", R"({"global": {"duration": 1},
                        "tasks": {"t": {"loop": 3, "run": 1000000}}})");
  EXPECT_EQ(Json::parse(px("run short.json --json -").out)["duration_ns"], 1'000'000'000);
  EXPECT_EQ(Json::parse(px("run short.json --json - --duration -1").out)["duration_ns"],
            3'000'000'000);
}

TEST_F(Cli, RefusesAnEndlessRun) {
  expect_refused("run endless.json", "give --duration");
  expect_refused("run endless.json --duration -1", "give --duration");
  expect_refused("run endless.json --world linux --protocol none", "give --duration");
}

TEST_F(Cli, CallsADeadlockStatusOneAndWritesTheResults) {
  const Outcome outcome = px("run deadlock.json --json out.json --report page.html");
  EXPECT_EQ(outcome.status, 1);
  EXPECT_NE(outcome.out.find("waits for x, held by a"), std::string::npos) << outcome.out;
  const Json result = Json::parse(get("out.json"));
  EXPECT_NE(std::string(result["deadlock"]).find("waits for y, held by b"), std::string::npos);
  EXPECT_TRUE(exists("page.html"));
  put("dead-end.json", R"({"tasks": {"a": {"loop": 1, "lock": "m"},
                                     "b": {"loop": 1, "sleep": 1000, "lock": "m"}}})");
  const Outcome dead_end = px("run dead-end.json");
  EXPECT_EQ(dead_end.status, 1);
  EXPECT_NE(dead_end.out.find("b waits for m, held by a, which has ended"), std::string::npos)
      << dead_end.out;
  // Tasks still waiting when a given duration ends are no error.
  EXPECT_EQ(px("run dead-end.json --duration 1").status, 0);
}

TEST_F(Cli, ReportsMistakesInAWorkloadWithTheirPlace) {
  put("broken.json", "{\"tasks\": {\n  \"a\": {\"run\" 5}}}");
  expect_refused("run broken.json", "broken.json:2:");
  put("wrong.json", R"({"tasks": {"a": {"run": "soon"}}})");
  expect_refused("run wrong.json", "wrong.json:1:25: ");
  put("key.json", R"({"global": {"px": {"cpu": 1}}, "tasks": {"a": {"run": 1}}})");
  expect_refused("run key.json", "key.json:1:20: found \"cpu\"");
  put("zero.json", R"({"global": {"px": {"cpus": 0}}, "tasks": {"a": {"run": 1}}})");
  expect_refused("run zero.json", "zero.json:1:");
  put("unlock.json", R"({"tasks": {"a": {"run": 1, "unlock": "m"}}})");
  expect_refused("run unlock.json", "unlock.json:1:");
  put("empty.json", "");
  expect_refused("run empty.json", "empty.json");
  expect_refused("run missing.json", "missing.json");
  expect_refused("run .", ".");
  expect_refused("run w.json missing.json", "missing.json");
  put("far.json", R"({"tasks": {"a": {"loop": 1, "cpus": [3], "run": 1}}})");
  expect_refused("run far.json --cpus 2", "CPU 3");
}

TEST_F(Cli, MentionsWhatAWorkloadSaysInVain) {
  put("odd.json", R"({"tasks": {"a": {"loop": 1, "colour": "red", "run": 1}}})");
  const Outcome outcome = px("run odd.json");
  EXPECT_EQ(outcome.status, 0);
  EXPECT_NE(outcome.out.find("colour"), std::string::npos) << outcome.out;
}

TEST_F(Cli, MergesFiles) {
  put("one.json", R"({"tasks": {"a": {"loop": 1, "run": 1000}}})");
  put("two.json", R"({"tasks": {"b": {"loop": 1, "run": 2000}}})");
  const Json result = Json::parse(px("run one.json two.json --json -").out);
  EXPECT_EQ(result["tasks"].size(), 2U);
  EXPECT_EQ(result["duration_ns"], 3'000'000);
}

TEST_F(Cli, ObeysTheEnvironment) {
  const auto protocol = [&](const std::string& value, int warnings) {
    const Outcome outcome =
        shell("PX_PROXY_EXEC='" + value + "' \"$PX\" run w.json --json - 2>err");
    const std::string err = get("err");
    const bool warned = err.find("px: warning: ignored PX_PROXY_EXEC=\"" + value + "\"") == 0;
    EXPECT_EQ(warned, warnings == 1) << err;
    EXPECT_EQ(outcome.status, 0);
    return std::string(Json::parse(outcome.out)["protocol"]);
  };
  EXPECT_EQ(protocol("0", 0), "none");
  EXPECT_EQ(protocol("false", 0), "none");
  EXPECT_EQ(protocol("1", 0), "proxy");
  EXPECT_EQ(protocol("true", 0), "proxy");
  EXPECT_EQ(protocol("maybe", 1), "proxy");
  EXPECT_EQ(protocol("2", 1), "proxy");
  EXPECT_EQ(protocol("FALSE", 1), "proxy");
  EXPECT_EQ(protocol("", 1), "proxy");
}

TEST_F(Cli, SwitchesProtocols) {
  const auto h_finish = [&](const std::string& arguments) {
    const Json result = Json::parse(px("run w.json --json - " + arguments).out);
    return task_named(result, "H")["jobs"][0]["finish_ns"];
  };
  EXPECT_EQ(h_finish(""), 6'000'000);                  // L's section ends for H's account
  EXPECT_EQ(h_finish("--protocol none"), 11'000'000);  // M first
}

TEST_F(Cli, ChargesCostsOnRequestInSimOnly) {
  const auto duration = [&](const std::string& arguments) {
    return std::int64_t{Json::parse(px("run w.json --json - " + arguments).out)["duration_ns"]};
  };
  EXPECT_EQ(duration("--costs zero"), 11'000'000);
  EXPECT_GT(duration("--costs live"), 11'000'000);
  expect_refused("run w.json --world linux --protocol none --costs live", "--costs live is for");
}

TEST_F(Cli, GivesTheSameBytesTwice) {
  const Outcome one = px("run endless.json --duration 1 --json - --seed 3");
  const Outcome two = px("run endless.json --duration 1 --json - --seed 3");
  EXPECT_EQ(one.status, 0);
  EXPECT_EQ(one.out, two.out);
}

TEST_F(Cli, RunsOnPlainThreads) {
  put("short.json", R"({"tasks": {
    "a": {"loop": 3, "lock0": "m", "run1": 500, "unlock2": "m"},
    "b": {"loop": 3, "lock0": "m", "run1": 500, "unlock2": "m"}}})");
  for (const std::string protocol : {"none", "inherit"}) {
    const Outcome outcome = px("run short.json --world linux --json - --protocol " + protocol);
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    const Json result = Json::parse(outcome.out);
    EXPECT_EQ(result["world"], "linux");
    EXPECT_EQ(result["protocol"], protocol);
    EXPECT_EQ(result["locks"][0]["acquisitions"], 6);
    EXPECT_GE(task_named(result, "a")["executed_ns"], 1'500'000);
    EXPECT_TRUE(result["segments"].empty());
  }
  expect_refused("run short.json --world linux", "proxy");
  expect_refused("run short.json --world linux --protocol proxy",
                 "expected --protocol none, inherit or protect");
  // Whether two threads run into each other is the machine's affair: some tries.
  Outcome deadlock;
  for (int i = 0; i < 20 && deadlock.status != 1; ++i) {
    deadlock = px("run deadlock.json --world linux --protocol none");
  }
  EXPECT_EQ(deadlock.status, 1);
  EXPECT_NE(deadlock.out.find("deadlock: "), std::string::npos) << deadlock.out;
}

TEST_F(Cli, RunsLive) {
  put("short.json", R"({"tasks": {
    "a": {"loop": 3, "lock0": "m", "run1": 500, "unlock2": "m"},
    "b": {"loop": 3, "lock0": "m", "run1": 500, "unlock2": "m"}}})");
  const Outcome outcome = px("run short.json --world live --json -");
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  const Json result = Json::parse(outcome.out);
  EXPECT_EQ(result["world"], "live");
  EXPECT_EQ(result["protocol"], "proxy");
  EXPECT_EQ(result["locks"][0]["acquisitions"], 6);
  EXPECT_FALSE(result["segments"].empty());
  const Outcome deadlock = px("run deadlock.json --world live");
  EXPECT_EQ(deadlock.status, 1);
  EXPECT_NE(deadlock.out.find("deadlock: "), std::string::npos) << deadlock.out;
}

TEST_F(Cli, RunsDeadlineTasksLive) {
  const auto control = [](int runtime) {
    return R"({"global": {"duration": 0.1}, "tasks": {"control": {"policy": "SCHED_DEADLINE",
      "dl-runtime": )" +
           std::to_string(runtime) + R"(, "dl-period": 10000, "loop": -1, "run": 500,
      "timer": {"ref": "unique", "period": 10000, "mode": "absolute"}}}})";
  };
  put("control.json", control(9500));
  const Outcome outcome = px("run control.json --world live");
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_NE(outcome.out.find(" deadlines missed; the machine took "), std::string::npos)
      << outcome.out;
  put("control.json", control(9600));
  expect_refused("run control.json --world live", "96.00 % in sum, expected at most 95.00 %");
  EXPECT_EQ(px("run control.json").status, 0);
}

TEST_F(Cli, Checks) {
  const Outcome list = px("check --list");
  EXPECT_EQ(list.status, 0) << list.err;
  EXPECT_NE(list.out, "");
  expect_refused("check --mode foo", "expected stateful, breadth, bounded, pct or random");
  expect_refused("check --granularity foo", "expected coarse or fine");
  expect_refused("check --cpus 0", "for --cpus, expected a whole number");
  expect_refused("check --bound=-1", "for --bound, expected a whole number");
  expect_refused("check --seconds x", "for --seconds, expected a number of seconds");
  expect_refused("check --max-states 0", "for --max-states, expected a whole number");
  expect_refused("check no-such-scenario", "no-such-scenario");
  expect_refused("check --mutant no-such-mutant", "no-such-mutant");
  expect_refused("check --replay nonsense", "nonsense");
  expect_refused("check --json missing/out.json", "there is no folder missing");
  EXPECT_EQ(shell("\"$PX\" check --list >/dev/full").status, 2);
}

TEST_F(Cli, ReportsAFullDisk) {
  for (const std::string arguments :
       {"run w.json --json /dev/full", "run w.json --report /dev/full",
        "demo --world sim --seconds 0.1 --report p.html --json /dev/full"}) {
    const Outcome outcome = px(arguments);
    EXPECT_EQ(outcome.status, 2) << arguments;
    EXPECT_NE(outcome.err.find("/dev/full: No space left on device"), std::string::npos)
        << outcome.err;
    EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
  }
  const Outcome summary = shell("\"$PX\" run w.json >/dev/full");
  EXPECT_EQ(summary.status, 2);
  EXPECT_EQ(summary.err,
            "px run: cannot write to standard output: No space left on device; free some space or "
            "send it elsewhere\n");
  EXPECT_EQ(shell("\"$PX\" --help >/dev/full").status, 2);
}

TEST_F(Cli, LeavesNothingHalfWritten) {
  put("out.json", "the old result");
  const std::size_t before = files();
  // Files of at most 512 bytes, which the result exceeds.
  const Outcome outcome = shell("(ulimit -f 1; \"$PX\" run w.json --json out.json)");
  EXPECT_EQ(outcome.status, 2);
  EXPECT_NE(outcome.err.find("cannot write out.json: File too large"), std::string::npos)
      << outcome.err;
  EXPECT_EQ(get("out.json"), "the old result");
  EXPECT_EQ(files(), before);
}

TEST_F(Cli, StopsQuietlyWhenItsReaderGoesAway) {
  put("many.json", R"({"tasks": {"t": {"instance": 5000, "loop": 1, "run": 10}}})");
  const Outcome outcome = shell("{ \"$PX\" run many.json --json - 2>err; echo $? >status; } | :");
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(get("status"), "2\n");
  EXPECT_EQ(get("err").find("px"), std::string::npos) << get("err");
}

TEST_F(Cli, DoesNotTakeAFileForAClosedStream) {
  const Outcome outcome = shell("\"$PX\" run w.json --json out.json >&-");
  EXPECT_EQ(outcome.status, 2);
  EXPECT_NE(outcome.err.find("cannot write to standard output"), std::string::npos);
  EXPECT_TRUE(Json::accept(get("out.json")));
}

TEST_F(Cli, ShowsTheDemoInSim) {
  const Outcome outcome = px("demo --world sim --json -");
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  const Json result = Json::parse(outcome.out);
  EXPECT_EQ(result["schema"], 1);
  ASSERT_EQ(result["parts"].size(), 2U);
  EXPECT_EQ(result["parts"][0]["name"], "fair");
  EXPECT_EQ(result["parts"][1]["name"], "realtime");
  for (const Json& part : result["parts"]) {
    ASSERT_EQ(part["cases"].size(), 2U);
    const Json& none = part["cases"][0];
    const Json& proxy = part["cases"][1];
    EXPECT_EQ(none["world"], "sim");
    EXPECT_EQ(none["protocol"], "none");
    EXPECT_EQ(proxy["protocol"], "proxy");
    for (const Json& one : part["cases"]) {
      EXPECT_GE(one["lock_wait_ns"]["count"], 200);
      EXPECT_GE(one["lock_wait_ns"]["contended"], 8);
      EXPECT_TRUE(one["lock_wait_ns"]["p999"].is_null());  // far below 100,000 samples
      EXPECT_EQ(one["lock_wait_ns"]["max"], one["lock_wait_ns"]["max_net"]);
      EXPECT_EQ(one["disturbed_ns"], 0);
      EXPECT_GT(one["background_ops"], 0);
      EXPECT_GT(one["hog_share"], 0.5);
    }
    EXPECT_GE(none["lock_wait_ns"]["max"], 60'000'000);
    EXPECT_LE(proxy["lock_wait_ns"]["max"], 3'000'000);
    EXPECT_GT(proxy["foreground_ops"], none["foreground_ops"]);
  }
  EXPECT_NE(get("px-demo.html").find("<html"), std::string::npos);
  const std::string last = "The page with the timelines is px-demo.html\n";
  EXPECT_EQ(outcome.err.substr(outcome.err.size() - last.size()), last);
}

TEST_F(Cli, RunsTheWholeDemo) {
  const Outcome outcome = px("demo --seconds 0.3 --json demo.json --report page.html");
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_EQ(outcome.err, "");
  const Json result = Json::parse(get("demo.json"));
  ASSERT_EQ(result["parts"].size(), 2U);
  const std::vector<std::string> expected = {"linux/none", "linux/inherit", "live/none",
                                             "live/proxy", "sim/none",      "sim/proxy"};
  for (const Json& part : result["parts"]) {
    std::vector<std::string> names;
    for (const Json& one : part["cases"]) {
      names.push_back(std::string(one["world"]) + "/" + std::string(one["protocol"]));
      const bool privileged = part["name"] == "realtime" && one["world"] == "linux";
      EXPECT_EQ(one.contains("skipped"), privileged) << one;
      if (privileged) {
        EXPECT_NE(std::string(one["skipped"]).find("--privileged"), std::string::npos);
      }
    }
    EXPECT_EQ(names, expected);
  }
}

TEST_F(Cli, SendsTheDemosPageToStandardOutput) {
  const Outcome outcome = px("demo --world sim --seconds 0.5 --report -");
  EXPECT_EQ(outcome.status, 0);
  EXPECT_NE(outcome.out.find("<html"), std::string::npos);
  EXPECT_NE(outcome.err.find("sim/proxy"), std::string::npos);
  EXPECT_FALSE(exists("px-demo.html"));
}

}  // namespace
