// Two tasks take two locks in opposite orders. One of them is told, with the whole chain, and is
// left as if it had not asked; the other one goes on.

#include <px/px.hpp>

#include <cstdio>
#include <functional>
#include <mutex>

using namespace std::chrono_literals;

int main() {
  px::Runtime runtime({.cpus = 1});
  px::Mutex accounts("accounts");
  px::Mutex ledger("ledger");
  const auto transfer = [](px::Mutex& first, px::Mutex& second) {
    const std::lock_guard outer(first);
    px::this_task::sleep_for(1ms);  // long enough for the other one to take its first lock
    try {
      const std::lock_guard inner(second);
    } catch (const px::Deadlock& deadlock) {
      std::printf("deadlock: %s\n", deadlock.what());
    }
  };
  auto booking = runtime.spawn({.name = "booking"}, transfer, std::ref(accounts), std::ref(ledger));
  auto closing = runtime.spawn({.name = "closing"}, transfer, std::ref(ledger), std::ref(accounts));
  booking.join();
  closing.join();
  std::printf("both tasks have ended\n");
}
