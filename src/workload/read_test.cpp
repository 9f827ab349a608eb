// Goal: the reader means by a file what rt-app means by it: keys by prefix, duplicates in order,
// loop and policy defaults, instances, timers, affinity, several files as one workload. Method:
// small texts; the fields of the Workload they give.
#include "workload/read.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "workload/json_tree.hpp"

namespace px::workload {
namespace {

using policy::FairParams;
using policy::RealtimeParams;

Workload read(const std::string& text) { return read_text(text, "w.json"); }

// One task "t" with these members.
Workload read_task(const std::string& members) {
  return read("{\"tasks\":{\"t\":{" + members + "}}}");
}

// "run 1000 | lock 0 | ..." of one phase.
std::string program(const Phase& phase) {
  std::string out;
  for (const Op& op : phase.ops) {
    if (!out.empty()) out += " | ";
    switch (op.kind) {
      case OpKind::kRun:
        out += "run " + std::to_string(op.amount_ns);
        break;
      case OpKind::kRuntime:
        out += "runtime " + std::to_string(op.amount_ns);
        break;
      case OpKind::kSleep:
        out += "sleep " + std::to_string(op.amount_ns);
        break;
      case OpKind::kTimer:
        out += (op.absolute ? "absolute timer " : "timer ") + std::to_string(op.index) + " " +
               std::to_string(op.amount_ns);
        break;
      case OpKind::kLock:
        out += "lock " + std::to_string(op.index);
        break;
      case OpKind::kUnlock:
        out += "unlock " + std::to_string(op.index);
        break;
    }
  }
  return out;
}

TEST(Read, EventsInOrderWithDuplicates) {
  const Workload w = read_task(
      R"("loop":1, "lock":"m", "run":10, "run":20, "unlock":"m", "sleep":5, "runtime":7, "run":0)");
  ASSERT_EQ(w.tasks.size(), 1u);
  ASSERT_EQ(w.tasks[0].phases.size(), 1u);
  EXPECT_EQ(program(w.tasks[0].phases[0]),
            "lock 0 | run 10000 | run 20000 | unlock 0 | sleep 5000 | runtime 7000 | run 0");
  ASSERT_EQ(w.locks.size(), 1u);
  EXPECT_EQ(w.locks[0].name, "m");
  EXPECT_EQ(w.files, std::vector<std::string>{"w.json"});
}

TEST(Read, EventsByPrefix) {
  const Workload w = read_task(R"("run1":1, "run_a":2, "running":3, "runtime2":4, "sleepy":5,
      "lockX":"m", "unlock_1":"m", "timer9":{"ref":"r","period":6})");
  EXPECT_EQ(program(w.tasks[0].phases[0]),
            "run 1000 | run 2000 | run 3000 | runtime 4000 | sleep 5000 | lock 0 | unlock 0 | "
            "timer 0 6000");
}

TEST(Read, LoopDefaultsWithoutPhases) {
  // No loop: the task goes on for ever. A loop is that of its only phase.
  const Workload endless = read_task(R"("run":1)");
  EXPECT_EQ(endless.tasks[0].loop, -1);
  EXPECT_EQ(endless.tasks[0].phases[0].loop, 1);
  EXPECT_FALSE(endless.tasks[0].has_phases);
  EXPECT_TRUE(is_endless(endless.tasks[0]));
  const Workload counted = read_task(R"("run":1, "loop":5)");
  EXPECT_EQ(counted.tasks[0].loop, 1);
  EXPECT_EQ(counted.tasks[0].phases[0].loop, 5);
  EXPECT_FALSE(is_endless(counted.tasks[0]));
  const Workload minus_one = read_task(R"("run":1, "loop":-1)");
  EXPECT_EQ(minus_one.tasks[0].loop, 1);
  EXPECT_EQ(minus_one.tasks[0].phases[0].loop, -1);
  EXPECT_TRUE(is_endless(minus_one.tasks[0]));
}

TEST(Read, LoopDefaultsWithPhases) {
  const Workload w = read_task(R"("phases":{"a":{"run":1},"b":{"loop":3,"run":2},"a":{"run":3}})");
  const TaskSpec& task = w.tasks[0];
  EXPECT_EQ(task.loop, -1);
  EXPECT_TRUE(task.has_phases);
  ASSERT_EQ(task.phases.size(), 3u);  // the second "a" is a phase of its own
  EXPECT_EQ(task.phases[0].loop, 1);
  EXPECT_EQ(task.phases[1].loop, 3);
  EXPECT_EQ(program(task.phases[2]), "run 3000");
  EXPECT_EQ(read_task(R"("loop":4, "phases":{"a":{"run":1}})").tasks[0].loop, 4);
}

TEST(Read, PoliciesAndPriorities) {
  const auto params = [](const std::string& members) {
    return read_task(members + ", \"run\":1").tasks[0].params;
  };
  EXPECT_EQ(params(R"("cpus":[0])"), policy::Params(FairParams{}));
  EXPECT_EQ(params(R"("priority":-20)"), policy::Params(FairParams{-20, false, false, 0}));
  EXPECT_EQ(params(R"("policy":"SCHED_BATCH","priority":19)"),
            policy::Params(FairParams{19, true, false, 0}));
  EXPECT_EQ(params(R"("policy":"SCHED_IDLE")"), policy::Params(FairParams{0, false, true, 0}));
  EXPECT_EQ(params(R"("policy":"SCHED_FIFO")"), policy::Params(RealtimeParams{10, false}));
  // The order of the keys does not matter.
  EXPECT_EQ(params(R"("priority":99,"policy":"SCHED_RR")"),
            policy::Params(RealtimeParams{99, true}));
  EXPECT_EQ(params(R"("policy":"SCHED_OTHER","dl-runtime":1500)"),
            policy::Params(FairParams{0, false, false, 1'500'000}));
}

TEST(Read, DefaultPolicyAppliesWhereverItStands) {
  const Workload w = read(R"({"tasks":{"a":{"run":1},"b":{"run":1,"policy":"SCHED_OTHER"}},
                              "global":{"default_policy":"SCHED_RR"}})");
  EXPECT_EQ(w.tasks[0].params, policy::Params(RealtimeParams{10, true}));
  EXPECT_EQ(w.tasks[1].params, policy::Params(FairParams{}));
}

TEST(Read, PhasesSetOnlyWhatTheySay) {
  const Workload w = read_task(R"("priority":5, "cpus":[1], "phases":{
      "a":{"run":1}, "b":{"priority":-3,"run":1}, "c":{"policy":"SCHED_FIFO","cpus":[0,2],"run":1},
      "d":{"priority":40,"run":1}, "e":{"dl-runtime":100,"policy":"SCHED_OTHER","run":1},
      "f":{"priority":2,"run":1}})");
  const auto& phases = w.tasks[0].phases;
  EXPECT_FALSE(phases[0].params);
  EXPECT_FALSE(phases[0].cpus);
  EXPECT_EQ(*phases[1].params, policy::Params(FairParams{-3, false, false, 0}));
  EXPECT_EQ(*phases[2].params, policy::Params(RealtimeParams{10, false}));
  EXPECT_EQ(phases[2].cpus->count(), 2);
  // A priority alone belongs to the policy in force there, and a slice stays.
  EXPECT_EQ(*phases[3].params, policy::Params(RealtimeParams{40, false}));
  EXPECT_EQ(*phases[4].params, policy::Params(FairParams{0, false, false, 100'000}));
  EXPECT_EQ(*phases[5].params, policy::Params(FairParams{2, false, false, 100'000}));
}

TEST(Read, CpusDelayAndHighestCpu) {
  const Workload w = read(R"({"tasks":{"a":{"run":1,"cpus":[0,3,3],"delay":250},
                                       "b":{"phases":{"p":{"cpus":[5],"run":1}}}}})");
  EXPECT_EQ(w.tasks[0].cpus->count(), 2);
  EXPECT_TRUE(w.tasks[0].cpus->has(3));
  EXPECT_EQ(w.tasks[0].delay_ns, 250'000);
  EXPECT_FALSE(w.tasks[1].cpus);
  EXPECT_EQ(w.highest_cpu, 5);
  EXPECT_EQ(read_task("\"run\":1").highest_cpu, -1);
}

TEST(Read, InstancesGetNumberedNames) {
  const Workload w = read(R"({"tasks":{"a":{"run":1,"instance":3},"b":{"run":1,"instance":1},
                                       "template":{"run":1,"instance":0},"c":{"run":1}}})");
  std::vector<std::string> names;
  for (const TaskSpec& task : w.tasks) names.push_back(task.name);
  EXPECT_EQ(names, (std::vector<std::string>{"a-0", "a-1", "a-2", "b", "c"}));
}

TEST(Read, TimersAreSharedByNameOrUnique) {
  const Workload w = read(R"({"tasks":{
      "a":{"run":1,"timer":{"ref":"tick","period":10}, "timer2":{"ref":"uniqueA","period":20}},
      "b":{"run":1,"timer":{"ref":"tick","period":30}, "timer2":{"ref":"unique","period":40}},
      "c":{"run":1,"timer":{"period":50}}}})");
  ASSERT_EQ(w.timers.size(), 4u);
  EXPECT_EQ(w.timers[0].name, "tick");
  EXPECT_FALSE(w.timers[0].unique);
  EXPECT_TRUE(w.timers[1].unique);
  EXPECT_TRUE(w.timers[2].unique);
  EXPECT_EQ(w.timers[3].name, "unknown");
  EXPECT_EQ(program(w.tasks[1].phases[0]), "run 1000 | timer 0 30000 | timer 2 40000");
}

TEST(Read, TheModeBelongsToTheTimer) {
  // Shared: one event that says absolute makes all uses absolute. Unique: those of its task.
  const Workload w = read(R"({"tasks":{
      "a":{"run":1,"timer":{"ref":"tick","period":10}, "timer2":{"ref":"unique","period":20}},
      "b":{"run":1,"timer":{"ref":"tick","period":10,"mode":"absolute"}},
      "c":{"run":1,"timer":{"ref":"unique","period":10},
           "timer2":{"ref":"unique","period":30,"mode":"absolute"}},
      "d":{"run":1,"timer":{"ref":"other","period":10,"mode":"relative"}}}})");
  EXPECT_EQ(program(w.tasks[0].phases[0]), "run 1000 | absolute timer 0 10000 | timer 1 20000");
  EXPECT_EQ(program(w.tasks[2].phases[0]),
            "run 1000 | absolute timer 1 10000 | absolute timer 1 30000");
  EXPECT_EQ(program(w.tasks[3].phases[0]), "run 1000 | timer 2 10000");
}

