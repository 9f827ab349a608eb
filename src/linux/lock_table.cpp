#include "linux/lock_table.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/check.hpp"
#include "linux/protect.hpp"
#include "workload/error.hpp"

namespace px::linux_world {

namespace {

// The attributes of a mutex while it is made.
class MutexAttributes {
 public:
  MutexAttributes() { ::pthread_mutexattr_init(&attributes_); }
  ~MutexAttributes() { ::pthread_mutexattr_destroy(&attributes_); }
  MutexAttributes(const MutexAttributes&) = delete;
  MutexAttributes& operator=(const MutexAttributes&) = delete;

  [[nodiscard]] pthread_mutexattr_t* get() { return &attributes_; }

 private:
  pthread_mutexattr_t attributes_{};
};

// Raises `value` to `at_least`. Relaxed: it is read when all writers have been joined.
void raise(std::atomic<std::uint64_t>& value, std::uint64_t at_least) {
  std::uint64_t seen = value.load(std::memory_order_relaxed);
  while (seen < at_least &&
         !value.compare_exchange_weak(seen, at_least, std::memory_order_relaxed)) {
  }
}

}  // namespace

LockTable::LockTable(const workload::Workload& workload, const workload::RunOptions& options,
                     RunControl& control)
    : workload_(workload), control_(control), waits_(workload.tasks.size()) {
  for (std::uint32_t i = 0; i < workload.locks.size(); ++i) {
    make_mutex(i, workload::protocol_of(workload, options, workload.locks[i]));
  }
}

LockTable::~LockTable() {
  for (Lock& lock : locks_) ::pthread_mutex_destroy(&lock.mutex);
}

void LockTable::make_mutex(std::uint32_t index, workload::Protocol protocol) {
  const workload::LockSpec& spec = workload_.locks[index];
  MutexAttributes attributes;
  int error = 0;
  switch (protocol) {
    case workload::Protocol::kNone:
      break;
    case workload::Protocol::kInherit:
      error = ::pthread_mutexattr_setprotocol(attributes.get(), PTHREAD_PRIO_INHERIT);
      break;
    case workload::Protocol::kProtect:
      error = ::pthread_mutexattr_setprotocol(attributes.get(), PTHREAD_PRIO_PROTECT);
      if (error == 0) {
        error = ::pthread_mutexattr_setprioceiling(attributes.get(), ceiling_of(workload_, index));
      }
      break;
    case workload::Protocol::kProxy:
      throw workload::Error(workload_.files[static_cast<std::size_t>(spec.place.file)],
                            spec.place.line, spec.place.column,
                            "found protocol proxy for \"" + spec.name +
                                "\" in the linux world, expected none, inherit or protect");
  }
  Lock& lock = locks_.emplace_back();
  lock.result.name = spec.name;
  if (error == 0) error = ::pthread_mutex_init(&lock.mutex, attributes.get());
  if (error == 0) return;
  locks_.pop_back();
  throw workload::Error("cannot make the " + std::string(workload::name_of(protocol)) +
                        " mutex \"" + spec.name + "\": " + std::strerror(error) +
                        "; use --protocol none");
}

LockTable::Answer LockTable::lock(std::uint32_t task, std::uint32_t index) {
  Lock& lock = locks_[index];
  Answer answer;
  answer.error = ::pthread_mutex_trylock(&lock.mutex);
  if (answer.error == EBUSY) {
    answer.contended = true;
    answer.since = control_.now();
    publish(task, std::uint64_t{index} + 1);
    if (closes_cycle(task)) {
      if (const auto cycle = proven(task, ChainEnd::kCycle)) {
        answer.outcome = Outcome::kDeadlock;
        answer.chain = describe(*cycle);
        publish(task, 0);
        answer.at = control_.now();
        return answer;
      }
    }
    answer.error = ::pthread_mutex_lock(&lock.mutex);
  }
  answer.at = control_.now();
  if (!answer.contended) answer.since = answer.at;
  if (answer.error != 0) {
    answer.outcome = Outcome::kRefused;
  } else {
    take(lock, task, answer);
  }
  if (answer.contended) publish(task, 0);
  return answer;
}

// The owner is named before the wait is taken back: in between the task seems to wait for a lock
// of its own, which only a task that follows the chain meanwhile can see, and its second pass not.
void LockTable::take(Lock& lock, std::uint32_t task, const Answer& answer) {
  lock.owner.store(task);
  lock.held_since = answer.at;
  if (answer.at >= control_.end()) return;
  ++lock.result.acquisitions;
  if (answer.contended) ++lock.result.contended;
}

trace::Hold LockTable::unlock(std::uint32_t task, std::uint32_t index) {
  Lock& lock = locks_[index];
  PX_CHECK(lock.owner.load(std::memory_order_relaxed) == task, "only its owner unlocks a lock");
  const trace::Hold hold{task, index, lock.held_since, std::min(control_.now(), control_.end())};
  lock.result.max_hold_ns = std::max(lock.result.max_hold_ns, hold.end_ns - hold.start_ns);
  lock.owner.store(kNobody);
  const int error = ::pthread_mutex_unlock(&lock.mutex);
  PX_CHECK(error == 0, "an owner can always unlock");
  return hold;
}

void LockTable::program_ended(std::uint32_t task) { publish(task, kEnded); }

void LockTable::publish(std::uint32_t task, std::uint64_t target) {
  std::atomic<std::uint64_t>& word = waits_[task].word;
  const std::uint64_t number = (word.load(std::memory_order_relaxed) >> 32) + 1;
  word.store(number << 32 | target);
}

template <typename F>
LockTable::ChainEnd LockTable::follow(std::uint32_t task, F&& visit) const {
  const std::uint32_t first = task;
  // No chain is longer than the number of tasks. One that seems so runs into a cycle that `first`
  // does not belong to, or was seen while it changed.
  for (std::size_t hops = 0; hops < waits_.size(); ++hops) {
    const std::uint64_t wait = waits_[task].word.load();
    const std::uint64_t target = target_of(wait);
    if (target == kEnded) return ChainEnd::kEnded;
    if (target == 0) return ChainEnd::kMoving;
    const auto lock = static_cast<std::uint32_t>(target - 1);
    visit(Link{task, wait}, lock);
    task = locks_[lock].owner.load();
    if (task == kNobody) return ChainEnd::kMoving;
    if (task == first) return ChainEnd::kCycle;
  }
  return ChainEnd::kMoving;
}

std::optional<std::vector<LockTable::Link>> LockTable::proven(std::uint32_t task,
                                                              ChainEnd end) const {
  std::vector<Link> passes[2];
  for (std::vector<Link>& pass : passes) {
    const ChainEnd found =
        follow(task, [&](const Link& link, std::uint32_t) { pass.push_back(link); });
    if (found != end) return std::nullopt;
  }
  if (passes[0] != passes[1]) return std::nullopt;
  return std::move(passes[1]);
}

// Whether the wait that `task` has just published seems to close a cycle. Notes the length of the
// chain at the lock where it ends.
bool LockTable::closes_cycle(std::uint32_t task) {
  std::uint64_t length = 0;
  std::uint32_t last = 0;
  const ChainEnd end = follow(task, [&](const Link&, std::uint32_t lock) {
    ++length;
    last = lock;
  });
  if (end == ChainEnd::kCycle) return true;
  if (length > 0) raise(locks_[last].max_chain, length);
  return false;
}

std::optional<std::string> LockTable::find_dead_end() const {
  std::string text;
  for (std::uint32_t task = 0; task < waits_.size(); ++task) {
    const std::uint64_t target = target_of(waits_[task].word.load());
    if (target == kEnded) continue;
    if (target == 0) return std::nullopt;
    const auto chain = proven(task, ChainEnd::kEnded);
    if (!chain) return std::nullopt;
    // The longest chain tells most; of equal ones the first task's.
    const std::string line = describe(*chain) + ", which has ended";
    if (std::count(line.begin(), line.end(), ';') > std::count(text.begin(), text.end(), ';') ||
        text.empty()) {
      text = line;
    }
  }
  if (text.empty()) return std::nullopt;
  return text;
}

std::string LockTable::describe(const std::vector<Link>& chain) const {
  std::string text;
  for (const Link& link : chain) {
    const auto lock = static_cast<std::uint32_t>(target_of(link.wait) - 1);
    const std::uint32_t owner = locks_[lock].owner.load();
    if (!text.empty()) text += "; ";
    text += workload_.tasks[link.task].name + " waits for " + workload_.locks[lock].name;
    if (owner != kNobody) text += ", held by " + workload_.tasks[owner].name;
  }
  return text;
}

std::vector<trace::LockResult> LockTable::take_results() {
  std::vector<trace::LockResult> results;
  for (Lock& lock : locks_) {
    lock.result.max_chain = lock.max_chain.load(std::memory_order_relaxed);
    results.push_back(std::move(lock.result));
  }
  return results;
}

}  // namespace px::linux_world
