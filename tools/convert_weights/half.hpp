#pragma once
/// \file
/// float32 to float16: what only the converter needs.

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "ffr/base/error.hpp"
#include "ffr/base/weights_file.hpp"

namespace convert {

/// The half nearest to a number, ties to the even one; subnormals kept. \throws ffr::InvalidArgument beyond 65504
inline ffr::Half to_half(float value) {
    const float magnitude = std::fabs(value);
    if (!(magnitude <= 65504.0f)) throw ffr::InvalidArgument("a weight is too large for float16");
    // A half of exponent e has 10 bits behind the point: it counts units of 2^(e - 10), and never finer than 2^-24.
    int exponent = 0;
    std::frexp(magnitude, &exponent);
    const int unit = std::max(exponent - 11, -24);
    const auto units = static_cast<std::uint32_t>(std::nearbyint(std::ldexp(magnitude, -unit)));
    // With a normal number's units in 1024..2047 the fields add up; rounding up to 2048 carries into the exponent.
    const std::uint32_t bits = units == 0 ? 0 : units + (static_cast<std::uint32_t>(unit + 24) << 10);
    return {static_cast<std::uint16_t>(bits | (std::signbit(value) ? 0x8000u : 0u))};
}

}  // namespace convert
