#pragma once
/// \file
/// The plain layers' convolution: the formula (reference.hpp) or, with FFR_USE_EIGEN or FFR_USE_OPENBLAS defined, a
/// library's matrix product:
///
///     weights                  what they see                                           result
///     outputs x taps   times   taps x pixels: row t is the input as tap t sees it  ->  outputs x pixels
///
/// A tap is one weight of a filter: inputs x side x side of them make a filter.

#include <cstddef>

#include "reference.hpp"

#if defined(FFR_USE_EIGEN) || defined(FFR_USE_OPENBLAS)
#include <algorithm>
#include <vector>

#include "matrix_product.hpp"
#endif

namespace ffr {
inline namespace v0_1 {
namespace kernels {

#if defined(FFR_USE_EIGEN) || defined(FFR_USE_OPENBLAS)

/// One row of the right side: what tap (row, column) of every filter sees in one input map, for all output pixels.
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

/// Convolution: the same sums as convolve_reference, rounded otherwise.
inline void convolve(const ConvolutionShape& shape, const float* weights, const float* bias, const float* in,
                     float* out) {
    const std::ptrdiff_t pixels = std::ptrdiff_t{shape.output_height()} * shape.output_width();
    std::vector<float> rows(static_cast<std::size_t>(shape.taps() * pixels));
    float* row = rows.data();
    for (int i = 0; i < shape.inputs; ++i) {
        const float* const map = in + std::ptrdiff_t{i} * shape.height * shape.width;
        for (int tap = 0; tap < shape.side * shape.side; ++tap, row += pixels) {
            gather_tap(shape, map, tap / shape.side, tap % shape.side, row);
        }
    }
    matrix_product(weights, rows.data(), out, shape.outputs, pixels, shape.taps());
    for (int o = 0; o < shape.outputs; ++o) {
        for (std::ptrdiff_t p = 0; p < pixels; ++p) *out++ += bias[o];
    }
}

#else

/// Convolution by the formula.
inline void convolve(const ConvolutionShape& shape, const float* weights, const float* bias, const float* in,
                     float* out) {
    convolve_reference(shape, weights, bias, in, out);
}

#endif

}  // namespace kernels
}  // namespace v0_1
}  // namespace ffr
