// Everything.
#pragma once

#include "px/condition_variable.hpp"  // IWYU pragma: export
#include "px/duration.hpp"            // IWYU pragma: export
#include "px/error.hpp"               // IWYU pragma: export
#include "px/future.hpp"              // IWYU pragma: export
#include "px/mutex.hpp"               // IWYU pragma: export
#include "px/protocol.hpp"            // IWYU pragma: export
#include "px/recursive_mutex.hpp"     // IWYU pragma: export
#include "px/rendezvous.hpp"          // IWYU pragma: export
#include "px/runtime.hpp"             // IWYU pragma: export
#include "px/sched_params.hpp"        // IWYU pragma: export
#include "px/semaphore.hpp"           // IWYU pragma: export
#include "px/shared_mutex.hpp"        // IWYU pragma: export
#include "px/stop_token.hpp"          // IWYU pragma: export
#include "px/task_local.hpp"          // IWYU pragma: export
#include "px/this_task.hpp"           // IWYU pragma: export
#include "px/version.hpp"             // IWYU pragma: export
