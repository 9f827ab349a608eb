// The one place where the core is instantiated for the checker.
#include "check/platform.hpp"
#include "core/core.hpp"

static_assert(px::core::Platform<px::check::Platform>);

template class px::core::Scheduler<px::check::Platform>;
template class px::core::Mutex<px::check::Platform>;
template class px::core::Event<px::check::Platform>;
template class px::core::Semaphore<px::check::Platform>;
template class px::core::SharedMutex<px::check::Platform>;
template class px::core::Condition<px::check::Platform>;
template class px::core::Barrier<px::check::Platform>;
