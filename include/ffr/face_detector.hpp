#pragma once
/// \file
/// Finds upright faces: a window slides over the HOG features of every pyramid level and five linear filters say how
/// much what they see looks like a face.
///
///     image -> levels -> HOG features -> 5 score maps a level -> windows above threshold -> boxes -> suppression
///
/// A filter is 10 x 10 cells of 31 weights; its score at a place is the sum of weights times features, less a
/// threshold. The five were trained on faces seen from the front, the left, the right, and tilted to both sides. Each
/// plane of a filter is a sum of one to three products of a column and a row ("separable"), which takes 20
/// multiplications a window instead of 100.
///
/// Papers: Dalal & Triggs 2005 (the method); King 2015, "Max-margin object detection" (how the filters were trained).

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "detail/exact_float.hpp"
#include "hog.hpp"
#include "image.hpp"
#include "kernels/exact.hpp"
#include "resize.hpp"
#include "weights.hpp"

FFR_EXACT_FLOAT_BEGIN

namespace ffr {

/// A face found in an image.
struct Detection {
    Rect box;          ///< in pixels of the image that was searched; may reach outside of it
    double score = 0;  ///< distance to the filter's threshold (SVM margin, no unit)
    int view = 0;      ///< which filter saw it: 0 front, 1 left, 2 right, 3 tilted left, 4 tilted right
};

/// How FaceDetector::detect searches.
struct DetectOptions {
    int upsample = 0;      ///< doubles the image that often first (0..4): faces of 80 / 2^upsample pixels are found
    double threshold = 0;  ///< least score; below 0 finds more faces and more that are none
};

namespace detail {

/// Cells on a side of a filter; the window's cell (4, 4) is the one its score is stored at.
constexpr int kFilterSize = 10, kFilterBefore = 4;

/// A column times a row of weights: one term of one plane of a filter.
struct SeparablePair {
    int plane;
    std::array<float, kFilterSize> column;
    std::array<float, kFilterSize> row;
};

/// A linear filter over HOG features.
struct SlidingFilter {
    std::vector<SeparablePair> pairs;  // by plane
    double threshold;
};

/// Ten taps `step` apart as three sums (kernels/exact.inl has the same for many places at once), so that the CPU's adders don't wait for one another. The reference adds in this
/// order, and so do we: scores are equal to the last bit.
inline float ten_taps(const float* x, std::ptrdiff_t step, const std::array<float, kFilterSize>& tap) {
    const float a = x[0] * tap[0] + x[3 * step] * tap[3] + x[6 * step] * tap[6] + x[9 * step] * tap[9];
    const float b = x[step] * tap[1] + x[4 * step] * tap[4] + x[7 * step] * tap[7];
    const float c = x[2 * step] * tap[2] + x[5 * step] * tap[5] + x[8 * step] * tap[8];
    return a + (b + c);
}

/// The same, one after the other: the reference's order in the last columns mod 8 of a map.
inline float ten_taps_in_order(const float* x, std::ptrdiff_t step, const std::array<float, kFilterSize>& tap) {
    float sum = 0;
    for (std::size_t i = 0; i < kFilterSize; ++i) sum += x[static_cast<std::ptrdiff_t>(i) * step] * tap[i];
    return sum;
}

/// Scores of one filter at every cell of a feature map.
struct ScoreMap {
    int rows, columns;
    std::vector<float> scores;  // row after row

    ScoreMap(int r, int c)
        : rows(r), columns(c), scores(static_cast<std::size_t>(r) * static_cast<std::size_t>(c), 0.0f) {}
};

/// A plane with a border of zeros on which windows may hang over, and room for what the row filter makes of it.
class PaddedPlane {
  public:
    PaddedPlane(int rows, int columns)
        : rows_(rows),
          columns_(columns),
          stride_(columns + kFilterSize - 1),
          plane_(static_cast<std::size_t>(rows) * static_cast<std::size_t>(stride_) + kGroup, 0.0f),
          filtered_(static_cast<std::size_t>(rows + kFilterSize - 1) * static_cast<std::size_t>(columns) + kGroup,
                    0.0f) {}

