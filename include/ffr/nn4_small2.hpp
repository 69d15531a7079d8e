#pragma once
/// \file
/// OpenFace's network: inception modules, 96 x 96 pixels in, 128 numbers of length 1 out.
///
///     face 3x96x96 -> 7x7/2 -> 64x48x48 -> max pool -> 64x24x24 -> 1x1 -> 64 -> 3x3 -> 192x24x24 -> max pool -> 192x12x12
///         -> 3a 256x12x12 -> 3b 320x12x12 -> 3c 640x6x6 -> 4a 640x6x6 -> 4e 1024x3x3 -> 5a 736x3x3 -> 5b 736x3x3
///         -> mean of each map: 736 -> fully connected: 128 -> scaled to length 1
///
/// An inception module looks at its input in up to four ways at once and stacks what they see:
///
///                +-- 1x1 -- 3x3 ---+
///                +-- 1x1 -- 5x5 ---+
///        x ------+                 +--- concatenate
///                +-- pool -- 1x1 --+
///                +-- 1x1 ----------+
///
/// The 1x1 convolutions in front make it affordable: they mix many maps into few before the larger filters come.
///
/// Papers: Szegedy et al. 2015, "Going deeper with convolutions"; Schroff, Kalenichenko & Philbin 2015, "FaceNet: A
/// unified embedding for face recognition and clustering" (nn4); Amos, Ludwiczuk & Satyanarayanan 2016, "OpenFace"
/// (nn4.small2, its smaller form).

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "distance.hpp"
#include "error.hpp"
#include "image.hpp"
#include "layers.hpp"
#include "weights.hpp"

namespace ffr {

/// What an inception module pools: the largest value of a window, or its length as a vector.
enum class InceptionPool { max, l2 };

/// An inception module by its numbers of maps. 0 where it hasn't got a part.
struct InceptionShape {
    const char* name;
    int reduce_3x3, out_3x3;  // 1x1, then 3x3
    int reduce_5x5, out_5x5;  // 1x1, then 5x5
    InceptionPool pool;       // always 3 x 3 pixels
    int out_pool;             // 1x1 after the pool; 0: the pool's maps go on as they are
    int out_1x1;
    int stride;  // of the 3x3 and the 5x5 filters: 2 halves the size
};

/// The modules of nn4.small2 in order.
constexpr InceptionShape kNn4Small2Modules[] = {
    {"3a", 96, 128, 16, 32, InceptionPool::max, 32, 64, 1}, {"3b", 96, 128, 32, 64, InceptionPool::l2, 64, 64, 1},
    {"3c", 128, 256, 32, 64, InceptionPool::max, 0, 0, 2},  {"4a", 96, 192, 32, 64, InceptionPool::l2, 128, 256, 1},
    {"4e", 160, 256, 64, 128, InceptionPool::max, 0, 0, 2}, {"5a", 96, 384, 0, 0, InceptionPool::l2, 96, 256, 1},
    {"5b", 96, 384, 0, 0, InceptionPool::max, 96, 256, 1},
};

/// Maps that a module puts out, given how many come in.
inline int inception_outputs(const InceptionShape& shape, int inputs) {
    return shape.out_3x3 + shape.out_5x5 + (shape.out_pool > 0 ? shape.out_pool : inputs) + shape.out_1x1;
}

/// The network nn4.small2. Immutable after loading, safe for many threads.
class Nn4Small2 {
  public:
    /// Side of the face it takes, in pixels.
    static constexpr int kFaceSize = 96;

    /// \param weights  a file of kind "nn4.small2". \throws FormatError when it's something else
    static Nn4Small2 load(const WeightsFile& weights) { return Nn4Small2(weights); }

    /// The 128 numbers of a face, a vector of length 1. Gray faces are taken as colour ones with equal channels.
    /// \param face  kFaceSize x kFaceSize pixels. \throws InvalidArgument for another size
    /// Cost: 200 million multiply-adds.
    Embedding forward(ImageView face) const {
        return forward(face, [](const char*, const FeatureMaps&) {});
    }

