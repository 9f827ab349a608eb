// Goal: the interpreter carries out a program as rt-app does (delays, timers, loops, attributes,
// the end of a run) and reports the jobs that the contract defines. Method: a port with a virtual
// clock that writes down every call; runs take exactly their amount plus what the test adds.
#include "workload/interpreter.hpp"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "workload/read.hpp"

namespace px::workload {
namespace {

class FakePort {
 public:
  explicit FakePort(const Workload& workload) : workload_(workload) {}

  Nanos now() { return now_; }
  bool stopping() { return now_ >= stop_at; }
  void apply(const policy::Params& params, const std::optional<CpuMask>& cpus) {
    std::string text = "apply ";
    if (const auto* fair = std::get_if<policy::FairParams>(&params)) {
      text += "nice " + std::to_string(fair->nice);
    } else {
      text += "rt " + std::to_string(std::get<policy::RealtimeParams>(params).priority);
    }
    text += " cpus";
    for (int cpu = cpus ? cpus->next(-1) : -1; cpu >= 0; cpu = cpus->next(cpu)) {
      text.append(1, ' ').append(std::to_string(cpu));
    }
    write(text);
  }
  void before_op(const Op&) {
    ++ops;
    now_ += wait_before_op;
  }
  void run(Nanos amount) {
    write("run " + std::to_string(amount / 1000));
    const auto extra = extra_of_run.find(++runs_);
    const Nanos end = now_ + amount + (extra == extra_of_run.end() ? 0 : extra->second);
    // A run that is stopped returns early, at the instant of the stop.
    now_ = now_ < stop_at && end > stop_at ? stop_at : end;
  }
  void run_wall(Nanos amount) {
    write("wall " + std::to_string(amount / 1000));
    now_ += amount;
  }
  void sleep_until(Nanos time) {
    write("sleep to " + std::to_string(time / 1000));
    if (time > now_) now_ = time < stop_at || now_ >= stop_at ? time : stop_at;
  }
  bool lock(const Op& op) {
    write("lock " + workload_.locks[op.index].name);
    return workload_.locks[op.index].name != refused;
  }
  void unlock(const Op& op) { write("unlock " + workload_.locks[op.index].name); }

  std::vector<std::string> calls;
  int ops = 0;
  Nanos stop_at = kNever;
  Nanos wait_before_op = 0;
  std::map<int, Nanos> extra_of_run;  // n-th run -> time in which it did not execute
  std::string refused;                // the lock whose wait ends in a deadlock

 private:
  // Each call with its instant in microseconds.
  void write(const std::string& text) {
    calls.push_back(std::to_string(now_ / 1000) + ": " + text);
  }

  const Workload& workload_;
  Nanos now_ = 0;
  int runs_ = 0;
};
static_assert(TaskPort<FakePort>);

// One run of the first task of a workload.
struct Scene {
  explicit Scene(const std::string& members)
      : workload(read_text("{\"tasks\":{\"t\":{" + members + "}}}", "w.json")),
        port(workload),
        timers(workload),
        jobs(workload.tasks[0]) {}

  std::vector<std::string> run() {
    run_task(workload, workload.tasks[0], timers, port, jobs);
    return port.calls;
  }
  // "release start finish deadline" of each job in microseconds, "-" for none, "!" for missed.
  std::vector<std::string> jobs_at(Nanos end) {
    jobs.finalize(end);
    std::vector<std::string> out;
    const auto text = [](const std::optional<Nanos>& time) {
      return time ? std::to_string(*time / 1000) : std::string("-");
    };
    for (const trace::Job& job : jobs.take()) {
      std::string line = text(job.release_ns);
      for (const auto& time : {job.start_ns, job.finish_ns, job.deadline_ns}) {
        line.append(1, ' ').append(text(time));
      }
      if (job.missed) line.push_back('!');
      out.push_back(line);
    }
    return out;
  }

