#include "workload/job_log.hpp"

#include <algorithm>
#include <cstddef>

#include "base/check.hpp"
#include "workload/timer_bank.hpp"

namespace px::workload {
namespace {

// Small for the many tasks with few jobs, then doubling.
constexpr std::size_t kFirstChunk = 4;
constexpr std::size_t kLargestChunk = 1024;

}  // namespace

JobLog::JobLog(const TaskSpec& task) : enabled_(true) {
  const Activation first = Cursor(task).activation();
  if (!first.has_events) return;
  open(task.delay_ns, deadline_of_job(task.params, first, task.delay_ns));
}

std::optional<Nanos> deadline_of_job(const policy::Params& params, const Activation& activation,
                                     Nanos release_ns) {
  if (const auto* deadline = std::get_if<policy::DeadlineParams>(&params)) {
    return later(release_ns, deadline->deadline_ns);
  }
  if (activation.ended_by == nullptr) return std::nullopt;
  return later(release_ns, activation.ended_by->amount_ns);
}

void JobLog::open(Nanos release_ns, std::optional<Nanos> deadline_ns) {
  if (!enabled_) return;
  PX_CHECK(!open_, "the job before is not finished");
  if (chunks_.empty() || chunks_.back().size() == chunks_.back().capacity()) {
    const std::size_t size =
        chunks_.empty() ? kFirstChunk : std::min(chunks_.back().capacity() * 2, kLargestChunk);
    chunks_.emplace_back().reserve(size);
  }
  trace::Job& job = chunks_.back().emplace_back();
  job.release_ns = release_ns;
  job.deadline_ns = deadline_ns;
  open_ = true;
}

void JobLog::start(Nanos now_ns) {
  PX_CHECK(awaits_start(), "no job waits for its start");
  last().start_ns = now_ns;
}

void JobLog::finish(Nanos now_ns) {
  if (!open_) return;
  trace::Job& job = last();
  PX_CHECK(job.start_ns.has_value(), "a job finishes that was never started");
  job.finish_ns = now_ns;
  job.missed = job.deadline_ns && now_ns > *job.deadline_ns;
  open_ = false;
}

void JobLog::finalize(Nanos end_ns) {
  for (std::vector<trace::Job>& chunk : chunks_) {
    for (trace::Job& job : chunk) {
      if (job.start_ns && *job.start_ns > end_ns) job.start_ns.reset();
      if (job.finish_ns && *job.finish_ns > end_ns) job.finish_ns.reset();
      if (!job.finish_ns) job.missed = job.deadline_ns && *job.deadline_ns <= end_ns;
    }
    std::erase_if(chunk,
                  [&](const trace::Job& job) { return job.release_ns >= end_ns && !job.start_ns; });
  }
  open_ = false;
}

std::vector<trace::Job> JobLog::take() {
  std::vector<trace::Job> jobs;
  for (const std::vector<trace::Job>& chunk : chunks_) {
    jobs.insert(jobs.end(), chunk.begin(), chunk.end());
  }
  *this = JobLog();
  return jobs;
}

}  // namespace px::workload
