#pragma once
/// \file
/// The network that measures a face: a ResNet with 29 convolutions, 150 x 150 pixels in, 128 numbers out.
///
///     chip 3x150x150 -> 7x7/2 -> 32x72x72 -> max pool -> 32x35x35
///         -> 3 blocks 32x35x35 -> 4 blocks 64x17x17 -> 3 blocks 128x8x8 -> 3 blocks 256x4x4 -> 1 block 256x2x2
///         -> mean of each map: 256 -> projection, a fully connected layer: 128
///
/// 7x7/2 is a convolution by filters of 7 x 7 pixels at stride 2; the blocks' have 3 x 3. A block learns what to add to
/// its input: out = relu(x + conv(relu(conv(x)))). At stride 2 the size is halved, and the shortcut x is averaged down
/// to fit.
///
/// The network is written once and runs with any of the layers: PlainLayers (layers.hpp), SimdLayers, Int8Layers.
///
/// Paper: He, Zhang, Ren & Sun 2016, "Deep residual learning for image recognition". Layer sizes, padding and weights
/// are those of the network published by Davis King in 2017: halved filters, 29 convolutions, trained with a metric
/// loss (which pulls pictures of one person together and pushes those of two apart).

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "../base/float_environment.hpp"
#include "../base/weights_file.hpp"
#include "../base/workspace.hpp"
#include "../image/image.hpp"
#include "../layers/plain_layers.hpp"
#include "../layers/simd_layers.hpp"
#include "embedding.hpp"

namespace ffr {
inline namespace v0_1 {

/// A residual block: two convolutions of 3 x 3 pixels, the first with the block's stride, and a shortcut around both.
struct ResidualBlockShape {
    int channels;  ///< maps it puts out
    int stride;    ///< 1, or 2 to halve the size
};

/// The blocks of the ResNet-29 in order.
constexpr ResidualBlockShape kResNet29Blocks[] = {{32, 1},  {32, 1},  {32, 1},  {64, 2},  {64, 1},  {64, 1},  {64, 1},
                                                  {128, 2}, {128, 1}, {128, 1}, {256, 2}, {256, 1}, {256, 1}, {256, 2}};

/// The name that a convolution has in the weight file: "conv01" for index 0, in the order of execution.
inline std::string resnet29_convolution_name(std::size_t index) {
    const std::string number = std::to_string(index + 1);
    return (number.size() < 2 ? "conv0" : "conv") + number;
}

/// The ResNet-29, in the arithmetic of `Layers`: PlainLayers, SimdLayers or Int8Layers. Immutable after loading, safe for many
/// threads.
template <typename Layers>
class BasicResNet29 {
  public:
    /// Most faces of a call.
    static constexpr std::size_t kFacesAtOnce = Layers::kFacesAtOnce;
    /// Side of the chip it takes, in pixels.
    static constexpr int kFaceSize = 150;

    /// Reads the layers.
    /// \param weights  a file of kind "resnet29". \throws FormatError when it's something else
    /// \param path  the kernels, which the machine has to have; plain layers don't use any
    static BasicResNet29 load(const WeightsFile& weights, kernels::SimdPath path = kernels::simd_path()) {
        return detail::with_default_floats([&] { return BasicResNet29(weights, path); });
    }

    /// The 128 numbers of each face. Gray chips are taken as colour ones with equal channels.
    /// \param chips  kFaceSize x kFaceSize pixels each, up to kFacesAtOnce. \throws InvalidArgument for another size
    /// or for more of them
    /// Cost: 271 million multiply-adds a face.
    std::vector<Embedding> forward(const std::vector<ImageView>& chips, Workspace& workspace) const {
        return detail::with_default_floats([&] {
            require_batch(chips.size(), kFacesAtOnce);
            const Layers layers(workspace, path_);
            Maps x = layers.max_pool(layers.look(stem_, chips, kFaceSize, pixel_mean_, 256), {3, 2});
            for (const Block& block : blocks_) {
                const Maps y = layers.convolve_relu(block.first, x);
                x = layers.convolve_add_relu(block.second, y,
                                             block.halves ? layers.average_pool(x, {2, 2}) : std::move(x));
            }
            const auto numbers_of_all = layers.connect(projection_, layers.global_mean(x));
            std::vector<Embedding> embeddings(chips.size());
            for (std::size_t face = 0; face < chips.size(); ++face) {
                const FeatureMaps numbers = layers.plain(numbers_of_all, face);
                std::copy(numbers.values.begin(), numbers.values.end(), embeddings[face].begin());
            }
            return embeddings;
        });
    }

  private:
    using Maps = typename Layers::Maps;
    using Convolution = typename Layers::Convolution;

    struct Block {
        Convolution first, second;
        bool halves;  // the size
    };

    BasicResNet29(const WeightsFile& weights, kernels::SimdPath path) : path_(path) {
        weights.require_kind("resnet29");
        const std::vector<float> mean = weights.floats("pixel_mean", {3});
        std::copy(mean.begin(), mean.end(), pixel_mean_.begin());
        std::size_t index = 0;
        const auto load = [&](const ConvolutionShape& shape) {
            return Convolution::load(weights, resnet29_convolution_name(index++), shape, path);
        };
        stem_ = load({3, kFaceSize, kFaceSize, 32, 7, 2, 0});
        int inputs = 32, size = 35;
        for (const ResidualBlockShape& block : kResNet29Blocks) {
            const ConvolutionShape first{
                inputs, size, size, block.channels, 3, block.stride, block.stride == 1 ? 1 : 0};
            const int inner = first.output_height();
            Convolution leading = load(first);
            blocks_.push_back(
                {std::move(leading), load({block.channels, inner, inner, block.channels, 3, 1, 1}), block.stride == 2});
            if (block.stride == 2) size /= 2;  // the averaged shortcut's, which may be larger than the filters' result
            inputs = block.channels;
        }
        const auto outputs = Embedding().size();
        projection_ =
            Layers::Connection::from({inputs, 1, 1, static_cast<int>(outputs), 1, 1, 0},
                                     weights.floats("projection/weights", {outputs, static_cast<std::size_t>(inputs)}),
                                     std::vector<float>(outputs, 0.0f), path);
    }

    kernels::SimdPath path_;
    std::array<float, 3> pixel_mean_{};
    Convolution stem_;
    std::vector<Block> blocks_;
    typename Layers::Connection projection_;
};

/// The ResNet-29 as FaceEmbedder uses it.
using ResNet29 = BasicResNet29<DefaultLayers>;

}  // namespace v0_1
}  // namespace ffr
