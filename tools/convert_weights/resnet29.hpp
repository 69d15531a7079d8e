#pragma once
/// \file
/// dlib's face recognition network (dlib_face_recognition_resnet_model_v1.dat) to a file of kind "resnet29".

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string>
#include <vector>

#include "dlib_layers.hpp"
#include "dlib_stream.hpp"
#include "ffr/base/weights_file.hpp"
#include "ffr/base/weights_writer.hpp"
#include "ffr/embed/resnet29.hpp"
#include "folded_convolution.hpp"

namespace convert {

struct ResNet29 {
    std::vector<float> pixel_mean;
    std::vector<FoldedConvolution> convolutions;  // in the order of execution
    std::vector<float> projection;                // [output][input]
};

/// affine_: y = gamma x + beta for each channel, folded into the convolution before it.
inline void fold_affine(DlibStream& in, FoldedConvolution& convolution) {
    const std::size_t n = convolution.outputs;
    const std::string tag = in.text("layer");
    in.require(tag.rfind("bn_", 0) != 0, "layer", "is batch normalisation: this is a network in training, not for use");
    in.require(tag == "affine_" || tag == "affine_2", "layer", "is '" + tag + "', expected an affine layer");
    const std::vector<float> values = read_parameters(in, 2 * n);
    for (const char* const field : {"gamma", "beta"}) expect_shape(in, {1, static_cast<std::int64_t>(n), 1, 1}, field);
    in.expect_integer(0, "mode");
    if (tag == "affine_2") in.require(!in.boolean("disabled"), "disabled", "is set");
    for (std::size_t o = 0; o < n; ++o) {
        in.require(convolution.fold(o, values[o], values[n + o]), "affine layer", "makes a weight too large");
    }
}

inline void read_pool(DlibStream& in, const std::string& tag, int side, int stride) {
    in.expect_text(tag, "layer");
    for (const int extent : {side, side, stride, stride, 0, 0}) in.expect_integer(extent, "pool geometry");
    skip_layer_state(in);
}

/// Convolution and affine layer; the network's first convolution has a count behind it.
inline void read_unit(DlibStream& in, ResNet29& net, std::size_t inputs, std::size_t outputs, int side, int stride) {
    net.convolutions.push_back(read_convolution(in, inputs, outputs, side, stride));
    skip_layer_state(in);
    if (net.convolutions.size() == 1) in.expect_integer(1, "sample expansion factor");
    fold_affine(in, net.convolutions.back());
    skip_layer_state(in);
}

inline void read_projection(DlibStream& in, ResNet29& net) {
    constexpr std::size_t kOutputs = 128, kInputs = 256;
    const std::string tag = in.text("layer");
    in.require(tag == "fc_2" || tag == "fc_3", "layer", "is '" + tag + "', expected a fully connected layer");
    in.expect_integer(kOutputs, "outputs");
    in.expect_integer(kInputs, "inputs");
    TensorShape shape{};
    const std::vector<float> values = in.tensor("projection", shape);
    in.require(shape == TensorShape{kInputs, kOutputs, 1, 1}, "projection", "has an unexpected shape");
    expect_shape(in, {kInputs, kOutputs, 1, 1}, "projection weights");
    expect_shape(in, {0, 0, 0, 0}, "projection biases");
    in.expect_integer(1, "bias mode");
    for (int i = 0; i < 4; ++i) in.number("multiplier");
    if (tag == "fc_3") in.require(!in.boolean("bias"), "bias", "is switched on");
    skip_layer_state(in);
    for (std::size_t o = 0; o < kOutputs; ++o) {
        for (std::size_t i = 0; i < kInputs; ++i) net.projection.push_back(values[i * kOutputs + o]);
    }
}

inline void read_preamble(DlibStream& in, ResNet29& net) {
    in.expect_integer(1, "version");
    const std::string loss = in.text("loss");
    in.require(loss == "loss_metric_2" || loss == "loss_metric_", "loss", "is '" + loss + "', not a face network's");
    if (loss == "loss_metric_2") {
        in.number("margin");
        in.number("distance threshold");
    }
    constexpr int kNodes = 130;
    for (int i = 0; i < kNodes; ++i) {
        const std::int64_t version = in.integer("node version");
        in.require(version >= 1 && version <= 3, "node version", "isn't one of a face network");
    }
    in.expect_text("input_rgb_image_sized", "input layer");
    net.pixel_mean = read_pixel_mean(in);
    in.expect_integer(150, "input rows");
    in.expect_integer(150, "input columns");
}

inline ResNet29 read_resnet29(DlibStream& in) {
    ResNet29 net;
    read_preamble(in, net);
    read_unit(in, net, 3, 32, 7, 2);
    read_relu(in);
    read_pool(in, "max_pool_2", 3, 2);
    std::size_t channels = 32;
    for (const ffr::ResidualBlockShape& block : ffr::kResNet29Blocks) {
        const auto outputs = static_cast<std::size_t>(block.channels);
        read_unit(in, net, channels, outputs, 3, block.stride);
        read_relu(in);
        read_unit(in, net, outputs, outputs, 3, 1);
        if (block.stride == 2) read_pool(in, "avg_pool_2", 2, 2);
        in.expect_text("add_prev_", "layer");
        skip_layer_state(in);
        read_relu(in);
        channels = outputs;
    }
    in.expect_text("avg_pool_2", "layer");
    for (const int extent : {0, 0, 1, 1, 0, 0}) in.expect_integer(extent, "pool geometry");
    skip_layer_state(in);
    read_projection(in, net);
    in.expect_end();
    return net;
}

/// The ranges that the int8 network cuts its values to, for each convolution after its activation: printed by
/// activation_ranges for the 10 faces in photos/.
constexpr float kActivationRanges[] = {10.14f, 10.19f, 10.61f, 8.286f, 13.34f, 6.488f, 18.22f, 8.046f, 11.34f, 6.034f,
                                       13.29f, 5.312f, 17.4f,  5.317f, 17.95f, 5.905f, 9.334f, 3.77f,  7.644f, 4.814f,
                                       7.277f, 4.248f, 5.958f, 4.296f, 7.333f, 2.948f, 7.899f, 3.599f, 4.23f};

inline void write_resnet29(const ResNet29& net, bool compact, ffr::WeightsWriter& out) {
    out.add("pixel_mean", {3}, net.pixel_mean);
    for (std::size_t i = 0; i < net.convolutions.size(); ++i) {
        add_convolution(out, ffr::resnet29_convolution_name(i), net.convolutions[i], compact);
    }
    add_weights(out, "projection/weights", {128, 256}, net.projection, compact);
    for (std::size_t i = 0; i < std::size(kActivationRanges); ++i) {
        out.add<float>(ffr::resnet29_convolution_name(i) + "/range", {1}, {kActivationRanges[i]});
    }
}

}  // namespace convert
