#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <utility>

#include "ffr/detect/hog.hpp"
#include "noise.hpp"

using namespace ffr;

namespace {

/// Gray: 40 where a x + b y is below `level`, else 200.
Image step_edge(int size, double a, double b, double level) {
    Image image(size, size, 1);
    for (int y = 0; y < size; ++y) {
        for (int x = 0; x < size; ++x) image.row(y)[x] = a * x + b * y < level ? 40 : 200;
    }
    return image;
}

/// The signed direction with the largest sum over all cells.
int strongest_direction(const HogFeatures& features) {
    std::array<float, 18> sums{};
    for (int plane = 0; plane < 18; ++plane) {
        for (int row = 0; row < features.rows(); ++row) {
            for (int column = 0; column < features.columns(); ++column) {
                sums[static_cast<std::size_t>(plane)] += features.at(plane, row, column);
            }
        }
    }
    int best = 0;
    for (int plane = 1; plane < 18; ++plane) {
        if (sums[static_cast<std::size_t>(plane)] > sums[static_cast<std::size_t>(best)]) best = plane;
    }
    return best;
}

bool same(const HogFeatures& a, const HogFeatures& b) {
    if (a.rows() != b.rows() || a.columns() != b.columns()) return false;
    for (int plane = 0; plane < kHogPlanes; ++plane) {
        for (int row = 0; row < a.rows(); ++row) {
            for (int column = 0; column < a.columns(); ++column) {
                if (a.at(plane, row, column) != b.at(plane, row, column)) return false;
            }
        }
    }
    return true;
}

}  // namespace

TEST_CASE("the bin of every possible gradient is the one that whole numbers give") {
    constexpr int kX[] = {10000, 9397, 7660, 5000, 1736, -1736, -5000, -7660, -9397};
    constexpr int kY[] = {0, 3420, 6428, 8660, 9848, 9848, 8660, 6428, 3420};
    int different = 0;
    for (int y = -255; y <= 255; ++y) {
        for (int x = -255; x <= 255; ++x) {
            int longest = 0, bin = 0;
            for (int o = 0; o < 9; ++o) {
                const int projection = x * kX[o] + y * kY[o];
                const int length = projection < 0 ? -projection : projection;
                if (length <= longest) continue;
                longest = length;
                bin = projection < 0 ? o + 9 : o;
            }
            if (detail::orientation_bin(static_cast<float>(x), static_cast<float>(y)) != bin) ++different;
        }
    }
    CHECK(different == 0);
}

TEST_CASE("the opposite gradient has the opposite bin, no gradient has bin 0") {
    CHECK(detail::orientation_bin(0, 0) == 0);
    CHECK(detail::orientation_bin(1, 0) == 0);
    CHECK(detail::orientation_bin(-1, 0) == 9);
    for (int y = -255; y <= 255; y += 5) {
        for (int x = -255; x <= 255; x += 3) {
            if (x == 0 && y == 0) continue;
            const auto fx = static_cast<float>(x), fy = static_cast<float>(y);
            REQUIRE((detail::orientation_bin(fx, fy) + 9) % 18 == detail::orientation_bin(-fx, -fy));
        }
    }
}

TEST_CASE("an edge votes for the direction from dark to light") {
    CHECK(strongest_direction(extract_hog(step_edge(64, 1, 0, 32))) == 0);    // dark left of light
    CHECK(strongest_direction(extract_hog(step_edge(64, -1, 0, -32))) == 9);  // light left of dark
    for (const int degrees : {20, 40, 60, 120, 140, 160, 200, 220, 340}) {
        CAPTURE(degrees);
        // A ramp: a step would be a staircase of steps along the axes.
        Image ramp(64, 64, 1);
        const double angle = degrees * 3.14159265358979 / 180, a = std::cos(angle), b = std::sin(angle);
        for (int y = 0; y < 64; ++y) {
            for (int x = 0; x < 64; ++x) {
                ramp.row(y)[x] = static_cast<std::uint8_t>(128 + 2.5 * (a * (x - 32) + b * (y - 32)));
            }
        }
        CHECK(strongest_direction(extract_hog(ramp)) == degrees / 20);
    }
}

TEST_CASE("an edge is seen by the cells beside it and by no others") {
    const HogFeatures features = extract_hog(step_edge(96, 1, 0, 48));
    REQUIRE(features.rows() == 10);
    REQUIRE(features.columns() == 10);
    for (int row = 0; row < 10; ++row) {
        for (int column = 0; column < 10; ++column) {
            CAPTURE(column);
            // Cell 4 covers pixels 40..47, cell 5 48..55.
            CHECK((features.at(0, row, column) > 0) == (column == 4 || column == 5));
            CHECK(features.at(9, row, column) == 0);
        }
    }
}

