#pragma once
/// \file
/// Kernels of the stages before the network, whose every product and sum is rounded on its own: wider registers give
/// the same bits. They're chosen when the program runs, as simd.hpp's are. Fused multiply-add (a * b + c with one
/// rounding for both) stays switched off, also where the including program is compiled for a CPU that has it.
///
///     two rows of bytes --blend_row--> a resized row of bytes                                          resize.inl
///     three rows of bytes --orient, cast_votes, ...--> 18 bins a cell --normalise--> 31 a cell         hog.inl
///     rows of a plane --filter_strip--> added to the scores, one a cell                                filter.inl
///
/// The plain versions, to be read first, are in resize.hpp, hog_cells.hpp and sliding_filter.hpp.

#include <cmath>
#include <cstddef>
#include <cstdint>

#include "../base/exact_float.hpp"
#include "dispatch.hpp"

namespace ffr {
inline namespace v0_1 {
namespace kernels {

/// Where the columns of a resized row sample the input, eight columns within 15 pixels. All have whole sixteens of columns.
struct Samples {
    const std::int32_t* start;   // of each eight: the leftmost sample
    const std::uint8_t* offset;  // how far right of it a column's left neighbour is; the other one is the next pixel
    const float* fraction;       // how far the sample lies from left towards right
};

/// The pixels that a row's gradients are made of, for up to three channels.
struct PixelRows {
    const std::uint8_t* above[3];
    const std::uint8_t* here[3];
    const std::uint8_t* below[3];
};

/// How a vote is shared by four cells: (left, upper), (left, lower), (right, upper), (right, lower), where "upper" and
/// "lower" change places from one row of cells to the next.
struct VoteShares {
    float across[8][4];             // for each of eight pixels between the centres of two columns
    float left[8][4], right[8][4];  // the same with nothing for the other side
    float down[4];
};

/// For a row of cells: cuts and scales (see `blocks` in hog.inl) of the blocks to the lower right of each cell, the upper
/// right, the lower left and the upper left.
struct CellBlocks {
    const float* cut[4];
    const float* scale[4];
};

/// One term of a filter: ten weights along a row times ten down a column.
struct SeparableTaps {
    const float* row;
    const float* column;
};

/// Where in the first quadrant one direction begins to fit a gradient better than the one before: differences of the unit
/// vectors at 0, 20, 40, 60 and 80 degrees, times 10,000, which makes them whole.
constexpr float kSectorX[4] = {603, 1737, 2660, 3264}, kSectorY[4] = {3420, 3008, 2232, 1188};

/// Keeps flat blocks from dividing by zero.
constexpr float kBlockEpsilon = 0.0001f;
/// What a cell's texture is multiplied by.
constexpr float kTextureScale = static_cast<float>(2 * 0.2357);

/// The kernels of a path: see resize.inl, hog.inl and filter.inl.
struct ExactKernels {
    int strip;  // columns that filter_strip takes
    void (*split_row)(const std::uint8_t* pixels, int count, std::uint8_t* red, std::uint8_t* green,
                      std::uint8_t* blue);
    void (*blend_row)(const std::uint8_t* top, const std::uint8_t* bottom, const Samples&, int first, int count,
                      float above, float below, bool round, std::uint8_t* out);
    void (*orient)(const PixelRows&, int channels, bool later_wins, int count, std::ptrdiff_t stride, float* length,
                   std::int32_t* place);
    void (*cast_votes)(const std::int32_t* place, const float* length, int end, const VoteShares&, float* cells);
    void (*take_cells)(float* cells, std::ptrdiff_t stride, int count, float* histograms, std::ptrdiff_t row);
    void (*energies)(const float* histograms, std::ptrdiff_t row, int count, float* energy);
    void (*blocks)(const float* energy, const float* energy_below, int count, float* cut, float* scale);
    void (*normalise)(const float* histograms, std::ptrdiff_t row, const CellBlocks&, int count, float* features,
                      std::ptrdiff_t plane);
    void (*filter_strip)(const SeparableTaps&, const float* in, std::ptrdiff_t stride, int rows, bool in_order,
                         float* filtered, float* scores);
};

/// Most lanes that a register has on any path.
constexpr int kMostLanes = 16;

#if defined(FFR_COMPILED_ELSEWHERE) && !defined(FFR_COMPILE_HERE)

const ExactKernels& exact_kernels_of(SimdPath path);

#else

/// Parts 16 pixels' channels, one by one.
inline void split_pixels(const std::uint8_t* pixels, std::uint8_t* red, std::uint8_t* green, std::uint8_t* blue) {
    for (int x = 0; x < 16; ++x) {
        red[x] = pixels[3 * x];
        green[x] = pixels[3 * x + 1];
        blue[x] = pixels[3 * x + 2];
    }
}

namespace plain_exact {

FFR_EXACT_FLOAT_BEGIN

struct Vector {
    using Register = float;
    using Integers = std::int32_t;
    static constexpr int kLanes = 1;

    static Register load(const float* from) { return *from; }
    static void load_ten(const float* from, Register (&out)[10]) {
        FFR_UNROLL for (int i = 0; i < 10; ++i) out[i] = load(from + i);
    }
    static void store(float* to, Register value) { *to = value; }
    static Register broadcast(float value) { return value; }
    static Register minimum(Register a, Register b) { return a < b ? a : b; }
    static Register absolute(Register a) { return a < 0 ? -a : a; }
    static Register square_root(Register a) { return std::sqrt(a); }
    static Register flip_by_sign(Register a, Register sign) { return sign < 0 ? -a : a; }
    static Register choose_less(Register a, Register b, Register yes, Register no) { return a < b ? yes : no; }

    static Integers load_bytes(const std::uint8_t* from) { return *from; }
    static Integers pick(const std::uint8_t* row, const Samples& samples, int x) {
        return row[samples.start[x / 8] + samples.offset[x]];
    }
    static void store_bytes(std::uint8_t* to, Integers value) { *to = static_cast<std::uint8_t>(value); }
    static void store_integers(std::int32_t* to, Integers value) { *to = value; }
    static Register to_float(Integers value) { return static_cast<float>(value); }
    static Register difference(Integers a, Integers b) { return static_cast<float>(a - b); }
    static Integers truncate(Register value) { return static_cast<std::int32_t>(value); }

    static void split(const std::uint8_t* pixels, std::uint8_t* red, std::uint8_t* green, std::uint8_t* blue) {
        split_pixels(pixels, red, green, blue);
    }
    struct Four {
        float values[4];
    };
    static Four load_four(const float* from) { return {{from[0], from[1], from[2], from[3]}}; }
    static void add_vote(float* cells, const Four& across, const Four& down, float vote) {
        for (int i = 0; i < 4; ++i) cells[i] += down.values[i] * (across.values[i] * vote);
    }
};

constexpr int kStrip = 8;

#include "filter.inl"
#include "hog.inl"
#include "resize.inl"
//
#include "exact_table.inl"

FFR_EXACT_FLOAT_END

}  // namespace plain_exact

#if defined(FFR_SSE2_KERNELS)

namespace sse2_exact {

FFR_EXACT_FLOAT_BEGIN

struct Vector {
    using Register = __m128;
    using Integers = __m128i;
    static constexpr int kLanes = 4;

    static Register load(const float* from) { return _mm_loadu_ps(from); }
    static void load_ten(const float* from, Register (&out)[10]) {
        FFR_UNROLL for (int i = 0; i < 10; ++i) out[i] = load(from + i);
    }
    static void store(float* to, Register value) { _mm_storeu_ps(to, value); }
    static Register broadcast(float value) { return _mm_set1_ps(value); }
    static Register minimum(Register a, Register b) { return _mm_min_ps(a, b); }
    static Register absolute(Register a) { return _mm_andnot_ps(_mm_set1_ps(-0.0f), a); }
    static Register square_root(Register a) { return _mm_sqrt_ps(a); }
    static Register flip_by_sign(Register a, Register sign) {
        return _mm_xor_ps(a, _mm_and_ps(_mm_set1_ps(-0.0f), sign));
    }
    static Register choose_less(Register a, Register b, Register yes, Register no) {
        const __m128 less = _mm_cmplt_ps(a, b);
        return _mm_or_ps(_mm_and_ps(less, yes), _mm_andnot_ps(less, no));
    }

    static Integers load_bytes(const std::uint8_t* from) { return _mm_setr_epi32(from[0], from[1], from[2], from[3]); }
    static Integers pick(const std::uint8_t* row, const Samples& samples, int x) {
        const std::uint8_t* const from = row + samples.start[x / 8];
        const std::uint8_t* const at = samples.offset + x;
        return _mm_setr_epi32(from[at[0]], from[at[1]], from[at[2]], from[at[3]]);
    }
    static void store_bytes(std::uint8_t* to, Integers value) {
        const __m128i words = _mm_packs_epi32(value, value);
        const int bytes = _mm_cvtsi128_si32(_mm_packus_epi16(words, words));
        for (int i = 0; i < 4; ++i) to[i] = static_cast<std::uint8_t>(bytes >> (8 * i));
    }
    static void store_integers(std::int32_t* to, Integers value) {
        _mm_storeu_si128(reinterpret_cast<__m128i*>(to), value);
    }
    static Register to_float(Integers value) { return _mm_cvtepi32_ps(value); }
    static Register difference(Integers a, Integers b) { return _mm_cvtepi32_ps(_mm_sub_epi32(a, b)); }
    /// As the compiler does it: emscripten's _mm_cvttps_epi32 goes lane by lane.
    static Integers truncate(Register value) {
        typedef std::int32_t Lanes __attribute__((vector_size(16)));
        return reinterpret_cast<Integers>(__builtin_convertvector(value, Lanes));
    }

    static void split(const std::uint8_t* pixels, std::uint8_t* red, std::uint8_t* green, std::uint8_t* blue) {
        split_pixels(pixels, red, green, blue);
    }
    using Four = __m128;
    static Four load_four(const float* from) { return _mm_loadu_ps(from); }
    static void add_vote(float* cells, Four across, Four down, float vote) {
        _mm_storeu_ps(cells, _mm_add_ps(_mm_loadu_ps(cells), _mm_mul_ps(down, _mm_mul_ps(across, _mm_set1_ps(vote)))));
    }
};

constexpr int kStrip = 8;

#include "filter.inl"
#include "hog.inl"
#include "resize.inl"
//
#include "exact_table.inl"

FFR_EXACT_FLOAT_END

}  // namespace sse2_exact

#endif

#if defined(FFR_AVX_KERNELS)

FFR_TARGET_BEGIN("avx2")

namespace avx2_exact {

FFR_EXACT_FLOAT_BEGIN

/// Eight bytes out of the 16 at `row`, for each of eight columns.
inline __m128i pick_eight(const std::uint8_t* row, const Samples& samples, int x) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(row + samples.start[x / 8]));
    return _mm_shuffle_epi8(bytes, _mm_loadl_epi64(reinterpret_cast<const __m128i*>(samples.offset + x)));
}

/// Bytes first, first + 3, ... of 48.
inline __m128i every_third(const std::uint8_t* bytes, int first) {
    __m128i all = _mm_setzero_si128();
    for (int part = 0; part < 3; ++part) {
        // A place of 128 and more gives 0.
        const __m128i steps = _mm_setr_epi8(0, 3, 6, 9, 12, 15, 18, 21, 24, 27, 30, 33, 36, 39, 42, 45);
        const __m128i place = _mm_add_epi8(steps, _mm_set1_epi8(static_cast<char>(first - 16 * part)));
        const __m128i outside = _mm_cmpgt_epi8(place, _mm_set1_epi8(15));
        const __m128i from = _mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes + 16 * part));
        all = _mm_or_si128(all, _mm_shuffle_epi8(from, _mm_or_si128(place, outside)));
    }
    return all;
}

