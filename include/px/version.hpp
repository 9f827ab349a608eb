// The library's version. SemVer: the inline namespace changes with the major version.
#pragma once

#define PX_VERSION_MAJOR 0
#define PX_VERSION_MINOR 1
#define PX_VERSION_PATCH 0

namespace px {
inline namespace v0 {

// "0.1.0", of the library that the program runs with.
[[nodiscard]] const char* version() noexcept;

}  // namespace v0
}  // namespace px
