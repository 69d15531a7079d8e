#pragma once
/// \file
/// Photos of more pixels than faces need: made smaller before the search, and what's found in them told in the photo's
/// own pixels.
///
///     photo --reduce_to--> smaller image --detect, predict--> box, landmarks --in_original--> the same in the photo
///
/// Time and memory of detection grow with the pixels. A face has to keep about 80 pixels to be found, so reducing loses
/// the small ones.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <utility>

#include "detail/float_environment.hpp"
#include "draw.hpp"
#include "error.hpp"
#include "face_detector.hpp"
#include "image.hpp"
#include "landmarks.hpp"
#include "pipeline.hpp"

namespace ffr {
inline namespace v0_1 {

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

/// A detection in the smaller image as one in its original: its box is.
inline Detection in_original(const ReducedImage& reduced, Detection detection) {
    detection.box = in_original(reduced, detection.box);
    return detection;
}

/// Landmarks of the smaller image as those of its original: scaled before they're rounded, halves upwards, so that they
/// may lie on any pixel.
inline Landmarks in_original(const ReducedImage& reduced, Landmarks landmarks) {
    return detail::with_default_floats([&] {
        if (!reduced.is_smaller()) return std::move(landmarks);
        const double x = static_cast<double>(reduced.width) / reduced.image.width();
        const double y = static_cast<double>(reduced.height) / reduced.image.height();
        for (std::size_t i = 0; i < landmarks.subpixel.size(); ++i) {
            // Pixels' centres have whole coordinates, so the image begins at -0.5.
            PointF& point = landmarks.subpixel[i];
            point = {(point.x + 0.5) * x - 0.5, (point.y + 0.5) * y - 0.5};
            landmarks.points[i] = {round_half_up(point.x), round_half_up(point.y)};
        }
        return landmarks;
    });
}

/// A face in the smaller image as one in its original; the chip and the numbers stay those of the smaller one.
inline Face in_original(const ReducedImage& reduced, Face face) {
    face.detection = in_original(reduced, face.detection);
    face.landmarks = in_original(reduced, std::move(face.landmarks));
    return face;
}

}  // namespace v0_1
}  // namespace ffr
