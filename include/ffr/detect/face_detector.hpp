#pragma once
/// \file
/// Finds upright faces: a window slides over the HOG features of every pyramid level and five linear filters say how
/// much what they see looks like a face.
///
///     image h x w --> levels (5/6)^i (h x w) --> 31 x rows x columns each --> 5 x rows x columns scores each
///           --> windows above the threshold --> boxes in the image --> the best of those that overlap
///
/// A filter's score at a place is how well the features there suit it (sliding_filter.hpp), less a threshold. The five
/// were trained on faces seen from the front, the left, the right, and tilted to both sides. A face is found by several
/// windows; of boxes that overlap only the best one stays ("non-maximum suppression").
///
/// Papers: Dalal & Triggs 2005 (the method); King 2015, "Max-margin object detection" (how the filters were trained).

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "../base/compiled.hpp"
#include "../base/exact_float.hpp"
#include "../base/float_environment.hpp"
#include "../base/weights_file.hpp"
#include "../base/workspace.hpp"
#include "../image/image.hpp"
#include "../image/planes.hpp"
#include "../image/resize.hpp"
#include "detection.hpp"
#include "hog.hpp"
#include "sliding_filter.hpp"

FFR_EXACT_FLOAT_BEGIN

namespace ffr {
inline namespace v0_1 {

/// A window that a filter was held against, see FaceDetector::best_window.
struct DetectorWindow {
    Detection detection;  ///< what became of it
    int level = 0;        ///< of the pyramid: that often the (upsampled) image was scaled by 5/6
    HogFeatures
        features;  ///< the 10 x 10 cells that the filter saw; zeros where the window hangs over the level's features
};

namespace detail {

/// The box in the input image of the window at a cell of a pyramid level.
///
/// A window's box is 73 pixels of its level wide; near the left or upper border the reference's integer division makes
/// it 81, and so do we.
inline Rect window_box(int level, int row, int column) {
    const auto to_input = [level](double p) {
        for (int i = 0; i < level; ++i) p = p * (6 / 5.0) + 0.3;
        return static_cast<int>(std::lround(p));
    };
    const auto near_edge = [](int cell) { return kHogCell * cell - (cell >= 3 ? 19 : 27); };
    const auto far_edge = [](int cell) { return kHogCell * cell + 53; };
    return {to_input(near_edge(column)), to_input(near_edge(row)), to_input(far_edge(column)), to_input(far_edge(row))};
}

}  // namespace detail

/// A frontal face detector: its filters and the way they slide. Immutable after loading, safe for many threads.
class FaceDetector {
  public:
    /// Most doublings of the image before the search.
    static constexpr int kMaxUpsample = detail::kMostUpsample;
    /// Most pixels of the image after them.
    static constexpr std::int64_t kMaxPixels = detail::kMostPixels;
    /// Most filters of a file: each takes a map of scores of its own.
    static constexpr std::size_t kMaxFilters = 64;

    /// Takes the filters from a file.
    /// \param weights  a file of kind "hog_detector" (hog_frontal.ffr). \throws FormatError when it's something else
    static FaceDetector load(const WeightsFile& weights) {
        return detail::with_default_floats([&] { return FaceDetector(weights); });
    }

    /// Finds upright frontal faces.
    ///
    /// \param image    any size, gray or RGB; smaller than 80 pixels on a side gives faces only when upsampled or cut
    ///                 off
    /// \param options  upsampling and threshold
    /// \returns detections by falling score; where boxes overlap only the best
    /// \throws InvalidArgument when the image is empty, upsample isn't 0..4 or gives more than kMaxPixels
    /// Cost: proportional to the pixels, times 4 for each upsampling. Memory: 4 to 7 bytes a pixel of
    /// the (upsampled) image, in colour or gray.
    std::vector<Detection> detect(ImageView image, const DetectOptions& options = {}) const {
        Workspace workspace;
        return detect(image, options, workspace);
    }

    /// The same with threads and memory of the caller's, which one call at a time may use. The faces don't depend on the
    /// number of threads.
    std::vector<Detection> detect(ImageView image, const DetectOptions& options, Workspace& workspace) const {
        return detail::with_default_floats([&] {
            std::vector<Detection> all;
            for (const Candidate& found :
                 candidates(base_level(image, options, workspace), options.threshold, workspace)) {
                all.push_back(found.detection);
            }
            std::vector<Detection> faces = detail::suppress(all, largest_ratio_, largest_cover_);
            for (Detection& face : faces) face.box = detail::before_upsampling(face.box, options.upsample);
            return faces;
        });
    }

    /// The window that scores best, as its filter saw it: the first of what detect() finds. None where that finds none.
    ///
    /// The sum of its features times view_filter(), less the filter's threshold, is its score.
    /// \throws InvalidArgument as detect()
    /// Cost: of detect(), and of the pyramid down to the window's level once more.
    std::optional<DetectorWindow> best_window(ImageView image, const DetectOptions& options = {}) const {
        return detail::with_default_floats([&]() -> std::optional<DetectorWindow> {
            Workspace workspace;
            const std::vector<Candidate> found =
                candidates(base_level(image, options, workspace), options.threshold, workspace);
            if (found.empty()) return std::nullopt;
            const Candidate& best = found.front();
            detail::Planes level = base_level(image, options, workspace);
            for (int i = 0; i < best.level; ++i) level = detail::pyramid_down(level, workspace);
            DetectorWindow window{best.detection, best.level, window_features(level, best, workspace)};
            window.detection.box = detail::before_upsampling(window.detection.box, options.upsample);
            return window;
        });
    }

    /// Number of filters, each of which sees faces of one view; Detection::view counts them from 0.
    int views() const { return static_cast<int>(filters_.size()); }

    /// A view's filter as a whole, summed up from its separable parts: a weight for each feature of 10 x 10 cells, of
    /// either sign.
    /// \param view  0..views()-1. \throws InvalidArgument for another one
    HogFeatures view_filter(int view) const {
        return detail::with_default_floats([&] {
            if (view < 0 || view >= views()) {
                throw InvalidArgument("the detector has views 0.." + std::to_string(views() - 1) + ", not " +
                                      std::to_string(view));
            }
            HogFeatures filter(detail::kFilterSize, detail::kFilterSize);
            for (const detail::SeparablePair& pair : filters_[static_cast<std::size_t>(view)].pairs) {
                float* weight = filter.plane(pair.plane);
                for (const float down : pair.column) {
                    for (const float across : pair.row) *weight++ += down * across;
                }
            }
            return filter;
        });
    }

  private:
    explicit FaceDetector(const WeightsFile& weights) {
        weights.require_kind("hog_detector");
        const auto thresholds = weights.finite_tensor<double>("thresholds", {WeightsFile::kAny});
        const auto filter = weights.tensor<std::uint16_t>("pairs/filter", {WeightsFile::kAny});
        const auto plane = weights.tensor<std::uint16_t>("pairs/plane", {filter.size()});
        const auto column = weights.finite_tensor<float>("pairs/column", {filter.size(), detail::kFilterSize});
        const auto row = weights.finite_tensor<float>("pairs/row", {filter.size(), detail::kFilterSize});
        const auto overlap = weights.finite_tensor<double>("overlap", {2});
        largest_ratio_ = overlap[0];
        largest_cover_ = overlap[1];
        if (thresholds.size() > kMaxFilters) throw FormatError(weights.name() + ": has more than 64 filters");
        for (const double threshold : thresholds) filters_.push_back({{}, threshold});
        for (std::size_t i = 0; i < filter.size(); ++i) {
            const bool known = filter[i] < filters_.size() && plane[i] < kHogPlanes;
            if (!known || (!filters_[filter[i]].pairs.empty() && filters_[filter[i]].pairs.back().plane > plane[i])) {
                throw FormatError(weights.name() + ": pair " + std::to_string(i) + " isn't in any filter's order");
            }
            detail::SeparablePair pair{plane[i], {}, {}};
            std::copy_n(column.data + i * detail::kFilterSize, detail::kFilterSize, pair.column.begin());
            std::copy_n(row.data + i * detail::kFilterSize, detail::kFilterSize, pair.row.begin());
            filters_[filter[i]].pairs.push_back(pair);
        }
        for (const detail::SlidingFilter& each : filters_) require_bounded(each, weights.name());
    }

    /// Refuses filters by which a score could overflow: features lie within 0 .. 1.
    static void require_bounded(const detail::SlidingFilter& filter, const std::string& name) {
        const auto size_of = [](const auto& values) {
            return std::accumulate(values.begin(), values.end(), 0.0,
                                   [](double sum, float value) { return sum + std::abs(value); });
        };
        double bound = 0;
        for (const detail::SeparablePair& pair : filter.pairs) bound += size_of(pair.column) * size_of(pair.row);
        if (bound > 1e37) throw FormatError(name + ": a filter's weights are so large that a score could overflow");
    }

    /// A window that scores enough.
    struct Candidate {
        Detection detection;
        int level, row, column;
    };

    /// The first level of the pyramid. \throws InvalidArgument for what detect() refuses
    static detail::Planes base_level(ImageView image, const DetectOptions& options, Workspace& workspace) {
        detail::require_search(image, options);
        detail::Planes level = detail::split_channels(image, workspace);
        for (int i = 0; i < options.upsample; ++i) level = detail::pyramid_up(level, workspace);
        return level;
    }

    /// All windows of all levels that score enough, by falling score; equal ones in the order of filters, levels, rows and
    /// columns.
    std::vector<Candidate> candidates(detail::Planes image, double threshold, Workspace& workspace) const;

    /// What a filter sees in a window of a level.
    static HogFeatures window_features(const detail::Planes& level, const Candidate& window, Workspace& workspace) {
        const detail::CellGrid grid(level.width(), level.height());
        const int top = window.row - detail::kFilterBefore, left = window.column - detail::kFilterBefore;
        const int first = std::max(top, 0), end = std::min(top + detail::kFilterSize, grid.feature_rows());
        const auto map = detail::hog_features(level, grid, first, end, workspace);
        HogFeatures seen(detail::kFilterSize, detail::kFilterSize);
        for (int plane = 0; plane < kHogPlanes; ++plane) {
            for (int y = first; y < end; ++y) {
                float* const to = seen.plane(plane) + (y - top) * detail::kFilterSize;
                for (int x = std::max(left, 0); x < std::min(left + detail::kFilterSize, grid.feature_columns()); ++x) {
                    to[x - left] = map.row(plane, y)[x];
                }
            }
        }
        return seen;
    }

    /// Searches a level in bands of rows, so that a tall image's features needn't all be there at once.
    void search_level(const detail::Planes& image, int level, double threshold, Workspace& workspace,
                      std::vector<Candidate>& found) const {
        constexpr int kBand = 256;
        const detail::CellGrid grid(image.width(), image.height());
        if (!grid.has_features()) return;
        const std::vector<detail::Strip> strips = detail::strips_of(grid.feature_columns(), kernels::simd_path());
        std::vector<std::vector<Candidate>> found_in(strips.size());
        for (int begin = 0; begin < grid.feature_rows(); begin += kBand) {
            const int end = std::min(begin + kBand, grid.feature_rows());
            // A window needs the rows around.
            const int first = std::max(begin - detail::kFilterBefore, 0);
            const int behind = std::min(end + detail::kFilterBehind, grid.feature_rows());
            const auto features = detail::hog_features(image, grid, first, behind, workspace);
            workspace.threads().run(static_cast<int>(strips.size()), [&](int task, int) {
                const auto i = static_cast<std::size_t>(task);
                found_in[i] = search_strip(features, strips[i], begin, end, level, threshold);
            });
            for (const std::vector<Candidate>& some : found_in) found.insert(found.end(), some.begin(), some.end());
        }
    }

    /// Of rows begin..end-1.
    std::vector<Candidate> search_strip(const detail::FeatureMap& features, const detail::Strip& strip, int begin,
                                        int end, int level, double threshold) const {
        const detail::StripScores scores(features, filters_, strip);
        std::vector<Candidate> found;
        for (std::size_t k = 0; k < filters_.size(); ++k) {
            for (int row = begin; row < end; ++row) {
                for (int x = 0; x < strip.columns; ++x) {
                    const double sum = scores.at(k, row, x);
                    if (!(sum >= filters_[k].threshold + threshold)) continue;
                    const int column = strip.first + x;
                    found.push_back(
                        {{detail::window_box(level, row, column), sum - filters_[k].threshold, static_cast<int>(k)},
                         level,
                         row,
                         column});
                }
            }
        }
        return found;
    }

    std::vector<detail::SlidingFilter> filters_;
    double largest_ratio_ = 0;
    double largest_cover_ = 0;
};

#if !defined(FFR_COMPILED_ELSEWHERE) || defined(FFR_COMPILE_HERE)

FFR_COMPILED_INLINE std::vector<FaceDetector::Candidate> FaceDetector::candidates(detail::Planes image,
                                                                                  double threshold,
                                                                                  Workspace& workspace) const {
    std::vector<Candidate> found;
    const int levels = pyramid_levels(image.width(), image.height());
    for (int level = 0; level < levels && !image.empty(); ++level) {
        if (level > 0) image = detail::pyramid_down(image, workspace);
        search_level(image, level, threshold, workspace, found);
    }
    std::sort(found.begin(), found.end(), [](const Candidate& a, const Candidate& b) {
        return std::tuple(-a.detection.score, a.detection.view, a.level, a.row, a.column) <
               std::tuple(-b.detection.score, b.detection.view, b.level, b.row, b.column);
    });
    return found;
}

#endif

}  // namespace v0_1
}  // namespace ffr

FFR_EXACT_FLOAT_END
