#pragma once
/// \file
/// A picture without anything in it, and numbers without a meaning, for tests that any will do for.

#include <cstddef>
#include <cstdint>
#include <vector>

#include "ffr/image/image.hpp"

/// Pixels from a linear congruential generator: the same for the same seed, on every machine.
inline ffr::Image noise(int width, int height, int channels, std::uint32_t seed) {
    ffr::Image image(width, height, channels);
    for (std::uint8_t& byte : image.pixels()) {
        seed = seed * 1664525u + 1013904223u;
        byte = static_cast<std::uint8_t>(seed >> 24);
    }
    return image;
}

/// Numbers within -1..1 that don't repeat soon, in the same way.
inline std::vector<float> numbers(std::size_t count, std::uint32_t seed) {
    std::vector<float> values(count);
    for (float& value : values) {
        seed = seed * 1664525u + 1013904223u;
        value = static_cast<float>(static_cast<std::int32_t>(seed)) / 2147483648.0f;
    }
    return values;
}
