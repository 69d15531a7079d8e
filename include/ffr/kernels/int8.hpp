#pragma once
/// \file
/// The kernels of the int8 network for each CPU that has an instruction for it: 4 products of bytes added to a sum of
/// 32 bits at once. Chosen when the program runs, as simd.hpp's are and among what they leave: FFR_SIMD=avx2 leaves
/// AVX-VNNI, FFR_SIMD=scalar the plain loops.
///
///     left: rows x taps, 0..255   times   weights: taps x channels, -127..127   -->   rows x channels sums of 32 bits
///
/// Maps of bytes lie in blocks of 32 channels, a pixel's 32 beside each other. plain_int8 makes the plain version of
/// int8.inl.

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "dispatch.hpp"
#include "jobs.hpp"
#include "reference.hpp"
#include "simd.hpp"

// What takes a newer compiler than the rest.
#if defined(FFR_AVX_KERNELS) && \
    ((defined(__clang__) && __clang_major__ >= 12) || (!defined(__clang__) && __GNUC__ >= 11))
#define FFR_AVX_VNNI_KERNELS
#endif

#if defined(__linux__) && defined(FFR_NEON_KERNELS)
#include <sys/auxv.h>
#endif

namespace ffr {
inline namespace v0_1 {
namespace kernels {

/// The left side of a product of bytes: as ProductRows, with runs of `run` times 4 bytes.
struct ByteRows {
    const std::uint8_t* values;
    int count;
    std::ptrdiff_t runs, run, stride;
};

/// What's done with sums of a panel before they're stored: out = round(relu(sum * scale + bias + shortcut * its scale)),
/// at most 255; or, where `floats` isn't null, sum * scale + bias as blocked maps of floats.
struct ByteFinish {
    std::uint8_t* out;             // of the first row's pixel in the panel
    float* floats;                 // the same in maps of floats, or null
    int float_blocks;              // blocks of 16 channels that are stored there
    std::ptrdiff_t float_plane;    // floats from a block of those to the next
    const std::int32_t* weights;   // the sums of each channel's weights, of the panel's 32 channels
    const float* scale;            // of the panel's 32 channels
    const float* bias;             // of the panel's 32 channels
    const std::uint8_t* shortcut;  // lies as `out` does, or null
    float shortcut_scale;
};

/// The kernels of a path: see int8.inl.
struct Int8Kernels {
    int rows;  // most rows that a product takes
    void (*product)(const ByteRows&, const std::int8_t* panel, const ByteFinish&);
    void (*product_of_pixels)(const ByteRows&, const std::int8_t* panel, const ByteFinish&);
    void (*gather)(const ConvolutionShape&, int faces, const std::uint8_t* in, int first, int count, std::uint8_t* out);
    void (*max_pool)(const PoolShape&, const std::uint8_t* in, std::uint8_t* out);
    void (*average_pool)(const PoolShape&, const std::uint8_t* in, std::uint8_t* out);
};

/// The ways to run the int8 network.
enum class Int8Path { plain, neon_dot, avx_vnni, avx512_vnni };

/// "plain", "neon_dot", "avx_vnni" or "avx512_vnni".
inline const char* int8_name(Int8Path path) {
    constexpr const char* kNames[] = {"plain", "neon_dot", "avx_vnni", "avx512_vnni"};
    return kNames[static_cast<int>(path)];
}

/// The best way that the machine has and a SIMD path leaves.
inline Int8Path int8_path(SimdPath path = simd_path()) {
#if defined(FFR_AVX_KERNELS)
    if (path == SimdPath::avx512 && __builtin_cpu_supports("avx512vnni")) return Int8Path::avx512_vnni;
#if defined(FFR_AVX_VNNI_KERNELS)
    // AVX-VNNI: leaf 7, subleaf 1, EAX bit 4.
    unsigned a = 0, b = 0, c = 0, d = 0;
    const bool has_avx2 = path == SimdPath::avx2 || path == SimdPath::avx512;
    if (has_avx2 && __get_cpuid_count(7, 1, &a, &b, &c, &d) != 0 && (a >> 4 & 1) != 0) return Int8Path::avx_vnni;
#endif
#elif defined(__linux__) && defined(FFR_NEON_KERNELS)
    if (path == SimdPath::neon && (getauxval(AT_HWCAP) & HWCAP_ASIMDDP) != 0) return Int8Path::neon_dot;
#endif
    static_cast<void>(path);
    return Int8Path::plain;
}

#if defined(FFR_COMPILED_ELSEWHERE) && !defined(FFR_COMPILE_HERE)

const Int8Kernels& int8_kernels_of(Int8Path path);

#else

namespace plain_int8 {

struct Vector : scalar::Vector {
    using Sums = std::int32_t;
    static constexpr int kRows = 4, kColumns = 4;
    using scalar::Vector::load;

    static Sums start(const std::int32_t*) { return 0; }
    static Sums load_weights(const std::int8_t* from) {
        std::int32_t four;
        std::memcpy(&four, from, sizeof four);
        return four;
    }
    static Sums broadcast_inputs(std::uint32_t four) { return static_cast<Sums>(four); }
    static Sums dot(Sums sum, Sums inputs, Sums weights) {
        std::uint8_t input[4];
        std::int8_t weight[4];
        std::memcpy(input, &inputs, sizeof input);
        std::memcpy(weight, &weights, sizeof weight);
        for (int i = 0; i < 4; ++i) sum += input[i] * weight[i];
        return sum;
    }
    static Register to_floats(Sums sums) { return static_cast<float>(sums); }
    static void store_bytes(std::uint8_t* to, Register value) {
        *to = static_cast<std::uint8_t>(std::lrint(value < 255.0f ? value : 255.0f));
    }
};

#include "gather.inl"
#include "int8.inl"

}  // namespace plain_int8

#if defined(FFR_AVX_KERNELS)

#if defined(FFR_AVX_VNNI_KERNELS)

FFR_TARGET_BEGIN("avx2,fma,f16c,avxvnni")

namespace avx_vnni {

struct Vector : avx2::Vector {
    // Of integers of 32 bits, as the instruction has them: with __m256i, g++ keeps the sums in memory.
    typedef int Sums __attribute__((vector_size(32)));
    using avx2::Vector::load;

    static Sums start(const std::int32_t*) { return Sums{}; }
    static Sums load_weights(const std::int8_t* from) {
        return reinterpret_cast<Sums>(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)));
    }
    static Sums broadcast_inputs(std::uint32_t four) {
        return reinterpret_cast<Sums>(_mm256_set1_epi32(static_cast<int>(four)));
    }
    static Sums dot(Sums sum, Sums inputs, Sums weights) {
        return reinterpret_cast<Sums>(_mm256_dpbusd_avx_epi32(
            reinterpret_cast<__m256i>(sum), reinterpret_cast<__m256i>(inputs), reinterpret_cast<__m256i>(weights)));
    }
    static Register to_floats(Sums sums) { return _mm256_cvtepi32_ps(reinterpret_cast<__m256i>(sums)); }
    static void store_bytes(std::uint8_t* to, Register value) {
        const __m256i rounded = _mm256_cvtps_epi32(_mm256_min_ps(value, _mm256_set1_ps(255)));
        const __m128i words = _mm_packus_epi32(_mm256_castsi256_si128(rounded), _mm256_extracti128_si256(rounded, 1));
        _mm_storel_epi64(reinterpret_cast<__m128i*>(to), _mm_packus_epi16(words, words));
    }
};

#include "gather.inl"
#include "int8.inl"

}  // namespace avx_vnni

FFR_TARGET_END

#endif

FFR_TARGET_BEGIN("avx512f,avx512vnni")

namespace avx512_vnni {

struct Vector : avx512::Vector {
    // Of integers of 32 bits, as the instruction has them: with __m512i, g++ keeps the sums in memory.
    typedef int Sums __attribute__((vector_size(64)));
    using avx512::Vector::load;

