// The most that one core can do: billions of float operations a second in a loop of nothing but multiply-adds, which count
// twice, in the widest registers that the machine has. Prints one number, the best of several tries.

#include <immintrin.h>

#include <algorithm>
#include <chrono>
#include <cstdio>

namespace {

constexpr int kSteps = 200000;
constexpr int kChains = 12;  // independent sums: more than a core works on at a time

// `x` is a run-time value, so that nothing is worked out by the compiler.
__attribute__((target("avx512f"))) float multiply_add_16(float x) {
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

__attribute__((target("avx2,fma"))) float multiply_add_8(float x) {
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

}  // namespace

int main(int argc, char**) {
    const bool has_16 = __builtin_cpu_supports("avx512f");
    if (!has_16 && !(__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))) {
        return std::fputs("fma_peak: needs AVX-512, or AVX2 and FMA\n", stderr), 1;
    }
    volatile float x = 0.5f / static_cast<float>(argc);
    double best = 1e9;
    for (int i = 0; i < 20; ++i) {
        const auto start = std::chrono::steady_clock::now();
        x = has_16 ? multiply_add_16(x) : multiply_add_8(x);
        x = 0.5f;
        best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    }
    const double operations = 2.0 * kSteps * kChains * (has_16 ? 16 : 8);
    std::printf("%.1f\n", operations / best / 1e9);
}