inline void split_sixteen(const std::uint8_t* pixels, std::uint8_t* red, std::uint8_t* green, std::uint8_t* blue) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(red), every_third(pixels, 0));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(green), every_third(pixels, 1));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(blue), every_third(pixels, 2));
}

struct Vector {
    using Register = __m256;
    using Integers = __m256i;
    static constexpr int kLanes = 8;

    static Register load(const float* from) { return _mm256_loadu_ps(from); }
    static void load_ten(const float* from, Register (&out)[10]) {
        FFR_UNROLL for (int i = 0; i < 10; ++i) out[i] = load(from + i);
    }
    static void store(float* to, Register value) { _mm256_storeu_ps(to, value); }
    static Register broadcast(float value) { return _mm256_set1_ps(value); }
    static Register minimum(Register a, Register b) { return _mm256_min_ps(a, b); }
    static Register absolute(Register a) { return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), a); }
    static Register square_root(Register a) { return _mm256_sqrt_ps(a); }
    static Register flip_by_sign(Register a, Register sign) {
        return _mm256_xor_ps(a, _mm256_and_ps(_mm256_set1_ps(-0.0f), sign));
    }
    static Register choose_less(Register a, Register b, Register yes, Register no) {
        return _mm256_blendv_ps(no, yes, _mm256_cmp_ps(a, b, _CMP_LT_OQ));
    }

    static Integers load_bytes(const std::uint8_t* from) {
        return _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(from)));
    }
    static Integers pick(const std::uint8_t* row, const Samples& samples, int x) {
        return _mm256_cvtepu8_epi32(pick_eight(row, samples, x));
    }
    static void store_bytes(std::uint8_t* to, Integers value) {
        const __m128i words = _mm_packs_epi32(_mm256_castsi256_si128(value), _mm256_extracti128_si256(value, 1));
        _mm_storel_epi64(reinterpret_cast<__m128i*>(to), _mm_packus_epi16(words, words));
    }
    static void store_integers(std::int32_t* to, Integers value) {
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), value);
    }
    static Register to_float(Integers value) { return _mm256_cvtepi32_ps(value); }
    static Register difference(Integers a, Integers b) { return _mm256_cvtepi32_ps(_mm256_sub_epi32(a, b)); }
    static Integers truncate(Register value) { return _mm256_cvttps_epi32(value); }

    static void split(const std::uint8_t* pixels, std::uint8_t* red, std::uint8_t* green, std::uint8_t* blue) {
        split_sixteen(pixels, red, green, blue);
    }
    using Four = __m128;
    static Four load_four(const float* from) { return _mm_loadu_ps(from); }
    static void add_vote(float* cells, Four across, Four down, float vote) {
        sse2_exact::Vector::add_vote(cells, across, down, vote);
    }
};

