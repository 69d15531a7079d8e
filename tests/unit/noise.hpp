#pragma once
/// \file
/// A picture without anything in it, for tests that any pixels will do for.

#include <cstdint>

#include "ffr/image.hpp"

/// Pixels from a linear congruential generator: the same for the same seed, on every machine.
inline ffr::Image noise(int width, int height, int channels, std::uint32_t seed) {
    ffr::Image image(width, height, channels);
    for (std::uint8_t& byte : image.pixels()) {
        seed = seed * 1664525u + 1013904223u;
        byte = static_cast<std::uint8_t>(seed >> 24);
    }
    return image;
}