    static Sums start(const std::int32_t*) { return Sums{}; }
    static Sums load_weights(const std::int8_t* from) { return reinterpret_cast<Sums>(_mm512_loadu_si512(from)); }
    static Sums broadcast_inputs(std::uint32_t four) {
        return reinterpret_cast<Sums>(_mm512_set1_epi32(static_cast<int>(four)));
    }
    static Sums dot(Sums sum, Sums inputs, Sums weights) {
        return reinterpret_cast<Sums>(_mm512_dpbusd_epi32(
            reinterpret_cast<__m512i>(sum), reinterpret_cast<__m512i>(inputs), reinterpret_cast<__m512i>(weights)));
    }
    static Register to_floats(Sums sums) { return _mm512_maskz_cvtepi32_ps(kAll, reinterpret_cast<__m512i>(sums)); }
    static void store_bytes(std::uint8_t* to, Register value) {
        _mm_storeu_si128(reinterpret_cast<__m128i*>(to),
                         _mm512_maskz_cvtusepi32_epi8(kAll, _mm512_maskz_cvtps_epi32(kAll, value)));
    }
};

#include "gather.inl"
#include "int8.inl"

}  // namespace avx512_vnni

FFR_TARGET_END

#elif defined(__linux__) && defined(FFR_NEON_KERNELS)

#if defined(__clang__)
FFR_TARGET_BEGIN("dotprod")
#else
FFR_TARGET_BEGIN("arch=armv8.2-a+dotprod")
#endif

namespace neon_dot {

/// The instruction multiplies bytes that both have a sign. So inputs lose 128, and sums start with 128 times the sum of
/// the weights.
struct Vector : neon::Vector {
    using Sums = int32x4_t;
    using neon::Vector::load;

