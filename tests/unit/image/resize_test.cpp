#include <doctest/doctest.h>

#include <array>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <utility>
#include <vector>

#include "ffr/image/resize.hpp"
#include "noise.hpp"

using namespace ffr;

namespace {

Image filled(int width, int height, int channels, std::uint8_t value) {
    Image image(width, height, channels);
    for (std::uint8_t& byte : image.pixels()) byte = value;
    return image;
}

/// Bytes of a fixed linear congruence.
std::vector<int> pixel(const Image& image, int x, int y) {
    const std::uint8_t* const first = image.row(y) + x * image.channels();
    return {first, first + image.channels()};
}

}  // namespace

TEST_CASE("one pixel gives a constant image of any size") {
    for (const int channels : {1, 3}) {
        const Image one = filled(1, 1, channels, 77);
        CHECK(resize_image(one, 1, 1) == one);
        CHECK(resize_image(one, 9, 5) == filled(9, 5, channels, 77));
        CHECK(pyramid_up(one) == filled(4, 3, channels, 77));
        CHECK(pyramid_down(one).empty());
    }
}

TEST_CASE("a row or a column of pixels can be resized") {
    for (const int channels : {1, 3}) {
        for (const auto& size : {std::pair{1, 50}, std::pair{50, 1}, std::pair{2, 50}, std::pair{50, 2}}) {
            const int width = size.first, height = size.second;
            CAPTURE(width);
            const Image image = noise(width, height, channels, 12345);
            for (const auto& [new_width, new_height] :
                 {std::pair{1, 1}, std::pair{1, 23}, std::pair{23, 1}, std::pair{23, 29}}) {
                const Image resized = resize_image(image, new_width, new_height);
                CHECK(resized.width() == new_width);
                CHECK(resized.height() == new_height);
                CHECK(resized.channels() == channels);
                CHECK(pixel(resized, 0, 0) == pixel(image, 0, 0));
            }
        }
    }
}

TEST_CASE("a size of 0 gives an empty image") {
    CHECK(resize_image(filled(5, 5, 1, 1), 0, 4).empty());
    CHECK(resize_image(filled(5, 5, 3, 1), 4, 0).empty());
    CHECK(resize_image(filled(5, 5, 3, 1), 0, 0).empty());
}

TEST_CASE("no pixels can't be resized") {
    CHECK_THROWS_AS(resize_image(Image(), 3, 3), InvalidArgument);
    CHECK_THROWS_AS(resize_image(Image(0, 3, 3), 3, 3), InvalidArgument);
    CHECK_THROWS_AS(pyramid_down(Image(3, 0, 1)), InvalidArgument);
    CHECK_THROWS_AS(pyramid_up(Image()), InvalidArgument);
    CHECK_THROWS_AS(resize_image(filled(5, 5, 1, 1), -1, 4), InvalidArgument);
}

TEST_CASE("the size an image has already leaves it as it is") {
    // Positions are whole numbers then, but for 1 - fraction of a drifting sum: sizes are kept small.
    for (const int channels : {1, 3}) {
        const Image image = noise(37, 23, channels, 12345);
        CHECK(resize_image(image, 37, 23) == image);
    }
}

TEST_CASE("a constant image stays constant, gray to the level and colour to one level") {
    for (const int level : {0, 1, 100, 127, 254, 255}) {
        CAPTURE(level);
        const auto value = static_cast<std::uint8_t>(level);
        const Image gray = filled(61, 47, 1, value), rgb = filled(61, 47, 3, value);
        for (const Image& resized : {pyramid_down(gray), pyramid_up(gray), pyramid_down(rgb), pyramid_up(rgb)}) {
            for (const std::uint8_t found : resized.pixels()) REQUIRE(std::abs(int{found} - int{value}) <= 1);
        }
    }
    CHECK(pyramid_up(filled(61, 47, 1, 0)) == filled(124, 95, 1, 0));
    CHECK(pyramid_up(filled(61, 47, 3, 0)) == filled(124, 95, 3, 0));
}

