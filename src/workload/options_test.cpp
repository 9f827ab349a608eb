// Goal: what the command line says, what the file says and what is the default, in that order.
// Method: every combination that decides a value, by hand.
#include "workload/options.hpp"

#include <gtest/gtest.h>

#include "workload/read.hpp"

namespace px::workload {
namespace {

TEST(Options, Cpus) {
  Workload workload;
  RunOptions options;
  EXPECT_EQ(cpus_of(workload, options), 1);
  workload.highest_cpu = 6;
  EXPECT_EQ(cpus_of(workload, options), 7);
  workload.cpus = 2;
  EXPECT_EQ(cpus_of(workload, options), 2);
  options.cpus = 3;
  EXPECT_EQ(cpus_of(workload, options), 3);
}

TEST(Options, Duration) {
  Workload workload;
  RunOptions options;
  EXPECT_EQ(duration_of(workload, options), -1);
  workload.duration_ns = 5;
  EXPECT_EQ(duration_of(workload, options), 5);
  options.duration_ns = -1;
  EXPECT_EQ(duration_of(workload, options), -1);
  options.duration_ns = 7;
  EXPECT_EQ(duration_of(workload, options), 7);
}

TEST(Options, Protocol) {
  Workload workload;
  RunOptions options;
  LockSpec lock;
  EXPECT_EQ(protocol_of(workload, options, lock), Protocol::kProxy);
  workload.pi_enabled = true;
  EXPECT_EQ(protocol_of(workload, options, lock), Protocol::kInherit);
  workload.lock_protocol = Protocol::kProtect;
  EXPECT_EQ(protocol_of(workload, options, lock), Protocol::kProtect);
  options.protocol = Protocol::kNone;
  EXPECT_EQ(protocol_of(workload, options, lock), Protocol::kNone);
  lock.protocol = Protocol::kInherit;
  EXPECT_EQ(protocol_of(workload, options, lock), Protocol::kInherit);
  EXPECT_EQ(protocol_in_force(workload, options), Protocol::kNone);
}

TEST(Options, WithoutProxyExecutionProxyActsAsNone) {
  Workload workload;
  RunOptions options;
  options.proxy_exec = false;
  LockSpec lock;
  EXPECT_EQ(protocol_in_force(workload, options), Protocol::kNone);
  EXPECT_EQ(protocol_of(workload, options, lock), Protocol::kNone);
  lock.protocol = Protocol::kProxy;
  EXPECT_EQ(protocol_of(workload, options, lock), Protocol::kNone);
  workload.lock_protocol = Protocol::kProxy;
  EXPECT_EQ(protocol_in_force(workload, options), Protocol::kNone);
  options.protocol = Protocol::kProxy;
  EXPECT_EQ(protocol_in_force(workload, options), Protocol::kNone);
  // The others are not proxy execution.
  workload.pi_enabled = true;
  workload.lock_protocol.reset();
  options.protocol.reset();
  EXPECT_EQ(protocol_in_force(workload, options), Protocol::kInherit);
}

TEST(Protocols, HaveNamesBothWays) {
  for (const Protocol protocol :
       {Protocol::kNone, Protocol::kInherit, Protocol::kProtect, Protocol::kProxy}) {
    EXPECT_EQ(protocol_named(name_of(protocol)), protocol);
  }
  EXPECT_FALSE(protocol_named("pip"));
  EXPECT_FALSE(protocol_named(""));
}

std::string error_of(const Workload& workload, const RunOptions& options) {
  try {
    check_options(workload, options);
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(CheckOptions, AnEndlessTaskNeedsADuration) {
  const Workload workload =
      read_text("{\"tasks\":{\"a\":{\"run\":1,\"loop\":2},\n\"b\":{\"run\":1}}}", "w.json");
  RunOptions options;
  EXPECT_EQ(
      error_of(workload, options),
      "w.json:2:1: found the endless task \"b\" in a run without a duration, expected one: give "
      "--duration");
  options.duration_ns = kSecond;
  EXPECT_EQ(error_of(workload, options), "no error");
}

TEST(CheckOptions, ACpuBeyondAnExplicitNumberIsAnError) {
  const Workload workload = read_text(
      "{\"tasks\":{\"a\":{\"loop\":1,\"phases\":{\n\"p\":{\"run\":1,\"cpus\":[0,3]}}}}}", "w.json");
  RunOptions options;
  EXPECT_EQ(error_of(workload, options), "no error");
  options.cpus = 4;
  EXPECT_EQ(error_of(workload, options), "no error");
  options.cpus = 2;
  EXPECT_EQ(error_of(workload, options),
            "w.json:2:1: found CPU 3 for task \"a\", expected CPUs 0 to 1: the run was given 2");
  Workload limited = read_text(
      "{\"global\":{\"px\":{\"cpus\":1}},\n \"tasks\":{\"a\":{\"loop\":1,\"run\":1,\"cpus\":[1]}}}",
      "w.json");
  EXPECT_EQ(error_of(limited, RunOptions{}),
            "w.json:2:11: found CPU 1 for task \"a\", expected CPUs 0 to 0: the run was given 1");
}

}  // namespace
}  // namespace px::workload