constexpr int kStrip = 8;

#include "filter.inl"
#include "hog.inl"
#include "resize.inl"
//
#include "exact_table.inl"

FFR_EXACT_FLOAT_END

}  // namespace avx2_exact

FFR_TARGET_END
FFR_TARGET_BEGIN("avx2,avx512f")

namespace avx512_exact {

FFR_EXACT_FLOAT_BEGIN

struct Vector {
    using Register = __m512;
    using Integers = __m512i;
    static constexpr int kLanes = 16;

    static Register load(const float* from) { return _mm512_loadu_ps(from); }
    /// At from, from + 1, ...: loads that cross a cache line cost two, shifting two that don't is cheaper.
    static void load_ten(const float* from, Register (&out)[10]) {
        const __m512i low = _mm512_loadu_si512(from), high = _mm512_loadu_si512(from + 16);
        out[0] = _mm512_castsi512_ps(low);
        out[1] = _mm512_castsi512_ps(_mm512_maskz_alignr_epi32(0xffff, high, low, 1));
        out[2] = _mm512_castsi512_ps(_mm512_maskz_alignr_epi32(0xffff, high, low, 2));
        out[3] = _mm512_castsi512_ps(_mm512_maskz_alignr_epi32(0xffff, high, low, 3));
        out[4] = _mm512_castsi512_ps(_mm512_maskz_alignr_epi32(0xffff, high, low, 4));
        out[5] = _mm512_castsi512_ps(_mm512_maskz_alignr_epi32(0xffff, high, low, 5));
        out[6] = _mm512_castsi512_ps(_mm512_maskz_alignr_epi32(0xffff, high, low, 6));
        out[7] = _mm512_castsi512_ps(_mm512_maskz_alignr_epi32(0xffff, high, low, 7));
        out[8] = _mm512_castsi512_ps(_mm512_maskz_alignr_epi32(0xffff, high, low, 8));
        out[9] = _mm512_castsi512_ps(_mm512_maskz_alignr_epi32(0xffff, high, low, 9));
    }
    static void store(float* to, Register value) { _mm512_storeu_ps(to, value); }
    static Register broadcast(float value) { return _mm512_set1_ps(value); }
    static Register minimum(Register a, Register b) { return _mm512_maskz_min_ps(0xffff, a, b); }
    static Register absolute(Register a) { return _mm512_abs_ps(a); }
    static Register square_root(Register a) { return _mm512_maskz_sqrt_ps(0xffff, a); }
    static Register flip_by_sign(Register a, Register sign) {
        const __m512i bit = _mm512_and_si512(_mm512_castps_si512(sign), _mm512_set1_epi32(-2147483647 - 1));
        return _mm512_castsi512_ps(_mm512_xor_si512(_mm512_castps_si512(a), bit));
    }
    static Register choose_less(Register a, Register b, Register yes, Register no) {
        return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(a, b, _CMP_LT_OQ), no, yes);
    }