TEST(Read, GlobalSettings) {
  const Workload w = read(R"({"tasks":{"t":{"run":1}}, "global":{"duration":2.25,"pi_enabled":true,
      "px":{"cpus":4,"lock_protocol":"inherit","slice_us":1500,"placement":"owner",
            "llc_cpus":2,"migration_cost_us":250}}})");
  EXPECT_EQ(w.duration_ns, 2'250'000'000);
  EXPECT_TRUE(w.pi_enabled);
  EXPECT_EQ(w.cpus, 4);
  EXPECT_EQ(w.lock_protocol, Protocol::kInherit);
  EXPECT_EQ(w.slice_ns, 1'500'000);
  EXPECT_EQ(w.llc_cpus, 2);
  EXPECT_EQ(w.migration_cost_ns, 250'000);
  EXPECT_TRUE(w.notes.empty());
  const Workload bare = read_task("\"run\":1");
  EXPECT_EQ(bare.duration_ns, -1);
  EXPECT_FALSE(bare.pi_enabled);
  EXPECT_FALSE(bare.cpus);
  EXPECT_FALSE(bare.lock_protocol);
  EXPECT_EQ(bare.slice_ns, 0);
  EXPECT_EQ(read(R"({"global":{"duration":-1},"tasks":{"t":{"run":1}}})").duration_ns, -1);
}

TEST(Read, Resources) {
  const Workload w =
      read(R"({"tasks":{"t":{"loop":1,"lock":"b","lock":"c","unlock":"c","unlock":"b"}},
      "resources":{"a":{"type":"mutex"},"b":{"type":"mutex","px":{"protocol":"protect","ceiling":20}},
                   "w":{"type":"wait"},"s":{"type":"signal","target":"w"}}})");
  ASSERT_EQ(w.locks.size(), 3u);
  EXPECT_EQ(w.locks[0].name, "a");
  EXPECT_FALSE(w.locks[0].protocol);
  EXPECT_EQ(w.locks[1].name, "b");
  EXPECT_EQ(w.locks[1].protocol, Protocol::kProtect);
  EXPECT_EQ(w.locks[1].ceiling, 20);
  EXPECT_EQ(w.locks[2].name, "c");
  EXPECT_EQ(program(w.tasks[0].phases[0]), "lock 1 | lock 2 | unlock 2 | unlock 1");
  EXPECT_EQ(w.notes,
            (std::vector<std::string>{
                "w.json:3:20: ignored a resource of type \"wait\": only mutexes are declared "
                "here",
                "w.json:3:40: ignored a resource of type \"signal\": only mutexes are "
                "declared here"}));
}

