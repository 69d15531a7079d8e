#pragma once
/// \file
/// HOG features as a picture to look at: in each cell nine strokes, each along the edges that one direction bin counts,
/// the brighter the more of them there are.
///
///     features 31 x rows x columns  -->  gray image of rows * cell x columns * cell pixels
///
///     features of a cell          a stroke for each of nine directions
///     gradient  ->  weight 0.4         |    an edge from dark on the left to light on the right has a gradient that
///     gradient  \   weight 0.1         |    points to the right: its stroke stands upright
///
/// Papers: Dalal & Triggs 2005, "Histograms of oriented gradients for human detection" (the picture); Felzenszwalb,
/// Girshick, McAllester & Ramanan 2010, "Object detection with discriminatively trained part-based models" (of 31
/// planes).

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "../base/error.hpp"
#include "../base/float_environment.hpp"
#include "../image/image.hpp"
#include "hog_cells.hpp"

namespace ffr {
inline namespace v0_1 {
namespace detail {

/// Weights of a cell's nine undirected orientations: each is a direction, its opposite and both without sign together.
/// What's below 0, as in a filter, speaks against an edge and isn't drawn.
inline std::array<float, kUnsignedBins> stroke_weights(const HogFeatures& features, int row, int column) {
    std::array<float, kUnsignedBins> weights{};
    for (int o = 0; o < kUnsignedBins; ++o) {
        const float sum = features.at(o, row, column) + features.at(o + kUnsignedBins, row, column) +
                          features.at(o + kSignedBins, row, column);
        weights[static_cast<std::size_t>(o)] = std::max(sum, 0.0f);
    }
    return weights;
}

/// How much of each pixel of a cell a stroke covers, 0..1, row after row.
inline std::vector<float> stroke_coverage(int orientation, int cell) {
    const double half = cell / 2.0, thickness = std::max(1.0, cell / 12.0), margin = cell / 16.0;
    const double along_x = -static_cast<double>(kDirectionY[orientation]);  // edges are perpendicular to their gradient
    const double along_y = static_cast<double>(kDirectionX[orientation]);
    std::vector<float> coverage;
    for (int y = 0; y < cell; ++y) {
        for (int x = 0; x < cell; ++x) {
            const double dx = x + 0.5 - half, dy = y + 0.5 - half;
            const double along = std::abs(dx * along_x + dy * along_y), aside = std::abs(dx * along_y - dy * along_x);
            const double inside = std::min(half - margin - along, thickness / 2 - aside);
            coverage.push_back(static_cast<float>(std::clamp(inside + 0.5, 0.0, 1.0)));
        }
    }
    return coverage;
}

/// The least weight that's drawn white: the largest, but for a few that stand out far from all others and would leave these
/// in the dark. 0 when there's nothing to draw.
inline float white_weight(const HogFeatures& features) {
    double largest = 0, sum = 0, squares = 0;
    for (int row = 0; row < features.rows(); ++row) {
        for (int column = 0; column < features.columns(); ++column) {
            for (const float weight : stroke_weights(features, row, column)) {
                const auto w = static_cast<double>(weight);
                largest = std::max(largest, w);
                sum += w;
                squares += w * w;
            }
        }
    }
    const double count = std::max(1.0, double{kUnsignedBins} * features.rows() * features.columns());
    const double mean = sum / count, deviation = std::sqrt(std::max(0.0, squares / count - mean * mean));
    return static_cast<float>(std::min(largest, mean + 4 * deviation));
}

}  // namespace detail

/// Draws features, or a filter's weights, as strokes of gray on black.
///
/// \param features  of an image (extract_hog) or of a filter (FaceDetector::view_filter)
/// \param cell      side of a cell in the picture in pixels, 2..256; strokes are told apart from 8 on
/// \returns a gray image of cell * columns() x cell * rows() pixels. A stroke is as bright as its weight, up to white for
///          the strongest of the picture and for all beyond the mean by four standard deviations; where strokes cross, the
///          brighter one is seen
/// \throws InvalidArgument for another `cell`, or a picture of more than 2^31 - 1 pixels
/// Cost: nine multiplications a pixel of the picture.
inline Image hog_picture(const HogFeatures& features, int cell = 16) {
    return detail::with_default_floats([&] {
        constexpr int kSmallest = 2, kLargest = 256;
        if (cell < kSmallest || cell > kLargest) {
            throw InvalidArgument("a cell of a HOG picture has " + std::to_string(kSmallest) + " to " +
                                  std::to_string(kLargest) + " pixels, not " + std::to_string(cell));
        }
        if (features.columns() > 0 && features.rows() > 2147483647 / cell / cell / features.columns()) {
            throw InvalidArgument("a HOG picture of " + std::to_string(features.columns()) + " x " +
                                  std::to_string(features.rows()) + " cells of " + std::to_string(cell) +
                                  " pixels has too many pixels");
        }
        std::array<std::vector<float>, detail::kUnsignedBins> strokes;
        for (int o = 0; o < detail::kUnsignedBins; ++o) {
            strokes[static_cast<std::size_t>(o)] = detail::stroke_coverage(o, cell);
        }
        Image picture(features.columns() * cell, features.rows() * cell, 1);
        const float white = detail::white_weight(features);
        if (!(white > 0)) return picture;
        for (int y = 0; y < picture.height(); ++y) {
            for (int column = 0; column < features.columns(); ++column) {
                const auto weights = detail::stroke_weights(features, y / cell, column);
                for (int x = 0; x < cell; ++x) {
                    const auto place = static_cast<std::size_t>(y % cell) * static_cast<std::size_t>(cell) +
                                       static_cast<std::size_t>(x);
                    float seen = 0;
                    for (std::size_t o = 0; o < strokes.size(); ++o)
                        seen = std::max(seen, weights[o] * strokes[o][place]);
                    picture.row(y)[column * cell + x] =
                        static_cast<std::uint8_t>(std::lround(255.0f * std::min(seen / white, 1.0f)));
                }
            }
        }
        return picture;
    });
}

}  // namespace v0_1
}  // namespace ffr