    static Integers load_bytes(const std::uint8_t* from) {
        return _mm512_maskz_cvtepu8_epi32(0xffff, _mm_loadu_si128(reinterpret_cast<const __m128i*>(from)));
    }
    static Integers pick(const std::uint8_t* row, const Samples& samples, int x) {
        return _mm512_maskz_cvtepu8_epi32(0xffff, _mm_unpacklo_epi64(avx2_exact::pick_eight(row, samples, x),
                                                                     avx2_exact::pick_eight(row, samples, x + 8)));
    }
    static void store_bytes(std::uint8_t* to, Integers value) {
        _mm_storeu_si128(reinterpret_cast<__m128i*>(to), _mm512_maskz_cvtepi32_epi8(0xffff, value));
    }
    static void store_integers(std::int32_t* to, Integers value) { _mm512_storeu_si512(to, value); }
    static Register to_float(Integers value) { return _mm512_maskz_cvtepi32_ps(0xffff, value); }
    static Register difference(Integers a, Integers b) { return to_float(_mm512_sub_epi32(a, b)); }
    static Integers truncate(Register value) { return _mm512_maskz_cvttps_epi32(0xffff, value); }

    static void split(const std::uint8_t* pixels, std::uint8_t* red, std::uint8_t* green, std::uint8_t* blue) {
        avx2_exact::split_sixteen(pixels, red, green, blue);
    }
    using Four = __m128;
    static Four load_four(const float* from) { return _mm_loadu_ps(from); }
    static void add_vote(float* cells, Four across, Four down, float vote) {
        sse2_exact::Vector::add_vote(cells, across, down, vote);
    }
};

