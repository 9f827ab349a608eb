#include "live/preempt_text.hpp"

#include <link.h>

#include <algorithm>
#include <array>
#include <utility>

#include "fiber/sanitizer.hpp"
#include "live/elf_file.hpp"

// NOLINTBEGIN(bugprone-reserved-identifier, readability-identifier-naming): the linker's names.
extern "C" {
// Defined by the linker: by px_text.ld, and for every section whose name is a C identifier. Null
// where the executable has none.
[[gnu::weak, gnu::visibility("hidden")]] extern const char __px_text_start[];
[[gnu::weak, gnu::visibility("hidden")]] extern const char __px_text_end[];
[[gnu::weak, gnu::visibility("hidden")]] extern const char __start_px_nopreempt[];
[[gnu::weak, gnu::visibility("hidden")]] extern const char __stop_px_nopreempt[];
}
// NOLINTEND(bugprone-reserved-identifier, readability-identifier-naming)

namespace px::live {
namespace {

// Text sections in which the loader or the linker is at work, and our own two.
constexpr std::array<std::string_view, 8> kExcludedSections = {
    ".plt", ".plt.sec", ".plt.got", ".iplt", ".init", ".fini", "px_nopreempt", ".px_text"};

constexpr std::array<std::string_view, 17> kExcludedNames = {"malloc",         "free",
                                                             "calloc",         "realloc",
                                                             "reallocarray",   "cfree",
                                                             "memalign",       "aligned_alloc",
                                                             "posix_memalign", "valloc",
                                                             "pvalloc",        "mallopt",
                                                             "malloc_trim",    "malloc_usable_size",
                                                             "jump_fcontext",  "make_fcontext",
                                                             "ontop_fcontext"};

// Beginnings of linker names. First those of the sanitizers' runtimes, coverage and profiling.
constexpr std::array<std::string_view, 25> kSanitizerPrefixes = {
    "__asan",         "__tsan",           "__ubsan",           "__msan",
    "__lsan",         "__hwasan",         "__dfsan",           "__sanitizer",
    "__sancov",       "__interceptor",    "___interceptor",    "__interception",
    "__llvm_profile", "__gcov",           "_ZN6__asan",        "_ZNK6__asan",
    "_ZN6__tsan",     "_ZNK6__tsan",      "_ZN7__ubsan",       "_ZNK7__ubsan",
    "_ZN6__lsan",     "_ZN11__sanitizer", "_ZNK11__sanitizer", "_ZN14__interception",
    "_ZN8__sancov"};

constexpr std::array<std::string_view, 20> kExcludedPrefixes = {
    // Allocators: the global operators new and delete, jemalloc, tcmalloc, mimalloc.
    "_Znw", "_Zna", "_Zdl", "_Zda", "je_", "_rjem_", "tc_", "_ZN8tcmalloc", "_ZNK8tcmalloc", "mi_",
    "_mi_",
    // C++ ABI and the unwinder with its static functions.
    "__cxa_", "__gxx_personality", "_Unwind_", "uw_", "execute_cfa_program", "read_encoded_value",
    "__register_frame", "__deregister_frame", "linear_search_fdes"};

bool starts_with_any(std::string_view name, const auto& prefixes) {
  return std::any_of(prefixes.begin(), prefixes.end(),
                     [name](std::string_view prefix) { return name.starts_with(prefix); });
}

bool is_excluded(std::string_view name, const std::vector<std::string>& further_prefixes) {
  return std::find(kExcludedNames.begin(), kExcludedNames.end(), name) != kExcludedNames.end() ||
         starts_with_any(name, kExcludedPrefixes) || starts_with_any(name, further_prefixes);
}

// The sanitizers' functions. Their static helpers have no telling names, but lie among functions
// that have: what stands between two of these, at most eight in a row, belongs to them.
std::vector<bool> sanitizer_functions(const std::vector<ElfFunction>& functions) {
  constexpr std::size_t kLongestGap = 8;
  std::vector<bool> result(functions.size());
  std::size_t last = functions.size();
  for (std::size_t i = 0; i < functions.size(); ++i) {
    if (!starts_with_any(functions[i].name, kSanitizerPrefixes)) continue;
    const std::size_t from = last < i && i - last - 1 <= kLongestGap ? last + 1 : i;
    std::fill(result.begin() + static_cast<std::ptrdiff_t>(from),
              result.begin() + static_cast<std::ptrdiff_t>(i) + 1, true);
    last = i;
  }
  return result;
}

bool is_named(const char* path, std::string_view name) {
  const std::string_view full(path);
  if (full == name) return true;
  const auto slash = full.rfind('/');
  return slash != std::string_view::npos && full.substr(slash + 1) == name;
}

TextRanges text_of(const dl_phdr_info& object) {
  TextRanges result;
  for (int i = 0; i < object.dlpi_phnum; ++i) {
    const auto& segment = object.dlpi_phdr[i];
    if (segment.p_type != PT_LOAD || (segment.p_flags & PF_X) == 0) continue;
    const std::uintptr_t begin = object.dlpi_addr + segment.p_vaddr;
    result.add(begin, begin + segment.p_memsz);
  }
  return result;
}

bool has_interpreter(const dl_phdr_info& object) {
  const auto* const end = object.dlpi_phdr + object.dlpi_phnum;
  return std::any_of(object.dlpi_phdr, end, [](const ElfFile::ProgramHeader& header) {
    return header.p_type == PT_INTERP;
  });
}

// Calls visit(object) for each loaded object, the executable first, until it returns true.
template <typename Visit>
bool any_object(Visit visit) {
  return ::dl_iterate_phdr(
             [](dl_phdr_info* object, std::size_t, void* argument) -> int {
               return (*static_cast<Visit*>(argument))(*object) ? 1 : 0;
             },
             &visit) != 0;
}

TextRanges excluded_sections(const ElfFile& file, std::uintptr_t base) {
  TextRanges result;
  for (const ElfSection& section : file.text_sections()) {
    if (std::find(kExcludedSections.begin(), kExcludedSections.end(), section.name) ==
        kExcludedSections.end()) {
      continue;
    }
    result.add(base + section.begin, base + section.end);
  }
  return result;
}

// Whether the bytes before `address` are a call instruction, as they are before each return
// address.
bool follows_call(std::uintptr_t address) noexcept {
  const auto* const code = reinterpret_cast<const unsigned char*>(address);
  if (code[-5] == 0xE8) return true;  // call with a 32-bit displacement
  constexpr int kIndirectLengths[] = {2, 3, 4, 6, 7};
  return std::any_of(std::begin(kIndirectLengths), std::end(kIndirectLengths), [code](int length) {
    return code[-length] == 0xFF && ((code[1 - length] >> 3) & 7) == 2;
  });
}

std::uintptr_t address_of(const char* symbol) { return reinterpret_cast<std::uintptr_t>(symbol); }

}  // namespace

TextRanges library_text() {
  TextRanges result;
  result.add(address_of(__px_text_start), address_of(__px_text_end));
  result.add(address_of(__start_px_nopreempt), address_of(__stop_px_nopreempt));
  return result;
}

PreemptText::PreemptText(Options options) : options_(std::move(options)) {
  auto tables = std::make_unique<Tables>();
  bool first = true;
  any_object([&](const dl_phdr_info& object) {
    if (!std::exchange(first, false)) {
      tables->foreign.add(text_of(object));
      return false;
    }
    available_ = has_interpreter(object);
    if (available_) tables->preemptible = text_of(object);
    const auto file = ElfFile::open("/proc/self/exe");
    if (!file.has_value() || !file->is_image_of(object)) return false;
    tables->preemptible.subtract(excluded_sections(*file, object.dlpi_addr));
    subtract_excluded_functions(*file, object.dlpi_addr, *tables);
    return false;
  });
  publish(std::move(tables));
}

PreemptText::~PreemptText() = default;

void PreemptText::subtract_excluded_functions(const ElfFile& file, std::uintptr_t base,
                                              Tables& tables) {
  const std::vector<ElfFunction> functions = file.functions();
  symbols_read_ = !functions.empty();
  const std::vector<bool> sanitizers = sanitizer_functions(functions);
  std::vector<TextRanges::Range> ranges;
  for (std::size_t i = 0; i < functions.size(); ++i) {
    if (!sanitizers[i] && !is_excluded(functions[i].name, options_.excluded_prefixes)) continue;
    ranges.push_back({base + functions[i].begin, base + functions[i].end});
  }
  const TextRanges runtimes(std::move(ranges));
  tables.preemptible.subtract(runtimes);
  tables.foreign.add(runtimes);
}

void PreemptText::publish(std::unique_ptr<Tables> tables) {
  const TextRanges ours = library_text();
  tables->preemptible.subtract(ours);
  tables->foreign.subtract(ours);
  tables->foreign.subtract(tables->preemptible);
  current_.store(tables.get(), std::memory_order_release);
  tables_.push_back(std::move(tables));
}

bool PreemptText::add_object(std::string_view name) {
  const std::lock_guard guard(adding_);
  auto tables = std::make_unique<Tables>(*current_.load(std::memory_order_relaxed));
  const bool found = any_object([&](const dl_phdr_info& object) {
    if (!is_named(object.dlpi_name, name)) return false;
    TextRanges text = text_of(object);
    const auto file = ElfFile::open(object.dlpi_name);
    if (file.has_value() && file->is_image_of(object)) {
      text.subtract(excluded_sections(*file, object.dlpi_addr));
    }
    tables->preemptible.add(text);
    return true;
  });
  if (!found || !available_) return false;
  publish(std::move(tables));
  return true;
}

// Not sanitized: it reads other functions' frames, redzones and all.
PX_NO_SANITIZE PreemptText::StackScan PreemptText::scan_stack(
    const void* pointer, const void* end, std::size_t max_words) const noexcept {
  const Tables& tables = *current_.load(std::memory_order_acquire);
  const auto* word = static_cast<const std::uintptr_t*>(pointer);
  const auto* const last = static_cast<const std::uintptr_t*>(end);
  StackScan result;
  for (std::size_t i = 0; i < max_words && word < last; ++i, ++word) {
    // Seven bytes are looked at before the address; a segment's first ones follow no call.
    if (!tables.foreign.contains(*word) || !tables.foreign.contains(*word - 7)) continue;
    if (!follows_call(*word)) continue;
    if (result.foreign_frames++ == 0) result.first_foreign = *word;
  }
  return result;
}

}  // namespace px::live
