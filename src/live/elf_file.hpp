// An ELF file on disk, read for its sections and functions. Everything in it is checked against the
// file's size before it is used: the file may not be what the process was started from.
#pragma once

#include <link.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace px::live {

// Addresses are the file's own; the caller adds where the object was loaded. Names point into the
// file and live as long as the ElfFile.
struct ElfSection {
  std::string_view name;
  std::uintptr_t begin;
  std::uintptr_t end;
};

struct ElfFunction {
  std::string_view name;
  std::uintptr_t begin;
  std::uintptr_t end;  // a function without a size extends to the next one
};

class ElfFile {
 public:
  using FileHeader = ElfW(Ehdr);
  using ProgramHeader = ElfW(Phdr);
  using SectionHeader = ElfW(Shdr);
  using Symbol = ElfW(Sym);

  // Nothing if the file cannot be read or is no 64-bit ELF file of this machine.
  static std::optional<ElfFile> open(const char* path);
  ElfFile(ElfFile&& other) noexcept;
  ElfFile& operator=(ElfFile&&) = delete;
  ~ElfFile();

  // Whether the object that the loader describes was loaded from this file: same program headers.
  [[nodiscard]] bool is_image_of(const dl_phdr_info& object) const noexcept;

  // The executable sections; empty if the file has no section headers.
  [[nodiscard]] std::vector<ElfSection> text_sections() const;
  // The functions of the symbol table, or of the dynamic one if the file is stripped, by address.
  [[nodiscard]] std::vector<ElfFunction> functions() const;

 private:
  ElfFile(std::byte* data, std::size_t size) : data_(data), size_(size) {}

  template <typename T>
  [[nodiscard]] const T* at(std::uint64_t offset, std::uint64_t count = 1) const noexcept;
  [[nodiscard]] std::string_view string_at(const SectionHeader& table,
                                           std::uint64_t offset) const noexcept;
  [[nodiscard]] const FileHeader& header() const noexcept;
  [[nodiscard]] std::size_t section_count() const noexcept;
  [[nodiscard]] const SectionHeader* sections() const noexcept;
  void append_functions(const SectionHeader& table, std::vector<ElfFunction>& result) const;

  std::byte* data_;  // mapped for reading only
  std::size_t size_;
};

}  // namespace px::live
