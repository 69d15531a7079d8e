#pragma once
/// \file
/// Slides linear filters over HOG features: how much does the part of the picture under the window look like a face?
///
///     features                        a filter: for each plane one to          scores
///     31 x rows x columns             three terms, a column of 10 taps         rows x columns
///     +--+--+--+--+--+                times a row of 10                        +--+--+--+--+--+
///     |  |##########|  |                 |                                     |  |  |  |  |  |
///     |  |# window #|  |    x            |  x  ----------                ->    |  |  |s |  |  |
///     |  |##########|  |                 |                                     |  |  |  |  |  |
///     +--+--+--+--+--+                                                         +--+--+--+--+--+
///
/// A filter is 10 x 10 cells of 31 weights; its score at a place is the sum of weights times features. A plane of 100
/// weights is kept as one to three terms, each a column times a row of weights, called taps ("separable"). A term takes
/// 20 multiplications a window (first its row, then its column over what the row gave), and the five filters shipped
/// have 305 terms: 6,100 multiplications, where their 15,500 weights would be as many.
///
/// plain_score is the method, a window after the other. Then strips of 8 or 16 columns are filtered one by one through
/// all planes, so that a strip's features of a plane and its scores stay in the caches, and so that threads can share
/// them.

#include <algorithm>
#include <array>
#include <cstddef>
#include <vector>

#include "../base/exact_float.hpp"
#include "../kernels/exact.hpp"
#include "hog.hpp"

FFR_EXACT_FLOAT_BEGIN

namespace ffr {
inline namespace v0_1 {
namespace detail {

/// Cells on a side of a filter; the window's cell (4, 4) is the one its score is stored at.
constexpr int kFilterSize = 10, kFilterBefore = 4, kFilterBehind = 5;
/// Columns that the reference filters at a time; what's left over is added up in another order.
constexpr int kFilterGroup = 8;

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

/// Ten values `step` apart times ten taps, one after the other: the reference's order in the last columns mod 8 of a
/// map.
inline float ten_taps_in_order(const float* x, std::ptrdiff_t step, const std::array<float, kFilterSize>& tap) {
    float sum = 0;
    for (std::size_t i = 0; i < kFilterSize; ++i) sum += x[static_cast<std::ptrdiff_t>(i) * step] * tap[i];
    return sum;
}

/// The same as three sums, so that the CPU's adders don't wait for one another: the reference's order in all other
/// columns. Since we add in its order, scores are equal to the last bit.
inline float ten_taps(const float* x, std::ptrdiff_t step, const std::array<float, kFilterSize>& tap) {
    const float a = x[0] * tap[0] + x[3 * step] * tap[3] + x[6 * step] * tap[6] + x[9 * step] * tap[9];
    const float b = x[step] * tap[1] + x[4 * step] * tap[4] + x[7 * step] * tap[7];
    const float c = x[2 * step] * tap[2] + x[5 * step] * tap[5] + x[8 * step] * tap[8];
    return a + (b + c);
}

/// Score of a filter with its window's cell (4, 4) at a cell, in plain loops. The last columns mod 8 of a map are added up
/// in their own order.
inline float plain_score(const HogFeatures& features, const SlidingFilter& filter, int row, int column) {
    const bool in_order = column >= features.columns() / kFilterGroup * kFilterGroup;
    const auto sum = in_order ? ten_taps_in_order : ten_taps;
    float score = 0;
    for (const SeparablePair& pair : filter.pairs) {
        std::array<float, kFilterSize> filtered{};
        for (int m = 0; m < kFilterSize; ++m) {
            std::array<float, kFilterSize> window{};
            for (int n = 0; n < kFilterSize; ++n) {
                const int y = row + m - kFilterBefore, x = column + n - kFilterBefore;
                const bool inside = y >= 0 && y < features.rows() && x >= 0 && x < features.columns();
                window[static_cast<std::size_t>(n)] = inside ? features.at(pair.plane, y, x) : 0;
            }
            filtered[static_cast<std::size_t>(m)] = sum(window.data(), 1, pair.row);
        }
        score += sum(filtered.data(), 1, pair.column);
    }
    return score;
}

/// Columns of a feature map that are filtered together.
struct Strip {
    int first, columns;
    bool in_order;  // see ten_taps_in_order
    const kernels::ExactKernels* kernels;
};

/// A map's columns in strips.
inline std::vector<Strip> strips_of(int columns, kernels::SimdPath path) {
    std::vector<Strip> strips;
    const kernels::ExactKernels* const wide = &kernels::exact_kernels_of(path);
    const kernels::ExactKernels* const narrow = &kernels::narrow_kernels_of(path);
    const int grouped = columns / kFilterGroup * kFilterGroup;
    for (int x = 0; x < columns; x += strips.back().columns) {
        const bool fits = x + wide->strip <= grouped;
        const int count = fits ? wide->strip : std::min(kFilterGroup, columns - x);
        strips.push_back({x, count, x >= grouped, fits ? wide : narrow});
    }
    return strips;
}

/// Scores of some filters on a strip.
class StripScores {
  public:
    /// \param filters  of which all pairs are in the order of their planes
    StripScores(const FeatureMap& features, const std::vector<SlidingFilter>& filters, const Strip& strip)
        : width_(strip.kernels->strip),
          first_(features.first_row()),
          rows_(features.end_row() - first_),
          scores_(filters.size() * map_size(rows_), 0.0f) {
        std::vector<float> filtered(map_size(rows_ + kFilterSize - 1), 0.0f);
        std::vector<std::size_t> next(filters.size(), 0);
        for (int plane = 0; plane < kHogPlanes; ++plane) {
            const float* const in = features.row(plane, first_) + strip.first - kFilterBefore;
            for (std::size_t k = 0; k < filters.size(); ++k) {
                const std::vector<SeparablePair>& pairs = filters[k].pairs;
                for (; next[k] < pairs.size() && pairs[next[k]].plane == plane; ++next[k]) {
                    const SeparablePair& pair = pairs[next[k]];
                    strip.kernels->filter_strip({pair.row.data(), pair.column.data()}, in, features.stride(), rows_,
                                                strip.in_order, filtered.data(), scores_.data() + k * map_size(rows_));
                }
            }
        }
    }

    /// Of a filter at a row of the features and at a column of the strip. Near the ends of features that aren't all of an
    /// image's, windows hang over as they do at its border.
    float at(std::size_t filter, int row, int column) const {
        return scores_[filter * map_size(rows_) + map_size(row - first_) + static_cast<std::size_t>(column)];
    }

  private:
    std::size_t map_size(int rows) const { return static_cast<std::size_t>(rows) * static_cast<std::size_t>(width_); }

    int width_, first_, rows_;
    std::vector<float> scores_;  // of each filter the strip's rows
};

}  // namespace detail
}  // namespace v0_1
}  // namespace ffr

FFR_EXACT_FLOAT_END