constexpr int kStrip = 16;

#include "filter.inl"
#include "hog.inl"
#include "resize.inl"
//
#include "exact_table.inl"

FFR_EXACT_FLOAT_END

}  // namespace avx512_exact

FFR_TARGET_END

#elif defined(FFR_NEON_KERNELS)

namespace neon_exact {

FFR_EXACT_FLOAT_BEGIN

struct Vector {
    using Register = float32x4_t;
    using Integers = int32x4_t;
    static constexpr int kLanes = 4;

    static Register load(const float* from) { return vld1q_f32(from); }
    static void load_ten(const float* from, Register (&out)[10]) {
        FFR_UNROLL for (int i = 0; i < 10; ++i) out[i] = load(from + i);
    }
    static void store(float* to, Register value) { vst1q_f32(to, value); }
    static Register broadcast(float value) { return vdupq_n_f32(value); }
    static Register minimum(Register a, Register b) { return vbslq_f32(vcltq_f32(a, b), a, b); }
    static Register absolute(Register a) { return vabsq_f32(a); }
    static Register square_root(Register a) { return vsqrtq_f32(a); }
    static Register flip_by_sign(Register a, Register sign) {
        const uint32x4_t bit = vandq_u32(vreinterpretq_u32_f32(sign), vdupq_n_u32(0x80000000u));
        return vreinterpretq_f32_u32(veorq_u32(vreinterpretq_u32_f32(a), bit));
    }
    static Register choose_less(Register a, Register b, Register yes, Register no) {
        return vbslq_f32(vcltq_f32(a, b), yes, no);
    }

