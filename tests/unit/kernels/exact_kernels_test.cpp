// The kernels of the exact stages against the plain code beside them: the same bits on every path that the machine has.

#include "ffr/kernels/exact.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "ffr/detect/hog.hpp"
#include "ffr/detect/sliding_filter.hpp"
#include "ffr/image/planes.hpp"
#include "ffr/image/resize.hpp"
#include "noise.hpp"
#include "simd_paths.hpp"

using namespace ffr;

namespace {

constexpr std::pair<int, int> kSizes[] = {{20, 20},  {21, 33},  {27, 20}, {28, 45},  {35, 29},  {36, 36},
                                          {43, 76},  {44, 20},  {83, 64}, {100, 23}, {131, 61}, {140, 140},
                                          {203, 90}, {20, 300}, {19, 40}, {2000, 24}};

/// Noise with few levels, of which many gradients are equally long.
Image coarse(int width, int height, int channels) {
    Image image = noise(width, height, channels, 7);
    for (std::uint8_t& value : image.pixels()) value = static_cast<std::uint8_t>(value / 64 * 64);
    return image;
}

/// Brighter and brighter, so that whole rows vote for one bin.
Image ramp(int width, int height, int channels) {
    Image image(width, height, channels);
    for (int y = 0; y < height; ++y) {
        for (int x = 0; x < width; ++x) {
            for (int c = 0; c < channels; ++c) {
                image.row(y)[x * channels + c] = static_cast<std::uint8_t>((x + y / 3 + c) % 256);
            }
        }
    }
    return image;
}

std::size_t differences(const HogFeatures& a, const HogFeatures& b) {
    REQUIRE(a.rows() == b.rows());
    REQUIRE(a.columns() == b.columns());
    std::size_t count = 0;
    for (int plane = 0; plane < kHogPlanes; ++plane) {
        for (int row = 0; row < a.rows(); ++row) {
            for (int column = 0; column < a.columns(); ++column) {
                count += a.at(plane, row, column) != b.at(plane, row, column);
            }
        }
    }
    return count;
}

detail::SlidingFilter random_filter(const std::vector<int>& planes, unsigned seed) {
    detail::SlidingFilter filter{{}, 0};
    for (const int plane : planes) {
        detail::SeparablePair pair{plane, {}, {}};
        const std::vector<float> taps = numbers(2 * detail::kFilterSize, ++seed);
        std::copy_n(taps.begin(), detail::kFilterSize, pair.column.begin());
        std::copy_n(taps.begin() + detail::kFilterSize, detail::kFilterSize, pair.row.begin());
        filter.pairs.push_back(pair);
    }
    return filter;
}

}  // namespace

TEST_CASE("channels are parted") {
    for (const kernels::SimdPath path : simd_paths()) {
        CAPTURE(std::string(kernels::simd_name(path)));
        for (const int count : {0, 1, 15, 16, 17, 47, 64}) {
            const Image image = noise(std::max(count, 1), 1, 3, 3);
            std::array<std::vector<std::uint8_t>, 3> parts;
            for (auto& part : parts) part.assign(static_cast<std::size_t>(count) + 1, 99);
            kernels::exact_kernels_of(path).split_row(image.row(0), count, parts[0].data(), parts[1].data(),
                                                      parts[2].data());
            for (std::size_t c = 0; c < 3; ++c) {
                for (int x = 0; x < count; ++x)
                    REQUIRE(parts[c][static_cast<std::size_t>(x)] == image.row(0)[3 * x + static_cast<int>(c)]);
                REQUIRE(parts[c].back() == 99);
            }
        }
    }
}

