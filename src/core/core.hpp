// All bodies of the core, for the one translation unit per world that instantiates it, and tests.
#pragma once

#include <algorithm>
#include <utility>

#include "core/balance-inl.hpp"
#include "core/boost-inl.hpp"
#include "core/budget-inl.hpp"
#include "core/change-inl.hpp"
#include "core/deadlock-inl.hpp"
#include "core/event-inl.hpp"
#include "core/fair_balance-inl.hpp"
#include "core/hotplug-inl.hpp"
#include "core/mutex-inl.hpp"
#include "core/park-inl.hpp"
#include "core/proxy-inl.hpp"
#include "core/schedule-inl.hpp"
#include "core/shared_mutex-inl.hpp"
#include "core/sync-inl.hpp"
#include "core/timer-inl.hpp"
#include "core/wait-inl.hpp"
#include "core/wakeup-inl.hpp"
