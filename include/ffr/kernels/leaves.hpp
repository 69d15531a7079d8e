#pragma once
/// \file
/// Adds leaves of regression trees to a shape, coordinate by coordinate. Every product and sum is rounded on its own
/// and in the leaves' order, so wider registers give the same bits.
///
///     shape: 68 x 2 floats   +=   leaf of tree 0, leaf of tree 1, ... leaf of tree 499: 68 x 2 numbers each
///
/// A number is a float, or a whole number of steps whose size the leaf has. plain_leaves, whose register is a point,
/// makes the plain version of leaves.inl.

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "../base/exact_float.hpp"
#include "dispatch.hpp"

namespace ffr {
inline namespace v0_1 {
namespace kernels {

/// How leaves are kept.
enum class LeafCoding {
    exact,   // float32
    int16,   // steps of a size that the leaf has for itself
    int8,    // the same
    nibbles  // the same, a byte a point: x in the low four bits, y in the high ones, 0..15 standing for -8..7
};

/// Bits that a coordinate takes in a leaf.
constexpr std::size_t bits_of_a_shift(LeafCoding coding) {
    return coding == LeafCoding::exact ? 32 : coding == LeafCoding::int16 ? 16 : coding == LeafCoding::int8 ? 8 : 4;
}

/// The leaves of some trees one after the other, each a shift of all coordinates of a shape.
struct LeafTable {
    LeafCoding coding = LeafCoding::exact;
    const char* shifts = nullptr;
    const float* step_sizes = nullptr;  // one a leaf, unless the coding is exact
    std::size_t coordinates = 0;        // x and y of each point: an even number

    /// Asks for a leaf that will be added soon: where a table is larger than the caches, waiting for one leaf after the
    /// other takes most of the time.
    void ask_for(std::size_t leaf) const {
        const std::size_t size = coordinates * bits_of_a_shift(coding) / 8;
        const char* const end = shifts + (leaf + 1) * size;
        for (const char* line = end - size; line < end; line += 64) prefetch(line);
        prefetch(end - 1);
        if (step_sizes != nullptr) prefetch(step_sizes + leaf);
    }
};

/// The kernels of a path: see leaves.inl.
struct LeafKernels {
    /// By LeafCoding.
    std::size_t (*add[4])(const LeafTable&, const std::size_t* leaves, std::size_t count, std::size_t first,
                          float* shape);
};

namespace plain_leaves {

FFR_EXACT_FLOAT_BEGIN

/// A point is the least that all codings can name.
struct Vector {
    struct Register {
        float x, y;
        friend Register operator+(Register a, Register b) { return {a.x + b.x, a.y + b.y}; }
        friend Register operator*(Register a, Register b) { return {a.x * b.x, a.y * b.y}; }
    };
    static constexpr std::size_t kLanes = 2;

    template <typename Number>
    static Register pair(const char* from) {
        Number numbers[2];
        std::memcpy(numbers, from, sizeof numbers);
        return {static_cast<float>(numbers[0]), static_cast<float>(numbers[1])};
    }

    static Register load(const float* from) { return {from[0], from[1]}; }
    static void store(float* to, Register value) {
        to[0] = value.x;
        to[1] = value.y;
    }
    static Register broadcast(float value) { return {value, value}; }
    static Register from_int16(const char* from) { return pair<std::int16_t>(from); }
    static Register from_int8(const char* from) { return pair<std::int8_t>(from); }
    static Register from_nibbles(const char* from) {
        const int point = static_cast<unsigned char>(*from);
        return {static_cast<float>((point & 15) - 8), static_cast<float>((point >> 4) - 8)};
    }
};

#include "leaves.inl"

FFR_EXACT_FLOAT_END

}  // namespace plain_leaves

#if defined(FFR_SSE2_KERNELS)

namespace sse2_leaves {

FFR_EXACT_FLOAT_BEGIN

struct Vector {
    using Register = __m128;
    static constexpr std::size_t kLanes = 4;

    static Register load(const float* from) { return _mm_loadu_ps(from); }
    static void store(float* to, Register value) { _mm_storeu_ps(to, value); }
    static Register broadcast(float value) { return _mm_set1_ps(value); }
    static Register from_int16(const char* from) {
        const __m128i steps = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(from));
        return _mm_cvtepi32_ps(_mm_srai_epi32(_mm_unpacklo_epi16(steps, steps), 16));
    }
    static Register from_int8(const char* from) {
        int four = 0;
        std::memcpy(&four, from, sizeof four);
        const __m128i steps = _mm_cvtsi32_si128(four), pairs = _mm_unpacklo_epi8(steps, steps);
        return _mm_cvtepi32_ps(_mm_srai_epi32(_mm_unpacklo_epi16(pairs, pairs), 24));
    }
    /// Each lane keeps its four bits where they are and becomes a number that's a power of 16 too large.
    static Register from_nibbles(const char* from) {
        std::uint16_t four = 0;
        std::memcpy(&four, from, sizeof four);
        const __m128i large = _mm_and_si128(_mm_set1_epi32(four), _mm_setr_epi32(0xF, 0xF0, 0xF00, 0xF000));
        const __m128 numbers = _mm_mul_ps(_mm_cvtepi32_ps(large), _mm_setr_ps(1, 1 / 16.0f, 1 / 256.0f, 1 / 4096.0f));
        return _mm_sub_ps(numbers, _mm_set1_ps(8));
    }
};

#include "leaves.inl"

FFR_EXACT_FLOAT_END

}  // namespace sse2_leaves

#endif

#if defined(FFR_AVX_KERNELS)

FFR_TARGET_BEGIN("avx2")

namespace avx2_leaves {

FFR_EXACT_FLOAT_BEGIN

struct Vector {
    using Register = __m256;
    static constexpr std::size_t kLanes = 8;

    static Register load(const float* from) { return _mm256_loadu_ps(from); }
    static void store(float* to, Register value) { _mm256_storeu_ps(to, value); }
    static Register broadcast(float value) { return _mm256_set1_ps(value); }
    static Register from_int16(const char* from) {
        return _mm256_cvtepi32_ps(_mm256_cvtepi16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from))));
    }
    static Register from_int8(const char* from) {
        return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(from))));
    }
    static Register from_nibbles(const char* from) {
        int eight = 0;
        std::memcpy(&eight, from, sizeof eight);
        const __m256i places = _mm256_setr_epi32(0, 4, 8, 12, 16, 20, 24, 28);
        const __m256i nibbles =
            _mm256_and_si256(_mm256_srlv_epi32(_mm256_set1_epi32(eight), places), _mm256_set1_epi32(15));
        return _mm256_cvtepi32_ps(_mm256_sub_epi32(nibbles, _mm256_set1_epi32(8)));
    }
};

