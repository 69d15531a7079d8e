#pragma once
/// \file
/// Which of the SIMD paths this machine has, and which is taken. A path is a kind of registers: SSE2's and NEON's hold
/// 4 floats, AVX2's 8, AVX-512's 16; "scalar" is plain C++.
///
///     compiled in:  scalar  sse2 or neon  avx2  avx512  -->  what the CPU has  -->  FFR_SIMD, or else the best one

#include <cstdlib>
#include <cstring>
#include <initializer_list>
#include <string>

#include "../base/compiled.hpp"
#include "../base/error.hpp"

// Which paths this build has; elsewhere than with g++ or clang++, plain loops are all there is.
#if defined(__GNUC__) && defined(__SSE2__)
#define FFR_SSE2_KERNELS
#include <emmintrin.h>
#elif defined(__wasm_simd128__)
// WebAssembly's registers are like SSE2's. emscripten has SSE2's functions for them, but only for -msse2.
#define FFR_SSE2_KERNELS
#define __SSE__
#define __SSE2__
#include <emmintrin.h>
#undef __SSE2__
#undef __SSE__
#endif
// g++ for Windows takes the stack to be aligned for AVX, which it isn't there, and the program crashes (GCC's bug 54412).
// FFR_WINDOWS_AVX is for those who have its moves made unaligned: see docs/macros.md.
#if defined(__GNUC__) && defined(__x86_64__) && (defined(__clang__) || !defined(_WIN32) || defined(FFR_WINDOWS_AVX))
#define FFR_AVX_KERNELS
#include <cpuid.h>
#include <immintrin.h>
#elif defined(__GNUC__) && defined(__aarch64__)
#define FFR_NEON_KERNELS
#include <arm_neon.h>
#endif

// The kernels' innermost loops have to become straight code, or else their sums live in memory; g++ does that at -O3 only.
#if defined(__clang__)
#define FFR_UNROLL _Pragma("unroll")
#elif defined(__GNUC__)
#define FFR_UNROLL _Pragma("GCC unroll 16")
#else
#define FFR_UNROLL
#endif

// What's between these two is compiled for a CPU that has the features named.
#define FFR_PRAGMA(text) _Pragma(#text)
#if defined(__clang__)
#define FFR_TARGET_BEGIN(features) \
    FFR_PRAGMA(clang attribute push(__attribute__((target(features))), apply_to = function))
#define FFR_TARGET_END FFR_PRAGMA(clang attribute pop)
#elif defined(__GNUC__)
#define FFR_TARGET_BEGIN(features) FFR_PRAGMA(GCC push_options) FFR_PRAGMA(GCC target(features))
#define FFR_TARGET_END FFR_PRAGMA(GCC pop_options)
#endif

namespace ffr {
inline namespace v0_1 {
namespace kernels {

/// Asks for memory that will be read soon. The address may be any.
inline void prefetch(const void* address) {
#if defined(__GNUC__)
    __builtin_prefetch(address);
#else
    static_cast<void>(address);
#endif
}

/// The ways in which kernels are compiled, slowest first. A path that this build doesn't have is never chosen.
enum class SimdPath { scalar, sse2, neon, avx2, avx512 };

/// "scalar", "sse2", "neon", "avx2" or "avx512".
inline const char* simd_name(SimdPath path) {
    constexpr const char* kNames[] = {"scalar", "sse2", "neon", "avx2", "avx512"};
    return kNames[static_cast<int>(path)];
}

/// True when this build has the path and the machine can run it.
inline bool has_simd(SimdPath path) {
#if defined(FFR_AVX_KERNELS)
    if (path == SimdPath::avx512) return __builtin_cpu_supports("avx512f");
    if (path == SimdPath::avx2) {
        // Compilers don't all know F16C's name here: it's leaf 1, ECX bit 29.
        unsigned a = 0, b = 0, c = 0, d = 0;
        const bool widens = __get_cpuid(1, &a, &b, &c, &d) != 0 && (c >> 29 & 1) != 0;
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && widens;
    }
#endif
#if defined(FFR_SSE2_KERNELS)
    if (path == SimdPath::sse2) return true;
#elif defined(FFR_NEON_KERNELS)
    if (path == SimdPath::neon) return true;
#endif
    return path == SimdPath::scalar;
}

/// The path that's taken: the one that the environment's FFR_SIMD names or, where it's not set, the best one that the
/// machine has. Decided once, when it's first asked for.
/// \throws InvalidArgument when FFR_SIMD names something else than a path of this machine
inline SimdPath simd_path() {
    static const SimdPath chosen = [] {
        const char* const wanted = std::getenv("FFR_SIMD");
        SimdPath best = SimdPath::scalar;
        for (const SimdPath path :
             {SimdPath::scalar, SimdPath::sse2, SimdPath::neon, SimdPath::avx2, SimdPath::avx512}) {
            if (!has_simd(path)) continue;
            if (wanted != nullptr && std::strcmp(wanted, simd_name(path)) == 0) return path;
            best = path;
        }
        if (wanted != nullptr && *wanted != '\0') {
            throw InvalidArgument("FFR_SIMD is '" + std::string(wanted) + "', which isn't a path of this machine");
        }
        return best;
    }();
    return chosen;
}

}  // namespace kernels
}  // namespace v0_1
}  // namespace ffr
