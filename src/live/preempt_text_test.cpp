// Goal: the program's own code is preemptible, and libc, linkage tables, statically linked runtimes
// and px_nopreempt are not; a scan of a stack finds callbacks out of libc and nothing else.
// Method: addresses of known functions of each kind, all bytes of the linkage tables, and functions
// of this test that carry a runtime's name. Scans run on a fresh fiber stack, where no stale words
// lie about.
#include "live/preempt_text.hpp"

#include <dlfcn.h>
#include <gtest/gtest.h>
#include <link.h>

#include <cstdint>
#include <cstdlib>
#include <numeric>
#include <optional>
#include <vector>

#include "fiber/context.hpp"
#include "fiber/stack.hpp"
#include "live/elf_file.hpp"

// Functions that look like parts of statically linked runtimes, with ordinary ones in between.
extern "C" {
[[gnu::noinline]] int px_test_before(int x) { return x * 3 + 1; }
[[gnu::noinline]] int je_px_test_arena(int x) { return x * 5 + 2; }
[[gnu::noinline]] int px_test_between(int x) { return x * 7 + 3; }
[[gnu::noinline]] int uw_px_test_frame(int x) { return x * 11 + 4; }
[[gnu::noinline]] int px_test_after(int x) { return x * 13 + 5; }
[[gnu::noinline, gnu::section("px_nopreempt")]] int px_test_nopreempt(int x) { return x * 17 + 6; }
}