    static Sums start(const std::int32_t* weights) { return vshlq_n_s32(vld1q_s32(weights), 7); }
    static Sums load_weights(const std::int8_t* from) { return vreinterpretq_s32_s8(vld1q_s8(from)); }
    static Sums broadcast_inputs(std::uint32_t four) { return vreinterpretq_s32_u32(vdupq_n_u32(four ^ 0x80808080u)); }
    static Sums dot(Sums sum, Sums inputs, Sums weights) {
        return vdotq_s32(sum, vreinterpretq_s8_s32(inputs), vreinterpretq_s8_s32(weights));
    }
    static Register to_floats(Sums sums) { return vcvtq_f32_s32(sums); }
    static void store_bytes(std::uint8_t* to, Register value) {
        const uint16x4_t words = vqmovn_u32(vcvtnq_u32_f32(value));
        const uint32x2_t bytes = vreinterpret_u32_u8(vqmovn_u16(vcombine_u16(words, words)));
        vst1_lane_u32(reinterpret_cast<std::uint32_t*>(to), bytes, 0);
    }
};

#include "gather.inl"
#include "int8.inl"

}  // namespace neon_dot

FFR_TARGET_END

#endif

/// The kernels of a path, which the machine has to have.
FFR_COMPILED_INLINE const Int8Kernels& int8_kernels_of(Int8Path path) {
    switch (path) {
#if defined(FFR_AVX_KERNELS)
        case Int8Path::avx512_vnni:
            return avx512_vnni::kInt8Kernels;
#if defined(FFR_AVX_VNNI_KERNELS)
        case Int8Path::avx_vnni:
            return avx_vnni::kInt8Kernels;
#endif
#elif defined(__linux__) && defined(FFR_NEON_KERNELS)
        case Int8Path::neon_dot:
            return neon_dot::kInt8Kernels;
#endif
        default:
            return plain_int8::kInt8Kernels;
    }
}

#endif

}  // namespace kernels
}  // namespace v0_1
}  // namespace ffr