TEST(Read, IgnoresUnknownKeysWithOneNoteEach) {
  const Workload w = read(R"({"colour":1,
      "global":{"calibration":"CPU0","logdir":"./","verbose":2},
      "tasks":{"a":{"run":1,"taskgroup":"/x","util_min":3},
               "b":{"taskgroup":"/y","phases":{"p":{"run":1,"delay":5}}},
               "c":{"run":1,"loop":2,"loop":3,"timer":{"ref":"r","period":5,"slack":1}},
               "d":{"run":1,"phases":{"p":{"run":2}}}},
      "resources":7})");
  EXPECT_EQ(w.notes,
            (std::vector<std::string>{
                "w.json:2:52: ignored the unknown key \"verbose\" of \"global\"",
                "w.json:7:19: ignored \"resources\": not an object",
                "w.json:3:29: ignored the unknown key \"taskgroup\" of a task (2 times)",
                "w.json:3:46: ignored the unknown key \"util_min\" of a task",
                "w.json:4:61: ignored the unknown key \"delay\" of a phase",
                "w.json:5:29: ignored an earlier \"loop\" of task \"c\": the last one counts",
                "w.json:5:77: ignored the unknown key \"slack\" of a timer",
                "w.json:6:21: ignored the event \"run\" of task \"d\": it stands beside \"phases\"",
                "w.json:1:2: ignored the unknown key \"colour\" of the workload"}));
  EXPECT_EQ(w.tasks[2].phases[0].loop, 3);
  EXPECT_EQ(program(w.tasks[3].phases[0]), "run 2000");
}