TEST_CASE("a resized row's grouped columns are those of the plain loop") {
    Workspace workspace;
    for (const auto& sizes : {std::pair{2, 6}, std::pair{5, 4}, std::pair{83, 69}, std::pair{83, 168},
                              std::pair{97, 52}, std::pair{512, 426}, std::pair{640, 1282}}) {
        const int width = sizes.first, new_width = sizes.second;
        CAPTURE(width);
        const detail::Planes input = detail::split_channels(noise(width, 2, 1, 11), workspace);
        const double scale = (width - 1) / static_cast<double>(new_width - 1);
        const detail::GroupedColumns columns = detail::grouped_columns(width, new_width, scale);
        REQUIRE(columns.close);
        for (const float below : {0.0f, 0.2f, 0.5f, 0.7654321f}) {
            for (const bool round : {false, true}) {
                const std::size_t size = static_cast<std::size_t>(new_width) + 1;
                std::vector<std::uint8_t> plain(size, 99);
                detail::blend_plain(input.row(0, 0), input.row(0, 1), columns, 1 - below, below, round, plain.data());
                for (const kernels::SimdPath path : simd_paths()) {
                    CAPTURE(std::string(kernels::simd_name(path)));
                    std::vector<std::uint8_t> found(size, 99);
                    detail::blend_grouped(input.row(0, 0), input.row(0, 1), columns, 1 - below, below, round,
                                          found.data(), kernels::exact_kernels_of(path));
                    REQUIRE((found == plain));
                }
            }
        }
    }
}

TEST_CASE("columns too far apart for the kernels are known") {
    CHECK(detail::grouped_columns(1000, 600, 999 / 599.0).close);
    CHECK_FALSE(detail::grouped_columns(1000, 200, 999 / 199.0).close);
}

TEST_CASE("all gradients that pixels can have get the plain code's bin and length") {
    constexpr std::ptrdiff_t kStride = 96;
    for (const kernels::SimdPath path : simd_paths()) {
        CAPTURE(std::string(kernels::simd_name(path)));
        // Every third pixel's neighbours to the left and right differ by gx; the rows above and below by gy.
        std::size_t wrong = 0;
        for (int gy = -255; gy <= 255; ++gy) {
            const std::size_t count = 511;
            std::vector<std::uint8_t> here(3 * count + 64), above(here.size()), below(here.size());
            for (std::size_t i = 0; i < count; ++i) {
                const int gx = static_cast<int>(i) - 255;
                here[3 * i] = static_cast<std::uint8_t>(std::max(-gx, 0));
                here[3 * i + 2] = static_cast<std::uint8_t>(std::max(gx, 0));
                above[3 * i + 1] = static_cast<std::uint8_t>(std::max(-gy, 0));
                below[3 * i + 1] = static_cast<std::uint8_t>(std::max(gy, 0));
            }
            std::vector<float> length(here.size());
            std::vector<std::int32_t> place(here.size());
            const kernels::PixelRows rows{{above.data() + 1}, {here.data() + 1}, {below.data() + 1}};
            kernels::exact_kernels_of(path).orient(rows, 1, true, static_cast<int>(3 * count), kStride, length.data(),
                                                   place.data());
            for (std::size_t i = 0; i < count; ++i) {
                const int gx = static_cast<int>(i) - 255;
                const detail::Vote vote = detail::vote_of({gx, gy, gx * gx + gy * gy});
                wrong += place[3 * i] != vote.bin * kStride || length[3 * i] != vote.length;
            }
        }
        CHECK(wrong == 0);
    }
}

TEST_CASE("HOG features are the plain loops', whatever the path and the number of threads") {
    for (const auto& size : kSizes) {
        for (const int channels : {1, 3}) {
            for (const Image& image :
                 {noise(size.first, size.second, channels, 5), coarse(size.first, size.second, channels),
                  ramp(size.first, size.second, channels)}) {
                CAPTURE(image.width());
                CAPTURE(image.height());
                CAPTURE(channels);
                const HogFeatures plain = detail::plain_hog(image);
                const detail::CellGrid grid(image.width(), image.height());
                for (const int threads : {1, 2, 5}) {
                    Workspace workspace(threads);
                    const detail::Planes planes = detail::split_channels(image, workspace);
                    for (const kernels::SimdPath path : simd_paths()) {
                        CAPTURE(std::string(kernels::simd_name(path)));
                        if (!grid.has_features()) continue;
                        const auto found = detail::hog_features(planes, grid, 0, grid.feature_rows(), workspace, path);
                        REQUIRE(differences(found.without_margins(), plain) == 0);
                    }
                }
            }
        }
    }
}