  Workload workload;
  FakePort port;
  TimerBank timers;
  JobLog jobs;
};

using Lines = std::vector<std::string>;

TEST(Interpreter, CarriesOutEveryOperation) {
  Scene scene(R"("loop":1,"delay":5,"lock":"m","run":10,"unlock":"m","sleep":20,"runtime":3)");
  EXPECT_EQ(scene.run(), (Lines{"0: sleep to 5", "5: lock m", "5: run 10", "15: unlock m",
                                "15: sleep to 35", "35: wall 3"}));
  EXPECT_EQ(scene.port.ops, 5);
  EXPECT_EQ(scene.jobs_at(kSecond), (Lines{"5 5 38 -"}));
}

TEST(Interpreter, AmountsOfZeroAreNotPassedOn) {
  Scene scene(R"("loop":1,"run":0,"runtime":0,"sleep":0,"run":1)");
  EXPECT_EQ(scene.run(), (Lines{"0: run 1"}));
  EXPECT_EQ(scene.port.ops, 4);
}

TEST(Interpreter, LoopsOfTheOnlyPhaseAreJobs) {
  Scene scene(R"("loop":3,"run":2,"sleep":1)");
  scene.run();
  EXPECT_EQ(scene.jobs_at(kSecond), (Lines{"0 0 3 -", "3 3 6 -", "6 6 9 -"}));
}

TEST(Interpreter, WithPhasesARoundOfTheTaskIsOneJob) {
  Scene scene(R"("loop":2,"phases":{"a":{"loop":2,"run":1},"b":{"run":5}})");
  EXPECT_EQ(scene.run(),
            (Lines{"0: run 1", "1: run 1", "2: run 5", "7: run 1", "8: run 1", "9: run 5"}));
  EXPECT_EQ(scene.jobs_at(kSecond), (Lines{"0 0 7 -", "7 7 14 -"}));
}

TEST(Interpreter, RelativeTimers) {
  // The third run takes 15 longer than its period allows: a miss, after which the timer counts from
  // the instant at which the task went on.
  Scene scene(R"("loop":5,"delay":100,"run":4,"timer":{"ref":"unique","period":10})");
  scene.port.extra_of_run = {{3, 15'000}};
  EXPECT_EQ(scene.run(), (Lines{"0: sleep to 100", "100: run 4", "104: sleep to 110", "110: run 4",
                                "114: sleep to 120", "120: run 4", "139: run 4",
                                "143: sleep to 149", "149: run 4", "153: sleep to 159"}));
  EXPECT_EQ(scene.jobs_at(kSecond), (Lines{"100 100 104 110", "110 110 114 120", "120 120 139 130!",
                                           "139 139 143 149", "149 149 153 159"}));
}

TEST(Interpreter, AbsoluteTimersCatchUp) {
  Scene scene(R"("loop":5,"run":4,"timer":{"ref":"unique","period":10,"mode":"absolute"})");
  scene.port.extra_of_run = {{2, 15'000}};
  EXPECT_EQ(scene.run(), (Lines{"0: run 4", "4: sleep to 10", "10: run 4", "29: run 4", "33: run 4",
                                "37: sleep to 40", "40: run 4", "44: sleep to 50"}));
  EXPECT_EQ(scene.jobs_at(kSecond),
            (Lines{"0 0 4 10", "10 10 29 20!", "20 29 33 30!", "30 33 37 40", "40 40 44 50"}));
}

TEST(Interpreter, ATimerThatIsDueNowIsAMissThatCostsNothing) {
  Scene scene(R"("loop":2,"run":10,"timer":{"ref":"unique","period":10})");
  EXPECT_EQ(scene.run(), (Lines{"0: run 10", "10: run 10"}));
  EXPECT_EQ(scene.jobs_at(kSecond), (Lines{"0 0 10 10", "10 10 20 20"}));
}

TEST(Interpreter, TheFirstUseOfATimerCountsFromTheDelay) {
  // The phase before the timer takes longer than the period: the first use is already missed.
  Scene scene(R"("loop":1,"delay":5,"phases":{"a":{"run":30},
                 "b":{"loop":2,"timer":{"ref":"unique","period":20},"run":1}})");
  EXPECT_EQ(scene.run(),
            (Lines{"0: sleep to 5", "5: run 30", "35: run 1", "36: sleep to 55", "55: run 1"}));
  EXPECT_EQ(scene.jobs_at(kSecond), (Lines{"5 5 35 25!", "35 35 36 55", "55 55 56 -"}));
}

TEST(Interpreter, ActivationsWithoutEventsAreNoJobs) {
  Scene scene(R"("loop":2,"timer":{"ref":"unique","period":5},"timer2":{"ref":"unique","period":5},
                 "run":1,"timer3":{"ref":"unique","period":5})");
  EXPECT_EQ(scene.run(),
            (Lines{"0: sleep to 5", "5: sleep to 10", "10: run 1", "11: sleep to 15",
                   "15: sleep to 20", "20: sleep to 25", "25: run 1", "26: sleep to 30"}));
  EXPECT_EQ(scene.jobs_at(kSecond), (Lines{"10 10 11 15", "25 25 26 30"}));
}

TEST(Interpreter, TheTimerThatEndsAJobGivesItsDeadline) {
  Scene scene(R"("loop":1,"phases":{"a":{"run":1,"timer":{"ref":"uniqueA","period":10}},
                 "b":{"run":1,"timer":{"ref":"uniqueB","period":30}},"c":{"run":1}})");
  scene.run();
  EXPECT_EQ(scene.jobs_at(kSecond), (Lines{"0 0 1 10", "10 10 11 40", "30 30 31 -"}));
}

TEST(Interpreter, StartsAJobWhenItsFirstEventMayBegin) {
  Scene scene(R"("loop":2,"run":1,"sleep":1)");
  scene.port.wait_before_op = 2'000;
  scene.run();
  EXPECT_EQ(scene.jobs_at(kSecond), (Lines{"0 2 6 -", "6 8 12 -"}));
}

TEST(Interpreter, TwoTasksShareATimer) {
  const Workload workload = read_text(
      R"({"tasks":{"a":{"loop":1,"run":1,"timer":{"ref":"tick","period":10}},
                   "b":{"loop":1,"run":1,"timer":{"ref":"tick","period":10}}}})",
      "w.json");
  TimerBank timers(workload);
  JobLog none;
  FakePort first(workload);
  run_task(workload, workload.tasks[0], timers, first, none);
  FakePort second(workload);
  run_task(workload, workload.tasks[1], timers, second, none);
  EXPECT_EQ(first.calls.back(), "1: sleep to 10");
  EXPECT_EQ(second.calls.back(), "1: sleep to 20");
  EXPECT_TRUE(none.take().empty());
}

TEST(Interpreter, AppliesAttributesOnlyWhenTheyChange) {
  Scene scene(R"("loop":2,"priority":1,"cpus":[2],"phases":{
      "a":{"loop":2,"run":1}, "b":{"cpus":[0,1],"run":1}, "c":{"priority":5,"run":1},
      "d":{"run":1}, "e":{"policy":"SCHED_FIFO","loop":2,"run":1}})");
  EXPECT_EQ(scene.run(),
            (Lines{"0: run 1", "1: run 1", "2: apply nice 1 cpus 0 1", "2: run 1",
                   // Leaving a phase with CPUs restores the task's; the parameters stay.
                   "3: apply nice 5 cpus 2", "3: run 1", "4: run 1", "5: apply rt 10 cpus 2",
                   "5: run 1", "6: run 1",
                   // The second round begins with what the first one left.
                   "7: run 1", "8: run 1", "9: apply rt 10 cpus 0 1", "9: run 1",
                   "10: apply nice 5 cpus 2", "10: run 1", "11: run 1", "12: apply rt 10 cpus 2",
                   "12: run 1", "13: run 1"}));
}

