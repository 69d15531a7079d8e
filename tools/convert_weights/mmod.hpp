#pragma once
/// \file
/// dlib's CNN face detector (mmod_human_face_detector.dat) to a file of kind "mmod".

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "dlib_layers.hpp"
#include "dlib_stream.hpp"
#include "ffr/base/weights_file.hpp"
#include "ffr/base/weights_writer.hpp"
#include "ffr/detect/mmod_network.hpp"
#include "ffr/detect/mmod_pyramid.hpp"
#include "folded_convolution.hpp"

namespace convert {

struct Mmod {
    std::vector<float> pixel_mean;
    std::int32_t window = 0;                      // side of what the detector looks at, in pixels
    double largest_ratio = 0, largest_cover = 0;  // of two boxes that aren't the same face
    std::vector<FoldedConvolution> convolutions;  // in the order of execution
};

/// The windows that the detector was trained for: one, a square.
inline std::int32_t read_window(DlibStream& in, std::int64_t version) {
    if (version >= 2) {
        in.expect_integer(1, "number of windows");
        const std::int64_t form = in.integer("window version");
        in.require(form == 1 || form == 2, "window version", "is " + std::to_string(form));
        version = form + 1;
    }
    const std::int64_t width = in.integer("window width"), height = in.integer("window height");
    in.require(width >= 1 && width <= 1000 && height == width, "window", "isn't a square");
    if (version == 3) in.text("window label");
    return static_cast<std::int32_t>(width);
}

/// Two limits of an overlap test: shares of something, which 1 switches off.
inline void read_overlap(DlibStream& in, const std::string& field, double& ratio, double& cover) {
    for (double* limit : {&ratio, &cover}) {
        *limit = in.number(field);
        in.require(*limit >= 0 && *limit <= 1, field, "is out of range");
    }
}

inline void read_options(DlibStream& in, Mmod& net) {
    in.expect_integer(1, "version");
    in.expect_text("loss_mmod_", "loss");
    const std::int64_t version = in.integer("options version");
    in.require(version >= 1 && version <= 4, "options version", "is " + std::to_string(version));
    net.window = read_window(in, version);
    for (const char* const field : {"false alarm's loss", "miss's loss", "match threshold"}) in.number(field);
    double ignored_ratio = 0, ignored_cover = 0;
    read_overlap(in, "suppression", net.largest_ratio, net.largest_cover);
    read_overlap(in, "ignoring", ignored_ratio, ignored_cover);
    if (version >= 3) in.byte("image pyramid");
    if (version >= 4) {
        in.require(!in.boolean("box regression"), "box regression", "is switched on");
        in.number("box regression's weight");
    }
}

inline void read_input_layer(DlibStream& in, Mmod& net) {
    constexpr int kNodes = 19;
    for (int i = 0; i < kNodes; ++i) in.expect_integer(i + 1 < kNodes ? 2 : 3, "node version");
    const std::string tag = in.text("input layer");
    in.require(tag == "input_rgb_image_pyramid" || tag == "input_rgb_image_pyramid2", "input layer",
               "is '" + tag + "', expected a pyramid of colour images");
    net.pixel_mean = read_pixel_mean(in);
    if (tag == "input_rgb_image_pyramid2") {
        in.expect_integer(ffr::kPyramidGap, "pyramid padding");
        in.expect_integer(ffr::kPyramidBorder, "pyramid outer padding");
    }
}

/// bn_con2: what training left of a normalisation, y = gamma (x - mean) / sqrt(variance + eps) + beta for each channel,
/// folded into the convolution before it.
inline void fold_normalisation(DlibStream& in, FoldedConvolution& convolution) {
    const std::size_t n = convolution.outputs;
    const auto channels = static_cast<std::int64_t>(n);
    in.expect_text("bn_con2", "layer");
    const std::vector<float> values = read_parameters(in, 2 * n);
    for (const char* const field : {"gamma", "beta"}) expect_shape(in, {1, channels, 1, 1}, field);
    TensorShape shape{};
    for (const char* const field : {"batch means", "batch deviations"}) in.tensor(field, shape);
    const auto read_running = [&](const char* field) {
        std::vector<float> running = in.tensor(field, shape);
        in.require(shape == TensorShape{1, channels, 1, 1}, field, "has an unexpected shape");
        return running;
    };
    const std::vector<float> mean = read_running("running means"), variance = read_running("running variances");
    for (const char* const field : {"updates", "window of updates"}) in.integer(field);
    for (int i = 0; i < 4; ++i) in.number("multiplier");
    const double eps = in.number("epsilon");
    in.require(eps > 0, "epsilon", "isn't above 0");
    for (std::size_t o = 0; o < n; ++o) {
        in.require(variance[o] >= 0, "running variances", "has one below 0");
        const double scale = values[o] / std::sqrt(variance[o] + eps);
        in.require(convolution.fold(o, scale, values[n + o] - scale * mean[o]), "normalisation",
                   "makes a weight too large");
    }
}

inline Mmod read_mmod(DlibStream& in) {
    Mmod net;
    read_options(in, net);
    read_input_layer(in, net);
    for (const ffr::ConvolutionShape& shape : ffr::kMmodLayers) {
        const bool first = net.convolutions.empty(), last = shape.outputs == 1;
        net.convolutions.push_back(read_convolution(in, static_cast<std::size_t>(shape.inputs),
                                                    static_cast<std::size_t>(shape.outputs), shape.side, shape.stride));
        skip_layer_state(in);
        if (first) in.expect_integer(1, "sample expansion factor");
        if (last) break;
        fold_normalisation(in, net.convolutions.back());
        skip_layer_state(in);
        read_relu(in);
    }
    in.expect_end();
    return net;
}

inline void write_mmod(const Mmod& net, ffr::WeightsWriter& out) {
    out.add("pixel_mean", {3}, net.pixel_mean);
    out.add<std::int32_t>("window", {1}, {net.window});
    out.add<double>("overlap", {2}, {net.largest_ratio, net.largest_cover});
    for (std::size_t i = 0; i < net.convolutions.size(); ++i) {
        add_convolution(out, ffr::mmod_layer_name(i), net.convolutions[i], false);
    }
}

}  // namespace convert
