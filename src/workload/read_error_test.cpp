// Goal: every mistake in a workload is one line that names file, line and column, says what was
// found and what was expected. Method: a table of workloads, each with one mistake, and the exact
// lines.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "workload/read.hpp"

namespace px::workload {
namespace {

std::string error_of(const std::string& text) {
  try {
    static_cast<void>(read_text(text, "w.json"));
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

struct Wrong {
  std::string text;
  std::string error;
};

void expect_errors(const std::vector<Wrong>& table) {
  for (const Wrong& wrong : table) EXPECT_EQ(error_of(wrong.text), wrong.error) << wrong.text;
}

// One task "t" with these members, which begin at line 1, column 17.
std::string task(const std::string& members) { return "{\"tasks\":{\"t\":{" + members + "}}}"; }
// One runnable task and this member at the top, which begins at line 2, column 1.
std::string beside(const std::string& member) {
  return "{\"tasks\":{\"t\":{\"run\":1}},\n" + member + "}";
}

TEST(ReadErrors, Structure) {
  expect_errors({
      {"{}",
       "w.json:1:1: found no task, expected \"tasks\" with at least one task of one instance"},
      {"{\"tasks\":{}}",
       "w.json:1:1: found no task, expected \"tasks\" with at least one task of one instance"},
      {task("\"run\":1,\"instance\":0"),
       "w.json:1:1: found no task, expected \"tasks\" with at least one task of one instance"},
      {"{\"tasks\":[]}",
       "w.json:1:10: found an array for \"tasks\", expected the tasks of the workload: an object"},
      {"{\"tasks\":{\"t\":5}}", "w.json:1:15: found 5 for \"t\", expected task \"t\": an object"},
      {"{\"tasks\":{\"t\"}}",
       "w.json:1:11: found no value for \"t\", expected task \"t\": an object"},
      {"{\"tasks\":{\"\":{\"run\":1}}}",
       "w.json:1:11: found an empty name, expected the name of a task"},
      {beside("\"global\":[]"),
       "w.json:2:10: found an array for \"global\", expected the settings of the workload: an "
       "object"},
      {task("\"phases\":[]"),
       "w.json:1:25: found an array for \"phases\", expected the phases of task \"t\": an object"},
      {task("\"phases\":{\"p\":3}"),
       "w.json:1:30: found 3 for \"p\", expected the phase \"p\" of task \"t\": an object"},
  });
}

TEST(ReadErrors, UnsupportedEventsNameEventTaskAndPlace) {
  for (const std::string event :
       {"mem", "memrun", "iorun", "signal", "broad", "wait", "sync", "barrier", "suspend", "resume",
        "yield", "fork", "sem_post", "sem_wait"}) {
    EXPECT_EQ(error_of("{\"tasks\":{\"A\":{\"run\":1,\n  \"" + event + "\":\"x\"}}}"),
              "w.json:2:3: found the event \"" + event +
                  "\" of task \"A\", expected run, runtime, sleep, timer, lock or unlock: this "
                  "version does not support " +
                  event);
  }
  expect_errors({
      {task("\"suspend\", \"run\":1"),
       "w.json:1:16: found the event \"suspend\" of task \"t\", expected run, runtime, sleep, "
       "timer, "
       "lock or unlock: this version does not support suspend"},
      {task("\"barrier7\":\"x\""),
       "w.json:1:16: found the event \"barrier7\" (barrier) of task \"t\", expected run, runtime, "
       "sleep, timer, lock or unlock: this version does not support barrier"},
      {task("\"lock_order\":[\"m\"]"),
       "w.json:1:16: found \"lock_order\" in task \"t\", expected events: the grammar of rt-app "
       "before 1.0 is not read"},
  });
}

TEST(ReadErrors, Events) {
  const std::string length =
      ", expected the length of the event \"run\" of task \"t\" in microseconds: a whole number "
      "from "
      "0 to 9223372036854775";
  expect_errors({
      {task("\"run\":-5"), "w.json:1:22: found -5 for \"run\"" + length},
      {task("\"run\":1.5"), "w.json:1:22: found 1.5 for \"run\"" + length},
      {task("\"run\":\"5\""), "w.json:1:22: found \"5\" for \"run\"" + length},
      {task("\"run\":{}"), "w.json:1:22: found an object for \"run\"" + length},
      {task("\"run\":null"), "w.json:1:22: found null for \"run\"" + length},
      {task("\"run\""), "w.json:1:16: found no value for \"run\"" + length},
      {task("\"run\":9223372036854776"),
       "w.json:1:22: found 9223372036854776 for \"run\"" + length},
      {task("\"run\":99999999999999999999"),
       "w.json:1:22: found 99999999999999999999 for \"run\"" + length},
      {task("\"lock\":5"),
       "w.json:1:23: found 5 for \"lock\", expected the mutex for the event "
       "\"lock\" of task \"t\": a string"},
      {task("\"lock\":\"\""),
       "w.json:1:23: found \"\" for \"lock\", expected the mutex for the event "
       "\"lock\" of task \"t\": a string that is not empty"},
      {task("\"timer\":5"),
       "w.json:1:24: found 5 for \"timer\", expected the event \"timer\" of task "
       "\"t\": an object"},
      {task("\"timer\":{\"ref\":\"r\"}"),
       "w.json:1:24: found a timer of task \"t\" without \"period\", expected a period in "
       "microseconds"},
      {task("\"timer\":{\"ref\":\"r\",\"period\":-1}"),
       "w.json:1:44: found -1 for \"period\", expected the period of a timer in microseconds: a "
       "whole "
       "number from 0 to 9223372036854775"},
      {task("\"timer\":{\"ref\":\"r\",\"period\":1,\"mode\":\"abs\"}"),
       "w.json:1:53: found \"abs\" for \"mode\", expected the mode \"relative\" or \"absolute\""},
      {task("\"timer\":{\"ref\":\"r\",\"period\":1,\"mode\":\"absolute\"},"
            "\"timer\":{\"ref\":\"r\",\"period\":1,\"mode\":\"relative\"}"),
       "w.json:1:102: found \"relative\" for \"mode\", expected one mode for all uses of the timer "
       "\"r\": \"absolute\" is given at w.json:1:53"},
  });
}

TEST(ReadErrors, Attributes) {
  expect_errors({
      {task("\"run\":1,\"loop\":0"),
       "w.json:1:31: found 0 for \"loop\", expected a loop count of task \"t\": -1 for ever, or at "
       "least 1"},
      {task("\"run\":1,\"loop\":-2"),
       "w.json:1:31: found -2 for \"loop\", expected a loop count of task \"t\", -1 for ever: a "
       "whole "
       "number from -1 to 9223372036854775807"},
      {task("\"run\":1,\"delay\":-1"),
       "w.json:1:32: found -1 for \"delay\", expected the delay of task \"t\" in microseconds: a "
       "whole number from 0 to 9223372036854775"},
      {task("\"run\":1,\"instance\":1000001"),
       "w.json:1:35: found 1000001 for \"instance\", expected the number of instances of task "
       "\"t\": "
       "a whole number from 0 to 1000000"},
      {task("\"run\":1,\"cpus\":3"),
       "w.json:1:31: found 3 for \"cpus\", expected the CPUs of task \"t\": an array of CPU "
       "numbers"},
      {task("\"run\":1,\"cpus\":[]"),
       "w.json:1:31: found no CPU, expected the CPUs of task \"t\": an array of CPU numbers, at "
       "least "
       "one"},
      {task("\"run\":1,\"cpus\":[0,1024]"),
       "w.json:1:34: found 1024, expected a CPU number: a whole number from 0 to 1023"},
      {task("\"run\":1,\"cpus\":[-1]"),
       "w.json:1:32: found -1, expected a CPU number: a whole number from 0 to 1023"},
      {task("\"run\":1,\"priority\":20"),
       "w.json:1:35: found 20 for \"priority\", expected the nice level of task \"t\": a whole "
       "number "
       "from -20 to 19"},
      {task("\"run\":1,\"priority\":0,\"policy\":\"SCHED_FIFO\""),
       "w.json:1:35: found 0 for \"priority\", expected the realtime priority of task \"t\": a "
       "whole "
       "number from 1 to 99"},
      {task("\"run\":1,\"policy\":\"SCHED_FIFI\""),
       "w.json:1:33: found \"SCHED_FIFI\" for \"policy\", expected \"SCHED_OTHER\", "
       "\"SCHED_BATCH\", "
       "\"SCHED_IDLE\", \"SCHED_FIFO\", \"SCHED_RR\" or \"SCHED_DEADLINE\"; did you mean "
       "\"SCHED_FIFO\"?"},
      {task("\"run\":1,\"policy\":\"SCHED_DEADLINE\""),
       "w.json:1:24: found SCHED_DEADLINE in task \"t\" without a runtime, expected "
       "\"dl-runtime\" above 0, in microseconds"},
      {task("\"run\":1,\"policy\":\"SCHED_DEADLINE\",\"dl-runtime\":5,\"dl-period\":4"),
       "w.json:1:50: found task \"t\": runtime 5, deadline 4, period 4 us, expected 0 < "
       "dl-runtime <= dl-deadline <= dl-period <= 8796 s"},
      {task("\"run\":1,\"policy\":\"SCHED_DEADLINE\",\"dl-runtime\":5,\"priority\":4"),
       "w.json:1:76: found 4 for \"priority\", expected the priority of a SCHED_DEADLINE task, 0, "
       "or none: a whole number from 0 to 0"},
      {task("\"run\":1,\"dl-period\":5"),
       "w.json:1:24: found \"dl-period\" in task \"t\", expected it only with SCHED_DEADLINE"},
      {task("\"run\":1,\"dl-deadline\":5"),
       "w.json:1:24: found \"dl-deadline\" in task \"t\", expected it only with SCHED_DEADLINE"},
      {task("\"run\":1,\"dl-runtime\":5,\"policy\":\"SCHED_RR\""),
       "w.json:1:24: found \"dl-runtime\" in task \"t\", expected it only with SCHED_DEADLINE, "
       "or with SCHED_OTHER or SCHED_BATCH as the slice"},
      {task("\"phases\":{\"p\":{\"run\":1,\"policy\":\"SCHED_RR\"},\"q\":{\"run\":1,\"priority\":0}"
            "}"),
       "w.json:1:84: found 0 for \"priority\", expected the realtime priority of task \"t\": a "
       "whole "
       "number from 1 to 99"},
  });
}

TEST(ReadErrors, Global) {
  const std::string seconds =
      ", expected a duration in seconds: a number above 0, or -1 to run until every task has ended";
  expect_errors({
      {beside("\"global\":{\"duration\":0}"), "w.json:2:22: found 0 for \"duration\"" + seconds},
      {beside("\"global\":{\"duration\":-2}"), "w.json:2:22: found -2 for \"duration\"" + seconds},
      {beside("\"global\":{\"duration\":\"1\"}"),
       "w.json:2:22: found \"1\" for \"duration\"" + seconds},
      {beside("\"global\":{\"duration\":1e-10}"),
       "w.json:2:22: found 1e-10 for \"duration\", expected a duration in seconds with at most 9 "
       "decimals (nanoseconds)"},
      {beside("\"global\":{\"duration\":1e10}"),
       "w.json:2:22: found 1e10 for \"duration\", expected a duration in seconds, at most "
       "9223372036"},
      {beside("\"global\":{\"pi_enabled\":1}"),
       "w.json:2:24: found 1 for \"pi_enabled\", expected true or false"},
      {beside("\"global\":{\"default_policy\":\"SCHED_DEADLINE\"}"),
       "w.json:1:11: found SCHED_DEADLINE in task \"t\" without a runtime, expected "
       "\"dl-runtime\" above 0, in microseconds"},
  });
}

TEST(ReadErrors, Px) {
  expect_errors({
      {beside("\"global\":{\"px\":{\"cpu\":1}}"),
       "w.json:2:17: found \"cpu\" in the \"px\" of \"global\", expected \"admission_percent\", "
       "\"cpus\", \"llc_cpus\", \"lock_protocol\", \"migration_cost_us\", \"placement\", "
       "\"reclaim\" or \"slice_us\"; did you mean \"cpus\"?"},
      {beside("\"global\":{\"px\":{\"expect\":{}}}"),
       "w.json:2:17: found \"expect\" in the \"px\" of \"global\", expected \"admission_percent\", "
       "\"cpus\", \"llc_cpus\", \"lock_protocol\", \"migration_cost_us\", \"placement\", "
       "\"reclaim\" or \"slice_us\""},
      {beside("\"global\":{\"px\":{\"cpus\":1,\"cpus\":2}}"),
       "w.json:2:26: found \"cpus\" twice in the \"px\" of \"global\", expected it once"},
      {beside("\"global\":{\"px\":5}"),
       "w.json:2:16: found 5 for \"px\", expected the px settings of the workload: an object"},
      {beside("\"global\":{\"px\":{\"cpus\":0}}"),
       "w.json:2:24: found 0 for \"cpus\", expected the number of CPUs: a whole number from 1 to "
       "1024"},
      {beside("\"global\":{\"px\":{\"lock_protocol\":\"prxy\"}}"),
       "w.json:2:33: found \"prxy\" for \"lock_protocol\", expected the lock protocol \"none\", "
       "\"inherit\", \"protect\" or \"proxy\"; did you mean \"proxy\"?"},
      {beside("\"global\":{\"px\":{\"slice_us\":0}}"),
       "w.json:2:28: found 0 for \"slice_us\", expected the fair slice in microseconds: a whole "
       "number "
       "from 1 to 9223372036854775"},
      {beside("\"global\":{\"px\":{\"placement\":\"donor\"}}"),
       "w.json:2:29: found \"donor\" for \"placement\", expected \"owner\": this version does not "
       "support the placement \"donor\""},
      {beside("\"global\":{\"px\":{\"placement\":\"here\"}}"),
       "w.json:2:29: found \"here\" for \"placement\", expected the placement \"owner\""},
      {beside("\"px\":{\"cpus\":1}"),
       "w.json:2:7: found \"cpus\" in the \"px\" of the workload (its place is in \"global\"), "
       "expected no key: this version has no px settings there"},
      {task("\"run\":1,\"px\":{\"group\":\"g\"}"),
       "w.json:1:30: found \"group\" in the \"px\" of task \"t\", expected no key: this version "
       "has no "
       "px settings there"},
      {task("\"phases\":{\"p\":{\"run\":1,\"px\":{\"x\":1}}}"),
       "w.json:1:45: found \"x\" in the \"px\" of the phase \"p\" of task \"t\", expected no key: "
       "this "
       "version has no px settings there"},
      {task("\"timer\":{\"period\":1,\"px\":{\"x\":1}}"),
       "w.json:1:42: found \"x\" in the \"px\" of a timer, expected no key: this version has no px "
       "settings there"},
      {beside("\"resources\":{\"m\":{\"px\":{\"prio\":1}}}"),
       "w.json:2:25: found \"prio\" in the \"px\" of the resource \"m\", expected \"ceiling\" or "
       "\"protocol\""},
      {beside("\"resources\":{\"m\":{\"px\":{\"ceiling\":0}}}"),
       "w.json:2:35: found 0 for \"ceiling\", expected a realtime priority: a whole number from 1 "
       "to "
       "99"},
      {beside("\"resources\":{\"m\":{\"type\":\"wait\",\"px\":{}}}"),
       "w.json:2:33: found \"px\" in a resource of type \"wait\", expected type \"mutex\""},
      {beside("\"resources\":{\"m\":5}"),
       "w.json:2:18: found 5 for \"m\", expected the resource \"m\": an object"},
  });
}

TEST(ReadErrors, NamesThatCollide) {
  expect_errors({
      {"{\"tasks\":{\"a\":{\"run\":1},\n\"a\":{\"run\":2}}}",
       "w.json:2:1: found a second task named \"a\", expected unique names: the first is "
       "w.json:1:11"},
      {"{\"tasks\":{\"a-1\":{\"run\":1},\n\"a\":{\"run\":2,\"instance\":2}}}",
       "w.json:2:1: found a second task named \"a-1\", expected unique names: the first is "
       "w.json:1:11"},
  });
}

TEST(ReadErrors, AMessageStaysOneShortLine) {
  const std::string error = error_of(task("\"run\":\"" + std::string(5000, 'x') + "\\n\""));
  EXPECT_EQ(error.find('\n'), std::string::npos);
  EXPECT_LT(error.size(), 300u);
}

}  // namespace
}  // namespace px::workload