TEST(Read, OfASettingGivenTwiceTheLastCounts) {
  const Workload w = read(R"({"tasks":{"t":{"run":1}},
      "global":{"duration":1,"duration":2}, "global":{"pi_enabled":true,"px":{"cpus":1}},
      "global":{"px":{"cpus":2}}})");
  EXPECT_EQ(w.duration_ns, 2 * kSecond);
  EXPECT_TRUE(w.pi_enabled);
  EXPECT_EQ(w.cpus, 2);
  EXPECT_EQ(w.notes,
            (std::vector<std::string>{
                "w.json:2:30: replaced an earlier \"duration\" of \"global\": the last one "
                "counts",
                "w.json:3:23: replaced an earlier \"cpus\" of \"global\" \"px\": the last one "
                "counts"}));
}

TEST(Read, NamesMayBeAnyText) {
  const Workload w = read(
      "{\"tasks\":{\"Aufgabe \xc3\xa4 \\u2713\":{\"lock\":\"m \\\" x\",\"run\":1,"
      "\"unlock\":\"m \\\" x\"}}}");
  EXPECT_EQ(w.tasks[0].name, "Aufgabe \xc3\xa4 \u2713");
  EXPECT_EQ(w.locks[0].name, "m \" x");
}

// A file of this test under the test's temporary folder.
class TemporaryFile {
 public:
  TemporaryFile(const std::string& name, const std::string& text)
      : path_(testing::TempDir() + "px_read_test_" + name) {
    std::ofstream(path_, std::ios::binary) << text;
  }
  ~TemporaryFile() { std::filesystem::remove(path_); }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

std::string error_of(const std::vector<std::string>& paths) {
  try {
    static_cast<void>(read_files(paths));
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(ReadFiles, SeveralFilesAreOneWorkload) {
  const TemporaryFile tasks("tasks.json", R"({"tasks":{"a":{"lock":"m","run":1,"unlock":"m"}}})");
  const TemporaryFile more("more.json", R"({"tasks":{"b":{"lock":"n","lock":"m","run":1,
      "unlock":"m","unlock":"n"}}, "global":{"duration":1}})");
  const TemporaryFile global("global.json",
                             R"({"global":{"duration":3,"default_policy":"SCHED_FIFO"},
      "resources":{"m":{"type":"mutex","px":{"protocol":"none"}}}})");
  const Workload w = read_files({tasks.path(), more.path(), global.path()});
  ASSERT_EQ(w.tasks.size(), 2u);
  EXPECT_EQ(w.tasks[0].name, "a");
  EXPECT_EQ(w.tasks[1].name, "b");
  EXPECT_EQ(w.tasks[1].place.file, 1);
  EXPECT_EQ(w.tasks[0].params, policy::Params(RealtimeParams{10, false}));
  ASSERT_EQ(w.locks.size(), 2u);
  EXPECT_EQ(w.locks[0].name, "m");
  EXPECT_EQ(w.locks[0].protocol, Protocol::kNone);
  EXPECT_EQ(program(w.tasks[1].phases[0]), "lock 1 | lock 0 | run 1000 | unlock 0 | unlock 1");
  EXPECT_EQ(w.duration_ns, 3 * kSecond);
  EXPECT_EQ(w.files.size(), 3u);
  EXPECT_EQ(w.notes,
            (std::vector<std::string>{global.path() +
                                      ":1:12: replaced an earlier \"duration\" of \"global\": the "
                                      "last one counts"}));
}