TEST_CASE("light and contrast hardly matter") {
    Image dim(64, 64, 1), bright(64, 64, 1);
    const Image pattern = noise(64, 64, 1, 4711);
    for (std::size_t i = 0; i < pattern.pixels().size(); ++i) {
        dim.pixels()[i] = static_cast<std::uint8_t>(pattern.pixels()[i] / 4);
        bright.pixels()[i] = static_cast<std::uint8_t>(60 + 3 * (pattern.pixels()[i] / 4));
    }
    const HogFeatures a = extract_hog(dim), b = extract_hog(bright);
    for (int plane = 0; plane < kHogPlanes; ++plane) {
        for (int row = 0; row < a.rows(); ++row) {
            for (int column = 0; column < a.columns(); ++column) {
                REQUIRE(std::fabs(a.at(plane, row, column) - b.at(plane, row, column)) < 1e-5f);
            }
        }
    }
}

TEST_CASE("an image under 20 pixels on a side has no features") {
    for (const int channels : {1, 3}) {
        for (const auto& size : {std::pair{1, 1}, std::pair{1, 100}, std::pair{100, 1}, std::pair{2, 3},
                                 std::pair{19, 100}, std::pair{100, 19}, std::pair{3000, 4}}) {
            const int width = size.first, height = size.second;
            CAPTURE(width);
            const HogFeatures features = extract_hog(noise(width, height, channels, 4711));
            CHECK(features.rows() * features.columns() == 0);
        }
        const HogFeatures least = extract_hog(noise(20, 20, channels, 4711));
        CHECK(least.rows() == 1);
        CHECK(least.columns() == 1);
    }
    CHECK_THROWS_AS(extract_hog(Image()), InvalidArgument);
}

TEST_CASE("half a cell at the end counts as one, less doesn't") {
    for (int size = 20; size < 61; ++size) {
        CAPTURE(size);
        const int cells = (size + 4) / 8 - 2;
        const HogFeatures wide = extract_hog(noise(size, 33, 3, 4711)), high = extract_hog(noise(33, size, 1, 4711));
        CHECK(wide.columns() == cells);
        CHECK(wide.rows() == 2);
        CHECK(high.rows() == cells);
        CHECK(high.columns() == 2);
    }
}

TEST_CASE("a constant image has no features but zeros") {
    for (const int channels : {1, 3}) {
        Image image(45, 52, channels);
        for (std::uint8_t& byte : image.pixels()) byte = 201;
        CHECK(same(extract_hog(image), HogFeatures(5, 4)));
    }
}

TEST_CASE("features are within 0..0.4, textures of these images within 0..0.6") {
    Image stripes(64, 64, 1);
    for (int y = 0; y < 64; ++y) {
        for (int x = 0; x < 64; ++x) stripes.row(y)[x] = x / 2 % 2 == 0 ? 0 : 255;
    }
    for (const Image& image : {noise(83, 64, 1, 4711), noise(83, 64, 3, 4711), stripes, step_edge(64, 1, 2, 90)}) {
        const HogFeatures features = extract_hog(image);
        float largest = 0;
        for (int plane = 0; plane < kHogPlanes; ++plane) {
            for (int row = 0; row < features.rows(); ++row) {
                for (int column = 0; column < features.columns(); ++column) {
                    const float value = features.at(plane, row, column);
                    REQUIRE(value >= 0);
                    REQUIRE(value <= (plane < 27 ? 0.4f : 0.6f) + 1e-6f);
                    largest = std::max(largest, value);
                }
            }
        }
        CHECK(largest > 0.1f);
    }
}

TEST_CASE("an unsigned direction is at least as strong as either of its signed ones, at most as both") {
    const HogFeatures features = extract_hog(noise(60, 60, 3, 4711));
    for (int o = 0; o < 9; ++o) {
        for (int row = 0; row < features.rows(); ++row) {
            for (int column = 0; column < features.columns(); ++column) {
                const float one = features.at(o, row, column), other = features.at(o + 9, row, column);
                const float both = features.at(18 + o, row, column);
                REQUIRE(both >= std::max(one, other) - 1e-6f);
                REQUIRE(both <= one + other + 1e-6f);
            }
        }
    }
}

TEST_CASE("colour with equal channels and a view with gaps give the features of the gray image") {
    const Image gray = noise(75, 51, 1, 4711);
    Image rgb(75, 51, 3);
    for (std::size_t i = 0; i < rgb.pixels().size(); ++i) rgb.pixels()[i] = gray.pixels()[i / 3];
    CHECK(same(extract_hog(gray), extract_hog(rgb)));
    Image framed(90, 60, 1);
    for (int y = 0; y < 51; ++y) {
        for (int x = 0; x < 75; ++x) framed.row(y + 3)[x + 5] = gray.row(y)[x];
    }
    CHECK(same(extract_hog(gray), extract_hog(ImageView{framed.row(3) + 5, 75, 51, 1, 90})));
}
