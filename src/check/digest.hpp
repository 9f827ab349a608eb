// The identity of a state: a 128-bit hash over the fields that decide the future. States are told
// apart by its first 64 bits unless 128 are asked for.
#pragma once

#include <bit>
#include <cstdint>
#include <type_traits>

namespace px::check {

__extension__ typedef unsigned __int128 Wide;

// Two independent lanes of multiply-and-fold hashing (the mixing step of wyhash). Order matters:
// mix(1), mix(2) differs from mix(2), mix(1).
class Digest {
 public:
  constexpr void mix(std::uint64_t value) {
    a_ = fold(a_ ^ value, 0xa0761d6478bd642fULL);
    b_ = fold(b_ ^ std::rotl(value, 32), 0xe7037ed1a0b428dbULL);
  }
  [[nodiscard]] constexpr std::uint64_t first() const { return a_; }
  [[nodiscard]] constexpr std::uint64_t second() const { return b_; }
  constexpr bool operator==(const Digest&) const = default;

 private:
  static constexpr std::uint64_t fold(std::uint64_t x, std::uint64_t k) {
    const Wide product = static_cast<Wide>(x) * k;
    return (static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64)) + k;
  }

  std::uint64_t a_ = 0x8ebc6af09c88c6e3ULL;
  std::uint64_t b_ = 0x589965cc75374cc3ULL;
};

// Collects small fields into words before they are mixed, which is most of a digest's cost.
class Packer {
 public:
  explicit Packer(Digest& digest) : digest_(digest) {}
  ~Packer() { flush(); }
  Packer(const Packer&) = delete;
  Packer& operator=(const Packer&) = delete;

  // `bits` low bits of `value`; the caller guarantees that they hold it.
  void add(std::uint64_t value, unsigned bits) {
    if (used_ + bits > 64) flush();
    word_ |= (value & (~std::uint64_t{0} >> (64 - bits))) << used_;
    used_ += bits;
  }
  void flush() {
    if (used_ == 0) return;
    digest_.mix(word_);
    word_ = 0;
    used_ = 0;
  }

 private:
  Digest& digest_;
  std::uint64_t word_ = 0;
  unsigned used_ = 0;
};

// The bits of an observed value, as a number.
template <typename T>
[[nodiscard]] std::uint64_t bits_of(T value) {
  if constexpr (std::is_pointer_v<T>) {
    return reinterpret_cast<std::uintptr_t>(value);
  } else {
    return static_cast<std::uint64_t>(value);
  }
}

}  // namespace px::check
