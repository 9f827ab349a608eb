#include "check/scenario.hpp"

#include <algorithm>
#include <charconv>
#include <stdexcept>

#include "check/text.hpp"

namespace px::check {

namespace {

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t end = std::min(text.find(' ', at), text.size());
    if (end > at) words.emplace_back(text.substr(at, end - at));
    at = end + 1;
  }
  return words;
}

class Builder {
 public:
  Builder(std::string_view name, int cpus) {
    scenario_.name = name;
    scenario_.cpus = cpus;
  }

  Scenario build(const std::vector<TaskText>& tasks) {
    for (const TaskText& text : tasks) add_head(text.head);
    for (std::size_t i = 0; i < tasks.size(); ++i) {
      task_ = &scenario_.tasks[i];
      add_script(tasks[i].script);
      link_failures();
    }
    return std::move(scenario_);
  }

 private:
  [[noreturn]] void reject(std::string_view word, const char* expected) const {
    throw std::invalid_argument(
        concat({"scenario ", scenario_.name, ", task ", task_ != nullptr ? task_->name : "?",
                ": found '", word, "', expected ", expected}));
  }

  int number(std::string_view word) const {
    int value = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
    if (error != std::errc() || end != word.data() + word.size()) reject(word, "a number");
    return value;
  }

  std::uint64_t cpus_in(std::string_view digits) const {
    std::uint64_t mask = 0;
    for (const char digit : digits) {
      const int cpu = digit - '0';
      if (cpu < 0 || cpu >= scenario_.cpus) reject(digits, "digits of CPUs of the scenario");
      mask |= std::uint64_t{1} << cpu;
    }
    return mask;
  }

  policy::Params deadline_in(std::string_view word) const {
    const std::size_t first = word.find('/');
    const std::size_t second = word.find('/', first + 1);
    if (first == std::string_view::npos || second == std::string_view::npos) {
      reject(word, "RUNTIME/DEADLINE/PERIOD in ticks");
    }
    return policy::DeadlineParams{number(word.substr(0, first)) * kTick,
                                  number(word.substr(first + 1, second - first - 1)) * kTick,
                                  number(word.substr(second + 1)) * kTick};
  }

  policy::Params params_in(std::string_view word) const {
    const std::size_t colon = word.find(':');
    const std::string_view kind = word.substr(0, colon);
    if (kind == "dl" && colon != std::string_view::npos) return deadline_in(word.substr(colon + 1));
    const int value = colon == std::string_view::npos ? 0 : number(word.substr(colon + 1));
    if (kind == "fifo" || kind == "rr") return policy::RealtimeParams{value, kind == "rr"};
    if (kind != "fair") reject(word, "fifo:P, rr:P, fair:NICE or dl:RUNTIME/DEADLINE/PERIOD");
    policy::FairParams params;
    params.nice = value;
    return params;
  }

  void add_head(std::string_view head) {
    const auto words = words_of(head);
    if (words.size() < 2) reject(head, "NAME PARAMS [@CPU] [on CPUS]");
    task_ = &scenario_.tasks.emplace_back();
    task_->name = words[0];
    task_->params = params_in(words[1]);
    task_->cpus = (std::uint64_t{1} << scenario_.cpus) - 1;
    for (std::size_t i = 2; i < words.size(); ++i) {
      if (words[i][0] == '@') {
        task_->start_cpu = number(std::string_view(words[i]).substr(1));
      } else if (words[i] == "on" && i + 1 < words.size()) {
        task_->cpus = cpus_in(words[++i]);
      } else {
        reject(words[i], "@CPU or 'on CPUS'");
      }
    }
  }

  void add_script(std::string_view script) {
    std::size_t at = 0;
    while (at < script.size()) {
      const std::size_t end = std::min(script.find(';', at), script.size());
      const auto words = words_of(script.substr(at, end - at));
      if (!words.empty()) add_op(words);
      at = end + 1;
    }
  }

  int lock_index(const std::string& name) {
    auto& locks = scenario_.locks;
    const auto found = std::find(locks.begin(), locks.end(), name);
    if (found != locks.end()) return static_cast<int>(found - locks.begin());
    locks.push_back(name);
    scenario_.protocols.emplace_back();
    return static_cast<int>(locks.size()) - 1;
  }

  static int index_in(std::vector<std::string>& names, const std::string& name) {
    const auto found = std::find(names.begin(), names.end(), name);
    const auto index = found - names.begin();
    if (found == names.end()) names.push_back(name);
    return static_cast<int>(index);
  }

  int task_index(const std::string& name) const {
    for (std::size_t i = 0; i < scenario_.tasks.size(); ++i) {
      if (scenario_.tasks[i].name == name) return static_cast<int>(i);
    }
    reject(name, "a task of the scenario");
  }

