// Preemptible text: the code in which a task may be interrupted and switched away.
//
// A task that is preempted in the middle of malloc, of the dynamic linker or of this library leaves
// their data half changed, and the next task on the same thread enters them again. So the question
// "where does the program counter stand?" decides, and the answer is yes for the executable's own
// code only (and for further objects on request). Out of that are taken
//   - this library: the section .px_text, if the executable is linked with px_text.ld, and the
//     section px_nopreempt always (the signal handler, and so all that runs after it has re-enabled
//     preemption);
//   - procedure linkage tables, in which the dynamic linker is at work;
//   - runtimes that are linked statically into the executable, found by the names of their
//     functions: the sanitizers, allocators, the unwinder, the C++ ABI (__cxa_*), Boost.Context.
//     Instantiations of std:: templates stay preemptible: they are the program's own code.
//
// An executable linked without px_text.ld is still safe: this library changes nothing that matters
// without having preemption off, so a signal in it is refused by the count instead of by the text.
// What it loses is defence in depth, and a preemption in this library between two such regions,
// which then needs a carrier exchange for a task that was about to switch anyway.
//
// A stripped executable hides statically linked runtimes from the search; symbols_read() says so.
// A fully static executable has everything, libc included, in one text: available() is false there.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "live/text_ranges.hpp"

namespace px::live {

class PreemptText {
 public:
  struct Options {
    // Further functions of the executable to keep out: linker names starting with one of these.
    std::vector<std::string> excluded_prefixes;
  };

  // Reads the loader's list and /proc/self/exe, some milliseconds for a large executable. What
  // cannot be read is left out of the search, never guessed.
  explicit PreemptText(Options options);
  PreemptText() : PreemptText(Options{}) {}
  ~PreemptText();
  PreemptText(const PreemptText&) = delete;
  PreemptText& operator=(const PreemptText&) = delete;

  // False in a fully static executable: nothing is preemptible then.
  [[nodiscard]] bool available() const noexcept { return available_; }
  // Whether the executable's functions could be read by name.
  [[nodiscard]] bool symbols_read() const noexcept { return symbols_read_; }

  // Makes the text of a loaded shared object preemptible, its own linkage tables excepted. `name`
  // is its path or the last part of it ("libwork.so"). False if no such object is loaded. The
  // object must stay loaded. Any thread; not from a signal handler.
  bool add_object(std::string_view name);

  // Whether `pc` lies in preemptible text. Async-signal-safe, lock-free, logarithmic.
  [[nodiscard]] bool contains(std::uintptr_t pc) const noexcept {
    return current_.load(std::memory_order_acquire)->preemptible.contains(pc);
  }

  struct StackScan {
    std::size_t foreign_frames = 0;
    std::uintptr_t first_foreign = 0;  // the return address nearest to the top of the stack
  };
  // For debugging: looks through the words of an interrupted stack, from `pointer` up to `end` and
  // at most max_words of them, for return addresses into text that is neither preemptible nor this
  // library's: the program was called back from qsort, call_once or a stream buffer, which may hold
  // something. Words that merely look like return addresses are counted too. Async-signal-safe;
  // about 10 ns a word.
  [[nodiscard]] StackScan scan_stack(const void* pointer, const void* end,
                                     std::size_t max_words) const noexcept;

 private:
  // Immutable once published; replaced as a whole by add_object().
  struct Tables {
    TextRanges preemptible;
    TextRanges foreign;  // other text, but this library's own
  };

  void publish(std::unique_ptr<Tables> tables);
  void subtract_excluded_functions(const class ElfFile& file, std::uintptr_t base, Tables& tables);

  const Options options_;
  bool available_ = false;
  bool symbols_read_ = false;
  std::mutex adding_;
  // All tables ever published: a handler on another thread may still be reading an old one.
  std::vector<std::unique_ptr<const Tables>> tables_;
  std::atomic<const Tables*> current_{nullptr};
};

// The text of this library in this executable, as far as the linker's symbols tell.
[[nodiscard]] TextRanges library_text();

}  // namespace px::live
