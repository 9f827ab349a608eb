#include "live/elf_file.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

namespace px::live {

std::optional<ElfFile> ElfFile::open(const char* path) {
  const int file = ::open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return std::nullopt;
  struct stat status {};
  void* data = MAP_FAILED;
  if (::fstat(file, &status) == 0 && status.st_size >= static_cast<off_t>(sizeof(FileHeader))) {
    data =
        ::mmap(nullptr, static_cast<std::size_t>(status.st_size), PROT_READ, MAP_PRIVATE, file, 0);
  }
  ::close(file);
  if (data == MAP_FAILED) return std::nullopt;
  ElfFile result(static_cast<std::byte*>(data), static_cast<std::size_t>(status.st_size));
  const auto& header = result.header();
  const bool known = std::memcmp(header.e_ident, ELFMAG, SELFMAG) == 0 &&
                     header.e_ident[EI_CLASS] == ELFCLASS64 && header.e_machine == EM_X86_64 &&
                     header.e_phentsize == sizeof(ProgramHeader);
  if (!known) return std::nullopt;
  return result;
}

ElfFile::ElfFile(ElfFile&& other) noexcept : data_(other.data_), size_(other.size_) {
  other.data_ = nullptr;
}

ElfFile::~ElfFile() {
  if (data_ != nullptr) ::munmap(data_, size_);
}

template <typename T>
const T* ElfFile::at(std::uint64_t offset, std::uint64_t count) const noexcept {
  if (offset > size_ || offset % alignof(T) != 0 || count > (size_ - offset) / sizeof(T)) {
    return nullptr;
  }
  return reinterpret_cast<const T*>(data_ + offset);
}

std::string_view ElfFile::string_at(const SectionHeader& table,
                                    std::uint64_t offset) const noexcept {
  const char* const strings = at<char>(table.sh_offset, table.sh_size);
  if (strings == nullptr || offset >= table.sh_size) return {};
  return {strings + offset, ::strnlen(strings + offset, table.sh_size - offset)};
}

const ElfFile::FileHeader& ElfFile::header() const noexcept {
  return *reinterpret_cast<const FileHeader*>(data_);
}

const ElfFile::SectionHeader* ElfFile::sections() const noexcept {
  const bool known_size = header().e_shentsize == sizeof(SectionHeader);
  return known_size ? at<SectionHeader>(header().e_shoff, section_count()) : nullptr;
}

std::size_t ElfFile::section_count() const noexcept { return header().e_shnum; }

bool ElfFile::is_image_of(const dl_phdr_info& object) const noexcept {
  const auto* headers = at<ProgramHeader>(header().e_phoff, header().e_phnum);
  return headers != nullptr && header().e_phnum == object.dlpi_phnum &&
         std::memcmp(headers, object.dlpi_phdr, object.dlpi_phnum * sizeof(ProgramHeader)) == 0;
}

std::vector<ElfSection> ElfFile::text_sections() const {
  std::vector<ElfSection> result;
  const auto* const table = sections();
  if (table == nullptr || header().e_shstrndx >= section_count()) return result;
  for (std::size_t i = 0; i < section_count(); ++i) {
    if ((table[i].sh_flags & SHF_EXECINSTR) == 0) continue;
    result.push_back({string_at(table[header().e_shstrndx], table[i].sh_name), table[i].sh_addr,
                      table[i].sh_addr + table[i].sh_size});
  }
  return result;
}

std::vector<ElfFunction> ElfFile::functions() const {
  std::vector<ElfFunction> result;
  const auto* const table = sections();
  if (table == nullptr) return result;
  for (const auto type : {SHT_SYMTAB, SHT_DYNSYM}) {
    for (std::size_t i = 0; i < section_count(); ++i) {
      if (table[i].sh_type == static_cast<unsigned>(type)) append_functions(table[i], result);
    }
    if (!result.empty()) break;
  }
  std::stable_sort(result.begin(), result.end(),
                   [](const auto& a, const auto& b) { return a.begin < b.begin; });
  for (std::size_t i = 0; i < result.size(); ++i) {
    if (result[i].end != result[i].begin) continue;
    const auto next = std::find_if(result.begin() + static_cast<std::ptrdiff_t>(i), result.end(),
                                   [&](const auto& f) { return f.begin > result[i].begin; });
    result[i].end = next != result.end() ? next->begin : result[i].begin + 1;
  }
  return result;
}

void ElfFile::append_functions(const SectionHeader& table, std::vector<ElfFunction>& result) const {
  const auto* const symbols = at<Symbol>(table.sh_offset, table.sh_size / sizeof(Symbol));
  if (symbols == nullptr || table.sh_link >= section_count()) return;
  const auto& names = sections()[table.sh_link];
  for (std::size_t i = 0; i < table.sh_size / sizeof(Symbol); ++i) {
    const auto& symbol = symbols[i];
    const auto type = ELF64_ST_TYPE(symbol.st_info);
    if ((type != STT_FUNC && type != STT_GNU_IFUNC) || symbol.st_shndx == SHN_UNDEF) continue;
    result.push_back(
        {string_at(names, symbol.st_name), symbol.st_value, symbol.st_value + symbol.st_size});
  }
}

}  // namespace px::live
