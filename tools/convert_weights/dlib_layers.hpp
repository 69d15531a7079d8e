#pragma once
/// \file
/// The parts that dlib's networks share in a file: docs/dlib-files.md describes them.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "dlib_stream.hpp"
#include "folded_convolution.hpp"

namespace convert {

/// What follows a layer's own fields: three truth values and three tensors that hold training state.
inline void skip_layer_state(DlibStream& in) {
    for (const char* const field : {"setup called", "gradient stale", "output disabled"}) in.boolean(field);
    for (const char* const field : {"gradient", "cached output", "parameter gradient"}) {
        TensorShape shape{};
        in.tensor(field, shape);
    }
}

inline std::vector<float> read_parameters(DlibStream& in, std::size_t expected) {
    TensorShape shape{};
    std::vector<float> values = in.tensor("parameters", shape);
    in.require(values.size() == expected && shape.channels == 1 && shape.rows == 1 && shape.columns == 1, "parameters",
               "have an unexpected shape");
    return values;
}

inline void expect_shape(DlibStream& in, const TensorShape& wanted, const std::string& field) {
    in.require(in.shape(1, field) == wanted, field, "has an unexpected shape");
}

/// con_4: filters and biases; stride 1 is padded, stride 2 is not.
inline FoldedConvolution read_convolution(DlibStream& in, std::size_t inputs, std::size_t outputs, int side,
                                          int stride) {
    const auto k = static_cast<std::size_t>(side);
    const std::size_t weights = outputs * inputs * k * k;
    const int padding = stride == 1 ? side / 2 : 0;
    const std::string tag = in.text("layer");
    in.require(tag == "con_4" || tag == "con_5", "layer", "is '" + tag + "', expected a convolution");
    const std::vector<float> values = read_parameters(in, weights + outputs);
    in.expect_integer(static_cast<std::int64_t>(outputs), "filters");
    for (const int extent : {side, side, stride, stride, padding, padding}) in.expect_integer(extent, "geometry");
    const auto signed_outputs = static_cast<std::int64_t>(outputs);
    expect_shape(in, {signed_outputs, static_cast<std::int64_t>(inputs), side, side}, "filters");
    expect_shape(in, {1, signed_outputs, 1, 1}, "biases");
    for (int i = 0; i < 4; ++i) in.number("multiplier");
    if (tag == "con_5") in.require(in.boolean("bias"), "bias", "is switched off");
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(weights);
    return {outputs, inputs, k, {values.begin(), middle}, {middle, values.end()}};
}

inline void read_relu(DlibStream& in) {
    in.expect_text("relu_", "layer");
    skip_layer_state(in);
}

/// The means of red, green and blue, as the input layers have them.
inline std::vector<float> read_pixel_mean(DlibStream& in) {
    std::vector<float> mean;
    for (int i = 0; i < 3; ++i) {
        mean.push_back(static_cast<float>(in.number("pixel mean")));
        in.require(mean.back() >= 0 && mean.back() <= 255, "pixel mean", "is out of range");
    }
    return mean;
}

}  // namespace convert
