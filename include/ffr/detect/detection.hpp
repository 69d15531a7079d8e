#pragma once
/// \file
/// What all detectors share: a face that was found, how to search, and which of several boxes of one face stays.
///
///     boxes by falling score --suppress--> the best of those that overlap ("non-maximum suppression")

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "../base/error.hpp"
#include "../base/exact_float.hpp"
#include "../image/image.hpp"

FFR_EXACT_FLOAT_BEGIN

namespace ffr {
inline namespace v0_1 {

/// A face found in an image.
struct Detection {
    Rect box;          ///< in pixels of the image that was searched; may reach outside of it
    double score = 0;  ///< how sure the detector is (no unit): of FaceDetector distance to the filter's threshold
    int view = 0;      ///< which filter saw it: 0 front, 1 left, 2 right, 3 tilted left, 4 tilted right; -1 untold
};

/// How a detector searches.
struct DetectOptions {
    int upsample = 0;      ///< doubles the image that often first (0..4): faces of 80 / 2^upsample pixels are found
    double threshold = 0;  ///< least score; below 0 finds more faces and more that are none
};

namespace detail {

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

/// Greedy non-maximum suppression: a box stays unless it overlaps a better one that stayed.
inline std::vector<Detection> suppress(const std::vector<Detection>& by_falling_score, double largest_ratio,
                                       double largest_cover) {
    std::vector<Detection> kept;
    for (const Detection& candidate : by_falling_score) {
        const auto hides = [&](const Detection& better) {
            return overlaps(better.box, candidate.box, largest_ratio, largest_cover);
        };
        if (std::none_of(kept.begin(), kept.end(), hides)) kept.push_back(candidate);
    }
    return kept;
}

/// Most pixels that are searched: the kernels know places exactly up to rows of 100 million.
constexpr std::int64_t kMostPixels = 1'000'000'000;

/// \throws InvalidArgument when an image that's doubled some times has more pixels
inline void require_searchable(ImageView image, int upsample) {
    const std::int64_t times = std::int64_t{1} << (2 * upsample);
    if (std::int64_t{image.width} > kMostPixels / times / image.height) {
        throw InvalidArgument("an image of " + std::to_string(image.width) + " x " + std::to_string(image.height) +
                              " pixels, doubled " + std::to_string(upsample) + " times, has more than " +
                              std::to_string(kMostPixels) + " pixels");
    }
}

/// Where a box that was found in a doubled image lies in the image itself.
inline Rect before_upsampling(const Rect& box, int upsample) {
    const auto down = [upsample](double p, double shift) {
        for (int i = 0; i < upsample; ++i) p = p / 2 - shift;
        return static_cast<int>(std::lround(p));
    };
    return {down(box.left, 1.25), down(box.top, 0.75), down(box.right, 1.25), down(box.bottom, 0.75)};
}

/// Most doublings of an image before the search.
constexpr int kMostUpsample = 4;

/// Refuses what no detector takes. \throws InvalidArgument for an image without pixels, with too many, or another
/// upsampling than 0..4
inline void require_search(ImageView image, const DetectOptions& options) {
    require_pixels(image);
    if (options.upsample < 0 || options.upsample > kMostUpsample) {
        throw InvalidArgument("upsample must be 0.." + std::to_string(kMostUpsample) + ", not " +
                              std::to_string(options.upsample));
    }
    require_searchable(image, options.upsample);
}

}  // namespace detail
}  // namespace v0_1
}  // namespace ffr

FFR_EXACT_FLOAT_END
