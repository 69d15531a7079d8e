#pragma once
/// \file
/// Images of another size, and photos of more pixels than faces need: made smaller before the search, and what's found in
/// them told in the photo's own pixels.
///
///     photo --reduce_to--> smaller image --detect, predict--> box, landmarks --in_original--> the same in the photo
///
/// Time and memory of detection grow with the pixels. A face has to keep about 80 pixels to be found, so reducing loses
/// the small ones. What in_original() makes of a face stands where the face does, in pipeline.hpp.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "../base/error.hpp"
#include "../base/float_environment.hpp"
#include "image.hpp"

namespace ffr {
inline namespace v0_1 {
namespace detail {

/// Share of each source pixel in one target pixel: source pixels first, first + 1, ... with these weights, sum 1.
struct ScaleTaps {
    int first = 0;
    std::vector<float> weights;
};

/// One axis of scale_to: shares of the area when it gets smaller, the two nearest when it gets larger.
inline std::vector<ScaleTaps> scale_taps(int from, int to) {
    std::vector<ScaleTaps> taps(static_cast<std::size_t>(to));
    const double step = static_cast<double>(from) / to;
    for (int i = 0; i < to; ++i) {
        ScaleTaps& tap = taps[static_cast<std::size_t>(i)];
        if (to < from) {
            const double begin = i * step, end = std::min<double>((i + 1) * step, from);
            tap.first = std::min(static_cast<int>(begin), from - 1);
            for (int k = tap.first; k < end && k < from; ++k) {
                const double covered = std::min<double>(end, k + 1) - std::max<double>(begin, k);
                tap.weights.push_back(static_cast<float>(covered / (end - begin)));
            }
        } else {
            const double center = std::clamp((i + 0.5) * step - 0.5, 0.0, from - 1.0);
            tap.first = static_cast<int>(center);
            const auto second = static_cast<float>(center - tap.first);
            tap.weights.push_back(1.0f - second);
            if (tap.first + 1 < from) tap.weights.push_back(second);
        }
    }
    return taps;
}

}  // namespace detail

/// Scales for a preview, or for a search in less pixels (reduce_to): averages areas to make an axis smaller, interpolates linearly to make it larger.
///
/// Detection and alignment have resizers of their own, whose exact pixels matter.
///
/// \param image          gray or RGB, at least 1 x 1 pixel
/// \param width, height  of the result in pixels, at least 1
/// \throws InvalidArgument for an empty image or size
inline Image scale_to(ImageView image, int width, int height) {
    return detail::with_default_floats([&] {
        require_pixels(image);
        if (width < 1 || height < 1) {
            throw InvalidArgument("an image can't be scaled to " + std::to_string(width) + " x " +
                                  std::to_string(height));
        }
        const std::vector<detail::ScaleTaps> columns = detail::scale_taps(image.width, width);
        const std::vector<detail::ScaleTaps> rows = detail::scale_taps(image.height, height);
        Image scaled(width, height, image.channels);
        const auto channels = static_cast<std::size_t>(image.channels);
        std::vector<float> blended(static_cast<std::size_t>(image.width) * channels);
        for (int y = 0; y < height; ++y) {
            const detail::ScaleTaps& row = rows[static_cast<std::size_t>(y)];
            std::fill(blended.begin(), blended.end(), 0.0f);
            for (std::size_t k = 0; k < row.weights.size(); ++k) {
                const std::uint8_t* const from = image.row(row.first + static_cast<int>(k));
                for (std::size_t i = 0; i < blended.size(); ++i) blended[i] += row.weights[k] * from[i];
            }
            std::uint8_t* to = scaled.row(y);
            for (const detail::ScaleTaps& column : columns) {
                const float* const from = blended.data() + static_cast<std::size_t>(column.first) * channels;
                for (std::size_t c = 0; c < channels; ++c) {
                    float sum = 0;
                    for (std::size_t k = 0; k < column.weights.size(); ++k)
                        sum += column.weights[k] * from[k * channels + c];
                    *to++ = static_cast<std::uint8_t>(std::clamp(sum + 0.5f, 0.0f, 255.0f));
                }
            }
        }
        return scaled;
    });
}

/// An image, perhaps made smaller, and the size that it had.
struct ReducedImage {
    Image image;     ///< no larger than the original
    int width = 0;   ///< of the original, in pixels
    int height = 0;  ///< of the original, in pixels

    /// True when the image is smaller than its original.
    bool is_smaller() const { return image.width() != width || image.height() != height; }
};

/// Makes an image of more than `max_pixels` smaller, by averaging areas, in the same proportions but for rounding; leaves
/// others as they are.
///
/// \param image       gray or RGB, empty too
/// \param max_pixels  of the result, at least 1
/// \throws InvalidArgument for a limit below 1. Cost: reads each pixel once. Thread-safe.
inline ReducedImage reduce_to(Image image, std::int64_t max_pixels) {
    return detail::with_default_floats([&]() -> ReducedImage {
        if (max_pixels < 1) {
            throw InvalidArgument("an image can't be reduced to " + std::to_string(max_pixels) + " pixels");
        }
        const int width = image.width(), height = image.height();
        const double pixels = static_cast<double>(width) * height;
        if (pixels <= static_cast<double>(max_pixels)) return {std::move(image), width, height};
        const double scale = std::sqrt(static_cast<double>(max_pixels) / pixels);
        // The second bound is for strips, of which one side would become less than a pixel.
        const auto shorten = [&](int side, std::int64_t most) {
            return static_cast<int>(std::clamp<std::int64_t>(static_cast<std::int64_t>(side * scale), 1, most));
        };
        const int new_width = shorten(width, max_pixels);
        return {scale_to(image, new_width, shorten(height, max_pixels / new_width)), width, height};
    });
}

/// A box of the smaller image as one of its original. Outer edges, not pixels' centres, are scaled, then rounded to whole
/// pixels, halves upwards: a box that's all of the smaller image becomes one that's all of the original.
inline Rect in_original(const ReducedImage& reduced, const Rect& box) {
    return detail::with_default_floats([&]() -> Rect {
        if (!reduced.is_smaller()) return box;
        const double x = static_cast<double>(reduced.width) / reduced.image.width();
        const double y = static_cast<double>(reduced.height) / reduced.image.height();
        return {round_half_up(box.left * x), round_half_up(box.top * y), round_half_up((box.right + 1.0) * x) - 1,
                round_half_up((box.bottom + 1.0) * y) - 1};
    });
}

}  // namespace v0_1
}  // namespace ffr
