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

#include <array>
#include <cstddef>
#include <cstdint>
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
        FeatureMaps x = max_pool(relu(convolve(stem_, normalise(chip))), 3, 2);
        for (const Block& block : blocks_) {
            FeatureMaps y = convolve(block.second, relu(convolve(block.first, x)));
            x = relu(add(std::move(y), block.first.stride == 2 ? average_pool(x, 2, 2) : x));
        }
        return project(global_mean(x));
    }

  private:
    struct Block {
        Convolution first, second;
    };

    explicit ResNet29(const WeightsFile& weights) {
        weights.require_kind("resnet29");
        pixel_mean_ = weights.floats("pixel_mean", {3});
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
        projection_ = weights.floats("projection/weights", {Embedding().size(), static_cast<std::size_t>(inputs)});
    }

    /// Bytes to floats around 0: (value - mean) / 256, planes R, G, B.
    FeatureMaps normalise(ImageView chip) const {
        require_pixels(chip);
        if (chip.width != kChipSize || chip.height != kChipSize) {
            throw InvalidArgument("the network takes a chip of 150 x 150 pixels, not " + std::to_string(chip.width) +
                                  " x " + std::to_string(chip.height));
        }
        FeatureMaps maps(3, kChipSize, kChipSize);
        for (int c = 0; c < 3; ++c) {
            float* out = maps.map(c);
            const int channel = chip.channels == 1 ? 0 : c;
            for (int y = 0; y < kChipSize; ++y) {
                const std::uint8_t* const row = chip.row(y) + channel;
                for (int x = 0; x < kChipSize; ++x) {
                    *out++ = (static_cast<float>(row[x * chip.channels]) - pixel_mean_[static_cast<std::size_t>(c)]) /
                             256.0f;
                }
            }
        }
        return maps;
    }

    Embedding project(const std::vector<float>& features) const {
        Embedding embedding{};
        const float* weight = projection_.data();
        for (float& value : embedding) {
            for (const float feature : features) value += *weight++ * feature;
        }
        return embedding;
    }

    std::vector<float> pixel_mean_;
    Convolution stem_;
    std::vector<Block> blocks_;
    std::vector<float> projection_;
};

}  // namespace ffr