#include "leaves.inl"

FFR_EXACT_FLOAT_END

}  // namespace avx2_leaves

FFR_TARGET_END

#elif defined(FFR_NEON_KERNELS)

namespace neon_leaves {

FFR_EXACT_FLOAT_BEGIN

struct Vector {
    using Register = float32x4_t;
    static constexpr std::size_t kLanes = 4;

    static Register load(const float* from) { return vld1q_f32(from); }
    static void store(float* to, Register value) { vst1q_f32(to, value); }
    static Register broadcast(float value) { return vdupq_n_f32(value); }
    static Register from_int16(const char* from) {
        return vcvtq_f32_s32(vmovl_s16(vld1_s16(reinterpret_cast<const std::int16_t*>(from))));
    }
    static Register from_int8(const char* from) {
        std::uint32_t four = 0;
        std::memcpy(&four, from, sizeof four);
        return vcvtq_f32_s32(vmovl_s16(vget_low_s16(vmovl_s8(vcreate_s8(four)))));
    }
    static Register from_nibbles(const char* from) {
        std::uint16_t four = 0;
        std::memcpy(&four, from, sizeof four);
        const std::int32_t places[] = {0, -4, -8, -12};
        const uint32x4_t nibbles = vandq_u32(vshlq_u32(vdupq_n_u32(four), vld1q_s32(places)), vdupq_n_u32(15));
        return vcvtq_f32_s32(vsubq_s32(vreinterpretq_s32_u32(nibbles), vdupq_n_s32(8)));
    }
};

#include "leaves.inl"

FFR_EXACT_FLOAT_END

}  // namespace neon_leaves

#endif

/// shape += the shifts of leaves, one leaf after the other, by a path that the machine has to have.
inline void add_leaves(SimdPath path, const LeafTable& table, const std::size_t* leaves, std::size_t count,
                       float* shape) {
    const int coding = static_cast<int>(table.coding);
    std::size_t done = 0;
#if defined(FFR_AVX_KERNELS)
    if (path == SimdPath::avx2 || path == SimdPath::avx512) {
        done = avx2_leaves::kLeafKernels.add[coding](table, leaves, count, done, shape);
    }
#endif
#if defined(FFR_SSE2_KERNELS)
    if (path != SimdPath::scalar) done = sse2_leaves::kLeafKernels.add[coding](table, leaves, count, done, shape);
#elif defined(FFR_NEON_KERNELS)
    if (path == SimdPath::neon) done = neon_leaves::kLeafKernels.add[coding](table, leaves, count, done, shape);
#endif
    static_cast<void>(path);
    plain_leaves::kLeafKernels.add[coding](table, leaves, count, done, shape);
}

}  // namespace kernels
}  // namespace v0_1
}  // namespace ffr
