#include "show/color_scale.hpp"

#include <algorithm>
#include <cmath>

ffr::Color diverging_color(double value) {
    constexpr ffr::Color kBlue{0, 92, 175}, kMiddle{247, 247, 247}, kOrange{213, 94, 0};
    const ffr::Color end = value < 0 ? kBlue : kOrange;
    const double share = std::min(std::abs(value), 1.0);
    const auto mixed = [&](std::uint8_t from, std::uint8_t to) {
        return static_cast<std::uint8_t>(std::lround(from + (to - from) * share));
    };
    return {mixed(kMiddle.r, end.r), mixed(kMiddle.g, end.g), mixed(kMiddle.b, end.b)};
}

ffr::Image color_strip(const std::vector<float>& numbers, double strongest) {
    ffr::Image strip(static_cast<int>(numbers.size()), 1, 3);
    for (std::size_t i = 0; i < numbers.size(); ++i) {
        const ffr::Color color = diverging_color(static_cast<double>(numbers[i]) / strongest);
        ffr::draw_point(strip, {static_cast<int>(i), 0}, color, 0);
    }
    return strip;
}