    void read(const float* plane) {
        for (int row = 0; row < rows_; ++row) {
            std::copy_n(plane + std::ptrdiff_t{row} * columns_, columns_,
                        plane_.data() + std::ptrdiff_t{row} * stride_ + kFilterBefore);
        }
    }

    /// Adds the response of a pair to a score map of the same size.
    void add_response(const SeparablePair& pair, ScoreMap& map) {
        const kernels::ExactKernels& kernels = kernels::exact_kernels_of(kernels::simd_path());
        const int grouped = columns_ / kGroup * kGroup;  // the rest is added up in another order: see ten_taps_in_order
        float rest[kGroup];
        for (int row = 0; row < rows_; ++row) {
            const float* const in = plane_.data() + std::ptrdiff_t{row} * stride_;
            float* const out = filtered_.data() + std::ptrdiff_t{row + kFilterBefore} * columns_;
            kernels.ten_taps_row(in, 1, grouped, pair.row.data(), false, out);
            kernels.ten_taps_in_order_row(in + grouped, 1, kGroup, pair.row.data(), rest);
            std::copy_n(rest, columns_ - grouped, out + grouped);
        }
        for (int row = 0; row < rows_; ++row) {
            const float* const in = filtered_.data() + std::ptrdiff_t{row} * columns_;
            float* const out = map.scores.data() + std::ptrdiff_t{row} * columns_;
            kernels.ten_taps_row(in, columns_, grouped, pair.column.data(), true, out);
            kernels.ten_taps_in_order_row(in + grouped, columns_, kGroup, pair.column.data(), rest);
            for (int x = grouped; x < columns_; ++x) out[x] += rest[x - grouped];
        }
    }

  private:
    static constexpr int kGroup = 8;  // columns that the reference handles at a time

    int rows_, columns_, stride_;
    std::vector<float> plane_;  // a group longer than it needs to be, since a last one is read whole
    std::vector<float> filtered_;
};

/// Score maps of all filters over one feature map.
inline std::vector<ScoreMap> score_maps(const HogFeatures& features, const std::vector<SlidingFilter>& filters) {
    std::vector<ScoreMap> maps(filters.size(), ScoreMap(features.rows(), features.columns()));
    std::vector<std::size_t> next(filters.size(), 0);
    PaddedPlane padded(features.rows(), features.columns());
    for (int plane = 0; plane < kHogPlanes; ++plane) {
        padded.read(features.plane(plane));
        for (std::size_t k = 0; k < filters.size(); ++k) {
            const std::vector<SeparablePair>& pairs = filters[k].pairs;
            for (; next[k] < pairs.size() && pairs[next[k]].plane == plane; ++next[k]) {
                padded.add_response(pairs[next[k]], maps[k]);
            }
        }
    }
    return maps;
}

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

/// True when two boxes show the same face: their intersection is over a third of the box that holds both, or covers
/// most of either.
inline bool overlaps(const Rect& a, const Rect& b, double largest_ratio, double largest_cover) {
    const Rect both{std::max(a.left, b.left), std::max(a.top, b.top), std::min(a.right, b.right),
                    std::min(a.bottom, b.bottom)};
    const Rect around{std::min(a.left, b.left), std::min(a.top, b.top), std::max(a.right, b.right),
                      std::max(a.bottom, b.bottom)};
    const auto shared = static_cast<double>(both.area());
    return shared > 0 && (shared / static_cast<double>(around.area()) > largest_ratio ||
                          shared / static_cast<double>(a.area()) > largest_cover ||
                          shared / static_cast<double>(b.area()) > largest_cover);
}

}  // namespace detail

/// A frontal face detector: its filters and the way they slide. Immutable after loading, safe for many threads.
class FaceDetector {
  public:
    /// Most doublings of the image before the search.
    static constexpr int kMaxUpsample = 4;
    /// Most pixels of the image after them.
    static constexpr std::int64_t kMaxPixels = 1'000'000'000;

    /// \param weights  a file of kind "hog_detector" (hog_frontal.ffr). \throws FormatError when it's something else
    static FaceDetector load(const WeightsFile& weights) { return FaceDetector(weights); }

