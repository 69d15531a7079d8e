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

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "../base/float_environment.hpp"
#include "../base/weights_file.hpp"
#include "../base/workspace.hpp"
#include "../layers/line_convolution.hpp"
#include "../layers/plain_layers.hpp"
#include "mmod_pyramid.hpp"

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
        return detail::with_default_floats([&] {
            PlainMmodNetwork network;
            for (const ConvolutionShape& shape : kMmodLayers) {
                network.layers_.push_back(Convolution::load(weights, mmod_layer_name(network.layers_.size()), shape));
            }
            return network;
        });
    }

    /// The score of each place, one map; no row where the canvas is too small for the filters.
    /// Cost: 3,500 multiply-adds a pixel of the canvas.
    FeatureMaps scores(const PyramidCanvas& canvas, Workspace&) const {
        return detail::with_default_floats([&]() -> FeatureMaps {
            if (mmod_sizes(canvas.height(), canvas.width()).back().height == 0) return {1, 0, 0};
            FeatureMaps x(3, canvas.height(), canvas.width());
            for (int y = 0; y < x.height; ++y) {
                for (int i = 0; i < 3 * x.width; ++i) x.map(i % 3)[y * x.width + i / 3] = canvas.row(y)[i];
            }
            for (std::size_t i = 0; i + 1 < layers_.size(); ++i) x = relu(convolve(layers_[i], x));
            return convolve(layers_.back(), x);
        });
    }

  private:
    std::vector<Convolution> layers_;
};

/// Refuses a network whose sums could overflow for some pixels: what a layer gives is at most the largest sum of its
/// filters' absolute weights, times the most that it's given, and its bias.
/// \param mean  subtracted from the pixels. \throws FormatError naming the file
inline void require_bounded_scores(const WeightsFile& weights, const std::vector<float>& mean) {
    double most = 255;
    for (const float value : mean) most = std::max(most, 255 + std::abs(double{value}));
    most /= 256;
    std::size_t index = 0;
    for (const ConvolutionShape& shape : kMmodLayers) {
        const std::string name = mmod_layer_name(index++);
        const std::vector<float> filters = weights.floats(name + "/weights", weight_extents(shape)),
                                 bias = weights.floats(name + "/bias", {static_cast<std::size_t>(shape.outputs)});
        const std::size_t filter_size = filters.size() / bias.size();
        double next = 0;
        for (std::size_t output = 0; output < bias.size(); ++output) {
            double sum = 0;
            for (std::size_t i = 0; i < filter_size; ++i) sum += std::abs(double{filters[output * filter_size + i]});
            next = std::max(next, sum * most + std::abs(double{bias[output]}));
        }
        most = next;
    }
    if (!(most < 1e37)) throw FormatError(weights.name() + ": its weights are so large that a score could overflow");
}

/// The network at full speed: all layers go down the canvas together, two lines at a time, so that what's between them
/// stays in the cache. Immutable after loading, safe for many threads.
///
///     lines of scores that are to be known          8, 9      each layer first makes the lines that the next one needs
///     lines of the last layer but one up to           13      (a 9 x 9 filter sees 4 lines below) and hasn't got yet
///     lines of the one before it up to                15
///
/// Threads share the lines of scores. Each begins above its part by what the filters see there.
class LineMmodNetwork {
  public:
    /// See PlainMmodNetwork.
    /// \param path  the kernels, which the machine has to have
    static LineMmodNetwork load(const WeightsFile& weights, kernels::SimdPath path = kernels::simd_path()) {
        return detail::with_default_floats([&] {
            LineMmodNetwork network;
            for (const ConvolutionShape& shape : kMmodLayers) {
                network.layers_.push_back(
                    LineConvolution::load(weights, mmod_layer_name(network.layers_.size()), shape, path));
            }
            return network;
        });
    }

    /// See PlainMmodNetwork. The scores don't depend on the number of threads.
    FeatureMaps scores(const PyramidCanvas& canvas, Workspace& workspace) const {
        return detail::with_default_floats([&] {
            const std::vector<MapSize> sizes = mmod_sizes(canvas.height(), canvas.width());
            FeatureMaps scores(1, sizes.back().height, sizes.back().width);
            const int parts = std::min(workspace.threads().size(), (scores.height + kLeastPart - 1) / kLeastPart);
            std::vector<std::vector<LineRing>> rings;  // of each part
            for (int part = 0; part < parts; ++part) rings.push_back(make_rings(sizes, workspace));
            workspace.threads().run(parts, [&](int part, int) {
                const auto edge = [&](int i) { return static_cast<int>(std::int64_t{scores.height} * i / parts); };
                make_scores(edge(part), edge(part + 1), canvas, sizes, rings[static_cast<std::size_t>(part)], scores);
            });
            return scores;
        });
    }

