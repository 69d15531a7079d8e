#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "ffr/kernels/convolution.hpp"
#include "noise.hpp"

using namespace ffr::kernels;

namespace {

std::size_t product(int a, int b, int c) {
    return static_cast<std::size_t>(a) * static_cast<std::size_t>(b) * static_cast<std::size_t>(c);
}

/// The largest difference of what's compiled in to the reference, measured by the root of the number of terms.
double difference(const ConvolutionShape& shape) {
    const auto weights = numbers(product(shape.outputs, shape.inputs, shape.side * shape.side), 1);
    const auto bias = numbers(static_cast<std::size_t>(shape.outputs), 2);
    const auto in = numbers(product(shape.inputs, shape.height, shape.width), 3);
    const std::size_t size = product(shape.outputs, shape.output_height(), shape.output_width());
    std::vector<float> expected(size, -1e9f);
    convolve_reference(shape, weights.data(), bias.data(), in.data(), expected.data());
    double largest = 0;
    std::vector<float> found(size, 1e9f);
    convolve(shape, weights.data(), bias.data(), in.data(), found.data());
    for (std::size_t i = 0; i < size; ++i) {
        const double off = std::fabs(double{found[i]} - double{expected[i]});
        if (!(off <= largest)) largest = off;  // so that a NaN stays
    }
    return largest / std::sqrt(static_cast<double>(shape.inputs * shape.side * shape.side + 1));
}

}  // namespace

TEST_CASE("the reference does what the formula says, by hand") {
    const std::vector<float> in{1, 2, 3, 4, 5, 6, 7, 8, 9}, weights{1, 10, 100, 1000};
    const float bias = 0.5f;
    std::vector<float> out(4);
    const ConvolutionShape plain{1, 3, 3, 1, 2, 1, 0};
    CHECK(plain.output_height() == 2);
    convolve_reference(plain, weights.data(), &bias, in.data(), out.data());
    CHECK(out == std::vector<float>{5421.5f, 6532.5f, 8754.5f, 9865.5f});
    const ConvolutionShape padded{1, 3, 3, 1, 2, 2, 1};
    CHECK(padded.output_width() == 2);
    convolve_reference(padded, weights.data(), &bias, in.data(), out.data());
    CHECK(out == std::vector<float>{1000.5f, 3200.5f, 7040.5f, 9865.5f});
}

TEST_CASE("a convolution equals the reference over odd sizes, strides and paddings") {
    for (const int side : {1, 2, 3, 5, 7}) {
        for (const int stride : {1, 2, 3}) {
            for (const int padding : {0, 1, 2, 3}) {
                for (const auto& size : {std::pair{1, 1}, std::pair{1, 9}, std::pair{9, 1}, std::pair{7, 7},
                                         std::pair{8, 13}, std::pair{17, 5}, std::pair{16, 16}}) {
                    const int height = size.first, width = size.second;
                    if (std::min(height, width) + 2 * padding < side) continue;
                    for (const auto& [inputs, outputs] : {std::pair{1, 1}, std::pair{3, 5}, std::pair{4, 1}}) {
                        CAPTURE(side);
                        CAPTURE(stride);
                        CAPTURE(padding);
                        CAPTURE(height);
                        CAPTURE(width);
                        REQUIRE(difference({inputs, height, width, outputs, side, stride, padding}) < 1e-5);
                    }
                }
            }
        }
    }
}

TEST_CASE("a convolution equals the reference in the shapes of the network") {
    CHECK(difference({3, 31, 29, 32, 7, 2, 0}) < 1e-5);
    CHECK(difference({32, 35, 35, 8, 3, 1, 1}) < 1e-5);
    CHECK(difference({64, 17, 17, 128, 3, 2, 0}) < 1e-5);
    CHECK(difference({256, 4, 4, 32, 3, 2, 0}) < 1e-5);
    CHECK(difference({256, 2, 2, 16, 3, 1, 1}) < 1e-5);
    CHECK(difference({257, 2, 3, 19, 1, 1, 0}) < 1e-5);
}

TEST_CASE("padding further than the filter reaches gives the bias alone") {
    const ConvolutionShape shape{1, 1, 1, 1, 2, 1, 3};
    const std::vector<float> weights{1, 1, 1, 1};
    const float bias = 2, in = 5;
    std::vector<float> out(36);
    REQUIRE(shape.output_height() == 6);
    convolve(shape, weights.data(), &bias, &in, out.data());
    CHECK(out[0] == 2);
    CHECK(out[14] == 7);  // row 2, column 2
    CHECK(out[35] == 2);
    CHECK(std::count(out.begin(), out.end(), 7.0f) == 4);
}

#if defined(FFR_USE_EIGEN) || defined(FFR_USE_OPENBLAS)
TEST_CASE("a matrix product by hand, of one number, and of a long inner side") {
    const std::vector<float> a{1, 2, 3, 4, 5, 6}, b{1, 0, 2, 1, 0, 3};
    std::vector<float> c(4, -1);
    matrix_product(a.data(), b.data(), c.data(), 2, 2, 3);
    CHECK(c == std::vector<float>{5, 11, 14, 23});
    matrix_product(a.data() + 1, b.data() + 2, c.data(), 1, 1, 1);
    CHECK(c[0] == 4);
    const std::vector<float> ones(1000, 1.0f);
    matrix_product(ones.data(), ones.data(), c.data(), 1, 1, 1000);
    CHECK(c[0] == 1000);
}
#endif
