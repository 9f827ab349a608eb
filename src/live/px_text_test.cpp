// Goal: px_text.ld gathers this library's code, and nothing of the program's, between its symbols.
// Method: this program is linked with the script (once with each linker that is installed) and
// looks up its own functions by name.
#include <gtest/gtest.h>
#include <link.h>

#include <string>
#include <string_view>

#include "fiber/context.hpp"
#include "live/elf_file.hpp"
#include "live/preempt_text.hpp"
#include "live/thread_state.hpp"

namespace px::live {
namespace {

[[gnu::noinline]] int program_code(int x) {
  asm volatile("");
  return x + 1;
}

template <typename Function>
std::uintptr_t address(Function* function) {
  return reinterpret_cast<std::uintptr_t>(function);
}

TEST(PxText, HoldsTheLibraryAndNotTheProgram) {
  const TextRanges library = library_text();
  EXPECT_TRUE(library.contains(address(&fiber::switch_to)));
  EXPECT_TRUE(library.contains(address(&thread_state)));
  EXPECT_FALSE(library.contains(address(&program_code)));
  EXPECT_FALSE(library.contains(address<void()>(&testing::InitGoogleTest)));
  const PreemptText text;
  EXPECT_FALSE(text.contains(address(&fiber::switch_to)));
  EXPECT_FALSE(text.contains(address(&thread_state)));
  EXPECT_TRUE(text.contains(address(&program_code)));
  EXPECT_EQ(program_code(1), 2);
}

// Inline functions and instantiations that only the library uses come out of its archives as well.
TEST(PxText, HoldsTheLibrarysInstantiations) {
  const auto file = ElfFile::open("/proc/self/exe");
  ASSERT_TRUE(file.has_value());
  std::uintptr_t base = 0;
  ::dl_iterate_phdr(
      [](dl_phdr_info* object, std::size_t, void* result) {
        *static_cast<std::uintptr_t*>(result) = object->dlpi_addr;
        return 1;
      },
      &base);
  const TextRanges library = library_text();
  int members = 0, inline_members = 0, instantiations = 0;
  for (const ElfFunction& function : file->functions()) {
    const std::string_view name = function.name;
    if (name.starts_with("_ZNK2px4live7ElfFile")) {
      ++members;
    } else if (name.starts_with("_ZN2px4live10TextRanges8subtract")) {
      ++inline_members;
    } else if (name.starts_with("_ZNSt") && name.find("PreemptText6Tables") != name.npos) {
      ++instantiations;  // of a private type: nobody else can
    } else {
      continue;
    }
    EXPECT_TRUE(library.contains(base + function.begin)) << name;
  }
  EXPECT_GT(members, 0);
  EXPECT_GT(inline_members, 0);
  EXPECT_GT(instantiations, 0);
}

}  // namespace
}  // namespace px::live