    static Integers widen(uint8x8_t bytes) { return vreinterpretq_s32_u32(vmovl_u16(vget_low_u16(vmovl_u8(bytes)))); }
    static uint8x8_t four_bytes(const std::uint8_t* from) {
        return vcreate_u8(std::uint32_t{from[0]} | std::uint32_t{from[1]} << 8 | std::uint32_t{from[2]} << 16 |
                          std::uint32_t{from[3]} << 24);
    }
    static Integers load_bytes(const std::uint8_t* from) { return widen(four_bytes(from)); }
    static Integers pick(const std::uint8_t* row, const Samples& samples, int x) {
        return widen(vqtbl1_u8(vld1q_u8(row + samples.start[x / 8]), four_bytes(samples.offset + x)));
    }
    static void store_bytes(std::uint8_t* to, Integers value) {
        const uint16x4_t words = vmovn_u32(vreinterpretq_u32_s32(value));
        std::uint8_t bytes[8];
        vst1_u8(bytes, vmovn_u16(vcombine_u16(words, words)));
        for (int i = 0; i < 4; ++i) to[i] = bytes[i];
    }
    static void store_integers(std::int32_t* to, Integers value) { vst1q_s32(to, value); }
    static Register to_float(Integers value) { return vcvtq_f32_s32(value); }
    static Register difference(Integers a, Integers b) { return vcvtq_f32_s32(vsubq_s32(a, b)); }
    static Integers truncate(Register value) { return vcvtq_s32_f32(value); }

    static void split(const std::uint8_t* pixels, std::uint8_t* red, std::uint8_t* green, std::uint8_t* blue) {
        const uint8x16x3_t channels = vld3q_u8(pixels);
        vst1q_u8(red, channels.val[0]);
        vst1q_u8(green, channels.val[1]);
        vst1q_u8(blue, channels.val[2]);
    }
    using Four = float32x4_t;
    static Four load_four(const float* from) { return vld1q_f32(from); }
    static void add_vote(float* cells, Four across, Four down, float vote) {
        vst1q_f32(cells, vaddq_f32(vld1q_f32(cells), vmulq_f32(down, vmulq_f32(across, vdupq_n_f32(vote)))));
    }
};

constexpr int kStrip = 8;

#include "filter.inl"
#include "hog.inl"
#include "resize.inl"
//
#include "exact_table.inl"

FFR_EXACT_FLOAT_END

}  // namespace neon_exact

#endif

/// The kernels of a path, which the machine has to have.
FFR_COMPILED_INLINE const ExactKernels& exact_kernels_of(SimdPath path) {
    switch (path) {
#if defined(FFR_AVX_KERNELS)
        case SimdPath::avx512:
            return avx512_exact::kExactKernels;
        case SimdPath::avx2:
            return avx2_exact::kExactKernels;
#endif
#if defined(FFR_SSE2_KERNELS)
        case SimdPath::sse2:
            return sse2_exact::kExactKernels;
#elif defined(FFR_NEON_KERNELS)
        case SimdPath::neon:
            return neon_exact::kExactKernels;
#endif
        default:
            return plain_exact::kExactKernels;
    }
}

#endif

/// The kernels whose filter_strip takes eight columns.
inline const ExactKernels& narrow_kernels_of(SimdPath path) {
    return exact_kernels_of(path == SimdPath::avx512 ? SimdPath::avx2 : path);
}

}  // namespace kernels
}  // namespace v0_1
}  // namespace ffr
