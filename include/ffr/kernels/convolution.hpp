#pragma once
// Convolution as one matrix product: every output pixel's surroundings become a column of a matrix, every filter is a
// row of another.
//
//     weights: outputs x (inputs * side * side)   times   columns: (inputs * side * side) x (height * width)

#include <algorithm>
#include <cstddef>
#include <vector>

#include "matrix_product.hpp"
#include "reference.hpp"

namespace ffr::kernels {

/// One row of the column matrix: what tap (row, column) of every filter sees in one input map, for all output pixels.
inline void gather_tap(const ConvolutionShape& shape, const float* map, int row, int column, float* out) {
    const int width = shape.output_width();
    for (int y = 0; y < shape.output_height(); ++y, out += width) {
        const int in_y = y * shape.stride + row - shape.padding;
        if (in_y < 0 || in_y >= shape.height) {
            std::fill_n(out, width, 0.0f);
            continue;
        }
        const float* const in = map + std::ptrdiff_t{in_y} * shape.width;
        for (int x = 0; x < width; ++x) {
            const int in_x = x * shape.stride + column - shape.padding;
            out[x] = in_x < 0 || in_x >= shape.width ? 0.0f : in[in_x];
        }
    }
}

/// The same sums as convolve_reference, added in another order.
inline void convolve(const ConvolutionShape& shape, const float* weights, const float* bias, const float* in,
                     float* out) {
    const std::ptrdiff_t pixels = std::ptrdiff_t{shape.output_height()} * shape.output_width();
    const std::ptrdiff_t taps = std::ptrdiff_t{shape.inputs} * shape.side * shape.side;
    std::vector<float> columns(static_cast<std::size_t>(taps * pixels));
    float* column_row = columns.data();
    for (int i = 0; i < shape.inputs; ++i) {
        const float* const map = in + std::ptrdiff_t{i} * shape.height * shape.width;
        for (int row = 0; row < shape.side; ++row) {
            for (int column = 0; column < shape.side; ++column, column_row += pixels) {
                gather_tap(shape, map, row, column, column_row);
            }
        }
    }
    matrix_product(weights, columns.data(), out, shape.outputs, pixels, taps);
    for (int o = 0; o < shape.outputs; ++o) {
        for (std::ptrdiff_t p = 0; p < pixels; ++p) *out++ += bias[o];
    }
}

}  // namespace ffr::kernels
