// Goal: the protocol of a px::Mutex decides what its owner runs as, and bad ceilings and changes of
// a lock in use are errors.
// Method: on one CPU an owner of realtime priority 1 starts a waiter of 50 and then a middle task
// of 10 inside its section; the order in which the three come to an end tells the protocol. Nothing
// depends on time.
#include <gtest/gtest.h>

#include <string>
#include <system_error>

#include "px/px.hpp"

namespace {

px::Mutex static_protected("static", px::Ceiling::realtime(50));

px::TaskOptions realtime(const char* name, int priority) {
  px::TaskOptions options;
  options.name = name;
  options.params = px::Realtime{.priority = priority};
  return options;
}

// The names of owner L, middle M and waiter H in the order in which they end their work.
std::string order_under(px::Mutex& mutex) {
  px::RuntimeOptions one_cpu;
  one_cpu.cpus = 1;
  px::Runtime runtime(one_cpu);
  std::string order;
  auto low = runtime.spawn(realtime("L", 1), [&] {
    mutex.lock();
    auto high = px::spawn(realtime("H", 50), [&] {
      mutex.lock();
      order += 'H';
      mutex.unlock();
    });
    px::this_task::checkpoint();  // here at the latest H preempts, and waits
    auto middle = px::spawn(realtime("M", 10), [&] { order += 'M'; });
    px::this_task::checkpoint();
    order += 'L';
    mutex.unlock();
    high.join();
    middle.join();
  });
  low.join();
  return order;
}

TEST(Protocol, NoneLeavesTheOwnerToTheMiddleTask) {
  px::Mutex mutex("m", px::Protocol::none);
  EXPECT_EQ(order_under(mutex), "MLH");
}

TEST(Protocol, InheritRunsTheOwnerAtItsWaitersRank) {
  px::Mutex mutex("m", px::Protocol::inherit);
  EXPECT_EQ(order_under(mutex), "LHM");
}

TEST(Protocol, ProxyDoesSoOnTheWaitersContext) {
  px::Mutex mutex("m", px::Protocol::proxy);
  EXPECT_EQ(order_under(mutex), "LHM");
}

TEST(Protocol, ProtectRunsTheOwnerAtTheCeiling) {
  EXPECT_EQ(order_under(static_protected), "LHM");
  // Without a ceiling given it is the highest.
  px::Mutex highest("m", px::Protocol::protect);
  EXPECT_EQ(order_under(highest), "LHM");
}

TEST(Protocol, ATaskAboveTheCeilingIsRefused) {
  px::Runtime runtime;
  px::Mutex mutex("bus", px::Ceiling::realtime(20));
  const auto expect_refused = [&](auto lock) {
    try {
      lock();
      ADD_FAILURE() << "not refused";
    } catch (const std::system_error& error) {
      EXPECT_EQ(error.code(), std::errc::invalid_argument);
      EXPECT_NE(
          std::string(error.what())
              .find("task \"above\" ranks above the ceiling of mutex \"bus\" (realtime priority "
                    "20)"),
          std::string::npos)
          << error.what();
    }
  };
  runtime
      .spawn(realtime("above", 21),
             [&] {
               expect_refused([&] { mutex.lock(); });
               expect_refused([&] { (void)mutex.try_lock(); });
               expect_refused([&] { (void)mutex.try_lock_for(std::chrono::milliseconds(1)); });
             })
      .join();
  runtime
      .spawn(realtime("at", 20),
             [&] {
               EXPECT_TRUE(mutex.try_lock());
               mutex.unlock();
             })
      .join();
}

TEST(Protocol, ChangesOnlyWhileNobodyUsesTheLock) {
  px::Mutex mutex("m");
  mutex.set_protocol(px::Protocol::inherit);
  EXPECT_EQ(order_under(mutex), "LHM");
  mutex.set_protocol(px::Protocol::none);
  EXPECT_EQ(order_under(mutex), "MLH");
  mutex.set_protocol(px::Ceiling::realtime(50));
  EXPECT_EQ(order_under(mutex), "LHM");
  px::Runtime runtime;
  runtime.run([&] {
    mutex.lock();
    try {
      mutex.set_protocol(px::Protocol::proxy);
      ADD_FAILURE() << "changed while it was held";
    } catch (const std::system_error& error) {
      EXPECT_EQ(error.code(), std::errc::device_or_resource_busy) << error.what();
    }
    mutex.unlock();
  });
}

TEST(Protocol, CeilingsOutOfRangeAreErrors) {
  EXPECT_THROW((void)px::Ceiling::realtime(0), std::invalid_argument);
  EXPECT_THROW((void)px::Ceiling::realtime(100), std::invalid_argument);
  EXPECT_THROW((void)px::Ceiling::nice(-21), std::invalid_argument);
  EXPECT_THROW((void)px::Ceiling::nice(20), std::invalid_argument);
}

}  // namespace
