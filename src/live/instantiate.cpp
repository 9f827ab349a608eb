// The one place where the core is instantiated for the live world, with the platform's hot calls in
// sight so that they can be inlined.
#include "live/platform-inl.hpp"

#include "core/core.hpp"

template class px::core::Scheduler<px::live::Platform>;
template class px::core::Mutex<px::live::Platform>;
template class px::core::Event<px::live::Platform>;
template class px::core::Semaphore<px::live::Platform>;
template class px::core::SharedMutex<px::live::Platform>;
template class px::core::Condition<px::live::Platform>;
template class px::core::Barrier<px::live::Platform>;
template class px::core::Latch<px::live::Platform>;
template class px::core::EventCount<px::live::Platform>;
template class px::core::Flag<px::live::Platform>;