namespace px::live {
namespace {

template <typename Function>
std::uintptr_t address(Function* function) {
  return reinterpret_cast<std::uintptr_t>(function);
}

std::uintptr_t symbol(const char* name) {
  return reinterpret_cast<std::uintptr_t>(::dlsym(RTLD_DEFAULT, name));
}

TEST(TextRanges, AddsSubtractsAndFinds) {
  TextRanges ranges({{30, 40}, {10, 20}, {15, 25}, {50, 50}, {40, 45}});
  ASSERT_EQ(ranges.ranges().size(), 2u);  // [10, 25) and [30, 45)
  ranges.subtract(TextRanges({{0, 11}, {12, 13}, {24, 31}, {44, 99}}));
  std::vector<std::uintptr_t> members;
  for (std::uintptr_t i = 0; i < 100; ++i) {
    if (ranges.contains(i)) members.push_back(i);
  }
  std::vector<std::uintptr_t> expected{11};
  for (std::uintptr_t i = 13; i < 24; ++i) expected.push_back(i);
  for (std::uintptr_t i = 31; i < 44; ++i) expected.push_back(i);
  EXPECT_EQ(members, expected);
  ranges.subtract(TextRanges({{0, 1000}}));
  EXPECT_TRUE(ranges.empty());
  EXPECT_FALSE(ranges.contains(13));
}

TEST(PreemptText, IsTheProgramsOwnCode) {
  const PreemptText text;
  ASSERT_TRUE(text.available());
  EXPECT_TRUE(text.symbols_read());
  EXPECT_TRUE(text.contains(address(&px_test_before)));
  EXPECT_TRUE(text.contains(address(&px_test_between)));
  EXPECT_TRUE(text.contains(address(&px_test_after)));
  EXPECT_TRUE(text.contains(address(&std::iota<int*, int>))) << "std:: templates are program code";
  EXPECT_FALSE(text.contains(0));
  EXPECT_FALSE(text.contains(UINTPTR_MAX));
  static int data = 0;
  EXPECT_FALSE(text.contains(reinterpret_cast<std::uintptr_t>(&data)));
}

TEST(PreemptText, LeavesOutOtherObjects) {
  const PreemptText text;
  for (const char* name : {"qsort", "malloc", "dl_iterate_phdr", "__cxa_throw", "_ZSt4cout",
                           "_ZSt20__throw_length_errorPKc", "_Unwind_RaiseException"}) {
    ASSERT_NE(symbol(name), 0u) << name;
    EXPECT_FALSE(text.contains(symbol(name))) << name;
  }
}

TEST(PreemptText, LeavesOutRuntimesByNameAndKeepsTheirNeighbours) {
  const PreemptText text;
  for (const auto function : {&je_px_test_arena, &uw_px_test_frame, &px_test_nopreempt}) {
    EXPECT_FALSE(text.contains(address(function)));
    EXPECT_FALSE(text.contains(address(function) + 1));
  }
  const PreemptText narrower({.excluded_prefixes = {"px_test_bet"}});
  EXPECT_FALSE(narrower.contains(address(&px_test_between)));
  EXPECT_TRUE(narrower.contains(address(&px_test_before)));
  EXPECT_TRUE(narrower.contains(address(&px_test_after)));
}

TEST(PreemptText, LeavesOutTheLinkageTables) {
  const PreemptText text;
  std::uintptr_t base = 0;
  ::dl_iterate_phdr(
      [](dl_phdr_info* object, std::size_t, void* result) {
        *static_cast<std::uintptr_t*>(result) = object->dlpi_addr;
        return 1;
      },
      &base);
  const auto file = ElfFile::open("/proc/self/exe");
  ASSERT_TRUE(file.has_value());
  int tables = 0, texts = 0;
  for (const ElfSection& section : file->text_sections()) {
    if (section.name == ".text") ++texts;
    if (!section.name.starts_with(".plt")) continue;
    ++tables;
    for (std::uintptr_t at = section.begin; at < section.end; ++at) {
      ASSERT_FALSE(text.contains(base + at)) << section.name;
    }
  }
  EXPECT_EQ(texts, 1);
  EXPECT_GT(tables, 0);
}

TEST(PreemptText, TakesInObjectsOnRequest) {
  PreemptText text;
  const std::uintptr_t inside = symbol("_ZSt20__throw_length_errorPKc");
  EXPECT_FALSE(text.add_object("libno_such_thing.so"));
  EXPECT_FALSE(text.contains(inside));
  ASSERT_TRUE(text.add_object("libstdc++.so.6"));
  EXPECT_TRUE(text.contains(inside));
  EXPECT_TRUE(text.contains(address(&px_test_before)));
  EXPECT_FALSE(text.contains(address(&je_px_test_arena)));
  EXPECT_FALSE(text.contains(symbol("qsort")));
}

TEST(ElfFile, RefusesWhatIsNoElfFile) {
  EXPECT_FALSE(ElfFile::open("/proc/self/no_such_file").has_value());
  EXPECT_FALSE(ElfFile::open("/proc/self/cmdline").has_value());
  EXPECT_FALSE(ElfFile::open("/").has_value());
}

// What a scan of the running fiber's stack finds, in code that libc has called or not.
struct Scan {
  fiber::Context host;
  fiber::Context context;
  fiber::Stack stack;
  const PreemptText* text = nullptr;
  PreemptText::StackScan direct;
  PreemptText::StackScan in_callback;
};
Scan* running_scan = nullptr;

PX_NO_SANITIZE PreemptText::StackScan scan_here() {
  const Scan& scan = *running_scan;
  return scan.text->scan_stack(__builtin_frame_address(0), scan.stack.low + scan.stack.size, 4096);
}

int compare_and_scan(const void* left, const void* right) {
  running_scan->in_callback = scan_here();
  return *static_cast<const int*>(left) - *static_cast<const int*>(right);
}

void scan_on_fiber(void* argument) noexcept {
  auto& scan = *static_cast<Scan*>(argument);
  scan.direct = scan_here();
  int numbers[] = {3, 1, 2};
  // Without the sanitizers' wrapper, which would call back from the executable.
  const auto sort = reinterpret_cast<decltype(&std::qsort)>(::dlsym(RTLD_NEXT, "qsort"));
  sort(numbers, 3, sizeof(int), &compare_and_scan);
  fiber::switch_final(scan.context, scan.host);
}

TEST(PreemptText, StackScanFindsCallbacksOutOfLibc) {
  const PreemptText text;
  fiber::StackPool pool;
  Scan scan;
  scan.stack = pool.acquire();
  scan.text = &text;
  running_scan = &scan;
  fiber::adopt_thread(scan.host);
  fiber::make(scan.context, scan.stack, &scan_on_fiber, &scan);
  fiber::switch_to(scan.host, scan.context);
  EXPECT_EQ(scan.direct.foreign_frames, 0u) << std::hex << scan.direct.first_foreign;
  EXPECT_GT(scan.in_callback.foreign_frames, 0u);
  Dl_info info{};
  ASSERT_NE(::dladdr(reinterpret_cast<void*>(scan.in_callback.first_foreign), &info), 0);
  EXPECT_NE(std::string(info.dli_fname).find("libc.so"), std::string::npos) << info.dli_fname;
  pool.release(scan.stack);
}

}  // namespace
}  // namespace px::live
