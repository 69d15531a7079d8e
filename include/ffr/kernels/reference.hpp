#pragma once
/// \file
/// Convolution as its formula says: the plain loops that faster kernels are tested against, and the place to read what
/// a convolution is.
///
///     in: inputs x h x w    weights: outputs x inputs x side x side    -->    out: outputs x h' x w'

#include <cstddef>

namespace ffr {
inline namespace v0_1 {
namespace kernels {

/// Sizes of a convolution of square filters over maps of one size.
struct ConvolutionShape {
    int inputs, height, width;  // maps that come in
    int outputs;                // maps that go out
    int side, stride, padding;  // of the filters; padding is zeros around the input

    int output_height() const { return (height + 2 * padding - side) / stride + 1; }
    int output_width() const { return (width + 2 * padding - side) / stride + 1; }
    std::ptrdiff_t taps() const { return std::ptrdiff_t{inputs} * side * side; }  // of a filter, over all maps
};

/// out[o][y][x] = bias[o] + sum over i, r, c of weights[o][i][r][c] * in[i][y * stride + r - padding][x * stride + c -
/// padding], where pixels outside of the maps are 0
inline void convolve_reference(const ConvolutionShape& shape, const float* weights, const float* bias, const float* in,
                               float* out) {
    const int width = shape.output_width(), height = shape.output_height();
    for (int o = 0; o < shape.outputs; ++o, out += std::ptrdiff_t{height} * width) {
        for (std::ptrdiff_t pixel = 0; pixel < std::ptrdiff_t{height} * width; ++pixel) out[pixel] = bias[o];
        for (int i = 0; i < shape.inputs; ++i) {
            const float* const map = in + std::ptrdiff_t{i} * shape.height * shape.width;
            for (int r = 0; r < shape.side; ++r) {
                for (int c = 0; c < shape.side; ++c, ++weights) {
                    for (int y = 0; y < height; ++y) {
                        const int in_y = y * shape.stride + r - shape.padding;
                        if (in_y < 0 || in_y >= shape.height) continue;
                        for (int x = 0; x < width; ++x) {
                            const int in_x = x * shape.stride + c - shape.padding;
                            if (in_x < 0 || in_x >= shape.width) continue;
                            out[std::ptrdiff_t{y} * width + x] +=
                                *weights * map[std::ptrdiff_t{in_y} * shape.width + in_x];
                        }
                    }
                }
            }
        }
    }
}

}  // namespace kernels
}  // namespace v0_1
}  // namespace ffr