TEST(Interpreter, ARefusedLockEndsTheTask) {
  Scene scene(R"("loop":1,"lock":"a","run":1,"lock":"b","run":1,"unlock":"b","unlock":"a")");
  scene.port.refused = "b";
  EXPECT_EQ(scene.run(), (Lines{"0: lock a", "0: run 1", "1: lock b"}));
  EXPECT_EQ(scene.jobs_at(1'000), (Lines{"0 0 - -"}));
}

TEST(Interpreter, StopsBeforeTheNextOperation) {
  Scene scene(R"("run":3,"sleep":4)");
  scene.port.stop_at = 10'000;
  EXPECT_EQ(scene.run(), (Lines{"0: run 3", "3: sleep to 7", "7: run 3"}));
  // The second run was still going when the run was stopped.
  EXPECT_EQ(scene.jobs_at(10'000), (Lines{"0 0 7 -", "7 7 - -"}));
}

TEST(Interpreter, CountsNoOperationThatTheStopCutShort) {
  Scene scene(R"("run":6,"timer":{"ref":"unique","period":8})");
  scene.port.stop_at = 20'000;
  EXPECT_EQ(scene.run(),
            (Lines{"0: run 6", "6: sleep to 8", "8: run 6", "14: sleep to 16", "16: run 6"}));
  EXPECT_EQ(scene.jobs_at(20'000), (Lines{"0 0 6 8", "8 8 14 16", "16 16 - 24"}));
}

TEST(Interpreter, StopsDuringATimersSleep) {
  Scene scene(R"("run":6,"timer":{"ref":"unique","period":10})");
  scene.port.stop_at = 18'000;
  scene.run();
  // The job of 20 was released by nobody.
  EXPECT_EQ(scene.jobs_at(18'000), (Lines{"0 0 6 10", "10 10 16 20"}));
}

TEST(Interpreter, AStopBeforeTheFirstOperationRunsNothing) {
  Scene scene(R"("delay":50,"run":6)");
  scene.port.stop_at = 20'000;
  EXPECT_EQ(scene.run(), (Lines{"0: sleep to 50"}));
  EXPECT_EQ(scene.port.ops, 0);
  EXPECT_TRUE(scene.jobs_at(20'000).empty());
}

TEST(Interpreter, GivesUpItsLocksWhenStopped) {
  Scene scene(R"("lock":"a","run":5,"lock":"b","run":5,"sleep":9,"unlock":"b","run":1,"unlock":"a",
                 "run":9)");
  scene.port.stop_at = 7'000;
  EXPECT_EQ(scene.run(), (Lines{"0: lock a", "0: run 5", "5: lock b", "5: run 5", "7: unlock b",
                                "7: unlock a"}));
  EXPECT_EQ(scene.port.ops, 6);
  EXPECT_EQ(scene.jobs_at(7'000), (Lines{"0 0 - -"}));
}

TEST(Interpreter, TakesFurtherLocksOnTheWayAsRtAppDoes) {
  Scene scene(R"("lock":"a","run":5,"lock":"b","unlock":"a","run":1,"unlock":"b")");
  scene.port.stop_at = 3'000;
  EXPECT_EQ(scene.run(),
            (Lines{"0: lock a", "0: run 5", "3: lock b", "3: unlock a", "3: unlock b"}));
}

TEST(Interpreter, GivesUpALockThatALaterPhaseUnlocks) {
  Scene scene(
      R"("phases":{"p":{"lock":"a","run":1},"q":{"loop":1000000,"run":5,"lock":"b","unlock":"b"},
                 "r":{"unlock":"a"}})");
  scene.port.stop_at = 3'000;
  EXPECT_EQ(scene.run(), (Lines{"0: lock a", "0: run 1", "1: run 5", "3: lock b", "3: unlock b",
                                "3: unlock a"}));
}

TEST(Interpreter, ALockThatIsNeverUnlockedDoesNotKeepItRunning) {
  Scene scene(R"("loop":1,"phases":{"p":{"lock":"a","run":1},"q":{"loop":-1,"run":5}})");
  scene.port.stop_at = 3'000;
  EXPECT_EQ(scene.run(), (Lines{"0: lock a", "0: run 1", "1: run 5"}));
}

TEST(Interpreter, AnEndlessPhaseMayGiveItUpInItsNextIteration) {
  Scene scene(R"("loop":1,"phases":{"p":{"lock":"a","run":1},
                 "q":{"loop":-1,"unlock":"a","lock":"b","run":9,"lock":"a","unlock":"b"}})");
  scene.port.stop_at = 5'000;
  EXPECT_EQ(scene.run(), (Lines{"0: lock a", "0: run 1", "1: unlock a", "1: lock b", "1: run 9",
                                "5: lock a", "5: unlock b", "5: unlock a"}));
}

TEST(Interpreter, ARefusedLockOnTheWayOutEndsTheTask) {
  Scene scene(R"("lock":"a","run":5,"lock":"b","unlock":"b","unlock":"a")");
  scene.port.stop_at = 3'000;
  scene.port.refused = "b";
  EXPECT_EQ(scene.run(), (Lines{"0: lock a", "0: run 5", "3: lock b"}));
}

TEST(Interpreter, ATaskWithoutEventsEndsAtOnce) {
  Scene scene(R"("loop":3)");
  EXPECT_TRUE(scene.run().empty());
  EXPECT_TRUE(scene.jobs_at(kSecond).empty());
}

TEST(Interpreter, SleepsBeyondTheEndOfTimeWithoutOverflow) {
  Scene scene(R"("loop":1,"run":1,"sleep":9223372036854775,"run":1)");
  scene.port.stop_at = 5'000;
  EXPECT_EQ(scene.run(), (Lines{"0: run 1", "1: sleep to 9223372036854775"}));
}

using InterpreterDeathTest = testing::Test;

TEST(InterpreterDeathTest, RefusesATaskOfAnotherWorkload) {
  Scene scene(R"("loop":1,"run":1)");
  const TaskSpec copy = scene.workload.tasks[0];
  EXPECT_DEATH(run_task(scene.workload, copy, scene.timers, scene.port, scene.jobs),
               "the task is not one of the workload's");
}

}  // namespace
}  // namespace px::workload
