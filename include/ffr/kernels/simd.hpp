#pragma once
/// \file
/// The networks' kernels for each CPU, in a translation unit that is compiled for none of them in particular, and the
/// choice between them when the program runs.
///
///     product.inl, winograd.inl, pooling.inl, gather.inl
///           |                 included once for each Vector:
///           +--> scalar: 1 float   sse2, neon: 4   avx2: 8   avx512: 16   --kernels_of(path)--> Kernels
///
/// Each kernel has one text, a file that ends in .inl. It's included here once a CPU, inside of a region that the
/// compiler translates for that CPU, into a namespace that has a type `Vector` of that CPU's registers. Sums and
/// products of registers are written with operators, which g++ and clang++ have for them. Read with scalar's Vector,
/// whose register is a float, a text is its own plain version.
///
/// No template or inline function of the standard library is used in a region: the linker could keep a copy of it that
/// was compiled for that CPU, for all.
///
/// A program of many files compiles the kernels in each of them, which takes seconds, unless they're compiled once: see
/// base/compiled.hpp.

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "dispatch.hpp"
#include "jobs.hpp"
#include "reference.hpp"

namespace ffr {
inline namespace v0_1 {
namespace kernels {

/// Winograd's transforms for one size of tiles: see winograd.inl.
struct WinogradKernels {
    void (*input)(const TileGrid&, int faces, int blocks, const float* in, int first, int count, float* out);
    void (*output)(const TileGrid&, const float* sums, int first, int count, const Finish&);
    void (*filter)(const float* taps, std::ptrdiff_t tap, float* out, std::ptrdiff_t point);
};

/// The kernels of a path: see product.inl, lines.inl, winograd.inl and pooling.inl.
struct Kernels {
    int rows;     // most rows that a product takes
    bool widens;  // true when product_of_halves works
    void (*product)(const ProductRows&, const float* panel, int first_channel, const Finish&);
    void (*product_of_halves)(const ProductRows&, const std::uint16_t* panel, int first_channel, const Finish&);
    void (*product_of_pixels)(const ProductRows&, const float* panel, int first_channel, const Finish&);
    void (*gather)(const ConvolutionShape&, int faces, const float* in, int first, int count, float* out);
    void (*convolve_line_relu)(LinePitch, const LineJob&);
    void (*convolve_line_to_one)(const LineJob&);
    WinogradKernels winograd2, winograd4;
    void (*max_pool)(const PoolShape&, const float* in, float* out);
    void (*average_pool)(const PoolShape&, const float* in, float* out);
    void (*l2_pool)(const PoolShape&, const float* in, float* out);
    void (*normalise_pixels)(const std::uint8_t* bytes, int count, const float* mean, float range, float* out);
    void (*normalise_across_channels)(int blocks, std::ptrdiff_t pixels, float alpha, float k, const float* in,
                                      float* out, float* squares);
};

#if defined(FFR_COMPILED_ELSEWHERE) && !defined(FFR_COMPILE_HERE)

const Kernels& kernels_of(SimdPath path);

#else

namespace scalar {

struct Vector {
    using Register = float;
    static constexpr int kLanes = 1, kRows = 4, kColumns = 4;
    static constexpr bool kWidens = false;

    static Register load(const float* from) { return *from; }
    static Register load(const std::uint8_t* from) { return static_cast<float>(*from); }
    static void store(float* to, Register value) { *to = value; }
    static Register broadcast(float value) { return value; }
    static Register multiply_add(Register a, Register b, Register c) { return a * b + c; }
    static Register maximum(Register a, Register b) { return a > b ? a : b; }
    static Register square_root(Register a) { return std::sqrt(a); }
};

#include "gather.inl"
#include "lines.inl"
#include "pooling.inl"
#include "product.inl"
#include "winograd.inl"
//
#include "table.inl"

}  // namespace scalar

#if defined(FFR_SSE2_KERNELS)

namespace sse2 {

struct Vector {
    using Register = __m128;
    static constexpr int kLanes = 4, kRows = 6, kColumns = 2;
    static constexpr bool kWidens = false;

    static Register load(const float* from) { return _mm_loadu_ps(from); }
    static Register load(const std::uint8_t* from) { return _mm_setr_ps(from[0], from[1], from[2], from[3]); }
    static void store(float* to, Register value) { _mm_storeu_ps(to, value); }
    static Register broadcast(float value) { return _mm_set1_ps(value); }
    static Register multiply_add(Register a, Register b, Register c) { return _mm_add_ps(_mm_mul_ps(a, b), c); }
    static Register maximum(Register a, Register b) { return _mm_max_ps(a, b); }
    static Register square_root(Register a) { return _mm_sqrt_ps(a); }
};

#include "gather.inl"
#include "lines.inl"
#include "pooling.inl"
#include "product.inl"
#include "winograd.inl"
//
#include "table.inl"

}  // namespace sse2

#endif

#if defined(FFR_AVX_KERNELS)

FFR_TARGET_BEGIN("avx2,fma,f16c")

namespace avx2 {

struct Vector {
    using Register = __m256;
    static constexpr int kLanes = 8, kRows = 6, kColumns = 2;
    static constexpr bool kWidens = true;

    static Register load(const float* from) { return _mm256_loadu_ps(from); }
    static Register load(const std::uint16_t* from) {
        return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)));
    }
    static Register load(const std::uint8_t* from) {
        return _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(from))));
    }
    static void store(float* to, Register value) { _mm256_storeu_ps(to, value); }
    static Register broadcast(float value) { return _mm256_set1_ps(value); }
    static Register multiply_add(Register a, Register b, Register c) { return _mm256_fmadd_ps(a, b, c); }
    static Register maximum(Register a, Register b) { return _mm256_max_ps(a, b); }
    static Register square_root(Register a) { return _mm256_sqrt_ps(a); }
};

