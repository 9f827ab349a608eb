// Virtual CPUs under the explorer's control. Each CPU runs a context (a fiber of the one explorer
// thread) up to its next scheduling point, which lies before each visible operation, and stops
// there. The explorer chooses which CPU goes on: that is one transition. All state is in the arena.
//
// The control state of a context is the hash of the values that its visible operations observed
// since its last anchor; code between visible operations is deterministic, so equal control states
// at equal memory have equal futures. Frames and anchors (core/checked.hpp) forget what is no
// longer live.
#pragma once

#include <atomic>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "check/arena.hpp"
#include "check/digest.hpp"
#include "fiber/context.hpp"

namespace px::check {

inline constexpr int kMaxVirtualCpus = 4;
// Instants start here, so that an absolute time in a 64-bit atomic is told from a small number.
inline constexpr Nanos kEpoch = Nanos{1} << 40;

enum class OpKind : std::uint8_t {
  kStart,  // the CPU has not run yet
  kLock,   // a core lock, enabled only while it is free
  kTryLock,
  kLoad,  // Atomic
  kStore,
  kRmw,
  kRead,  // Shared
  kWrite,
  kKick,
  kSwitch,
  kRelax,   // one turn of a wait for somebody else; never blocks, fairness ends the wait
  kIdle,    // waits for a kick or its timer
  kScript,  // between two instructions of a task
  kEnd,     // the CPU's program is over
};

struct Operation {
  OpKind kind = OpKind::kStart;
  const void* object = nullptr;
};

enum class Granularity : std::uint8_t { kCoarse, kFine };

// What lies at an address of the arena, as far as scheduling points care.
enum class ObjectClass : std::uint8_t {
  kPlain,
  kOwnerWord,  // a scheduling point in coarse mode too
  kSequence,   // a counter whose values matter only by their order
  kTaskLock,   // core locks, in their order
  kRunqueueLock,
  kWaitLock,
  kTimerLock,
  kBlockedLock,
};

struct Control {
  Digest digest;
  bool saw_time = false;      // a value of now() may be live
  bool saw_sequence = false;  // a sequence number may be live
  Nanos since = 0;  // the first such value; what was observed and what is now count from it
};

// A context that virtual CPUs run.
struct Context {
  fiber::Context fiber;
  Control control;
  std::uint8_t index = 0;
  bool in_interrupt = false;  // no further one is taken before it returns
};

// A value on its way to memory in store-buffer mode (x86-TSO: first in, first out).
struct BufferedStore {
  void* address = nullptr;
  std::uint64_t value = 0;
  std::uint8_t size = 0;
};
inline constexpr int kStoreBufferSize = 4;

struct VirtualCpu {
  Operation next;
  Context* running = nullptr;
  Nanos armed = kNever;          // the CPU's one-shot timer
  std::uint8_t preempt_off = 1;  // interrupts are taken only at zero
  bool kicked = false;
  std::uint8_t stores = 0;
  std::uint8_t held[8] = {};  // core locks held, by ObjectClass
};

struct MachineState {
  VirtualCpu cpus[kMaxVirtualCpus];
  BufferedStore buffers[kMaxVirtualCpus][kStoreBufferSize];
  Nanos now = kEpoch;
  int cpu = 0;  // the CPU that executes
};

// One transition: an agent and what it does. A set of them is a bit mask.
using Choice = std::uint8_t;
using Choices = std::uint16_t;
inline constexpr Choice kStepChoice = 0;       // + cpu
inline constexpr Choice kInterruptChoice = 4;  // + cpu
inline constexpr Choice kFlushChoice = 8;      // + cpu
inline constexpr Choice kTimeChoice = 12;
inline constexpr int kChoiceCount = 13;
[[nodiscard]] constexpr Choices bit(Choice choice) { return static_cast<Choices>(1U << choice); }

// A broken property: the number of section C of the semantics (0: none of them) and its name.
struct Breach {
  int number = 0;
  const char* name = "";
  std::string message;
};

struct MachineOptions {
  int cpus = 1;
  int contexts = 8;
  Granularity granularity = Granularity::kCoarse;
  bool store_buffers = false;
};

class Machine {
 public:
  explicit Machine(const MachineOptions& options);
  virtual ~Machine();
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;

  // The machine that this process explores; what Atomic and its kin report to.
  [[nodiscard]] static Machine& active() { return *active_; }

  // --- For explorers. The state stands still.

  [[nodiscard]] Choices choices();
  // Makes one enabled transition. False: a property was broken on the way (breach()); the state is
  // then fit for restoring only.
  [[nodiscard]] bool step(Choice choice);
  [[nodiscard]] const Breach& breach() const { return breach_; }
  // Did the last step carry out a task's instruction, or move time?
  [[nodiscard]] bool progressed() const { return progressed_; }
  [[nodiscard]] Digest digest();
  // False: a property does not hold in this state; `enabled` as choices() says.
  [[nodiscard]] bool state_holds(Choices enabled);
  // "cpu0 lock rq0", "time +1 ms".
  [[nodiscard]] std::string describe(Choice choice);
  // What the CPU is about to do, and for whom.
  [[nodiscard]] std::string next_operation(int cpu);
  // Name of a context, for tables.
  [[nodiscard]] virtual std::string context_name(const Context& context) const;
  // Kinds of rarely taken ways that the last step took, as bits; the world defines them.
  [[nodiscard]] std::uint64_t covered() const { return covered_; }

