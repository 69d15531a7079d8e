#pragma once
/// \file
/// The network of the CNN face detector: seven convolutions that make a map of scores of a canvas of pictures.
///
///     canvas 3 x h x w -> 5x5/2 -> 16 -> 5x5/2 -> 32 -> 5x5/2 -> 32 x h/8 x w/8       three layers that make it smaller,
///         -> 5x5 -> 45 -> 5x5 -> 45 -> 5x5 -> 45                                      three that look around,
///         -> 9x9 -> 1 x h/8 x w/8: how much an 80 x 80 window looks like a face       and one that decides
///
/// Behind each convolution but the last stands a relu. Nothing else: no pools, no shortcuts.
///
/// Paper: King 2015, "Max-margin object detection", applied to a network in 2016. Layers and weights are those of the
/// network published by Davis King.

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "layers.hpp"
#include "mmod_pyramid.hpp"
#include "weights.hpp"
#include "workspace.hpp"

namespace ffr {
inline namespace v0_1 {

/// The layers of the network in order; heights and widths are those of the canvas and so 0 here.
constexpr ConvolutionShape kMmodLayers[] = {{3, 0, 0, 16, 5, 2, 0},  {16, 0, 0, 32, 5, 2, 0}, {32, 0, 0, 32, 5, 2, 0},
                                            {32, 0, 0, 45, 5, 1, 2}, {45, 0, 0, 45, 5, 1, 2}, {45, 0, 0, 45, 5, 1, 2},
                                            {45, 0, 0, 1, 9, 1, 4}};

/// The name that a layer has in the weight file: "conv1" for index 0.
inline std::string mmod_layer_name(std::size_t index) {
    return "conv" + std::to_string(index + 1);
}

/// Extents of a layer's output or of the scores.
struct MapSize {
    int height;  ///< rows, at least 0
    int width;   ///< columns, at least 0
};

/// The sizes of what each layer makes of a canvas, the scores last; 0 x 0 from where on the filters are larger than the
/// maps.
inline std::vector<MapSize> mmod_sizes(int height, int width) {
    std::vector<MapSize> sizes;
    for (ConvolutionShape shape : kMmodLayers) {
        shape.height = height;
        shape.width = width;
        const bool fits = std::min(height, width) + 2 * shape.padding >= shape.side && height > 0;
        height = fits ? shape.output_height() : 0;
        width = fits ? shape.output_width() : 0;
        sizes.push_back({height, width});
    }
    return sizes;
}

/// The network in plain layers, whole maps at a time: to be read, and to test the fast one against. Immutable after
/// loading, safe for many threads.
class PlainMmodNetwork {
  public:
    /// Reads the layers.
    /// \param weights  a file of kind "mmod". \throws FormatError when it's something else
    static PlainMmodNetwork load(const WeightsFile& weights, kernels::SimdPath = kernels::SimdPath::scalar) {
        PlainMmodNetwork network;
        for (const ConvolutionShape& shape : kMmodLayers) {
            network.layers_.push_back(Convolution::load(weights, mmod_layer_name(network.layers_.size()), shape));
        }
        return network;
    }

    /// The score of each place, one map; no row where the canvas is too small for the filters.
    /// Cost: 3,500 multiply-adds a pixel of the canvas.
    FeatureMaps scores(const PyramidCanvas& canvas, Workspace&) const {
        if (mmod_sizes(canvas.height(), canvas.width()).back().height == 0) return {1, 0, 0};
        FeatureMaps x(3, canvas.height(), canvas.width());
        for (int y = 0; y < x.height; ++y) {
            for (int i = 0; i < 3 * x.width; ++i) x.map(i % 3)[y * x.width + i / 3] = canvas.row(y)[i];
        }
        for (std::size_t i = 0; i + 1 < layers_.size(); ++i) x = relu(convolve(layers_[i], x));
        return convolve(layers_.back(), x);
    }

  private:
    std::vector<Convolution> layers_;
};

/// The network as MmodDetector uses it.
using MmodNetwork = PlainMmodNetwork;

}  // namespace v0_1
}  // namespace ffr
