#pragma once
// The most that one core can do, measured: a loop of nothing but multiply-adds in registers of a given width. For g++
// and clang++.

#include <algorithm>
#include <chrono>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace fma_peak {

constexpr int kSteps = 200000;
constexpr int kChains = 12;  // independent sums: more than a core works on at a time

// In each of them `x` is a run-time value, so that nothing is worked out by the compiler.

#if defined(__x86_64__)

__attribute__((target("avx512f"))) inline float multiply_add_16(float x) {
    __m512 sums[kChains];
    for (__m512& sum : sums) sum = _mm512_set1_ps(x);
    const __m512 factor = _mm512_set1_ps(x);
    for (int i = 0; i < kSteps; ++i) {
#pragma GCC unroll 12
        for (int k = 0; k < kChains; ++k) sums[k] = _mm512_fmadd_ps(sums[k], factor, factor);
    }
    for (int k = 1; k < kChains; ++k) sums[0] = _mm512_add_ps(sums[0], sums[k]);
    return _mm512_cvtss_f32(sums[0]);
}

__attribute__((target("avx2,fma"))) inline float multiply_add_8(float x) {
    __m256 sums[kChains];
    for (__m256& sum : sums) sum = _mm256_set1_ps(x);
    const __m256 factor = _mm256_set1_ps(x);
    for (int i = 0; i < kSteps; ++i) {
#pragma GCC unroll 12
        for (int k = 0; k < kChains; ++k) sums[k] = _mm256_fmadd_ps(sums[k], factor, factor);
    }
    for (int k = 1; k < kChains; ++k) sums[0] = _mm256_add_ps(sums[0], sums[k]);
    return _mm256_cvtss_f32(sums[0]);
}

#endif

/// Four lanes are what compilers use by default: SSE2, which multiplies and adds in two instructions, or NEON.
inline float multiply_add_4(float x) {
    using Register = float __attribute__((vector_size(16)));
    const Register factor = {x, x, x, x};
    Register sums[kChains];
    for (Register& sum : sums) sum = factor;
    for (int i = 0; i < kSteps; ++i) {
#pragma GCC unroll 12
        for (int k = 0; k < kChains; ++k) sums[k] = sums[k] * factor + factor;
    }
    for (int k = 1; k < kChains; ++k) sums[0] += sums[k];
    return sums[0][0];
}

/// Float operations a second of one core, a multiply-add being two: the best of several tries.
/// \param lanes  floats of a register: 4 or, where the machine has AVX2 with FMA or AVX-512, 8 or 16
inline double operations_per_second(int lanes) {
    auto* multiply_add = multiply_add_4;
#if defined(__x86_64__)
    if (lanes == 8) multiply_add = multiply_add_8;
    if (lanes == 16) multiply_add = multiply_add_16;
#endif
    volatile float x = 0.5f;
    double best = 1e9;
    for (int i = 0; i < 20; ++i) {
        const auto start = std::chrono::steady_clock::now();
        x = multiply_add(x);
        x = 0.5f;
        best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    }
    return 2.0 * kSteps * kChains * lanes / best;
}

}  // namespace fma_peak
