#pragma once
/// \file
/// Finds faces by a network: turned, tilted and partly covered ones, too, which face_detector.hpp's filters miss.
///
///     image --> pyramid on a canvas --> network --> map of scores --> windows above threshold --> boxes --> suppression
///               (mmod_pyramid.hpp)      (mmod_network.hpp)
///
///     score map:   . . . . . .      A score above 0 at (row, column) stands for a window of 80 x 80 pixels around canvas
///                  . . . 1.1 .      pixel (8 column + 14, 8 row + 14), and so for a box on the level that lies there.
///                  . . . . . .
///
/// Papers: King 2015, "Max-margin object detection" (the way it's trained, and its name); Lin et al. 2017 tell how others
/// use pyramids in networks.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <tuple>
#include <utility>
#include <vector>

#include "../base/error.hpp"
#include "../base/exact_float.hpp"
#include "../base/float_environment.hpp"
#include "../base/weights_file.hpp"
#include "../base/workspace.hpp"
#include "../image/image.hpp"
#include "../image/planes.hpp"
#include "../image/resize.hpp"
#include "detection.hpp"
#include "mmod_network.hpp"
#include "mmod_pyramid.hpp"

FFR_EXACT_FLOAT_BEGIN

namespace ffr {
inline namespace v0_1 {

namespace detail {

/// The planes R, G and B of an image; of a gray one three times the same.
inline Planes colour_planes(ImageView image, Workspace& workspace) {
    Planes planes = split_channels(image, workspace);
    if (image.channels == 3) return planes;
    Planes colour(image.width, image.height, 3, workspace);
    for (int c = 0; c < 3; ++c) {
        for (int y = 0; y < image.height; ++y) std::copy_n(planes.row(0, y), image.width, colour.row(c, y));
    }
    return colour;
}

/// The level that a place on the canvas belongs to: the first one that holds it, or else the nearest.
inline std::size_t level_at(const PyramidLayout& layout, int x, int y) {
    const auto distance = [&](const Rect& level) {
        const std::int64_t across = x - std::clamp(x, level.left, level.right);
        const std::int64_t down = y - std::clamp(y, level.top, level.bottom);
        return across * across + down * down;
    };
    const auto nearest = std::min_element(layout.levels.begin(), layout.levels.end(),
                                          [&](const Rect& a, const Rect& b) { return distance(a) < distance(b); });
    return static_cast<std::size_t>(nearest - layout.levels.begin());
}

/// The box in the picture of a window of `side` pixels around a place on the canvas.
inline Rect mmod_box(const PyramidLayout& layout, int x, int y, int side) {
    const std::size_t level = level_at(layout, x, y);
    const auto to_picture = [&](double p) {
        for (std::size_t i = 0; i < level; ++i) p = p * (6 / 5.0) + 0.3;
        return static_cast<int>(std::lround(p));
    };
    const double reach = (side - 1) / 2.0;
    const int left = layout.levels[level].left, top = layout.levels[level].top;
    return {to_picture(x - left - reach), to_picture(y - top - reach), to_picture(x - left + reach),
            to_picture(y - top + reach)};
}

}  // namespace detail

/// The CNN face detector, with the scores of `Network`: PlainMmodNetwork or LineMmodNetwork. Immutable after loading,
/// safe for many threads.
template <typename Network>
class BasicMmodDetector {
  public:
    /// Takes the network from a file.
    /// \param weights  a file of kind "mmod" (mmod.ffr). \throws FormatError when it's something else
    /// \param path  the kernels, which the machine has to have; plain layers don't use any
    static BasicMmodDetector load(const WeightsFile& weights, kernels::SimdPath path = kernels::simd_path()) {
        weights.require_kind("mmod");
        return detail::with_default_floats([&] { return BasicMmodDetector(weights, path); });
    }

    /// Finds faces, also turned and tilted ones.
    ///
    /// \param image    any size, gray or RGB; faces smaller than 80 pixels are found only when it's upsampled
    /// \param options  upsampling; and the threshold, above which a score has to be
    /// \returns detections by falling score, without a view (-1); where boxes overlap only the best
    /// \throws InvalidArgument when the image is empty, upsample isn't 0..4 or gives more pixels than
    /// FaceDetector::kMaxPixels
    /// Cost: about 14,000 multiply-adds a pixel, times 4 for each upsampling. Memory: about 50 bytes a pixel.
    std::vector<Detection> detect(ImageView image, const DetectOptions& options = {}) const {
        Workspace workspace;
        return detect(image, options, workspace);
    }

    /// The same with threads and memory of the caller's, which one call at a time may use. The faces don't depend on the
    /// number of threads.
    std::vector<Detection> detect(ImageView image, const DetectOptions& options, Workspace& workspace) const {
        return detail::with_default_floats([&] {
            detail::require_search(image, options);
            detail::Planes picture = detail::colour_planes(image, workspace);
            for (int i = 0; i < options.upsample; ++i) picture = detail::pyramid_up(picture, workspace);
            const PyramidCanvas canvas(picture, pixel_mean_, workspace);
            const FeatureMaps scores = network_.scores(canvas, workspace);
            std::vector<Detection> faces = detail::suppress(detections(scores, canvas.layout(), options.threshold),
                                                            largest_ratio_, largest_cover_);
            for (Detection& face : faces) face.box = detail::before_upsampling(face.box, options.upsample);
            return faces;
        });
    }

  private:
    BasicMmodDetector(const WeightsFile& weights, kernels::SimdPath path) : network_(Network::load(weights, path)) {
        const std::vector<float> mean = weights.floats("pixel_mean", {3});
        std::copy(mean.begin(), mean.end(), pixel_mean_.begin());
        require_bounded_scores(weights, mean);
        window_ = weights.tensor<std::int32_t>("window", {1})[0];
        if (window_ < 1 || window_ > 1000) throw FormatError(weights.name() + ": tensor 'window' is out of range");
        const auto overlap = weights.finite_tensor<double>("overlap", {2});
        largest_ratio_ = overlap[0];
        largest_cover_ = overlap[1];
    }

    /// All windows that score enough, by falling score; equal ones by rows and columns.
    std::vector<Detection> detections(const FeatureMaps& scores, const PyramidLayout& layout, double threshold) const {
        std::vector<std::tuple<double, int, int>> found;
        for (int y = 0; y < scores.height; ++y) {
            for (int x = 0; x < scores.width; ++x) {
                const double score = scores.map(0)[std::ptrdiff_t{y} * scores.width + x];
                if (score > threshold) found.emplace_back(-score, y, x);
            }
        }
        std::sort(found.begin(), found.end());
        std::vector<Detection> all;
        for (const auto& [score, y, x] : found) {
            // Each of the three layers of stride 2 puts its pixel q on pixel 2 q + 2 of the one before.
            all.push_back({detail::mmod_box(layout, 8 * x + 14, 8 * y + 14, window_), -score, -1});
        }
        return all;
    }

    Network network_;
    std::array<float, 3> pixel_mean_{};
    int window_ = 0;
    double largest_ratio_ = 0;
    double largest_cover_ = 0;
};

/// The CNN face detector as the pipeline uses it.
using MmodDetector = BasicMmodDetector<MmodNetwork>;

}  // namespace v0_1
}  // namespace ffr

FFR_EXACT_FLOAT_END
