#pragma once
// The SIMD kernel for each CPU, in a translation unit that is compiled for none of them in particular, and the choice
// between them when the program runs.
//
// What it computes is a matrix product whose right side needn't be made: row `tap` of it is the input itself, from
// offsets[tap] on.
//
//     out[r][p] = bias[r] + sum over taps of weights[r][tap] * in[offsets[tap] + p]      for 0 <= p < pixels
//
// Each path keeps a block of sums in registers and goes through the taps once; each sum is added in the order of the
// taps, so that a path gives the same bits however the pixels are divided.

#include <cstddef>

#include "dispatch.hpp"

#if defined(__GNUC__) && defined(__x86_64__)
#include <immintrin.h>
#elif defined(__GNUC__) && defined(__aarch64__)
#include <arm_neon.h>
#endif

// The kernel's innermost loops have to become straight code, or else its sums live in memory; g++ does that at -O3 only.
#if defined(__clang__)
#define FFR_UNROLL _Pragma("unroll")
#elif defined(__GNUC__)
#define FFR_UNROLL _Pragma("GCC unroll 8")
#else
#define FFR_UNROLL
#endif

namespace ffr::kernels {

/// Floats that may be read behind the last pixel and tap of `in`, and written behind the last pixel of a row of `out`.
constexpr std::ptrdiff_t kSlack = 16;

namespace scalar {

struct Vector {
    using Register = float;
    static constexpr int kLanes = 1, kRows = 4, kVectors = 2;

    static Register load(const float* from) { return *from; }
    static Register broadcast(float value) { return value; }
    static Register multiply_add(Register a, Register b, Register c) { return a * b + c; }
    static void store(float* to, Register value) { *to = value; }
};

#include "shifted_rows.inl"

}  // namespace scalar

#if defined(__GNUC__) && defined(__x86_64__)

namespace sse2 {

struct Vector {
    using Register = __m128;
    static constexpr int kLanes = 4, kRows = 4, kVectors = 3;  // 12 sums and 3 inputs of 16 registers

    static Register load(const float* from) { return _mm_loadu_ps(from); }
    static Register broadcast(float value) { return _mm_set1_ps(value); }
    static Register multiply_add(Register a, Register b, Register c) { return _mm_add_ps(_mm_mul_ps(a, b), c); }
    static void store(float* to, Register value) { _mm_storeu_ps(to, value); }
};

#include "shifted_rows.inl"

}  // namespace sse2

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,fma")
#endif

namespace avx2 {

struct Vector {
    using Register = __m256;
    static constexpr int kLanes = 8, kRows = 4, kVectors = 3;  // 12 sums and 3 inputs of 16 registers

    static Register load(const float* from) { return _mm256_loadu_ps(from); }
    static Register broadcast(float value) { return _mm256_set1_ps(value); }
    static Register multiply_add(Register a, Register b, Register c) { return _mm256_fmadd_ps(a, b, c); }
    static void store(float* to, Register value) { _mm256_storeu_ps(to, value); }
};

#include "shifted_rows.inl"

}  // namespace avx2

#if defined(__clang__)
#pragma clang attribute pop
#pragma clang attribute push(__attribute__((target("avx512f"))), apply_to = function)
#else
#pragma GCC pop_options
#pragma GCC push_options
#pragma GCC target("avx512f")
#endif

namespace avx512 {

struct Vector {
    using Register = __m512;
    static constexpr int kLanes = 16, kRows = 8, kVectors = 3;  // 24 sums and 3 inputs of 32 registers

    static Register load(const float* from) { return _mm512_loadu_ps(from); }
    static Register broadcast(float value) { return _mm512_set1_ps(value); }
    static Register multiply_add(Register a, Register b, Register c) { return _mm512_fmadd_ps(a, b, c); }
    static void store(float* to, Register value) { _mm512_storeu_ps(to, value); }
};

#include "shifted_rows.inl"

}  // namespace avx512

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

#elif defined(__GNUC__) && defined(__aarch64__)

namespace neon {

struct Vector {
    using Register = float32x4_t;
    static constexpr int kLanes = 4, kRows = 8, kVectors = 3;  // 24 sums and 3 inputs of 32 registers

    static Register load(const float* from) { return vld1q_f32(from); }
    static Register broadcast(float value) { return vdupq_n_f32(value); }
    static Register multiply_add(Register a, Register b, Register c) { return vfmaq_f32(c, a, b); }
    static void store(float* to, Register value) { vst1q_f32(to, value); }
};

#include "shifted_rows.inl"

}  // namespace neon

#endif

/// The sum at the top of this file by one of the paths, which the machine has to have.
/// \param in   readable up to the last pixel of the farthest tap and kSlack floats more
/// \param out  rows of `out_stride` floats, writable for kSlack floats behind their pixels
inline void shifted_rows(SimdPath path, int rows, const float* weights, std::ptrdiff_t taps, const float* bias,
                         const float* in, const std::ptrdiff_t* offsets, std::ptrdiff_t pixels, float* out,
                         std::ptrdiff_t out_stride) {
    switch (path) {
#if defined(__GNUC__) && defined(__x86_64__)
        case SimdPath::avx512:
            return avx512::shifted_rows(rows, weights, taps, bias, in, offsets, pixels, out, out_stride);
        case SimdPath::avx2:
            return avx2::shifted_rows(rows, weights, taps, bias, in, offsets, pixels, out, out_stride);
        case SimdPath::sse2:
            return sse2::shifted_rows(rows, weights, taps, bias, in, offsets, pixels, out, out_stride);
#elif defined(__GNUC__) && defined(__aarch64__)
        case SimdPath::neon:
            return neon::shifted_rows(rows, weights, taps, bias, in, offsets, pixels, out, out_stride);
#endif
        default:
            return scalar::shifted_rows(rows, weights, taps, bias, in, offsets, pixels, out, out_stride);
    }
}

}  // namespace ffr::kernels

#undef FFR_UNROLL
