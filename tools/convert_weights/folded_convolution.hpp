#pragma once
/// \file
/// What the networks' converters share: convolutions with what follows them folded in, and writing them.

#include <cmath>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "ffr/base/weights_file.hpp"
#include "ffr/base/weights_writer.hpp"
#include "half.hpp"

namespace convert {

/// A convolution of square filters.
struct FoldedConvolution {
    std::size_t outputs = 0, inputs = 0, side = 0;
    std::vector<float> weights;  // [output][input][row][column]
    std::vector<float> bias;     // [output]

    /// Folds y = scale x + shift, what follows the convolution in one output channel, into it.
    /// \returns false when a number gets too large
    bool fold(std::size_t output, double scale, double shift) {
        constexpr double kLargest = 1e30;
        const std::size_t taps = weights.size() / outputs;
        bool fits = true;
        const auto folded = [&](double value) {
            fits = fits && std::fabs(value) <= kLargest;
            return fits ? static_cast<float>(value) : 0.0f;
        };
        for (std::size_t i = output * taps; i < (output + 1) * taps; ++i) weights[i] = folded(scale * weights[i]);
        bias[output] = folded(scale * bias[output] + shift);
        return fits;
    }
};

/// Writes a tensor of weights in float32 or, when `compact`, in float16.
inline void add_weights(ffr::WeightsWriter& out, const std::string& name, std::vector<std::size_t> shape,
                        const std::vector<float>& values, bool compact) {
    if (!compact) return out.add(name, std::move(shape), values);
    std::vector<ffr::Half> halves;
    for (const float value : values) halves.push_back(to_half(value));
    out.add(name, std::move(shape), halves);
}

/// Writes NAME/weights and NAME/bias.
inline void add_convolution(ffr::WeightsWriter& out, const std::string& name, const FoldedConvolution& c,
                            bool compact) {
    add_weights(out, name + "/weights", {c.outputs, c.inputs, c.side, c.side}, c.weights, compact);
    out.add(name + "/bias", {c.outputs}, c.bias);
}

}  // namespace convert
