#pragma once
// Convolution at full speed. A filter's tap looks at the whole input, shifted: so a convolution is a matrix product
//
//     weights: outputs x taps        times        taps x pixels: row t is the input as tap t sees it
//
// whose right side needn't be made. The input gets a border of zeros once; then row t begins inside of it, at the tap's
// own place, and goes on over the ends of lines: the few pixels that are computed there are thrown away. At a stride of
// s, only every s-th pixel of every s-th line counts for a tap, so the input is first dealt out to s x s smaller ones.
//
// With FFR_USE_EIGEN or FFR_USE_OPENBLAS defined, the right side is made after all, and a library multiplies.

#include <algorithm>
#include <cstddef>
#include <vector>

#include "reference.hpp"
#include "simd.hpp"

#if defined(FFR_USE_EIGEN) || defined(FFR_USE_OPENBLAS)
#include "matrix_product.hpp"
#endif

namespace ffr::kernels {

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

/// The right side of the product: row t begins at offsets[t], and its pixel (x, y) is y * line + x behind that.
struct TapRows {
    std::vector<float> values;            // kSlack floats more than what's used
    std::vector<std::ptrdiff_t> offsets;  // in the order of the weights
    int line = 0;
    std::ptrdiff_t pixels = 0;  // of a row, what lies between its lines counted

    float* values_for(std::ptrdiff_t count) {
        values.assign(static_cast<std::size_t>(count + kSlack), 0.0f);
        return values.data();
    }
};

/// Rows made one by one: nothing between their lines, but each input pixel is copied for every tap that sees it.
inline TapRows gathered_rows(const ConvolutionShape& shape, const float* in) {
    TapRows rows;
    rows.line = shape.output_width();
    rows.pixels = std::ptrdiff_t{shape.output_height()} * rows.line;
    float* out = rows.values_for(shape.taps() * rows.pixels);
    for (int i = 0; i < shape.inputs; ++i) {
        const float* const map = in + std::ptrdiff_t{i} * shape.height * shape.width;
        for (int row = 0; row < shape.side; ++row) {
            for (int column = 0; column < shape.side; ++column, out += rows.pixels) {
                rows.offsets.push_back(out - rows.values.data());
                gather_tap(shape, map, row, column, out);
            }
        }
    }
    return rows;
}

/// Rows that are the input itself with a border of zeros, dealt out to stride x stride smaller images: pixel (x, y) with
/// the border goes to image (x mod stride, y mod stride), place (x / stride, y / stride).
inline TapRows shifted_rows_of(const ConvolutionShape& shape, const float* in) {
    const int stride = shape.stride;
    const int line = shape.padded_line();
    const int lines = (shape.height + 2 * shape.padding + stride - 1) / stride;
    const std::ptrdiff_t image = std::ptrdiff_t{line} * lines;
    const auto image_of = [&](int i, int y, int x) {
        return ((std::ptrdiff_t{i} * stride + y % stride) * stride + x % stride) * image;
    };
    TapRows rows;
    rows.line = line;
    rows.pixels = std::ptrdiff_t{shape.output_height() - 1} * line + shape.output_width();
    float* const values = rows.values_for(std::ptrdiff_t{shape.inputs} * stride * stride * image);
    for (int i = 0; i < shape.inputs; ++i) {
        for (int y = 0; y < shape.height; ++y) {
            const int row = y + shape.padding;
            for (int phase = 0; phase < stride; ++phase) {
                float* to = values + image_of(i, row, phase) + std::ptrdiff_t{row / stride} * line;
                // The first input pixel of this phase, and where it lies in the line.
                int x = (phase - shape.padding % stride + stride) % stride;
                to += (x + shape.padding) / stride;
                for (; x < shape.width; x += stride) *to++ = in[x];
            }
            in += shape.width;
        }
        for (int row = 0; row < shape.side; ++row) {
            for (int column = 0; column < shape.side; ++column) {
                rows.offsets.push_back(image_of(i, row, column) + std::ptrdiff_t{row / stride} * line +
                                       column / stride);
            }
        }
    }
    return rows;
}

/// Convolution by one of the SIMD paths: the same sums as convolve_reference, rounded otherwise.
inline void convolve_simd(SimdPath path, const ConvolutionShape& shape, const float* weights, const float* bias,
                          const float* in, float* out) {
    // On the smallest maps, most of a shifted row would lie between its lines.
    const auto vectors = [](std::ptrdiff_t pixels) { return (pixels + kSlack - 1) / kSlack; };
    const std::ptrdiff_t above = shape.output_height() - 1, last = shape.output_width();
    const std::ptrdiff_t dense = vectors(above * last + last), shifted = vectors(above * shape.padded_line() + last);
    const TapRows rows = shifted >= 2 * dense ? gathered_rows(shape, in) : shifted_rows_of(shape, in);

    const std::ptrdiff_t row_size = vectors(rows.pixels) * kSlack;
    std::vector<float> sums(static_cast<std::size_t>(shape.outputs * row_size));
    shifted_rows(path, shape.outputs, weights, shape.taps(), bias, rows.values.data(), rows.offsets.data(), rows.pixels,
                 sums.data(), row_size);
    for (int o = 0; o < shape.outputs; ++o) {
        const float* from = sums.data() + o * row_size;
        for (int y = 0; y < shape.output_height(); ++y, from += rows.line, out += shape.output_width()) {
            std::copy_n(from, shape.output_width(), out);
        }
    }
}

#if defined(FFR_USE_EIGEN) || defined(FFR_USE_OPENBLAS)

/// The same by a library's matrix product.
inline void convolve(const ConvolutionShape& shape, const float* weights, const float* bias, const float* in,
                     float* out) {
    const TapRows rows = gathered_rows(shape, in);
    matrix_product(weights, rows.values.data(), out, shape.outputs, rows.pixels, shape.taps());
    for (int o = 0; o < shape.outputs; ++o) {
        for (std::ptrdiff_t p = 0; p < rows.pixels; ++p) *out++ += bias[o];
    }
}

#else

/// The same by the best SIMD path of this machine.
inline void convolve(const ConvolutionShape& shape, const float* weights, const float* bias, const float* in,
                     float* out) {
    convolve_simd(simd_path(), shape, weights, bias, in, out);
}

#endif

}  // namespace ffr::kernels
