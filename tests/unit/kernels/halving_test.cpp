// The kernels that smooth before halving, on every path that the machine has: the same numbers as the formula.

#include "ffr/kernels/halving.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "noise.hpp"
#include "simd_paths.hpp"

using namespace ffr;

namespace {

int weighted(int a, int b, int c, int d, int e) {
    return a + 4 * b + 6 * c + 4 * d + e;
}

const std::vector<int> kCounts{1, 5, 7, 8, 9, 15, 16, 17, 23, 31, 32, 33, 100};

}  // namespace

TEST_CASE("five rows are added as the filter weighs them, from black to white") {
    for (const int count : kCounts) {
        CAPTURE(count);
        Image image = noise(count, 5, 1, 21);
        for (int y = 0; y < 5; ++y) {
            image.row(y)[0] = 255;
            image.row(y)[count - 1] = static_cast<std::uint8_t>(count == 1 ? 255 : 0);
        }
        const std::uint8_t* const rows[] = {image.row(0), image.row(1), image.row(2), image.row(3), image.row(4)};
        std::vector<std::uint16_t> expected;
        for (int i = 0; i < count; ++i) {
            const int sum = weighted(rows[0][i], rows[1][i], rows[2][i], rows[3][i], rows[4][i]);
            expected.push_back(static_cast<std::uint16_t>(sum));
        }
        for (const kernels::SimdPath path : simd_paths()) {
            CAPTURE(std::string(kernels::simd_name(path)));
            std::vector<std::uint16_t> sums(expected.size());
            kernels::halving_kernels_of(path, count).filter_down(rows, count, sums.data());
            CHECK(sums == expected);
        }
    }
}

TEST_CASE("sums beside each other are added as the filter weighs them, up to the greatest there are") {
    for (const int step : {1, 3}) {
        for (const int count : kCounts) {
            CAPTURE(step);
            CAPTURE(count);
            std::vector<std::uint16_t> sums;
            const Image bytes = noise(count + 4 * step, 1, 1, 22);
            for (const std::uint8_t byte : bytes.pixels()) {
                sums.push_back(static_cast<std::uint16_t>(byte * 16));
            }
            for (int tap = 0; tap < 5; ++tap)
                sums[static_cast<std::size_t>(tap) * static_cast<std::size_t>(step)] = 255 * 16;
            std::vector<std::uint8_t> expected;
            for (std::size_t i = 0; i + 4 * static_cast<std::size_t>(step) < sums.size(); ++i) {
                const std::uint16_t* const s = sums.data() + i;
                const int sum = weighted(s[0], s[step], s[2 * step], s[3 * step], s[4 * step]);
                expected.push_back(static_cast<std::uint8_t>(sum / 256));
            }
            REQUIRE(expected[0] == 255);
            for (const kernels::SimdPath path : simd_paths()) {
                CAPTURE(std::string(kernels::simd_name(path)));
                std::vector<std::uint8_t> out(expected.size());
                kernels::halving_kernels_of(path, count).filter_across(sums.data(), step, count, out.data());
                CHECK(out == expected);
            }
        }
    }
}
