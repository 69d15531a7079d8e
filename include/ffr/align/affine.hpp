#pragma once
/// \file
/// The other way to straighten a face, OpenFace's: three of its landmarks are brought exactly to three fixed places.
///
///     eyes and nose in the photo --(solve)--> affine map --(look back for each pixel)--> face of N x N pixels
///
///        o                                        +--------+
///            o          x' = xx x + xy y + x0     | o    o |
///        .              y' = yx x + yy y + y0     |   .    |
///                                                 +--------+
///
/// Three points fix the six numbers of an affine map, and so the face may be sheared: where chip.hpp's similarity
/// keeps proportions and lets the points lie nearly right, this puts them exactly right and bends the rest.
///
/// Method: Amos, Ludwiczuk & Satyanarayanan 2016, "OpenFace: A general-purpose face recognition library with mobile
/// applications". The warp is bilinear in fixed point, 32 steps from a pixel to the next.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>

#include "../base/error.hpp"
#include "../base/exact_float.hpp"
#include "../base/float_environment.hpp"
#include "../image/image.hpp"
#include "landmarks.hpp"

FFR_EXACT_FLOAT_BEGIN

namespace ffr {
inline namespace v0_1 {

/// x' = xx x + xy y + x0, y' = yx x + yy y + y0. By default every point stays where it is.
struct AffineMap {
    double xx = 1;  ///< what x adds to x'
    double xy = 0;  ///< what y adds to x'
    double x0 = 0;  ///< shift to the right, in pixels
    double yx = 0;  ///< what x adds to y'
    double yy = 1;  ///< what y adds to y'
    double y0 = 0;  ///< shift down, in pixels

    /// The image of a point.
    PointF operator()(PointF p) const { return {xx * p.x + xy * p.y + x0, yx * p.x + yy * p.y + y0}; }
};

/// Three points, as an affine map is fixed by.
using Triangle = std::array<PointF, 3>;

/// The affine map that brings the corners of one triangle to those of another.
/// \throws InvalidArgument when the three points of `from` lie on a line (or so nearly that nothing is left of the
/// triangle in double precision), or a coordinate isn't finite
inline AffineMap affine_map(const Triangle& from, const Triangle& to) {
    return detail::with_default_floats([&] {
        for (const Triangle* const triangle : {&from, &to}) {
            for (const PointF p : *triangle) {
                if (!std::isfinite(p.x) || !std::isfinite(p.y)) throw InvalidArgument("the points have to be finite");
            }
        }
        // Two sides of the triangle, from its first corner, are two equations for each row of the matrix.
        const double ux = from[1].x - from[0].x, uy = from[1].y - from[0].y;
        const double vx = from[2].x - from[0].x, vy = from[2].y - from[0].y;
        const double determinant = ux * vy - uy * vx;
        if (!(std::fabs(determinant) > 1e-9 * (ux * ux + uy * uy + vx * vx + vy * vy))) {
            throw InvalidArgument("the three points lie on a line: they don't fix an affine map");
        }
        const auto row = [&](double at_first, double at_second, double at_third, double& x, double& y, double& shift) {
            const double u = at_second - at_first, v = at_third - at_first;
            x = (u * vy - v * uy) / determinant;
            y = (v * ux - u * vx) / determinant;
            shift = at_first - x * from[0].x - y * from[0].y;
        };
        AffineMap map;
        row(to[0].x, to[1].x, to[2].x, map.xx, map.xy, map.x0);
        row(to[0].y, to[1].y, to[2].y, map.yx, map.yy, map.y0);
        return map;
    });
}

/// The three landmarks that OpenFace aligns by.
enum class AlignmentLandmarks {
    outer_eyes_and_nose,        ///< outer corners of the eyes, base of the nose: what nn4.small2 was trained with
    inner_eyes_and_bottom_lip,  ///< inner corners of the eyes, lower edge of the lower lip: older networks
};

namespace detail {

/// Which landmarks, of 68 and of 5 (-1: the 5 haven't got it), and where they belong in the unit square.
struct AlignmentTarget {
    int of_68, of_5;
    float x, y;
};

constexpr AlignmentTarget kOuterEyesAndNose[3] = {
    {36, 2, 0.194157f, 0.16926692f}, {45, 0, 0.7888591f, 0.15817115f}, {33, 4, 0.4949509f, 0.5144414f}};
constexpr AlignmentTarget kInnerEyesAndBottomLip[3] = {
    {39, 3, 0.36378494f, 0.17794687f}, {42, 1, 0.6189632f, 0.17277813f}, {57, -1, 0.50020397f, 0.7505844f}};

/// 1/1024 of a pixel, halves to even, held within 32 bits.
inline std::int64_t in_1024ths(double pixels) {
    constexpr double kLimit = 2147483647.0;
    return static_cast<std::int64_t>(std::nearbyint(std::min(std::max(pixels * 1024.0, -kLimit - 1), kLimit)));
}

}  // namespace detail

/// The map from a photo to its aligned face of size x size pixels.
///
/// \param landmarks  68 points; 5 will do for outer_eyes_and_nose
/// \param size       side of the aligned face in pixels, 2..4096; OpenFace's networks want 96
/// \throws InvalidArgument for another number of points, three points on a line, or a size out of range
inline AffineMap face_alignment(const Landmarks& landmarks, int size = 96,
                                AlignmentLandmarks by = AlignmentLandmarks::outer_eyes_and_nose) {
    return detail::with_default_floats([&] {
        const std::size_t count = landmarks.points.size();
        if (count != 68 && count != 5) {
            throw InvalidArgument("a face is aligned by 68 or 5 landmarks, not " + std::to_string(count));
        }
        if (size < 2 || size > 4096) throw InvalidArgument("an aligned face has 2..4096 pixels a side");
        const auto& targets =
            by == AlignmentLandmarks::outer_eyes_and_nose ? detail::kOuterEyesAndNose : detail::kInnerEyesAndBottomLip;
        Triangle face, aligned;
        for (std::size_t i = 0; i < 3; ++i) {
            const int index = count == 68 ? targets[i].of_68 : targets[i].of_5;
            if (index < 0) throw InvalidArgument("the bottom lip isn't among 5 landmarks: this alignment needs 68");
            const Point p = landmarks.points[static_cast<std::size_t>(index)];
            face[i] = {static_cast<double>(p.x), static_cast<double>(p.y)};
            const float side = static_cast<float>(size);
            aligned[i] = {static_cast<double>(side * targets[i].x), static_cast<double>(side * targets[i].y)};
        }
        return affine_map(face, aligned);
    });
}

/// Warps an image: pixel p of the result shows what lies at the point that `map` brings to p.
///
/// Bilinear between the four neighbours, whose weights are multiples of 1/32 in each direction; what lies outside of the
/// image counts as black. docs/accuracy.md tells whose pixels these are.
/// \param width, height  of the result, 0..32767
/// \throws InvalidArgument when the image is empty, a size is out of range, or the map isn't finite or squeezes the
/// plane into a line
/// Cost: proportional to the result's pixels. Thread-safe.
inline Image warp_affine(ImageView image, const AffineMap& map, int width, int height) {
    return detail::with_default_floats([&] {
        require_pixels(image);
        if (width < 0 || height < 0 || width > 32767 || height > 32767) {
            throw InvalidArgument("a warped image has 0..32767 pixels a side");
        }
        // The way back, from the result to the image.
        const double scale = 1 / (map.xx * map.yy - map.xy * map.yx);
        const double xx = map.yy * scale, xy = -map.xy * scale, yx = -map.yx * scale, yy = map.xx * scale;
        const double x0 = -xx * map.x0 - xy * map.y0, y0 = -yx * map.x0 - yy * map.y0;
        for (const double value : {xx, xy, x0, yx, yy, y0}) {
            if (!std::isfinite(value)) throw InvalidArgument("the affine map can't be inverted");
        }
        const auto pixel = [&](std::int64_t x, std::int64_t y, int channel) -> int {
            const bool inside = x >= 0 && y >= 0 && x < image.width && y < image.height;
            return inside ? image.row(static_cast<int>(y))[x * image.channels + channel] : 0;
        };
        Image warped(width, height, image.channels);
        for (int row = 0; row < height; ++row) {
            // Both parts of a sum are rounded on their own, then halved to 32nds: the reference's rounding.
            const std::int64_t row_x = detail::in_1024ths(xy * row + x0) + 16,
                               row_y = detail::in_1024ths(yy * row + y0) + 16;
            std::uint8_t* out = warped.row(row);
            for (int column = 0; column < width; ++column) {
                const std::int64_t x = (row_x + detail::in_1024ths(xx * column)) >> 5;
                const std::int64_t y = (row_y + detail::in_1024ths(yx * column)) >> 5;
                const std::int64_t left = x >> 5, top = y >> 5;
                const int right_share = static_cast<int>(x & 31), bottom_share = static_cast<int>(y & 31);
                for (int c = 0; c < image.channels; ++c) {
                    const int upper = (32 - right_share) * pixel(left, top, c) + right_share * pixel(left + 1, top, c);
                    const int lower =
                        (32 - right_share) * pixel(left, top + 1, c) + right_share * pixel(left + 1, top + 1, c);
                    *out++ =
                        static_cast<std::uint8_t>(((32 - bottom_share) * upper + bottom_share * lower + 512) >> 10);
                }
            }
        }
        return warped;
    });
}

/// A face straightened as OpenFace does it: face_alignment and warp_affine in one.
/// \throws InvalidArgument as these do
inline Image align_face(ImageView image, const Landmarks& landmarks, int size = 96,
                        AlignmentLandmarks by = AlignmentLandmarks::outer_eyes_and_nose) {
    return warp_affine(image, face_alignment(landmarks, size, by), size, size);
}

}  // namespace v0_1
}  // namespace ffr

FFR_EXACT_FLOAT_END
