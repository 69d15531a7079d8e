#pragma once
/// \file
/// The layers that networks are built from. What flows between them is a stack of maps:
///
///     FeatureMaps: channels x height x width floats
///
///     convolve      every output map is a weighted sum over all input maps' neighbourhoods, plus a bias
///     relu          what's negative becomes 0: without it, two layers would be no more than one
///     max_pool      of each window the largest value: the map gets smaller, what it found stays
///     average_pool  of each window the mean
///     add           a shortcut around other layers comes back in
///     global_mean   a map becomes a number
///
/// The arithmetic of convolutions is in kernels/: here it's only named.

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "error.hpp"
#include "kernels/convolution.hpp"
#include "weights.hpp"

namespace ffr {

/// A stack of maps of one size; values[(channel * height + y) * width + x].
struct FeatureMaps {
    int channels = 0;
    int height = 0;
    int width = 0;
    std::vector<float> values;

    /// All zero.
    FeatureMaps(int c, int h, int w)
        : channels(c),
          height(h),
          width(w),
          values(static_cast<std::size_t>(c) * static_cast<std::size_t>(h) * static_cast<std::size_t>(w), 0.0f) {}

    /// First value of a map.
    float* map(int channel) { return values.data() + std::ptrdiff_t{channel} * height * width; }
    const float* map(int channel) const { return values.data() + std::ptrdiff_t{channel} * height * width; }
};

/// A layer of square filters with a bias.
struct Convolution {
    int inputs = 0;
    int outputs = 0;
    int side = 0;
    int stride = 1;
    int padding = 0;
    std::vector<float> weights;  ///< [output][input][row][column]
    std::vector<float> bias;     ///< [output]

    /// Reads the tensors NAME/weights (float32 or float16) and NAME/bias.
    /// \throws FormatError when one is missing, of another shape or has a value that isn't finite
    static Convolution load(const WeightsFile& file, const std::string& name, int inputs, int outputs, int side,
                            int stride, int padding) {
        const auto size = [](int n) { return static_cast<std::size_t>(n); };
        return {inputs,
                outputs,
                side,
                stride,
                padding,
                file.floats(name + "/weights", {size(outputs), size(inputs), size(side), size(side)}),
                file.floats(name + "/bias", {size(outputs)})};
    }
};

/// Applies a convolution.
/// \throws InvalidArgument when the maps aren't as many as the layer takes, or are smaller than its filters
inline FeatureMaps convolve(const Convolution& layer, const FeatureMaps& in) {
    const kernels::ConvolutionShape shape{in.channels, in.height,    in.width,     layer.outputs,
                                          layer.side,  layer.stride, layer.padding};
    if (in.channels != layer.inputs || std::min(in.height, in.width) + 2 * layer.padding < layer.side) {
        throw InvalidArgument("a convolution of " + std::to_string(layer.inputs) + " maps can't take " +
                              std::to_string(in.channels) + " x " + std::to_string(in.height) + " x " +
                              std::to_string(in.width));
    }
    FeatureMaps out(layer.outputs, shape.output_height(), shape.output_width());
    kernels::convolve(shape, layer.weights.data(), layer.bias.data(), in.values.data(), out.values.data());
    return out;
}

/// max(value, 0).
inline FeatureMaps relu(FeatureMaps maps) {
    for (float& value : maps.values) value = std::max(value, 0.0f);
    return maps;
}

namespace detail {

/// Runs over the windows of side x side pixels, `stride` apart and wholly inside; `reduce(window, row_stride)` makes a
/// value of the pixels from `window` on.
template <typename Reduce>
FeatureMaps pool(const FeatureMaps& in, int side, int stride, Reduce reduce) {
    FeatureMaps out(in.channels, (in.height - side) / stride + 1, (in.width - side) / stride + 1);
    float* value = out.values.data();
    for (int channel = 0; channel < in.channels; ++channel) {
        for (int y = 0; y < out.height; ++y) {
            for (int x = 0; x < out.width; ++x) {
                *value++ = reduce(in.map(channel) + std::ptrdiff_t{y} * stride * in.width + x * stride);
            }
        }
    }
    return out;
}

}  // namespace detail

/// The largest value of each window of side x side pixels, `stride` apart; windows that would hang over are left out.
/// The maps have to be at least as large as a window.
inline FeatureMaps max_pool(const FeatureMaps& in, int side, int stride) {
    return detail::pool(in, side, stride, [&](const float* window) {
        float largest = *window;
        for (int r = 0; r < side; ++r, window += in.width) {
            largest = std::max(largest, *std::max_element(window, window + side));
        }
        return largest;
    });
}

/// The mean of each window, else as max_pool.
inline FeatureMaps average_pool(const FeatureMaps& in, int side, int stride) {
    return detail::pool(in, side, stride, [&](const float* window) {
        float sum = 0;
        for (int r = 0; r < side; ++r, window += in.width) {
            for (int c = 0; c < side; ++c) sum += window[c];
        }
        return sum / static_cast<float>(side * side);
    });
}

/// The sum of two stacks of maps that needn't have the same size: the result has the larger extents of both, and what a
/// stack doesn't have counts as 0. Both start at channel 0, row 0, column 0.
inline FeatureMaps add(FeatureMaps a, const FeatureMaps& b) {
    FeatureMaps sum(std::max(a.channels, b.channels), std::max(a.height, b.height), std::max(a.width, b.width));
    const bool fits = a.values.size() == sum.values.size();
    if (fits) std::swap(sum, a);
    const auto add_in = [&sum](const FeatureMaps& maps) {
        for (int channel = 0; channel < maps.channels; ++channel) {
            for (int y = 0; y < maps.height; ++y) {
                const float* const in = maps.map(channel) + std::ptrdiff_t{y} * maps.width;
                float* const out = sum.map(channel) + std::ptrdiff_t{y} * sum.width;
                for (int x = 0; x < maps.width; ++x) out[x] += in[x];
            }
        }
    };
    if (!fits) add_in(a);
    add_in(b);
    return sum;
}

/// The mean of each map.
inline std::vector<float> global_mean(const FeatureMaps& in) {
    std::vector<float> means;
    const std::ptrdiff_t pixels = std::ptrdiff_t{in.height} * in.width;
    for (int channel = 0; channel < in.channels; ++channel) {
        float sum = 0;
        for (std::ptrdiff_t i = 0; i < pixels; ++i) sum += in.map(channel)[i];
        means.push_back(sum / static_cast<float>(pixels));
    }
    return means;
}

}  // namespace ffr