#include "gather.inl"
#include "lines.inl"
#include "pooling.inl"
#include "product.inl"
#include "winograd.inl"
//
#include "table.inl"

}  // namespace avx2

FFR_TARGET_END
FFR_TARGET_BEGIN("avx512f")

namespace avx512 {

struct Vector {
    using Register = __m512;
    static constexpr int kLanes = 16, kRows = 14, kColumns = 2;
    static constexpr bool kWidens = true;
    // With a mask of all lanes: g++ 12 warns that the plain forms of these use something that isn't initialised.
    static constexpr __mmask16 kAll = 0xFFFF;

    static Register load(const float* from) { return _mm512_loadu_ps(from); }
    static Register load(const std::uint16_t* from) {
        return _mm512_maskz_cvtph_ps(kAll, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)));
    }
    static Register load(const std::uint8_t* from) {
        const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
        return _mm512_maskz_cvtepi32_ps(kAll, _mm512_maskz_cvtepu8_epi32(kAll, bytes));
    }
    static void store(float* to, Register value) { _mm512_storeu_ps(to, value); }
    static Register broadcast(float value) { return _mm512_set1_ps(value); }
    static Register multiply_add(Register a, Register b, Register c) { return _mm512_fmadd_ps(a, b, c); }
    static Register maximum(Register a, Register b) { return _mm512_maskz_max_ps(kAll, a, b); }
    static Register square_root(Register a) { return _mm512_maskz_sqrt_ps(kAll, a); }
};

#include "gather.inl"
#include "lines.inl"
#include "pooling.inl"
#include "product.inl"
#include "winograd.inl"
//
#include "table.inl"

}  // namespace avx512

FFR_TARGET_END

#elif defined(FFR_NEON_KERNELS)

namespace neon {

struct Vector {
    using Register = float32x4_t;
    static constexpr int kLanes = 4, kRows = 6, kColumns = 4;
    static constexpr bool kWidens = true;

    static Register load(const float* from) { return vld1q_f32(from); }
    static Register load(const std::uint16_t* from) { return vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(from))); }
    static Register load(const std::uint8_t* from) {
        const std::uint32_t bytes = std::uint32_t{from[0]} | std::uint32_t{from[1]} << 8 |
                                    std::uint32_t{from[2]} << 16 | std::uint32_t{from[3]} << 24;
        return vcvtq_f32_u32(vmovl_u16(vget_low_u16(vmovl_u8(vcreate_u8(bytes)))));
    }
    static void store(float* to, Register value) { vst1q_f32(to, value); }
    static Register broadcast(float value) { return vdupq_n_f32(value); }
    static Register multiply_add(Register a, Register b, Register c) { return vfmaq_f32(c, a, b); }
    static Register maximum(Register a, Register b) { return vmaxq_f32(a, b); }
    static Register square_root(Register a) { return vsqrtq_f32(a); }
};

#include "gather.inl"
#include "lines.inl"
#include "pooling.inl"
#include "product.inl"
#include "winograd.inl"
//
#include "table.inl"

}  // namespace neon

#endif

/// The kernels of a path, which the machine has to have.
FFR_COMPILED_INLINE const Kernels& kernels_of(SimdPath path) {
    switch (path) {
#if defined(FFR_AVX_KERNELS)
        case SimdPath::avx512:
            return avx512::kKernels;
        case SimdPath::avx2:
            return avx2::kKernels;
#endif
#if defined(FFR_SSE2_KERNELS)
        case SimdPath::sse2:
            return sse2::kKernels;
#elif defined(FFR_NEON_KERNELS)
        case SimdPath::neon:
            return neon::kKernels;
#endif
        default:
            return scalar::kKernels;
    }
}

#endif

}  // namespace kernels
}  // namespace v0_1
}  // namespace ffr
