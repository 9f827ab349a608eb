// The one place where the core is instantiated for the simulator.
#include "core/core.hpp"
#include "sim/platform.hpp"

template class px::core::Scheduler<px::sim::Platform>;
template class px::core::Mutex<px::sim::Platform>;
template class px::core::Event<px::sim::Platform>;
template class px::core::Semaphore<px::sim::Platform>;
template class px::core::SharedMutex<px::sim::Platform>;
template class px::core::Condition<px::sim::Platform>;
template class px::core::Barrier<px::sim::Platform>;