TEST(ReadFiles, ATaskOfTwoFilesIsAnError) {
  const TemporaryFile one("one.json", R"({"tasks":{"x":{"run":1}}})");
  const TemporaryFile two("two.json", "{\"tasks\":\n{\"x\":{\"run\":1}}}");
  EXPECT_EQ(error_of({one.path(), two.path()}),
            two.path() +
                ":2:2: found a second task named \"x\", expected unique names: the first is " +
                one.path() + ":1:11");
}

TEST(ReadFiles, NamesWhatCannotBeRead) {
  const std::string folder = testing::TempDir();
  EXPECT_EQ(error_of({folder}), folder + ":1:1: found a folder, expected a workload file");
  const std::string missing = folder + "px_read_test_no_such_file.json";
  EXPECT_EQ(error_of({missing}), missing +
                                     ":1:1: found no readable file (No such file or directory), "
                                     "expected a workload file");
  const TemporaryFile empty("empty.json", "");
  EXPECT_EQ(
      error_of({empty.path()}),
      empty.path() + ":1:1: found the end of the file, expected '{': a workload is an object");
}

TEST(ReadFiles, RefusesAFileThatIsTooLong) {
  const TemporaryFile huge("huge.json", std::string(kMaxJsonBytes + 1, ' '));
  EXPECT_EQ(error_of({huge.path()}),
            huge.path() + ":1:1: found more than 67108864 bytes, expected fewer");
}

TEST(Read, HoldsAMillionTasksAndNoMore) {
  EXPECT_EQ(read_task(R"("run":1,"instance":100000)").tasks.back().name, "t-99999");
  try {
    static_cast<void>(read(R"({"tasks":{"a":{"run":1,"instance":0},"b":{"run":1,"instance":2},
        "c":{"run":1,"instance":999999}}})"));
    FAIL() << "a workload that is too large was accepted";
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "w.json:2:9: found more than 1000000 tasks, expected at most that");
  }
}

}  // namespace
}  // namespace px::workload
