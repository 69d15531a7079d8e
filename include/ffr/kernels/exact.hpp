#pragma once
/// \file
/// Kernels of the stages before the network, whose every product and sum is rounded on its own: wider registers give the
/// same bits. They're chosen when the program runs, as simd.hpp's are. Fused multiply-add stays switched off, also where
/// the including program is compiled for a CPU that has it.

#include <cmath>
#include <cstddef>
#include <cstdint>

#include "../detail/exact_float.hpp"
#include "dispatch.hpp"

#if defined(FFR_X86_KERNELS)
#include <immintrin.h>
#elif defined(__GNUC__) && defined(__aarch64__)
#include <arm_neon.h>
#endif

namespace ffr::kernels {

/// The kernels of a path: see exact.inl.
struct ExactKernels {
    int lanes;  // counts are multiples of it; 8 is one, too
    void (*ten_taps_row)(const float* in, std::ptrdiff_t step, int count, const float* taps, bool add, float* out);
    void (*ten_taps_in_order_row)(const float* in, std::ptrdiff_t step, int count, const float* taps, float* out);
    void (*orient_row)(const float* x, const float* y, int count, const float* direction_x, const float* direction_y,
                       float* length, std::int32_t* bin);
};

namespace plain_exact {

FFR_EXACT_FLOAT_BEGIN

struct Vector {
    using Register = float;
    static constexpr int kLanes = 1;

    static Register load(const float* from) { return *from; }
    static void store(float* to, Register value) { *to = value; }
    static void store_integers(std::int32_t* to, Register value) { *to = static_cast<std::int32_t>(value); }
    static Register broadcast(float value) { return value; }
    static Register add(Register a, Register b) { return a + b; }
    static Register multiply(Register a, Register b) { return a * b; }
    static Register absolute(Register a) { return a < 0 ? -a : a; }
    static Register square_root(Register a) { return std::sqrt(a); }
    static Register choose_less(Register a, Register b, Register yes, Register no) { return a < b ? yes : no; }
};

#include "exact.inl"

FFR_EXACT_FLOAT_END

}  // namespace plain_exact

#if defined(FFR_X86_KERNELS)

namespace sse2_exact {

FFR_EXACT_FLOAT_BEGIN

struct Vector {
    using Register = __m128;
    static constexpr int kLanes = 4;

    static Register load(const float* from) { return _mm_loadu_ps(from); }
    static void store(float* to, Register value) { _mm_storeu_ps(to, value); }
    static void store_integers(std::int32_t* to, Register value) {
        _mm_storeu_si128(reinterpret_cast<__m128i*>(to), _mm_cvttps_epi32(value));
    }
    static Register broadcast(float value) { return _mm_set1_ps(value); }
    static Register add(Register a, Register b) { return _mm_add_ps(a, b); }
    static Register multiply(Register a, Register b) { return _mm_mul_ps(a, b); }
    static Register absolute(Register a) { return _mm_andnot_ps(_mm_set1_ps(-0.0f), a); }
    static Register square_root(Register a) { return _mm_sqrt_ps(a); }
    static Register choose_less(Register a, Register b, Register yes, Register no) {
        const __m128 less = _mm_cmplt_ps(a, b);
        return _mm_or_ps(_mm_and_ps(less, yes), _mm_andnot_ps(less, no));
    }
};

#include "exact.inl"

FFR_EXACT_FLOAT_END

}  // namespace sse2_exact

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2")
#endif

namespace avx2_exact {

FFR_EXACT_FLOAT_BEGIN

struct Vector {
    using Register = __m256;
    static constexpr int kLanes = 8;

    static Register load(const float* from) { return _mm256_loadu_ps(from); }
    static void store(float* to, Register value) { _mm256_storeu_ps(to, value); }
    static void store_integers(std::int32_t* to, Register value) {
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), _mm256_cvttps_epi32(value));
    }
    static Register broadcast(float value) { return _mm256_set1_ps(value); }
    static Register add(Register a, Register b) { return _mm256_add_ps(a, b); }
    static Register multiply(Register a, Register b) { return _mm256_mul_ps(a, b); }
    static Register absolute(Register a) { return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), a); }
    static Register square_root(Register a) { return _mm256_sqrt_ps(a); }
    static Register choose_less(Register a, Register b, Register yes, Register no) {
        return _mm256_blendv_ps(no, yes, _mm256_cmp_ps(a, b, _CMP_LT_OQ));
    }
};

#include "exact.inl"

FFR_EXACT_FLOAT_END

}  // namespace avx2_exact

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

#elif defined(__GNUC__) && defined(__aarch64__)

namespace neon_exact {

FFR_EXACT_FLOAT_BEGIN

struct Vector {
    using Register = float32x4_t;
    static constexpr int kLanes = 4;

    static Register load(const float* from) { return vld1q_f32(from); }
    static void store(float* to, Register value) { vst1q_f32(to, value); }
    static void store_integers(std::int32_t* to, Register value) { vst1q_s32(to, vcvtq_s32_f32(value)); }
    static Register broadcast(float value) { return vdupq_n_f32(value); }
    static Register add(Register a, Register b) { return vaddq_f32(a, b); }
    static Register multiply(Register a, Register b) { return vmulq_f32(a, b); }
    static Register absolute(Register a) { return vabsq_f32(a); }
    static Register square_root(Register a) { return vsqrtq_f32(a); }
    static Register choose_less(Register a, Register b, Register yes, Register no) {
        return vbslq_f32(vcltq_f32(a, b), yes, no);
    }
};

#include "exact.inl"

FFR_EXACT_FLOAT_END

}  // namespace neon_exact

#endif

/// The kernels of a path, which the machine has to have. Registers of 512 bits bring these nothing: a row of a feature map
/// has some ten or twenty cells.
inline const ExactKernels& exact_kernels_of(SimdPath path) {
#if defined(FFR_X86_KERNELS)
    if (path == SimdPath::avx2 || path == SimdPath::avx512) return avx2_exact::kExactKernels;
    if (path == SimdPath::sse2) return sse2_exact::kExactKernels;
#elif defined(__GNUC__) && defined(__aarch64__)
    if (path == SimdPath::neon) return neon_exact::kExactKernels;
#endif
    static_cast<void>(path);
    return plain_exact::kExactKernels;
}

}  // namespace ffr::kernels
