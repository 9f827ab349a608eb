// Everything.
#pragma once

#include "px/duration.hpp"      // IWYU pragma: export
#include "px/error.hpp"         // IWYU pragma: export
#include "px/mutex.hpp"         // IWYU pragma: export
#include "px/runtime.hpp"       // IWYU pragma: export
#include "px/sched_params.hpp"  // IWYU pragma: export
#include "px/stop_token.hpp"    // IWYU pragma: export
#include "px/task_local.hpp"    // IWYU pragma: export
#include "px/this_task.hpp"     // IWYU pragma: export
#include "px/version.hpp"       // IWYU pragma: export