  struct Form {
    const char* word;
    Instruction code;
    // l lock, L lock and ticks, t ticks, x task, m task and CPUs, p task and params, s semaphore,
    // S semaphore and ticks, r shared lock, R shared lock and ticks, o CPU, c condition, w
    // condition and lock, W the same and ticks
    char shape;
  };
  static constexpr Form kForms[] = {
      {"lock", Instruction::kLock, 'l'},
      {"unlock", Instruction::kUnlock, 'l'},
      {"try_lock", Instruction::kTryLock, 'l'},
      {"lock_timeout", Instruction::kLockTimeout, 'L'},
      {"run", Instruction::kRun, 'n'},
      {"yield", Instruction::kYield, '-'},
      {"sleep", Instruction::kSleep, 't'},
      {"wake", Instruction::kWake, 'x'},
      {"cancel", Instruction::kCancel, 'x'},
      {"affinity", Instruction::kAffinity, 'm'},
      {"yield_until", Instruction::kYieldUntil, 'x'},
      {"class", Instruction::kClass, 'p'},
      {"join", Instruction::kJoin, 'x'},
      {"offline", Instruction::kOffline, 'o'},
      {"online", Instruction::kOnline, 'o'},
      {"down", Instruction::kDown, 's'},
      {"down_timeout", Instruction::kDownTimeout, 'S'},
      {"up", Instruction::kUp, 's'},
      {"help", Instruction::kHelp, 's'},
      {"unhelp", Instruction::kUnhelp, 's'},
      {"wait", Instruction::kWait, 'w'},
      {"wait_timeout", Instruction::kWaitTimeout, 'W'},
      {"signal", Instruction::kSignal, 'c'},
      {"rlock", Instruction::kReadLock, 'r'},
      {"rlock_timeout", Instruction::kReadLockTimeout, 'R'},
      {"runlock", Instruction::kReadUnlock, 'r'},
      {"wlock", Instruction::kWriteLock, 'r'},
      {"wlock_timeout", Instruction::kWriteLockTimeout, 'R'},
      {"wunlock", Instruction::kWriteUnlock, 'r'},
  };

  // The operands of an instruction of that shape.
  void read_operands(ScriptOp& op, char shape, const std::vector<std::string>& words) {
    const auto argument = [&](std::size_t i) -> const std::string& {
      if (i >= words.size()) reject(words[0], "an argument behind it");
      return words[i];
    };
    switch (shape) {
      case 'l':
        op.object = lock_index(argument(1));
        break;
      case 'L':
        op.object = lock_index(argument(1));
        op.ns = number(argument(2)) * kTick;
        break;
      case 's':
      case 'S':
        op.object = index_in(scenario_.semaphores, argument(1));
        if (shape == 'S') op.ns = number(argument(2)) * kTick;
        break;
      case 'r':
      case 'R':
        op.object = index_in(scenario_.shared_locks, argument(1));
        if (shape == 'R') op.ns = number(argument(2)) * kTick;
        break;
      case 'c':
      case 'w':
      case 'W':
        op.object = index_in(scenario_.conditions, argument(1));
        if (shape != 'c') op.mutex = lock_index(argument(2));
        if (shape == 'W') op.ns = number(argument(3)) * kTick;
        break;
      case 't':
        op.ns = number(argument(1)) * kTick;
        break;
      case 'x':
        op.object = task_index(argument(1));
        break;
      case 'o':
        op.object = number(argument(1));
        if (op.object < 0 || op.object >= scenario_.cpus) reject(argument(1), "a CPU");
        break;
      case 'm':
        op.object = task_index(argument(1));
        op.cpus = cpus_in(argument(2));
        break;
      case 'p':
        op.object = task_index(argument(1));
        op.params = params_in(argument(2));
        break;
      default:
        break;
    }
  }

  void add_op(const std::vector<std::string>& words) {
    const auto* form = std::find_if(std::begin(kForms), std::end(kForms),
                                    [&](const Form& f) { return words[0] == f.word; });
    if (form == std::end(kForms)) reject(words[0], "an instruction");
    ScriptOp op;
    op.code = form->code;
    for (const auto& word : words) op.text += concat({op.text.empty() ? "" : " ", word});
    read_operands(op, form->shape, words);
    const int times = form->shape == 'n' && words.size() > 1 ? number(words[1]) : 1;
    for (int i = 0; i < times; ++i) task_->ops.push_back(op);
  }

  // What ends the section that a lock call begins; any other instruction is its own.
  static Instruction unlock_of(Instruction code) {
    switch (code) {
      case Instruction::kLock:
      case Instruction::kTryLock:
      case Instruction::kLockTimeout:
        return Instruction::kUnlock;
      case Instruction::kReadLock:
      case Instruction::kReadLockTimeout:
        return Instruction::kReadUnlock;
      case Instruction::kWriteLock:
      case Instruction::kWriteLockTimeout:
        return Instruction::kWriteUnlock;
      default:
        return code;
    }
  }

  // Each lock call knows where its matching unlock is.
  void link_failures() {
    auto& ops = task_->ops;
    for (std::size_t i = 0; i < ops.size(); ++i) {
      const Instruction unlock = unlock_of(ops[i].code);
      if (unlock == ops[i].code) continue;
      std::size_t end = i + 1;
      while (end < ops.size() && !(ops[end].code == unlock && ops[end].object == ops[i].object)) {
        ++end;
      }
      if (end == ops.size()) reject(ops[i].text, "an unlock behind it");
      ops[i].otherwise = static_cast<int>(end) + 1;
    }
  }

  Scenario scenario_;
  TaskScript* task_ = nullptr;
};

}  // namespace

Scenario& Scenario::with(std::string_view lock, Protocol protocol, std::int8_t ceiling) {
  const auto found = std::find(locks.begin(), locks.end(), lock);
  if (found == locks.end()) {
    throw std::invalid_argument(concat({"scenario ", name, ": found no lock '", lock, "'"}));
  }
  protocols[static_cast<std::size_t>(found - locks.begin())] = {protocol, ceiling};
  return *this;
}

Scenario make_scenario(std::string_view name, int cpus, const std::vector<TaskText>& tasks) {
  return Builder(name, cpus).build(tasks);
}

}  // namespace px::check