TEST_CASE("a filter's scores are the plain loops' at each place") {
    const std::vector<detail::SlidingFilter> filters{random_filter({0, 0, 3, 4, 4, 17, 18, 30}, 1),
                                                     random_filter({}, 2), random_filter({1, 3, 4, 26, 26, 30}, 3)};
    Workspace workspace;
    for (const auto& size : kSizes) {
        const Image image = noise(size.first, size.second, 3, 5);
        CAPTURE(image.width());
        const detail::CellGrid grid(image.width(), image.height());
        if (!grid.has_features()) continue;
        const auto planes = detail::split_channels(image, workspace);
        const auto map = detail::hog_features(planes, grid, 0, grid.feature_rows(), workspace);
        const HogFeatures features = map.without_margins();
        for (const kernels::SimdPath path : simd_paths()) {
            CAPTURE(std::string(kernels::simd_name(path)));
            int next = 0;
            std::size_t wrong = 0;
            for (const detail::Strip& strip : detail::strips_of(map.columns(), path)) {
                REQUIRE(strip.first == next);
                REQUIRE(strip.columns <= strip.kernels->strip);
                const detail::StripScores scores(map, filters, strip);
                for (int x = 0; x < strip.columns; ++x, ++next) {
                    for (int row = 0; row < map.end_row(); ++row) {
                        for (std::size_t k = 0; k < filters.size(); ++k) {
                            wrong += scores.at(k, row, x) != detail::plain_score(features, filters[k], row, next);
                        }
                    }
                }
            }
            CHECK(next == map.columns());
            CHECK(wrong == 0);
        }
    }
}

TEST_CASE("rows of features out of the middle are those of the whole") {
    Workspace workspace(2);
    const Image image = noise(90, 203, 3, 5);
    const detail::CellGrid grid(image.width(), image.height());
    const auto planes = detail::split_channels(image, workspace);
    const HogFeatures whole = detail::plain_hog(image);
    for (const auto& rows : {std::pair{0, 1}, std::pair{0, 5}, std::pair{7, 8}, std::pair{11, 23}}) {
        const auto map = detail::hog_features(planes, grid, rows.first, rows.second, workspace);
        const HogFeatures part = map.without_margins();
        REQUIRE(part.rows() == rows.second - rows.first);
        for (int plane = 0; plane < kHogPlanes; ++plane) {
            for (int row = 0; row < part.rows(); ++row) {
                for (int column = 0; column < part.columns(); ++column) {
                    REQUIRE(part.at(plane, row, column) == whole.at(plane, rows.first + row, column));
                }
            }
        }
    }
}

TEST_CASE("channels parted and put together again are what they were, gaps between rows or not") {
    for (const int threads : {1, 3}) {
        Workspace workspace(threads);
        for (const int channels : {1, 3}) {
            for (const int width : {1, 16, 53}) {
                const Image image = noise(width + 7, 5, channels, 9);
                ImageView part = image;
                part.width = width;
                const Image again = detail::merge_channels(detail::split_channels(part, workspace));
                REQUIRE(again.width() == width);
                for (int y = 0; y < again.height(); ++y) {
                    REQUIRE(std::equal(again.row(y), again.row(y) + width * channels, image.row(y)));
                }
            }
        }
    }
}

TEST_CASE("an image is resized the same by any number of threads") {
    Workspace one(1), three(3);
    for (const auto& size : {std::pair{1, 1}, std::pair{7, 90}, std::pair{90, 7}, std::pair{131, 77}}) {
        const Image image = noise(size.first, size.second, 3, 4);
        for (const auto& to : {std::pair{1, 1}, std::pair{5, 200}, std::pair{109, 64}}) {
            const auto resized = [&](Workspace& workspace) {
                const auto planes = detail::split_channels(image, workspace);
                return detail::merge_channels(detail::resize(planes, to.first, to.second, workspace));
            };
            CHECK((resized(one) == resized(three)));
        }
    }
}
