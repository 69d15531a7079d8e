#pragma once
/// \file
/// OpenFace's network: inception modules, 96 x 96 pixels in, 128 numbers of length 1 out.
///
///     face 3x96x96 -> 7x7/2 -> 64x48x48 -> max pool -> 64x24x24 -> 1x1 -> 64x24x24 -> 3x3 -> 192x24x24
///         -> max pool -> 192x12x12
///         -> 3a 256x12x12 -> 3b 320x12x12 -> 3c 640x6x6 -> 4a 640x6x6 -> 4e 1024x3x3 -> 5a 736x3x3 -> 5b 736x3x3
///         -> mean of each map: 736 -> fully connected: 128 -> scaled to length 1
///
/// Beside both max pools stands a normalise_across_channels: behind the first, before the second.
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

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "../base/error.hpp"
#include "../base/float_environment.hpp"
#include "../base/weights_file.hpp"
#include "../base/workspace.hpp"
#include "../image/image.hpp"
#include "../layers/plain_layers.hpp"
#include "../layers/simd_layers.hpp"
#include "embedding.hpp"

namespace ffr {
inline namespace v0_1 {

/// What an inception module pools: the largest value of a window, or its length as a vector.
enum class InceptionPool {
    max,  ///< the largest value
    l2    ///< the length: root of the sum of squares
};

/// An inception module by its numbers of maps. 0 where it hasn't got a part.
struct InceptionShape {
    const char* name;    ///< in the weight file, such as "3a"
    int reduce_3x3;      ///< by 1 x 1 filters, to spare the 3 x 3 ones work
    int out_3x3;         ///< by 3 x 3 filters on those
    int reduce_5x5;      ///< by 1 x 1 filters, to spare the 5 x 5 ones work
    int out_5x5;         ///< by 5 x 5 filters on those
    InceptionPool pool;  ///< always 3 x 3 pixels
    int out_pool;        ///< by 1 x 1 filters after the pool; 0: the pool's maps go on as they are
    int out_1x1;         ///< by 1 x 1 filters on what comes in
    int stride;          ///< of the 3 x 3 and the 5 x 5 filters: 2 halves the size
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

/// The network nn4.small2, in the arithmetic of `Layers`: PlainLayers or SimdLayers. Immutable after loading, safe for
/// many threads.
template <typename Layers>
class BasicNn4Small2 {
  public:
    /// Most faces of a call.
    static constexpr std::size_t kFacesAtOnce = Layers::kFacesAtOnce;
    /// What flows between the layers, and is shown to `watch`.
    using Maps = typename Layers::Maps;

    /// Side of the face it takes, in pixels.
    static constexpr int kFaceSize = 96;

    /// Reads the layers.
    /// \param weights  a file of kind "nn4.small2". \throws FormatError when it's something else
    /// \param path  the kernels, which the machine has to have; plain layers don't use any
    static BasicNn4Small2 load(const WeightsFile& weights, kernels::SimdPath path = kernels::simd_path()) {
        return detail::with_default_floats([&] { return BasicNn4Small2(weights, path); });
    }

    /// The 128 numbers of each face, vectors of length 1. Gray faces are taken as colour ones with equal channels.
    /// \param faces  kFaceSize x kFaceSize pixels each, up to kFacesAtOnce. \throws InvalidArgument for another size
    /// or for more of them
    /// Cost: 200 million multiply-adds a face.
    std::vector<Embedding> forward(const std::vector<ImageView>& faces, Workspace& workspace) const {
        return forward(faces, workspace, [](const char*, const Layers&, const Maps&) {});
    }

    /// The same, showing what comes out of each stage: `watch(name, layers, maps)` is called with "conv1", "pool1",
    /// "conv2", "conv3", "pool3" and the modules' names, "3a" to "5b"; layers.plain(maps, face) are a face's maps.
    template <typename Watch>
    std::vector<Embedding> forward(const std::vector<ImageView>& faces, Workspace& workspace, Watch watch) const {
        return detail::with_default_floats([&] {
            require_batch(faces.size(), kFacesAtOnce);
            const Layers layers(workspace, path_);
            const auto show = [&](const char* stage, Maps maps) {
                watch(stage, layers, maps);
                return maps;
            };
            constexpr PoolWindow kHalve{3, 2, 1};
            Maps x = show("conv1", layers.look(conv1_, faces, kFaceSize, {0, 0, 0}, 255));
            x = show("pool1", layers.normalise_across_channels(layers.max_pool(x, kHalve)));
            x = show("conv2", layers.convolve_relu(conv2_, x));
            x = show("conv3", layers.convolve_relu(conv3_, x));
            x = show("pool3", layers.max_pool(layers.normalise_across_channels(x), kHalve));
            for (const Inception& module : modules_) x = show(module.shape.name, forward(module, layers, x));
            x = layers.connect(linear_, layers.global_mean(x));
            std::vector<Embedding> embeddings;
            for (std::size_t face = 0; face < faces.size(); ++face) {
                embeddings.push_back(unit_length(layers.plain(x, face).values));
            }
            return embeddings;
        });
    }

  private:
    using Convolution = typename Layers::Convolution;

    struct Inception {
        InceptionShape shape;
        PoolWindow window;
        Convolution reduce_3x3, conv_3x3, reduce_5x5, conv_5x5, after_pool, conv_1x1;
    };

    BasicNn4Small2(const WeightsFile& weights, kernels::SimdPath path) : path_(path) {
        weights.require_kind("nn4.small2");
        conv1_ = Convolution::load(weights, "conv1", {3, 96, 96, 64, 7, 2, 3}, path);
        conv2_ = Convolution::load(weights, "conv2", {64, 24, 24, 64, 1, 1, 0}, path);
        conv3_ = Convolution::load(weights, "conv3", {64, 24, 24, 192, 3, 1, 1}, path);
        int inputs = 192, size = 12;
        for (const InceptionShape& shape : kNn4Small2Modules) {
            modules_.push_back(load_module(weights, shape, inputs, size, path));
            inputs = inception_outputs(shape, inputs);
            size = std::max((size + shape.stride - 1) / shape.stride,  // of the filters, and of the pool
                            pool_size(modules_.back().window, size, size).height);
        }
        const auto outputs = Embedding().size();
        linear_ =
            Layers::Connection::from({inputs, 1, 1, static_cast<int>(outputs), 1, 1, 0},
                                     weights.floats("linear/weights", {outputs, static_cast<std::size_t>(inputs)}),
                                     weights.floats("linear/bias", {outputs}), path);
    }

    static Inception load_module(const WeightsFile& weights, const InceptionShape& shape, int inputs, int size,
                                 kernels::SimdPath path) {
        const std::string name = shape.name;
        const PoolWindow window = load_window(weights, name);
        const auto load = [&](const char* part, int in, int out, int side, int stride, int extent) {
            if (out == 0) return Convolution();
            return Convolution::load(weights, name + "/" + part, {in, extent, extent, out, side, stride, side / 2},
                                     path);
        };
        return {shape,
                window,
                load("3x3_reduce", inputs, shape.reduce_3x3, 1, 1, size),
                load("3x3", shape.reduce_3x3, shape.out_3x3, 3, shape.stride, size),
                load("5x5_reduce", inputs, shape.reduce_5x5, 1, 1, size),
                load("5x5", shape.reduce_5x5, shape.out_5x5, 5, shape.stride, size),
                load("pool", inputs, shape.out_pool, 1, 1, pool_size(window, size, size).height),
                load("1x1", inputs, shape.out_1x1, 1, 1, size)};
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

    static Maps forward(const Inception& module, const Layers& layers, const Maps& x) {
        std::vector<Maps> branches;
        branches.push_back(layers.convolve_relu(module.conv_3x3, layers.convolve_relu(module.reduce_3x3, x)));
        if (module.shape.out_5x5 > 0) {
            branches.push_back(layers.convolve_relu(module.conv_5x5, layers.convolve_relu(module.reduce_5x5, x)));
        }
        Maps pooled = module.shape.pool == InceptionPool::max ? layers.max_pool(x, module.window)
                                                              : layers.l2_pool(x, module.window);
        branches.push_back(module.shape.out_pool > 0 ? layers.convolve_relu(module.after_pool, pooled)
                                                     : std::move(pooled));
        if (module.shape.out_1x1 > 0) branches.push_back(layers.convolve_relu(module.conv_1x1, x));
        return layers.concatenate(branches);
    }

    static Embedding unit_length(const std::vector<float>& values) {
        double squares = 1e-10;
        for (const float value : values) squares += double{value} * double{value};
        const double length = std::sqrt(squares);
        Embedding embedding{};
        for (std::size_t i = 0; i < embedding.size(); ++i) embedding[i] = static_cast<float>(values[i] / length);
        return embedding;
    }

    kernels::SimdPath path_;
    Convolution conv1_, conv2_, conv3_;
    std::vector<Inception> modules_;
    typename Layers::Connection linear_;
};

/// The network nn4.small2 as FaceEmbedder uses it.
using Nn4Small2 = BasicNn4Small2<DefaultLayers>;

}  // namespace v0_1
}  // namespace ffr
