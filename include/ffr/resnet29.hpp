#pragma once
/// \file
/// The network that measures a face: a ResNet with 29 convolutions, 150 x 150 pixels in, 128 numbers out.
///
///     chip 3x150x150 -> 7x7/2 -> 32x72x72 -> max pool -> 32x35x35
///         -> 3 blocks 32x35x35 -> 4 blocks 64x17x17 -> 3 blocks 128x8x8 -> 3 blocks 256x4x4 -> 1 block 256x2x2
///         -> mean of each map: 256 -> projection: 128
///
/// A block learns what to add to its input: out = relu(x + conv(relu(conv(x)))). At stride 2 the size is halved, and
/// the shortcut x is averaged down to fit.
///
/// Paper: He, Zhang, Ren & Sun 2016, "Deep residual learning for image recognition". Layer sizes, padding and weights
/// are those of the network published by Davis King in 2017: halved filters, 29 convolutions, trained with a metric
/// loss.

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "distance.hpp"
#include "image.hpp"
#include "layers.hpp"
#include "weights.hpp"

namespace ffr {

/// A residual block: how many maps it puts out, and the stride (1, or 2 to halve the size) of its first convolution.
struct ResidualBlockShape {
    int channels;
    int stride;
};

/// The blocks of the ResNet-29 in order.
constexpr ResidualBlockShape kResNet29Blocks[] = {{32, 1},  {32, 1},  {32, 1},  {64, 2},  {64, 1},  {64, 1},  {64, 1},
                                                  {128, 2}, {128, 1}, {128, 1}, {256, 2}, {256, 1}, {256, 1}, {256, 2}};

/// The name that a convolution has in the weight file: "conv01" for index 0, in the order of execution.
inline std::string resnet29_convolution_name(std::size_t index) {
    const std::string number = std::to_string(index + 1);
    return (number.size() < 2 ? "conv0" : "conv") + number;
}

/// The ResNet-29. Immutable after loading, safe for many threads.
class ResNet29 {
  public:
    /// Side of the chip it takes, in pixels.
    static constexpr int kChipSize = 150;

    /// \param weights  a file of kind "resnet29". \throws FormatError when it's something else
    static ResNet29 load(const WeightsFile& weights) { return ResNet29(weights); }

    /// The 128 numbers of a face. Gray chips are taken as colour ones with equal channels.
    /// \param chip  kChipSize x kChipSize pixels. \throws InvalidArgument for another size
    /// Cost: 271 million multiply-adds.
    Embedding forward(ImageView chip) const {
        FeatureMaps x = max_pool(relu(convolve(stem_, input_maps(chip, kChipSize, pixel_mean_, 256))), {3, 2});
        for (const Block& block : blocks_) {
            FeatureMaps y = convolve(block.second, relu(convolve(block.first, x)));
            x = relu(add(std::move(y), block.first.stride == 2 ? average_pool(x, {2, 2}) : x));
        }
        const std::vector<float> numbers = connect(projection_, global_mean(x));
        Embedding embedding{};
        std::copy(numbers.begin(), numbers.end(), embedding.begin());
        return embedding;
    }

  private:
    struct Block {
        Convolution first, second;
    };

    explicit ResNet29(const WeightsFile& weights) {
        weights.require_kind("resnet29");
        const std::vector<float> mean = weights.floats("pixel_mean", {3});
        std::copy(mean.begin(), mean.end(), pixel_mean_.begin());
        std::size_t index = 0;
        stem_ = Convolution::load(weights, resnet29_convolution_name(index++), 3, 32, 7, 2, 0);
        int inputs = stem_.outputs;
        for (const ResidualBlockShape& shape : kResNet29Blocks) {
            const std::string first = resnet29_convolution_name(index++), second = resnet29_convolution_name(index++);
            blocks_.push_back(
                {Convolution::load(weights, first, inputs, shape.channels, 3, shape.stride, shape.stride == 1 ? 1 : 0),
                 Convolution::load(weights, second, shape.channels, shape.channels, 3, 1, 1)});
            inputs = shape.channels;
        }
        const auto outputs = Embedding().size();
        projection_.weights = weights.floats("projection/weights", {outputs, static_cast<std::size_t>(inputs)});
        projection_.bias.assign(outputs, 0.0f);
    }

    std::array<float, 3> pixel_mean_{};
    Convolution stem_;
    std::vector<Block> blocks_;
    Connection projection_;
};

}  // namespace ffr