TEST_CASE("corners map to corners") {
    for (const int channels : {1, 3}) {
        const Image image = noise(40, 31, channels, 12345);
        for (const auto& size : {std::pair{2, 2}, std::pair{33, 25}, std::pair{81, 63}, std::pair{7, 90}}) {
            const int width = size.first, height = size.second;
            CAPTURE(width);
            CAPTURE(channels);
            const Image resized = resize_image(image, width, height);
            const std::array<std::pair<std::vector<int>, std::vector<int>>, 4> corners = {
                std::pair{pixel(resized, 0, 0), pixel(image, 0, 0)},
                std::pair{pixel(resized, width - 1, 0), pixel(image, 39, 0)},
                std::pair{pixel(resized, 0, height - 1), pixel(image, 0, 30)},
                std::pair{pixel(resized, width - 1, height - 1), pixel(image, 39, 30)}};
            for (const auto& [found, expected] : corners) {
                for (std::size_t c = 0; c < found.size(); ++c) CHECK(std::abs(found[c] - expected[c]) <= 1);
            }
        }
    }
}

TEST_CASE("every output pixel lies within its neighbours' range, also at huge aspects") {
    for (const int channels : {1, 3}) {
        for (const auto& [width, height] : {std::pair{20000, 3}, std::pair{3, 20000}}) {
            Image image(width, height, channels);
            for (std::size_t i = 0; i < image.pixels().size(); ++i) {
                image.pixels()[i] = static_cast<std::uint8_t>(100 + i % 11);
            }
            for (const Image& resized : {pyramid_down(image), pyramid_up(image)}) {
                for (const std::uint8_t value : resized.pixels()) REQUIRE((value >= 99 && value <= 110));
            }
        }
    }
}

// Found by this test: positions summed in float32 drift, and from 78115 columns on a group of four began within the
// image but reached over the end of the output.
TEST_CASE("columns of a very wide image never reach over the end of the output") {
    for (const int width : {78115, 79683, 131071, 250001}) {
        CAPTURE(width);
        const int output = width / 6 * 5 + width % 6 * 5 / 6;
        const double scale = (width - 1) / static_cast<double>(output - 1);
        const detail::GroupedColumns columns = detail::grouped_columns(width, output, scale);
        CHECK(columns.count <= output);
        CHECK(columns.left.size() % 16 == 0);
        CHECK(columns.left.size() == columns.fraction.size());
        const Image reduced = pyramid_down(filled(width, 2, 1, 50));
        CHECK(reduced.width() == output);
        CHECK(int{reduced.pixels().back()} == 50);
    }
}

TEST_CASE("a view with gaps between its rows gives what a dense copy gives") {
    for (const int channels : {1, 3}) {
        const Image whole = noise(50, 40, channels, 12345);
        Image part(31, 22, channels);
        const ImageView view{whole.row(9) + 7 * channels, 31, 22, channels, whole.view().stride};
        for (int y = 0; y < 22; ++y) {
            for (int i = 0; i < 31 * channels; ++i) part.row(y)[i] = view.row(y)[i];
        }
        CHECK(pyramid_down(view) == pyramid_down(part));
        CHECK(pyramid_up(view) == pyramid_up(part));
    }
}

TEST_CASE("a level has five sixths of the size, rounded down, a doubled image a little more than twice") {
    CHECK(pyramid_down(filled(6, 12, 1, 0)).width() == 5);
    CHECK(pyramid_down(filled(6, 12, 1, 0)).height() == 10);
    CHECK(pyramid_down(filled(7, 11, 1, 0)).width() == 5);
    CHECK(pyramid_down(filled(7, 11, 1, 0)).height() == 9);
    CHECK(pyramid_down(filled(2, 1, 1, 0)).empty());
    CHECK(pyramid_up(filled(7, 11, 3, 0)).width() == 16);
    CHECK(pyramid_up(filled(7, 11, 3, 0)).height() == 23);
}

TEST_CASE("the first level always counts, further ones from 64 x 64 pixels on") {
    CHECK(pyramid_levels(1, 1) == 1);
    CHECK(pyramid_levels(63, 63) == 1);
    CHECK(pyramid_levels(63, 5000) == 1);
    CHECK(pyramid_levels(5000, 63) == 1);
    CHECK(pyramid_levels(64, 64) == 1);
    CHECK(pyramid_levels(80, 80) == 2);
    for (int size = 2; size < 400; ++size) {
        REQUIRE(pyramid_levels(size, size) >= pyramid_levels(size - 1, size - 1));
        REQUIRE(pyramid_levels(size, 100) == pyramid_levels(100, size));
    }
    constexpr int kHigh = std::numeric_limits<int>::max();
    CHECK(pyramid_levels(kHigh, kHigh) < 120);
    CHECK(pyramid_levels(kHigh, 1) == 1);
}
