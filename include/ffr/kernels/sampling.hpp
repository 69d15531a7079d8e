#pragma once
/// \file
/// Bilinear samples for chips (chip.hpp) in doubles, whose every product and sum is rounded on its own. Where
/// registers hold four doubles, the colours of a pixel are in one; two (SSE2) weren't faster. Each lane, a register's
/// place for one number, does what the plain code does, so the bytes are the same.
///
///     place (x, y) in an image --> four pixels around, fractions of x and y --> a mix, cut to a byte, for each colour

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "../base/exact_float.hpp"
#include "dispatch.hpp"

namespace ffr {
inline namespace v0_1 {
namespace kernels {

/// A place between four pixels.
struct Sample {
    const std::uint8_t* neighbours;  // the upper left one; the right one follows it, the lower ones are a row further
    double x, y;                     // how far the place is from that one, to the right and down, 0..1
};

/// All of a pixel.
inline constexpr double kWhole = 1;

/// Mixes samples: see sampling.inl.
using MixSamples = void (*)(const Sample* samples, int count, std::ptrdiff_t stride, std::uint8_t* out);

namespace plain_sampling {

FFR_EXACT_FLOAT_BEGIN

/// A gray pixel as a number, and what mixing needs: times a share, plus another one.
struct GrayPixel {
    using Share = double;
    static constexpr int kChannels = 1;
    double gray;

    static Share share(const double& value) { return value; }
    static GrayPixel left(const std::uint8_t* pair) { return {static_cast<double>(pair[0])}; }
    static GrayPixel right(const std::uint8_t* pair) { return {static_cast<double>(pair[1])}; }
    void store(std::uint8_t* to) const { *to = static_cast<std::uint8_t>(gray); }
};

inline GrayPixel operator*(GrayPixel::Share share, GrayPixel p) {
    return {share * p.gray};
}
inline GrayPixel operator+(GrayPixel p, GrayPixel q) {
    return {p.gray + q.gray};
}

/// The same of a colour pixel.
struct ColourPixel {
    using Share = double;
    static constexpr int kChannels = 3;
    double red, green, blue;

    static Share share(const double& value) { return value; }
    static ColourPixel left(const std::uint8_t* pair) {
        return {static_cast<double>(pair[0]), static_cast<double>(pair[1]), static_cast<double>(pair[2])};
    }
    static ColourPixel right(const std::uint8_t* pair) { return left(pair + 3); }
    void store(std::uint8_t* to) const {
        to[0] = static_cast<std::uint8_t>(red);
        to[1] = static_cast<std::uint8_t>(green);
        to[2] = static_cast<std::uint8_t>(blue);
    }
};

inline ColourPixel operator*(ColourPixel::Share share, ColourPixel p) {
    return {share * p.red, share * p.green, share * p.blue};
}
inline ColourPixel operator+(ColourPixel p, ColourPixel q) {
    return {p.red + q.red, p.green + q.green, p.blue + q.blue};
}

#include "sampling.inl"

FFR_EXACT_FLOAT_END

}  // namespace plain_sampling

#if defined(FFR_AVX_KERNELS)

FFR_TARGET_BEGIN("avx2")

namespace avx2_sampling {

FFR_EXACT_FLOAT_BEGIN

struct ColourPixel {
    using Share = __m256d;
    static constexpr int kChannels = 3;
    __m256d colours;  // and a fourth number that doesn't count

    /// Spread while it's loaded, which costs nothing.
    static Share share(const double& value) { return _mm256_broadcast_sd(&value); }
    /// A byte in the last bits of the double 2^52 makes it 2^52 + byte: two steps that more of a CPU's units can do
    /// than the conversion of an integer.
    static ColourPixel widen(std::uint32_t bytes) {
        const __m256d large = _mm256_set1_pd(4503599627370496.0);
        const __m256d sum =
            _mm256_or_pd(large, _mm256_castsi256_pd(_mm256_cvtepu8_epi64(_mm_cvtsi32_si128(static_cast<int>(bytes)))));
        return {sum - large};
    }
    static ColourPixel left(const std::uint8_t* pair) {
        std::uint32_t bytes = 0;
        std::memcpy(&bytes, pair, sizeof bytes);
        return widen(bytes);
    }
    /// From the last four bytes of the pair, since nothing may lie behind it.
    static ColourPixel right(const std::uint8_t* pair) {
        std::uint32_t bytes = 0;
        std::memcpy(&bytes, pair + 2, sizeof bytes);
        return widen(bytes >> 8);
    }
    void store(std::uint8_t* to) const {
        const __m128i first_bytes = _mm_setr_epi8(0, 4, 8, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
        const int bytes = _mm_cvtsi128_si32(_mm_shuffle_epi8(_mm256_cvttpd_epi32(colours), first_bytes));
        std::memcpy(to, &bytes, sizeof bytes);
    }
};

inline ColourPixel operator*(ColourPixel::Share share, ColourPixel p) {
    return {share * p.colours};
}
inline ColourPixel operator+(ColourPixel p, ColourPixel q) {
    return {p.colours + q.colours};
}

#include "sampling.inl"

FFR_EXACT_FLOAT_END

}  // namespace avx2_sampling

FFR_TARGET_END

#endif

/// The kernel for an image's channels of a path that the machine has to have. Gray pixels have nothing to fill a
/// register with.
inline MixSamples mix_samples_of(SimdPath path, int channels) {
    if (channels == 1) return plain_sampling::mix_samples<plain_sampling::GrayPixel>;
#if defined(FFR_AVX_KERNELS)
    if (path == SimdPath::avx2 || path == SimdPath::avx512) {
        return avx2_sampling::mix_samples<avx2_sampling::ColourPixel>;
    }
#endif
    static_cast<void>(path);
    return plain_sampling::mix_samples<plain_sampling::ColourPixel>;
}

}  // namespace kernels
}  // namespace v0_1
}  // namespace ffr
