#pragma once
/// \file
/// XXH64, the 64-bit xxHash (Yann Collet; the algorithm is described in the xxHash specification). It guards weight and
/// model files against damage: as fast as memory can be read, but no protection against a forger.
///
///     bytes --32 at a time, 8 to each--> four lanes of 64 bits --mixed with the last bytes, up to 31--> 64 bits

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace ffr {
inline namespace v0_1 {
namespace detail {

constexpr std::uint64_t kPrime1 = 0x9E3779B185EBCA87, kPrime2 = 0xC2B2AE3D27D4EB4F, kPrime3 = 0x165667B19E3779F9,
                        kPrime4 = 0x85EBCA77C2B2AE63, kPrime5 = 0x27D4EB2F165667C5;

inline std::uint64_t rotate_left(std::uint64_t value, int bits) {
    return (value << bits) | (value >> (64 - bits));
}

template <typename T>
T load_little_endian(const unsigned char* bytes) {
    T value = 0;
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    std::memcpy(&value, bytes, sizeof value);  // compilers see through it, but not through the loop
#else
    for (std::size_t i = 0; i < sizeof(T); ++i) value |= static_cast<T>(static_cast<T>(bytes[i]) << (8 * i));
#endif
    return value;
}

inline std::uint64_t xxh64_round(std::uint64_t lane, std::uint64_t input) {
    return rotate_left(lane + input * kPrime2, 31) * kPrime1;
}

/// XXH64 of `size` bytes with seed 0.
inline std::uint64_t xxh64(const void* data, std::size_t size) {
    const auto* p = static_cast<const unsigned char*>(data);
    const unsigned char* const end = p + size;
    std::uint64_t hash = kPrime5;
    if (size >= 32) {
        std::uint64_t lanes[4] = {kPrime1 + kPrime2, kPrime2, 0, 0 - kPrime1};
        for (; end - p >= 32; p += 32) {
            for (int i = 0; i < 4; ++i) lanes[i] = xxh64_round(lanes[i], load_little_endian<std::uint64_t>(p + 8 * i));
        }
        hash =
            rotate_left(lanes[0], 1) + rotate_left(lanes[1], 7) + rotate_left(lanes[2], 12) + rotate_left(lanes[3], 18);
        for (const std::uint64_t lane : lanes) hash = (hash ^ xxh64_round(0, lane)) * kPrime1 + kPrime4;
    }
    hash += size;
    for (; end - p >= 8; p += 8) {
        hash ^= xxh64_round(0, load_little_endian<std::uint64_t>(p));
        hash = rotate_left(hash, 27) * kPrime1 + kPrime4;
    }
    if (end - p >= 4) {
        hash ^= load_little_endian<std::uint32_t>(p) * kPrime1;
        hash = rotate_left(hash, 23) * kPrime2 + kPrime3;
        p += 4;
    }
    for (; p != end; ++p) hash = rotate_left(hash ^ (*p * kPrime5), 11) * kPrime1;
    hash = (hash ^ (hash >> 33)) * kPrime2;
    hash = (hash ^ (hash >> 29)) * kPrime3;
    return hash ^ (hash >> 32);
}

}  // namespace detail
}  // namespace v0_1
}  // namespace ffr
