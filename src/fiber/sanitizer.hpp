// Which sanitizer this translation unit is built with, in one spelling for g++ and clang.
#pragma once

#if defined(__SANITIZE_ADDRESS__)
#define PX_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define PX_ASAN 1
#endif
#endif
#ifndef PX_ASAN
#define PX_ASAN 0
#endif

#if defined(__SANITIZE_THREAD__)
#define PX_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define PX_TSAN 1
#endif
#endif
#ifndef PX_TSAN
#define PX_TSAN 0
#endif

// For code that must not carry a sanitizer's calls: it runs before the sanitizer has started, or
// between two instructions of anything else.
#if defined(__clang__)
#define PX_NO_SANITIZE __attribute__((no_sanitize("address", "thread", "undefined")))
#elif defined(__GNUC__)
#define PX_NO_SANITIZE \
  __attribute__((no_sanitize_address, no_sanitize_thread, no_sanitize_undefined))
#endif
