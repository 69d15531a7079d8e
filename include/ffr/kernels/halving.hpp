#pragma once
/// \file
/// The binomial filter that smooths an image before every second pixel of it is taken (chip.hpp): whole numbers
/// throughout.
///
///     five rows of bytes --1 4 6 4 1 down--> a row of 16-bit sums, at most 4080 --1 4 6 4 1 across, / 256--> bytes

#include <cstdint>

#include "dispatch.hpp"

namespace ffr {
inline namespace v0_1 {
namespace kernels {

/// The kernels of a path: see halving.inl.
struct HalvingKernels {
    void (*filter_down)(const std::uint8_t* const* rows, int count, std::uint16_t* sums);
    void (*filter_across)(const std::uint16_t* sums, int step, int count, std::uint8_t* out);
};

namespace plain_halving {

struct Vector {
    using Words = std::uint16_t;
    static constexpr int kLanes = 1;

    static Words widen(const std::uint8_t* from) { return *from; }
    static Words load(const std::uint16_t* from) { return *from; }
    static void store(std::uint16_t* to, Words words) { *to = words; }
    static void store_high_bytes(std::uint8_t* to, Words words) { *to = static_cast<std::uint8_t>(words >> 8); }
};

#include "halving.inl"

}  // namespace plain_halving

#if defined(FFR_SSE2_KERNELS)

namespace sse2_halving {

struct Vector {
    typedef std::uint16_t Words __attribute__((vector_size(16)));
    static constexpr int kLanes = 8;

    static Words widen(const std::uint8_t* from) {
        const __m128i bytes = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(from));
        return reinterpret_cast<Words>(_mm_unpacklo_epi8(bytes, _mm_setzero_si128()));
    }
    static Words load(const std::uint16_t* from) {
        return reinterpret_cast<Words>(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)));
    }
    static void store(std::uint16_t* to, Words words) {
        _mm_storeu_si128(reinterpret_cast<__m128i*>(to), reinterpret_cast<__m128i>(words));
    }
    static void store_high_bytes(std::uint8_t* to, Words words) {
        const __m128i high = reinterpret_cast<__m128i>(words >> 8);
        _mm_storel_epi64(reinterpret_cast<__m128i*>(to), _mm_packus_epi16(high, high));
    }
};

#include "halving.inl"

}  // namespace sse2_halving

#endif

#if defined(FFR_AVX_KERNELS)

FFR_TARGET_BEGIN("avx2")

namespace avx2_halving {

struct Vector {
    typedef std::uint16_t Words __attribute__((vector_size(32)));
    static constexpr int kLanes = 16;

    static Words widen(const std::uint8_t* from) {
        const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
        return reinterpret_cast<Words>(_mm256_cvtepu8_epi16(bytes));
    }
    static Words load(const std::uint16_t* from) {
        return reinterpret_cast<Words>(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)));
    }
    static void store(std::uint16_t* to, Words words) {
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), reinterpret_cast<__m256i>(words));
    }
    static void store_high_bytes(std::uint8_t* to, Words words) {
        const __m256i high = reinterpret_cast<__m256i>(words >> 8);
        const __m128i bytes = _mm_packus_epi16(_mm256_castsi256_si128(high), _mm256_extracti128_si256(high, 1));
        _mm_storeu_si128(reinterpret_cast<__m128i*>(to), bytes);
    }
};

#include "halving.inl"

}  // namespace avx2_halving

FFR_TARGET_END

#elif defined(FFR_NEON_KERNELS)

namespace neon_halving {

struct Vector {
    using Words = uint16x8_t;
    static constexpr int kLanes = 8;

    static Words widen(const std::uint8_t* from) { return vmovl_u8(vld1_u8(from)); }
    static Words load(const std::uint16_t* from) { return vld1q_u16(from); }
    static void store(std::uint16_t* to, Words words) { vst1q_u16(to, words); }
    static void store_high_bytes(std::uint8_t* to, Words words) { vst1_u8(to, vshrn_n_u16(words, 8)); }
};

#include "halving.inl"

}  // namespace neon_halving

#endif

/// The kernels of a path, which the machine has to have, for at least `count` numbers.
inline const HalvingKernels& halving_kernels_of(SimdPath path, int count) {
#if defined(FFR_AVX_KERNELS)
    const bool has_avx2 = path == SimdPath::avx2 || path == SimdPath::avx512;
    if (has_avx2 && count >= avx2_halving::Vector::kLanes) return avx2_halving::kHalvingKernels;
#endif
#if defined(FFR_SSE2_KERNELS)
    if (path != SimdPath::scalar && count >= sse2_halving::Vector::kLanes) return sse2_halving::kHalvingKernels;
#elif defined(FFR_NEON_KERNELS)
    if (path == SimdPath::neon && count >= neon_halving::Vector::kLanes) return neon_halving::kHalvingKernels;
#endif
    static_cast<void>(path);
    static_cast<void>(count);
    return plain_halving::kHalvingKernels;
}

}  // namespace kernels
}  // namespace v0_1
}  // namespace ffr
