#include "check/machine.hpp"

#include <algorithm>

#include "base/check.hpp"
#include "check/text.hpp"

namespace px::check {

namespace {

const char* verb(OpKind kind) {
  switch (kind) {
    case OpKind::kStart:
      return "start";
    case OpKind::kLock:
      return "lock";
    case OpKind::kTryLock:
      return "try-lock";
    case OpKind::kLoad:
      return "load";
    case OpKind::kStore:
      return "store";
    case OpKind::kRmw:
      return "update";
    case OpKind::kRead:
      return "read";
    case OpKind::kWrite:
      return "write";
    case OpKind::kKick:
      return "kick";
    case OpKind::kSwitch:
      return "switch-to";
    case OpKind::kRelax:
      return "wait";
    case OpKind::kIdle:
      return "idle";
    case OpKind::kScript:
      return "next";
    case OpKind::kEnd:
      return "end";
  }
  return "?";
}

}  // namespace

Machine::Machine(const MachineOptions& options)
    : options_(options),
      arena_(options.contexts),
      state_(&arena_.make<MachineState>()),
      classes_(std::make_unique<ObjectClass[]>(Arena::kObjectBytes)) {
  PX_CHECK(options.cpus >= 1 && options.cpus <= kMaxVirtualCpus, "1 to 4 virtual CPUs");
  PX_CHECK(options.contexts <= 32, "at most 32 contexts");
  fiber::adopt_thread(loop_);
  active_ = this;
  set_check_handler(&Machine::on_failed_check);
}

Machine::~Machine() {
  set_check_handler(nullptr);
  active_ = nullptr;
}

Context& Machine::add_context(fiber::Entry entry, void* argument) {
  auto& context = arena_.make<Context>();
  context.index = static_cast<std::uint8_t>(contexts_.size());
  fiber::make(context.fiber, arena_.stack(), entry, argument);
  contexts_.push_back(&context);
  return context;
}

void Machine::set_class(const void* object, ObjectClass kind) {
  classes_[reinterpret_cast<std::uintptr_t>(object) - Arena::kBase] = kind;
}

void Machine::set_name(const void* object, std::string name) {
  names_.emplace_back(object, std::move(name));
}

std::string Machine::object_name(const void* object) const {
  for (const auto& [address, name] : names_) {
    if (address == object) return name;
  }
  return "";
}

std::string Machine::context_name(const Context& context) const {
  return concat({"t", std::to_string(context.index)});
}

// --- Transitions

bool Machine::step_enabled(int cpu) const {
  const VirtualCpu& c = state_->cpus[cpu];
  switch (c.next.kind) {
    case OpKind::kLock:
      return *static_cast<const std::uint8_t*>(c.next.object) == 0;
    case OpKind::kIdle:
      return c.kicked || c.armed <= state_->now;
    case OpKind::kEnd:
      return false;
    default:
      return true;
  }
}

bool Machine::interrupt_enabled(int cpu) const {
  const VirtualCpu& c = state_->cpus[cpu];
  return c.preempt_off == 0 && !c.running->in_interrupt && c.next.kind != OpKind::kEnd &&
         (c.kicked || c.armed <= state_->now);
}

Choices Machine::choices() {
  Choices enabled = 0;
  for (int cpu = 0; cpu < options_.cpus; ++cpu) {
    const auto at = static_cast<Choice>(cpu);
    if (step_enabled(cpu)) enabled |= bit(kStepChoice + at);
    if (interrupt_enabled(cpu)) enabled |= bit(kInterruptChoice + at);
    if (state_->cpus[cpu].stores != 0) enabled |= bit(kFlushChoice + at);
  }
  const Nanos next = next_instant();
  if (next != kNever && next > state_->now) enabled |= bit(kTimeChoice);
  return enabled;
}

void Machine::run(int cpu, bool interrupt) {
  VirtualCpu& c = state_->cpus[cpu];
  state_->cpu = cpu;
  take_interrupt_ = interrupt;
  touch(*c.running);
  running_ = true;
  fiber::switch_to(loop_, c.running->fiber);
  running_ = false;
}

bool Machine::step(Choice choice) {
  progressed_ = false;
  failed_ = false;
  dead_path_ = false;
  touched_ = 0;
  covered_ = 0;
  rewinds_ = 0;
  if (choice == kTimeChoice) {
    state_->now = next_instant();
    progressed_ = true;
    time_moved();
  } else if (choice >= kFlushChoice) {
    flush_oldest(choice - kFlushChoice);
  } else {
    run(choice % 4, choice >= kInterruptChoice);
  }
  return !failed_;
}

void Machine::point(OpKind kind, const void* object) {
  for (;;) {
    VirtualCpu& c = this_cpu();
    c.next = {kind, object};
    Context& me = *c.running;
    fiber::switch_to(me.fiber, loop_);
    if (!take_interrupt_) break;
    take_interrupt_ = false;
    const Control before = control();
    mix_control(0x1234567 + static_cast<std::uint64_t>(kind));
    mix_control(bits_of(object));
    me.in_interrupt = true;
    interrupt();
    me.in_interrupt = false;
    control().digest = before.digest;
    control().saw_time = before.saw_time;
    control().saw_sequence = before.saw_sequence;
  }
}

Nanos Machine::observe_now() {
  if (running_) {
    Control& c = control();
    if (!c.saw_time) c.since = state_->now;
    mix_control(static_cast<std::uint64_t>(state_->now - c.since));
    c.saw_time = true;
  }
  return state_->now;
}

void Machine::rewind(const Control& mark, std::uint64_t result) {
  if (!running_) return;
  constexpr int kTooMany = 20'000;
  if (++rewinds_ > kTooMany) {
    fail(45, "endless step", "the CPU loops without reaching a scheduling point");
  }
  Control& c = control();
  c.digest = mark.digest;
  c.digest.mix(result);
  c.saw_time = mark.saw_time;
  c.saw_sequence = mark.saw_sequence;
}

void Machine::sequence_taken() {
  if (!running_) return;
  const Context* me = this_cpu().running;
  for (Context* context : contexts_) {
    if (context != me && context->control.saw_sequence) context->control.digest.mix(me->index);
  }
}

// --- Verdicts

void Machine::note_breach(int number, const char* name, std::string message) {
  breach_ = {number, name, std::move(message)};
  failed_ = true;
}

void Machine::fail(int number, const char* name, std::string message) {
  note_breach(number, name, std::move(message));
  if (!running_) check_failed(__FILE__, __LINE__, name, breach_.message.c_str());
  fiber::switch_to(this_cpu().running->fiber, loop_);
  __builtin_unreachable();
}

void Machine::on_failed_check(const char* file, int line, const char* expr, const char* message) {
  Machine* machine = active_;
  // A second failure, while the first is on its way out, is the checker's own.
  if (machine == nullptr || !machine->running_ || machine->failed_) return;
  if (machine->ignore_assertions_) machine->dead_path_ = true;
  const char* slash = std::strrchr(file, '/');
  machine->fail(0, "assertion",
                concat({slash != nullptr ? slash + 1 : file, ":", std::to_string(line), ": ", expr,
                        ": ", message}));
}

bool Machine::races(const Operation& a, const Operation& b) const {
  const auto shared = [](OpKind kind) { return kind == OpKind::kRead || kind == OpKind::kWrite; };
  return a.object == b.object && shared(a.kind) && shared(b.kind) &&
         (a.kind == OpKind::kWrite || b.kind == OpKind::kWrite);
}

bool Machine::state_holds(Choices enabled) {
  failed_ = false;
  if (fine()) {
    for (int a = 0; a < options_.cpus; ++a) {
      for (int b = a + 1; b < options_.cpus; ++b) {
        if (!races(state_->cpus[a].next, state_->cpus[b].next)) continue;
        note_breach(0, "data race",
                    concat({"two CPUs are about to access ",
                            object_name(state_->cpus[a].next.object), " and one of them writes"}));
        return false;
      }
    }
  }
  return world_holds(enabled) && !failed_;
}

bool Machine::world_holds(Choices /*enabled*/) { return true; }

// --- Core locks

void Machine::lock_taken(const void* lock) {
  auto& held = this_cpu().held;
  const auto kind = static_cast<std::size_t>(class_of(lock));
  if (kind < static_cast<std::size_t>(ObjectClass::kTaskLock)) return;
  for (std::size_t inner = kind; inner < sizeof held; ++inner) {
    if (held[inner] == 0) continue;
    fail(
        18, "lock order",
        concat({object_name(lock), " was taken under a lock that comes after it or is its equal"}));
  }
  ++held[kind];
}

void Machine::lock_tried(const void* lock) {
  const auto kind = static_cast<std::size_t>(class_of(lock));
  if (kind >= static_cast<std::size_t>(ObjectClass::kTaskLock)) ++this_cpu().held[kind];
}

void Machine::lock_released(const void* lock) {
  const auto kind = static_cast<std::size_t>(class_of(lock));
  if (kind < static_cast<std::size_t>(ObjectClass::kTaskLock)) return;
  auto& held = this_cpu().held;
  if (held[kind] == 0) {
    fail(18, "lock order", concat({object_name(lock), " was released by another CPU"}));
  }
  --held[kind];
}

// --- Store buffers

void Machine::flush_oldest(int cpu) {
  VirtualCpu& c = state_->cpus[cpu];
  auto& buffer = state_->buffers[cpu];
  std::memcpy(buffer[0].address, &buffer[0].value, buffer[0].size);
  for (int i = 1; i < c.stores; ++i) buffer[i - 1] = buffer[i];
  buffer[--c.stores] = {};
}

void Machine::drain() {
  while (this_cpu().stores != 0) flush_oldest(state_->cpu);
}

void Machine::buffer_store(void* address, std::uint64_t value, std::uint8_t size) {
  VirtualCpu& c = this_cpu();
  if (c.stores == kStoreBufferSize) flush_oldest(state_->cpu);
  state_->buffers[state_->cpu][c.stores++] = {address, value, size};
}

bool Machine::forward(const void* address, std::uint64_t& value) const {
  const auto& buffer = state_->buffers[state_->cpu];
  for (int i = state_->cpus[state_->cpu].stores; i-- > 0;) {
    if (buffer[i].address != address) continue;
    value = buffer[i].value;
    return true;
  }
  return false;
}

// --- Identity

Digest Machine::digest() {
  Digest digest;
  for (int cpu = 0; cpu < options_.cpus; ++cpu) {
    const VirtualCpu& c = state_->cpus[cpu];
    Packer pack(digest);
    pack.add(static_cast<std::uint64_t>(c.next.kind), 5);
    pack.add(bits_of(c.next.object), 20);
    pack.add(c.running->index, 6);
    pack.add(c.preempt_off, 4);
    pack.add(c.kicked, 1);
    pack.add(c.stores, 3);
    // Armed instants of the past are all the same: due.
    pack.add(c.armed == kNever ? 0xfffffffff : relative(std::max(c.armed, state_->now)), 36);
    for (int i = 0; i < c.stores; ++i) {
      pack.flush();
      digest.mix(bits_of(state_->buffers[cpu][i].address));
      digest.mix(state_->buffers[cpu][i].value);
    }
  }
  for (const Context* context : contexts_) {
    digest.mix(context->control.digest.first());
    if (context->control.saw_time) {
      digest.mix(static_cast<std::uint64_t>(state_->now - context->control.since));
    }
  }
  visit(digest);
  return digest;
}

// --- Names

std::string Machine::next_operation(int cpu) {
  const VirtualCpu& c = state_->cpus[cpu];
  std::string text = verb(c.next.kind);
  const std::string name = object_name(c.next.object);
  if (!name.empty()) text.append(" ").append(name);
  return text;
}

std::string Machine::describe(Choice choice) {
  if (choice == kTimeChoice) return "time";
  const int cpu = choice % 4;
  const std::string who = concat({"cpu", std::to_string(cpu), " "});
  if (choice >= kFlushChoice) {
    return concat({who, "flush ", object_name(state_->buffers[cpu][0].address)});
  }
  if (choice >= kInterruptChoice) return concat({who, "interrupt"});
  return concat({who, context_name(*state_->cpus[cpu].running), ": ", next_operation(cpu)});
}

}  // namespace px::check
