// Clang's thread-safety attributes; empty under g++, which warns about unknown attributes.
#pragma once

#if defined(__clang__)
#define PX_TSA(x) __attribute__((x))
#else
#define PX_TSA(x)
#endif

#define PX_CAPABILITY(name) PX_TSA(capability(name))
#define PX_GUARDED_BY(lock) PX_TSA(guarded_by(lock))
#define PX_REQUIRES(...) PX_TSA(requires_capability(__VA_ARGS__))
#define PX_ACQUIRE(...) PX_TSA(acquire_capability(__VA_ARGS__))
#define PX_TRY_ACQUIRE(...) PX_TSA(try_acquire_capability(__VA_ARGS__))
#define PX_RELEASE(...) PX_TSA(release_capability(__VA_ARGS__))
#define PX_EXCLUDES(...) PX_TSA(locks_excluded(__VA_ARGS__))
// For a function whose locks the analysis cannot follow (taken in one function and released in
// another, as across a context switch). The reason stands beside each use.
#define PX_NO_ANALYSIS PX_TSA(no_thread_safety_analysis)
