#include "linux/scheduling.hpp"

#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>

#include "workload/error.hpp"

namespace px::linux_world {

namespace {

std::string answer(const std::string& asked, int error) {
  return asked + ": " + std::strerror(error);
}

// Through pthreads and not the bare system call: the C library keeps a copy of the priority, from
// which a PTHREAD_PRIO_PROTECT mutex computes what to return to.
std::optional<Refusal> set_policy(int policy, int priority, const std::string& name) {
  sched_param param{};
  param.sched_priority = priority;
  const int error = ::pthread_setschedparam(::pthread_self(), policy, &param);
  if (error == 0) return std::nullopt;
  return Refusal{"policy", answer(name, error)};
}

std::optional<Refusal> set_nice(int nice) {
  // 0 names the calling thread here, although POSIX would have it be the process.
  if (::setpriority(PRIO_PROCESS, 0, nice) == 0) return std::nullopt;
  return Refusal{"nice", answer("nice " + std::to_string(nice), errno)};
}

// The kernel's struct sched_attr, whose header and the C library's exclude each other.
struct KernelSchedAttr {
  std::uint32_t size = sizeof(KernelSchedAttr);
  std::uint32_t policy = 0;
  std::uint64_t flags = 0;
  std::int32_t nice = 0;
  std::uint32_t priority = 0;
  std::uint64_t runtime_ns = 0;
  std::uint64_t deadline_ns = 0;
  std::uint64_t period_ns = 0;
};

std::optional<Refusal> set_deadline(const policy::DeadlineParams& params) {
  constexpr std::uint32_t kSchedDeadline = 6;
  KernelSchedAttr attr;
  attr.policy = kSchedDeadline;
  attr.runtime_ns = static_cast<std::uint64_t>(params.runtime_ns);
  attr.deadline_ns = static_cast<std::uint64_t>(params.deadline_ns);
  attr.period_ns = static_cast<std::uint64_t>(params.period_ns);
  if (::syscall(SYS_sched_setattr, 0, &attr, 0) == 0) return std::nullopt;
  return Refusal{"policy", answer("SCHED_DEADLINE", errno)};
}

}  // namespace

HostCpus::HostCpus() {
  cpu_set_t mask;
  CPU_ZERO(&mask);
  if (::sched_getaffinity(0, sizeof(mask), &mask) != 0) {
    throw workload::Error(answer("cannot read the CPU affinity of this process", errno));
  }
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &mask)) numbers_.push_back(cpu);
  }
  PX_CHECK(!numbers_.empty(), "a running thread may use at least one CPU");
}

CpuMask HostCpus::host_mask(const CpuMask& cpus_of_run) const {
  CpuMask mask;
  for (int cpu = cpus_of_run.next(-1); cpu >= 0; cpu = cpus_of_run.next(cpu)) {
    mask.add(numbers_[static_cast<std::size_t>(cpu % count())]);
  }
  return mask;
}

std::optional<Refusal> set_affinity(const CpuMask& host_cpus) {
  cpu_set_t set;
  CPU_ZERO(&set);
  std::string list;
  for (int cpu = host_cpus.next(-1); cpu >= 0; cpu = host_cpus.next(cpu)) {
    CPU_SET(static_cast<std::size_t>(cpu), &set);
    list += (list.empty() ? "" : ", ") + std::to_string(cpu);
  }
  const int error = ::pthread_setaffinity_np(::pthread_self(), sizeof(set), &set);
  if (error == 0) return std::nullopt;
  return Refusal{"affinity", answer("affinity to CPU " + list, error)};
}

std::vector<Refusal> set_params(const policy::Params& params) {
  std::vector<Refusal> refusals;
  const auto note = [&](std::optional<Refusal> refusal) {
    if (refusal) refusals.push_back(std::move(*refusal));
  };
  if (const auto* rt = std::get_if<policy::RealtimeParams>(&params)) {
    note(
        set_policy(rt->round_robin ? SCHED_RR : SCHED_FIFO, rt->priority,
                   (rt->round_robin ? "SCHED_RR " : "SCHED_FIFO ") + std::to_string(rt->priority)));
    return refusals;
  }
  if (const auto* deadline = std::get_if<policy::DeadlineParams>(&params)) {
    note(set_deadline(*deadline));
    return refusals;
  }
  const auto& fair = std::get<policy::FairParams>(params);
  const char* const name =
      fair.idle_policy ? "SCHED_IDLE" : (fair.batch ? "SCHED_BATCH" : "SCHED_OTHER");
  note(set_policy(fair.idle_policy ? SCHED_IDLE : (fair.batch ? SCHED_BATCH : SCHED_OTHER), 0,
                  name));
  note(set_nice(fair.nice));
  return refusals;
}

}  // namespace px::linux_world
