#include <doctest/doctest.h>

#include "show/color_scale.hpp"

TEST_CASE("a number's colour goes from blue over near white to orange, darker towards both ends") {
    const ffr::Color blue = diverging_color(-1), middle = diverging_color(0), orange = diverging_color(1);
    CHECK(blue.b > blue.r);
    CHECK(orange.r > orange.b);
    CHECK(diverging_color(-7) == blue);
    CHECK(diverging_color(7) == orange);
    const auto luma = [](ffr::Color c) { return 299 * c.r + 587 * c.g + 114 * c.b; };
    CHECK(luma(middle) > 240000);
    for (double value = 0; value < 0.95; value += 0.1) {
        CHECK(luma(diverging_color(value)) > luma(diverging_color(value + 0.1)));
        CHECK(luma(diverging_color(-value)) > luma(diverging_color(-value - 0.1)));
    }
}

TEST_CASE("a strip has a pixel a number") {
    const ffr::Image strip = color_strip({-0.5f, 0.0f, 0.25f}, 0.5);
    REQUIRE(strip.width() == 3);
    CHECK(strip.height() == 1);
    const double values[] = {-1, 0, 0.5};
    for (int x = 0; x < 3; ++x) {
        const std::uint8_t* const pixel = strip.row(0) + 3 * x;
        CHECK(diverging_color(values[x]) == ffr::Color{pixel[0], pixel[1], pixel[2]});
    }
    CHECK(color_strip({}, 1).width() == 0);
}
