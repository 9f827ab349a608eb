// Goal: timers are shared or per task as their names say, start at the first user's t_first, and
// never overflow; the memory comes from where the caller says. Method: a workload built by the
// reader; the instants in order.
#include "workload/timer_bank.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstddef>

#include "workload/read.hpp"

namespace px::workload {
namespace {

Workload three_tasks() {
  return read_text(R"({"tasks":{
      "a":{"run":1,"timer":{"ref":"tick","period":1},"timer2":{"ref":"unique","period":1},
           "timer3":{"ref":"unique2","period":1}},
      "b":{"run":1,"timer":{"ref":"tick","period":1},"timer2":{"ref":"unique2","period":1}},
      "c":{"run":1}}})",
                   "w.json");
}

TEST(TimerBank, SharedTimersCountForAll) {
  const Workload workload = three_tasks();
  TimerBank bank(workload);
  EXPECT_EQ(bank.advance(0, 0, 100, 10), 110);
  EXPECT_EQ(bank.advance(1, 0, 500, 10), 120);  // the first use has set the origin
  EXPECT_EQ(bank.advance(2, 0, 0, 5), 125);
  bank.restart(1, 0, 300);
  EXPECT_EQ(bank.advance(0, 0, 100, 10), 310);
}

TEST(TimerBank, UniqueTimersCountForEachTask) {
  const Workload workload = three_tasks();
  TimerBank bank(workload);
  EXPECT_EQ(bank.advance(0, 1, 100, 10), 110);
  EXPECT_EQ(bank.advance(0, 2, 100, 7), 107);
  EXPECT_EQ(bank.advance(1, 2, 500, 7), 507);
  bank.restart(0, 2, 1000);
  EXPECT_EQ(bank.advance(0, 2, 100, 7), 1007);
  EXPECT_EQ(bank.advance(1, 2, 500, 7), 514);
  EXPECT_EQ(bank.advance(0, 1, 100, 10), 120);
}

TEST(TimerBank, SaturatesInsteadOfOverflowing) {
  const Workload workload = three_tasks();
  TimerBank bank(workload);
  EXPECT_EQ(bank.advance(0, 0, 5, kNever - 4), kNever);
  EXPECT_EQ(bank.advance(0, 0, 5, 1), kNever);
  EXPECT_EQ(later(kNever - 1, 1), kNever);
  EXPECT_EQ(later(0, 0), 0);
}

TEST(TimerBank, TakesItsMemoryFromTheCaller) {
  const Workload workload = three_tasks();
  std::array<std::byte, 4096> buffer;
  std::pmr::monotonic_buffer_resource memory(buffer.data(), buffer.size(),
                                             std::pmr::null_memory_resource());
  TimerBank bank(workload, &memory);
  EXPECT_EQ(bank.advance(0, 1, 0, 3), 3);
}

using TimerBankDeathTest = testing::Test;

TEST(TimerBankDeathTest, ATaskCannotUseAnothersUniqueTimer) {
  const Workload workload = three_tasks();
  TimerBank bank(workload);
  EXPECT_DEATH(static_cast<void>(bank.advance(1, 1, 0, 1)),
               "a unique timer that the task's program");
}

}  // namespace
}  // namespace px::workload