  [[nodiscard]] const MachineOptions& options() const { return options_; }
  [[nodiscard]] int cpus() const { return options_.cpus; }
  [[nodiscard]] Arena& arena() { return arena_; }
  [[nodiscard]] const std::vector<Context*>& contexts() const { return contexts_; }
  // Contexts whose stacks the last step may have changed, by index.
  [[nodiscard]] std::uint32_t touched() const { return touched_; }
  // In-code assertions end the path without a verdict, so that only named properties count.
  void ignore_assertions(bool ignore) { ignore_assertions_ = ignore; }
  [[nodiscard]] bool dead_path() const { return dead_path_; }

  // --- For the code under test.

  void point(OpKind kind, const void* object);
  [[nodiscard]] bool running() const { return running_; }
  [[nodiscard]] bool fine() const { return options_.granularity == Granularity::kFine; }
  [[nodiscard]] ObjectClass class_of(const void* object) const {
    const auto offset = reinterpret_cast<std::uintptr_t>(object) - Arena::kBase;
    return offset < Arena::kObjectBytes ? classes_[offset] : ObjectClass::kPlain;
  }
  // A point in fine mode; in coarse mode only for owner words.
  void atomic_point(OpKind kind, const void* object) {
    if (running_ && (fine() || class_of(object) == ObjectClass::kOwnerWord)) point(kind, object);
  }
  void shared_point(OpKind kind, const void* object) {
    if (running_ && fine()) point(kind, object);
  }
  // A value that a visible operation yielded becomes part of the control state.
  template <typename T>
  void observe(T value) {
    if (!running_) return;
    if constexpr (sizeof(T) == 8 && std::is_signed_v<T>) {
      mix_control(relative_if_future(static_cast<Nanos>(value)));
    } else {
      mix_control(bits_of(value));
    }
  }
  void mix_control(std::uint64_t value) { control().digest.mix(value); }
  [[nodiscard]] Control& control() { return state_->cpus[state_->cpu].running->control; }
  [[nodiscard]] Nanos observe_now();
  // An absolute time as the future sees it; other numbers as they are.
  [[nodiscard]] std::uint64_t relative(Nanos value) const {
    // The rank of a deadline: it runs backwards.
    if (value != kNever && value > kNever / 2) return ~relative(kNever - value);
    const bool instant = value >= kEpoch / 2 && value != kNever;
    return static_cast<std::uint64_t>(instant ? value - state_->now : value);
  }
  // The same for a timer: all instants of the past are alike, due.
  [[nodiscard]] std::uint64_t relative_if_future(Nanos value) const {
    const bool past = value >= kEpoch / 2 && value < state_->now;
    return relative(past ? state_->now : value);
  }
  // Breaks a property; the path ends here.
  [[noreturn]] void fail(int number, const char* name, std::string message);
  // Core locks, for invariant 18. A lock that was only tried may be taken against the order.
  void lock_taken(const void* lock);
  void lock_tried(const void* lock);
  void lock_released(const void* lock);
  // Forgets what a context observed since `digest` was its control state.
  void rewind(const Control& mark, std::uint64_t result);
  // A number of the counter is taken: who remembers earlier ones has to know that they are out of
  // date.
  void sequence_taken();
  void made_progress() { progressed_ = true; }
  void cover(unsigned kind) { covered_ |= std::uint64_t{1} << kind; }
  void touch(const Context& context) { touched_ |= 1U << context.index; }
  [[nodiscard]] VirtualCpu& this_cpu() { return state_->cpus[state_->cpu]; }
  [[nodiscard]] MachineState& state() { return *state_; }
  [[nodiscard]] const MachineState& state() const { return *state_; }

  // Store buffers: a store of the executing CPU, and what that CPU would read at an address.
  void buffer_store(void* address, std::uint64_t value, std::uint8_t size);
  [[nodiscard]] bool forward(const void* address, std::uint64_t& value) const;
  void drain();
  [[nodiscard]] bool buffers() const { return options_.store_buffers && running_; }

 protected:
  Context& add_context(fiber::Entry entry, void* argument);
  void set_class(const void* object, ObjectClass kind);
  void set_name(const void* object, std::string name);
  [[nodiscard]] std::string object_name(const void* object) const;

  // The world's part of the state.
  virtual void visit(Digest& digest) = 0;
  virtual bool world_holds(Choices enabled);
  // Runs on the stack of the interrupted context, preemption on.
  virtual void interrupt() {}
  // The instant to which time may move now; kNever: it may not.
  [[nodiscard]] virtual Nanos next_instant() { return kNever; }
  virtual void time_moved() {}
  // For world_holds(): records a breach without ending anything.
  void note_breach(int number, const char* name, std::string message);

 private:
  static void on_failed_check(const char* file, int line, const char* expr, const char* message);
  [[nodiscard]] bool step_enabled(int cpu) const;
  [[nodiscard]] bool interrupt_enabled(int cpu) const;
  [[nodiscard]] bool races(const Operation& a, const Operation& b) const;
  void flush_oldest(int cpu);
  void run(int cpu, bool interrupt);

  static inline Machine* active_ = nullptr;

  MachineOptions options_;
  Arena arena_;
  MachineState* state_;
  fiber::Context loop_;
  std::vector<Context*> contexts_;
  std::unique_ptr<ObjectClass[]> classes_;
  std::vector<std::pair<const void*, std::string>> names_;
  Breach breach_;
  bool running_ = false;  // inside a step
  bool failed_ = false;
  bool take_interrupt_ = false;
  bool progressed_ = false;
  bool ignore_assertions_ = false;
  bool dead_path_ = false;
  int rewinds_ = 0;  // within the present step
  std::uint32_t touched_ = 0;
  std::uint64_t covered_ = 0;
};

}  // namespace px::check