    /// The same, showing what comes out of each stage: `watch(name, maps)` is called with "conv1", "pool1", "conv2",
    /// "conv3", "pool3" and the modules' names, "3a" to "5b".
    template <typename Watch>
    Embedding forward(ImageView face, Watch watch) const {
        const auto show = [&](const char* stage, FeatureMaps maps) {
            watch(stage, maps);
            return maps;
        };
        constexpr PoolWindow kHalve{3, 2, 1};
        FeatureMaps x = input_maps(face, kFaceSize, {0, 0, 0}, 255);
        x = show("conv1", relu(convolve(conv1_, x)));
        x = show("pool1", normalise_across_channels(max_pool(x, kHalve)));
        x = show("conv2", relu(convolve(conv2_, x)));
        x = show("conv3", relu(convolve(conv3_, x)));
        x = show("pool3", max_pool(normalise_across_channels(x), kHalve));
        for (const Inception& module : modules_) x = show(module.shape.name, forward(module, x));
        return unit_length(connect(linear_, global_mean(x)));
    }

  private:
    struct Inception {
        InceptionShape shape;
        PoolWindow window;
        Convolution reduce_3x3, conv_3x3, reduce_5x5, conv_5x5, after_pool, conv_1x1;
    };

    explicit Nn4Small2(const WeightsFile& weights) {
        weights.require_kind("nn4.small2");
        conv1_ = Convolution::load(weights, "conv1", 3, 64, 7, 2, 3);
        conv2_ = Convolution::load(weights, "conv2", 64, 64, 1, 1, 0);
        conv3_ = Convolution::load(weights, "conv3", 64, 192, 3, 1, 1);
        int inputs = 192;
        for (const InceptionShape& shape : kNn4Small2Modules) {
            modules_.push_back(load_module(weights, shape, inputs));
            inputs = inception_outputs(shape, inputs);
        }
        const auto outputs = Embedding().size();
        linear_.weights = weights.floats("linear/weights", {outputs, static_cast<std::size_t>(inputs)});
        linear_.bias = weights.floats("linear/bias", {outputs});
    }

    static Inception load_module(const WeightsFile& weights, const InceptionShape& shape, int inputs) {
        const std::string name = shape.name;
        const auto load = [&](const char* part, int in, int out, int side, int stride) {
            return out == 0 ? Convolution{}
                            : Convolution::load(weights, name + "/" + part, in, out, side, stride, side / 2);
        };
        return {shape,
                load_window(weights, name),
                load("3x3_reduce", inputs, shape.reduce_3x3, 1, 1),
                load("3x3", shape.reduce_3x3, shape.out_3x3, 3, shape.stride),
                load("5x5_reduce", inputs, shape.reduce_5x5, 1, 1),
                load("5x5", shape.reduce_5x5, shape.out_5x5, 5, shape.stride),
                load("pool", inputs, shape.out_pool, 1, 1),
                load("1x1", inputs, shape.out_1x1, 1, 1)};
    }

    /// Stride and padding of a module's pool. They stand in the file, since OpenFace's published weights and its
    /// published definition of the network don't have the same ones.
    static PoolWindow load_window(const WeightsFile& weights, const std::string& module) {
        const std::string name = module + "/pool/window";
        const auto window = weights.tensor<std::int32_t>(name, {3});
        if (window[0] != 3 || window[1] < 1 || window[1] > 3 || window[2] < 0 || window[2] > 1) {
            throw FormatError(weights.name() + ": tensor '" + name +
                              "' isn't a window of 3 pixels, 1 to 3 apart, with " + "at most 1 of padding");
        }
        return {window[0], window[1], window[2]};
    }

    static FeatureMaps forward(const Inception& module, const FeatureMaps& x) {
        const auto apply = [](const Convolution& layer, const FeatureMaps& maps) {
            return relu(convolve(layer, maps));
        };
        std::vector<FeatureMaps> branches{apply(module.conv_3x3, apply(module.reduce_3x3, x))};
        if (module.shape.out_5x5 > 0) branches.push_back(apply(module.conv_5x5, apply(module.reduce_5x5, x)));
        FeatureMaps pooled =
            module.shape.pool == InceptionPool::max ? max_pool(x, module.window) : l2_pool(x, module.window);
        branches.push_back(module.shape.out_pool > 0 ? apply(module.after_pool, pooled) : std::move(pooled));
        if (module.shape.out_1x1 > 0) branches.push_back(apply(module.conv_1x1, x));
        return concatenate(branches);
    }

    static Embedding unit_length(const std::vector<float>& values) {
        double squares = 1e-10;
        for (const float value : values) squares += double{value} * double{value};
        const double length = std::sqrt(squares);
        Embedding embedding{};
        for (std::size_t i = 0; i < embedding.size(); ++i) embedding[i] = static_cast<float>(values[i] / length);
        return embedding;
    }

    Convolution conv1_, conv2_, conv3_;
    std::vector<Inception> modules_;
    Connection linear_;
};

}  // namespace ffr
