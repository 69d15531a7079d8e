#include "ffr/detect/mmod_pyramid.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "ffr/detect/mmod_detector.hpp"
#include "noise.hpp"

using namespace ffr;

TEST_CASE("the canvas of a picture has the reference's size and number of levels") {
    const PyramidLayout square = pyramid_layout(512, 512);
    CHECK(square.height == 1895);
    CHECK(square.width == 534);
    CHECK(square.levels.size() == 24);
    const PyramidLayout wide = pyramid_layout(1920, 1080);
    CHECK(wide.height == 3937);
    CHECK(wide.width == 1942);
    CHECK(wide.levels.size() == 28);
}

TEST_CASE("levels lie within the canvas with gaps between them, each 5/6 of the one before") {
    std::uint32_t seed = 1;
    for (int i = 0; i < 2000; ++i) {
        seed = seed * 1664525u + 1013904223u;
        const int width = i < 100 ? i + 1 : 1 + static_cast<int>(seed >> 22);
        const int height = i < 100 ? 100 - i : 1 + static_cast<int>(seed >> 8 & 1023);
        CAPTURE(width);
        CAPTURE(height);
        const PyramidLayout layout = pyramid_layout(width, height);
        REQUIRE(layout.width == width + 22);
        REQUIRE(!layout.levels.empty());
        REQUIRE(layout.levels[0] == Rect{11, 11, 10 + width, 10 + height});
        for (std::size_t k = 0; k < layout.levels.size(); ++k) {
            const Rect& level = layout.levels[k];
            REQUIRE(level.left >= 11);
            REQUIRE(level.top >= 11);
            REQUIRE(level.right < layout.width - 11);
            REQUIRE(level.bottom < layout.height - 11);
            if (k == 0) continue;
            REQUIRE(level.width() == layout.levels[k - 1].width() * 5 / 6);
            REQUIRE(level.height() == layout.levels[k - 1].height() * 5 / 6);
            for (std::size_t other = 0; other < k; ++other) {
                const Rect& a = layout.levels[other];
                REQUIRE((level.left > a.right || level.right < a.left || level.top > a.bottom || level.bottom < a.top));
            }
        }
    }
}

TEST_CASE("a canvas has the picture less the mean, smaller ones with the same corners, and zeros between") {
    const Image image = noise(61, 47, 3, 5);
    for (const int threads : {1, 3}) {
        Workspace workspace(threads);
        const PyramidCanvas canvas(detail::colour_planes(image, workspace), {100, 110, 120}, workspace);
        const auto at = [&](int x, int y, int c) { return canvas.row(y)[3 * x + c]; };
        std::vector<std::vector<bool>> covered(static_cast<std::size_t>(canvas.height()),
                                               std::vector<bool>(static_cast<std::size_t>(canvas.width())));
        for (const Rect& level : canvas.layout().levels) {
            for (int c = 0; c < 3; ++c) {
                const auto pixel = [&](int x, int y) {
                    return (static_cast<float>(image.row(y)[3 * x + c]) - static_cast<float>(100 + 10 * c)) / 256.0f;
                };
                CHECK(at(level.left, level.top, c) == pixel(0, 0));
                // A position at the far corner is rounded, and so may lie a little beside it.
                CHECK(at(level.right, level.top, c) == doctest::Approx(pixel(60, 0)).epsilon(1e-4));
                CHECK(at(level.left, level.bottom, c) == doctest::Approx(pixel(0, 46)).epsilon(1e-4));
                CHECK(at(level.right, level.bottom, c) == doctest::Approx(pixel(60, 46)).epsilon(1e-4));
            }
            for (int y = level.top; y <= level.bottom; ++y) {
                for (int x = level.left; x <= level.right; ++x) {
                    covered[static_cast<std::size_t>(y)][static_cast<std::size_t>(x)] = true;
                }
            }
        }
        for (int y = 0; y < canvas.height(); ++y) {
            for (int x = 0; x < canvas.width(); ++x) {
                if (covered[static_cast<std::size_t>(y)][static_cast<std::size_t>(x)]) continue;
                for (int c = 0; c < 3; ++c) REQUIRE(at(x, y, c) == 0);
            }
        }
    }
}