    /// Finds upright frontal faces.
    ///
    /// \param image    any size, gray or RGB; smaller than 80 pixels on a side gives faces only when upsampled or cut
    ///                 off
    /// \param options  upsampling and threshold
    /// \returns detections by falling score; where boxes overlap only the best
    /// \throws InvalidArgument when the image is empty, upsample isn't 0..4 or gives more than kMaxPixels
    /// Cost: proportional to the pixels, times 4 for each upsampling. Memory: two to four times the (upsampled) image.
    std::vector<Detection> detect(ImageView image, const DetectOptions& options = {}) const {
        require_pixels(image);
        if (options.upsample < 0 || options.upsample > kMaxUpsample) {
            throw InvalidArgument("upsample must be 0.." + std::to_string(kMaxUpsample) + ", not " +
                                  std::to_string(options.upsample));
        }
        const std::int64_t times = std::int64_t{1} << (2 * options.upsample);
        if (std::int64_t{image.width} > kMaxPixels / times / image.height) {
            throw InvalidArgument("an image of " + std::to_string(image.width) + " x " + std::to_string(image.height) +
                                  " pixels, doubled " + std::to_string(options.upsample) + " times, has more than " +
                                  std::to_string(kMaxPixels) + " pixels");
        }
        Image upsampled;
        for (int i = 0; i < options.upsample; ++i) {
            upsampled = pyramid_up(image);
            image = upsampled.view();
        }
        std::vector<Detection> faces = suppress(candidates(image, options.threshold));
        for (Detection& face : faces) face.box = before_upsampling(face.box, options.upsample);
        return faces;
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
    }

    /// All windows of all levels that score enough, by falling score.
    std::vector<Detection> candidates(ImageView image, double threshold) const {
        std::vector<std::vector<Detection>> found(filters_.size());
        const int levels = pyramid_levels(image.width, image.height);
        Image scaled;
        for (int level = 0; level < levels && !image.empty(); ++level) {
            search_level(image, level, threshold, found);
            if (level + 1 == levels) break;
            scaled = pyramid_down(image);
            image = scaled.view();
        }
        const auto by_score = [](const Detection& a, const Detection& b) { return a.score > b.score; };
        std::vector<Detection> all;
        for (const std::vector<Detection>& faces : found) all.insert(all.end(), faces.begin(), faces.end());
        std::stable_sort(all.begin(), all.end(), by_score);
        return all;
    }

    void search_level(ImageView image, int level, double threshold, std::vector<std::vector<Detection>>& found) const {
        const std::vector<detail::ScoreMap> maps = detail::score_maps(extract_hog(image), filters_);
        for (std::size_t k = 0; k < maps.size(); ++k) {
            const detail::ScoreMap& map = maps[k];
            for (int row = 0; row < map.rows; ++row) {
                for (int column = 0; column < map.columns; ++column) {
                    const double sum =
                        map.scores[static_cast<std::size_t>(row) * static_cast<std::size_t>(map.columns) +
                                   static_cast<std::size_t>(column)];
                    if (!(sum >= filters_[k].threshold + threshold)) continue;
                    found[k].push_back(
                        {detail::window_box(level, row, column), sum - filters_[k].threshold, static_cast<int>(k)});
                }
            }
        }
    }

    /// Greedy non-maximum suppression: a box stays unless it overlaps a better one that stayed.
    std::vector<Detection> suppress(const std::vector<Detection>& by_falling_score) const {
        std::vector<Detection> kept;
        for (const Detection& candidate : by_falling_score) {
            const auto hides = [&](const Detection& better) {
                return detail::overlaps(better.box, candidate.box, largest_ratio_, largest_cover_);
            };
            if (std::none_of(kept.begin(), kept.end(), hides)) kept.push_back(candidate);
        }
        return kept;
    }

    static Rect before_upsampling(const Rect& box, int upsample) {
        const auto down = [upsample](double p, double shift) {
            for (int i = 0; i < upsample; ++i) p = p / 2 - shift;
            return static_cast<int>(std::lround(p));
        };
        return {down(box.left, 1.25), down(box.top, 0.75), down(box.right, 1.25), down(box.bottom, 0.75)};
    }

    std::vector<detail::SlidingFilter> filters_;
    double largest_ratio_ = 0;
    double largest_cover_ = 0;
};

}  // namespace ffr

FFR_EXACT_FLOAT_END