  private:
    static constexpr int kStep = 2;        // lines at a time
    static constexpr int kLeastPart = 32;  // lines of scores, so that threads don't spend their time above their parts
    static constexpr int kAround = 10;     // lines that the layers of stride 1 look up and down from a score

    /// Lines begin .. end - 1 of the scores.
    void make_scores(int begin, int end, const PyramidCanvas& canvas, const std::vector<MapSize>& sizes,
                     std::vector<LineRing>& rings, FeatureMaps& scores) const {
        std::vector<int> done = lines_above(begin, sizes);
        // It starts so far above that no layer ever makes more lines at a time than its ring is for.
        for (int upto = begin - 2 * kAround + kStep; done.back() < end; upto += kStep) {
            const std::vector<int> wanted = wanted_lines(std::min(upto, end), sizes);
            for (std::size_t i = 0; i < layers_.size(); ++i) {
                for (; done[i] < wanted[i]; ++done[i]) make_line(i, done[i], canvas, sizes[i].width, rings, scores);
            }
        }
    }

    /// How many of each layer's lines lie above those that the scores from line `begin` on need.
    static std::vector<int> lines_above(int begin, const std::vector<MapSize>& sizes) {
        std::vector<int> lines(sizes.size());
        for (std::size_t left = sizes.size(); left > 0; --left) {
            const std::size_t i = left - 1;
            lines[i] = std::clamp(begin, 0, sizes[i].height);
            begin = begin * kMmodLayers[i].stride - kMmodLayers[i].padding;
        }
        return lines;
    }

    /// How many lines each layer has to have so that the scores have `end`.
    static std::vector<int> wanted_lines(int end, const std::vector<MapSize>& sizes) {
        std::vector<int> wanted(sizes.size());
        for (std::size_t left = sizes.size(); left > 0; --left) {
            const std::size_t i = left - 1;
            wanted[i] = std::clamp(end, 0, sizes[i].height);
            const ConvolutionShape& shape = kMmodLayers[i];
            end = (end - 1) * shape.stride - shape.padding + shape.side;
        }
        return wanted;
    }

    /// What's kept of each layer but the last: what the next one sees while it makes the lines of a step.
    static std::vector<LineRing> make_rings(const std::vector<MapSize>& sizes, Workspace& workspace) {
        std::vector<int> lines(sizes.size());
        int made = kStep;  // by the next layer
        for (std::size_t i = sizes.size() - 1; i > 0; --i) {
            const ConvolutionShape& next = kMmodLayers[i];
            lines[i - 1] = made * next.stride + next.side;
            if (next.stride > 1) made = lines[i - 1];
        }
        std::vector<LineRing> rings;
        for (std::size_t i = 0; i + 1 < sizes.size(); ++i) {
            rings.emplace_back(workspace, kMmodLayers[i].outputs, sizes[i].height, sizes[i].width,
                               kMmodLayers[i + 1].padding, lines[i]);
        }
        return rings;
    }

    void make_line(std::size_t i, int y, const PyramidCanvas& canvas, int width, std::vector<LineRing>& rings,
                   FeatureMaps& scores) const {
        const ConvolutionShape& shape = layers_[i].shape();
        LineConvolution::Lines lines{};
        for (int row = 0; row < shape.side; ++row) {
            const int from = y * shape.stride - shape.padding + row;
            lines[static_cast<std::size_t>(row)] = i == 0 ? canvas.row(from) : rings[i - 1].padded_line(from);
        }
        const bool last = i + 1 == layers_.size();
        float* const out = last ? scores.map(0) + std::ptrdiff_t{y} * width : rings[i].line(y);
        layers_[i].apply(lines, i == 0 ? 0 : rings[i - 1].plane(), out, last ? 0 : rings[i].plane(), width);
    }

    std::vector<LineConvolution> layers_;
};

#if defined(FFR_USE_EIGEN) || defined(FFR_USE_OPENBLAS)
/// The network as MmodDetector uses it.
using MmodNetwork = PlainMmodNetwork;
#else
/// The network as MmodDetector uses it.
using MmodNetwork = LineMmodNetwork;
#endif

}  // namespace v0_1
}  // namespace ffr
