#pragma once
// Convolution as its formula says: the plain loops that faster kernels are tested against, and the place to read what a
// convolution is.

#include <cstddef>
#include <vector>

namespace ffr::kernels {

/// Sizes of a convolution of square filters over maps of one size.
struct ConvolutionShape {
    int inputs, height, width;  // maps that come in
    int outputs;                // maps that go out
    int side, stride, padding;  // of the filters; padding is zeros around the input

    int output_height() const { return (height + 2 * padding - side) / stride + 1; }
    int output_width() const { return (width + 2 * padding - side) / stride + 1; }
    int padded_line() const { return (width + 2 * padding + stride - 1) / stride; }  // every stride-th pixel of a line
    std::ptrdiff_t taps() const { return std::ptrdiff_t{inputs} * side * side; }     // of a filter, over all maps
};

/// out[o][y][x] = bias[o] + sum over i, r, c of weights[o][i][r][c] * in[i][y * stride + r - padding][x * stride + c -
/// padding]
inline void convolve_reference(const ConvolutionShape& shape, const float* weights, const float* bias, const float* in,
                               float* out) {
    const auto input_at = [&](int i, int y, int x) {
        const bool inside = y >= 0 && y < shape.height && x >= 0 && x < shape.width;
        return inside ? in[(std::ptrdiff_t{i} * shape.height + y) * shape.width + x] : 0.0f;
    };
    for (int o = 0; o < shape.outputs; ++o) {
        for (int y = 0; y < shape.output_height(); ++y) {
            for (int x = 0; x < shape.output_width(); ++x) {
                const float* w = weights + std::ptrdiff_t{o} * shape.inputs * shape.side * shape.side;
                float sum = bias[o];
                for (int i = 0; i < shape.inputs; ++i) {
                    for (int r = 0; r < shape.side; ++r) {
                        for (int c = 0; c < shape.side; ++c) {
                            sum += *w++ * input_at(i, y * shape.stride + r - shape.padding,
                                                   x * shape.stride + c - shape.padding);
                        }
                    }
                }
                *out++ = sum;
            }
        }
    }
}

}  // namespace ffr::kernels
