// The kernels of the exact stages against the plain code beside them: the same bits on every path that the machine has.

#include "ffr/kernels/exact.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "ffr/face_detector.hpp"
#include "ffr/hog.hpp"
#include "noise.hpp"
#include "simd_paths.hpp"

using namespace ffr;

TEST_CASE("ten taps at many places are those at each place, in both orders, along a row and down a column") {
    for (const kernels::SimdPath path : simd_paths()) {
        CAPTURE(std::string(kernels::simd_name(path)));
        const kernels::ExactKernels& kernels = kernels::exact_kernels_of(path);
        REQUIRE(8 % kernels.lanes == 0);
        for (const int count : {0, 8, 16, 40}) {
            for (const std::ptrdiff_t step : {1, 3, 41}) {
                const auto size = static_cast<std::size_t>(count);
                const std::vector<float> in = numbers(size + 9 * static_cast<std::size_t>(step) + 1, 1);
                const std::vector<float> before = numbers(size, 2), tap_values = numbers(detail::kFilterSize, 3);
                std::array<float, detail::kFilterSize> taps{};
                for (std::size_t i = 0; i < taps.size(); ++i) taps[i] = tap_values[i];
                std::vector<float> set(size), added = before, in_order(size);
                kernels.ten_taps_row(in.data(), step, count, taps.data(), false, set.data());
                kernels.ten_taps_row(in.data(), step, count, taps.data(), true, added.data());
                kernels.ten_taps_in_order_row(in.data(), step, count, taps.data(), in_order.data());
                for (std::size_t x = 0; x < size; ++x) {
                    const float plain = detail::ten_taps(in.data() + x, step, taps);
                    REQUIRE(set[x] == plain);
                    REQUIRE(added[x] == before[x] + plain);
                    REQUIRE(in_order[x] == detail::ten_taps_in_order(in.data() + x, step, taps));
                }
            }
        }
    }
}

TEST_CASE("all gradients that pixels can have get the plain code's bin and length") {
    std::vector<float> x, y, squares;
    for (int gx = -255; gx <= 255; ++gx) {
        for (int gy = -255; gy <= 255; ++gy) {
            x.push_back(static_cast<float>(gx));
            y.push_back(static_cast<float>(gy));
            squares.push_back(static_cast<float>(gx * gx + gy * gy));
        }
    }
    const std::size_t count = x.size() / 8 * 8;  // all but (255, 255), which (254, 254) stands for
    for (const kernels::SimdPath path : simd_paths()) {
        CAPTURE(std::string(kernels::simd_name(path)));
        std::vector<float> length = squares;
        std::vector<std::int32_t> bin(x.size(), -1);
        kernels::exact_kernels_of(path).orient_row(x.data(), y.data(), static_cast<int>(count), detail::kDirectionX,
                                                   detail::kDirectionY, length.data(), bin.data());
        std::size_t wrong = 0;
        for (std::size_t i = 0; i < count; ++i) {
            wrong += bin[i] != detail::orientation_bin(x[i], y[i]) || length[i] != std::sqrt(squares[i]);
        }
        CHECK(wrong == 0);
        CHECK(bin[count] == -1);
    }
}
