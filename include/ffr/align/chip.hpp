#pragma once
/// \file
/// Straightens a face: turns, scales and shifts it so that eyes, nose and mouth come to lie where they lie in every
/// chip.
///
///     landmarks --fit--> square, turned --(halve while too large)--> sample --> chip of size x size pixels
///     68 or 5 x 2          /\                                       +------+
///                         /  \                                      | o  o |
///                         \  /                                      |  ..  |
///                          \/                                       +------+
///
/// The fit is a similarity (similarity.hpp), never a shear, so the face keeps its proportions. A face much larger than
/// the chip is first halved with a 5 x 5 binomial filter (a blur with the weights 1 4 6 4 1 each way), or else sampling
/// would skip pixels. A sample between four pixels is mixed from them.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "../base/exact_float.hpp"
#include "../base/float_environment.hpp"
#include "../image/image.hpp"
#include "../kernels/halving.hpp"
#include "../kernels/sampling.hpp"
#include "landmarks.hpp"
#include "similarity.hpp"

FFR_EXACT_FLOAT_BEGIN

namespace ffr {
inline namespace v0_1 {

/// A box with real edges, counted like Rect: width = right - left + 1.
struct RectF {
    double left = 0;     ///< x of the first column's centre
    double top = 0;      ///< y of the first row's centre
    double right = -1;   ///< x of the last column's centre
    double bottom = -1;  ///< y of the last row's centre

    /// Pixels from the left to the right edge, both counted; 0 when the box is empty.
    double width() const { return right < left ? 0 : right - left + 1; }
    /// Pixels from the top to the bottom edge, both counted; 0 when the box is empty.
    double height() const { return bottom < top ? 0 : bottom - top + 1; }
    /// width() times height().
    double area() const { return width() * height(); }
    /// The middle of the box.
    PointF centre() const { return {(left + right) / 2, (top + bottom) / 2}; }
};

/// The part of an image that becomes a chip: a square turned about its own centre.
struct ChipGeometry {
    RectF box;         ///< in pixels of the image, before turning
    double angle = 0;  ///< radians, clockwise as seen on the screen
    int size = 0;      ///< side of the chip in pixels
};

namespace detail {

/// Where a landmark belongs in the unit square of an upright face.
struct ChipTarget {
    int landmark;
    double x, y;
};

/// For 68 points: bridge and base of the nose, eyes, mouth. Jaw, brows and lower lip move too much with expression.
constexpr ChipTarget kChipTargets68[] = {
    {27, 0.490127, 0.203352}, {28, 0.490127, 0.307009}, {29, 0.490127, 0.409805}, {30, 0.490127, 0.515625},
    {31, 0.36688, 0.587326},  {32, 0.426036, 0.609345}, {33, 0.490127, 0.628106}, {34, 0.554217, 0.609345},
    {35, 0.613373, 0.587326}, {36, 0.121737, 0.216423}, {37, 0.187122, 0.178758}, {38, 0.265825, 0.179852},
    {39, 0.334606, 0.231733}, {40, 0.260918, 0.245099}, {41, 0.182743, 0.244077}, {42, 0.645647, 0.231733},
    {43, 0.714428, 0.179852}, {44, 0.793132, 0.178758}, {45, 0.858516, 0.216423}, {46, 0.79751, 0.244077},
    {47, 0.719335, 0.245099}, {48, 0.254149, 0.780233}, {49, 0.340985, 0.745405}, {50, 0.428858, 0.727388},
    {51, 0.490127, 0.742578}, {52, 0.551395, 0.727388}, {53, 0.639268, 0.745405}, {54, 0.726104, 0.780233},
    {60, 0.290379, 0.784792}, {61, 0.428096, 0.778746}, {62, 0.490127, 0.785343}, {63, 0.552157, 0.778746},
    {64, 0.689874, 0.784792}};

constexpr ChipTarget kChipTargets5[] = {{0, 0.8595674595992, 0.2134981538014},
                                        {1, 0.6460604764104, 0.2289674387677},
                                        {2, 0.1205750620789, 0.2137274526848},
                                        {3, 0.3340850613712, 0.2290642403242},
                                        {4, 0.4901123135679, 0.6277975316475}};

template <std::size_t kCount>
Similarity fit_chip(const ChipTarget (&targets)[kCount], const std::vector<Point>& points, int size, double padding) {
    std::vector<double> chip, image;
    for (const ChipTarget& target : targets) {
        chip.push_back(size * ((padding + target.x) / (2 * padding + 1)));
        chip.push_back(size * ((padding + target.y) / (2 * padding + 1)));
        image.push_back(points[static_cast<std::size_t>(target.landmark)].x);
        image.push_back(points[static_cast<std::size_t>(target.landmark)].y);
    }
    return SimilarityFit(chip.data(), kCount).to(image.data());
}

/// Copies `count` pixels, one of two.
template <int kChannels>
void take_every_second(const std::uint8_t* from, int count, std::uint8_t* to) {
    for (int i = 0; i < count; ++i, from += 2 * kChannels, to += kChannels) std::memcpy(to, from, kChannels);
}

/// Half the size: binomial filter (1 4 6 4 1) x (1 4 6 4 1) / 256, then every second pixel. The border of two pixels
/// that the filter can't reach is lost. Empty when a side is 8 pixels or less.
inline Image halve(ImageView image) {
    if (image.width <= 8 || image.height <= 8) return Image(0, 0, image.channels);
    Image half((image.width - 3) / 2, (image.height - 3) / 2, image.channels);
    const int step = image.channels, filtered = (image.width - 4) * step;
    const kernels::HalvingKernels& kernels = kernels::halving_kernels_of(kernels::simd_path(), filtered);
    std::vector<std::uint16_t> sums(static_cast<std::size_t>(image.width * step));
    std::vector<std::uint8_t> smooth(static_cast<std::size_t>(filtered));
    for (int row = 0; row < half.height(); ++row) {
        const std::uint8_t* in[5];
        for (int i = 0; i < 5; ++i) in[i] = image.row(2 * row + i);
        kernels.filter_down(in, image.width * step, sums.data());
        kernels.filter_across(sums.data(), step, filtered, smooth.data());
        if (image.channels == 1) take_every_second<1>(smooth.data(), half.width(), half.row(row));
        if (image.channels == 3) take_every_second<3>(smooth.data(), half.width(), half.row(row));
    }
    return half;
}

/// A box in the next halved image. The shifts of x and y differ in the reference, and so they do here.
inline RectF halve(const RectF& box) {
    return {box.left / 2 - 1.25, box.top / 2 - 0.75, box.right / 2 - 1.25, box.bottom / 2 - 0.75};
}

/// How often to halve until a box has at most twice the chip's width.
inline int halvings(const RectF& box, int size) {
    int depth = 0;
    for (RectF half = halve(box); half.area() > static_cast<double>(size) * size; half = halve(half)) ++depth;
    return depth;
}

/// The corners of a turned box that sampling starts from.
struct Corners {
    PointF top_left, top_right, bottom_left, bottom_right;

    Corners(const RectF& box, double angle) {
        const PointF centre = box.centre();
        const auto turned = [&](double x, double y) {
            const double dx = x - centre.x, dy = y - centre.y;
            return PointF{std::cos(angle) * dx - std::sin(angle) * dy + centre.x,
                          std::sin(angle) * dx + std::cos(angle) * dy + centre.y};
        };
        top_left = turned(box.left, box.top);
        top_right = turned(box.right, box.top);
        bottom_left = turned(box.left, box.bottom);
        bottom_right = turned(box.right, box.bottom);
    }
};

/// The pixels of an image that a chip can touch: the turned box, a margin for the halvings, cut at the image's border.
/// Empty (right < left or bottom < top) when there are none.
inline Rect chip_surroundings(const ChipGeometry& chip, int depth, ImageView image) {
    double margin = 2;
    for (int i = 0; i < depth; ++i) margin = 2 * margin + 2;
    const Corners corners(chip.box, chip.angle);
    const auto x = {corners.top_left.x, corners.top_right.x, corners.bottom_left.x, corners.bottom_right.x};
    const auto y = {corners.top_left.y, corners.top_right.y, corners.bottom_left.y, corners.bottom_right.y};
    return {round_half_up(std::max(std::min(x) - margin, 0.0)), round_half_up(std::max(std::min(y) - margin, 0.0)),
            round_half_up(std::min(std::max(x) + margin, image.width - 1.0)),
            round_half_up(std::min(std::max(y) + margin, image.height - 1.0))};
}

/// The samples of a row that have four neighbours each. They stand beside each other, since a line enters an image once
/// and leaves it once; rounding keeps their order.
struct InnerSamples {
    int first, count;
};

/// Finds out where the samples of a row lie, each as far down from the top row's as the others.
inline InnerSamples find_samples(ImageView image, const std::vector<PointF>& top_row, PointF down,
                                 std::vector<kernels::Sample>& samples) {
    const auto place = [&](int column) {
        const PointF top = top_row[static_cast<std::size_t>(column)];
        return PointF{top.x + down.x, top.y + down.y};
    };
    const auto inside = [&](PointF p) {
        return p.x >= 0 && p.y >= 0 && p.x < image.width - 1 && p.y < image.height - 1;
    };
    int begin = 0, end = static_cast<int>(top_row.size());
    while (begin < end && !inside(place(begin))) ++begin;
    while (begin < end && !inside(place(end - 1))) --end;
    kernels::Sample* sample = samples.data();
    for (int column = begin; column < end; ++column, ++sample) {
        const PointF p = place(column);
        const int left = static_cast<int>(p.x), top = static_cast<int>(p.y);
        *sample = {image.row(top) + std::ptrdiff_t{left} * image.channels, p.x - left, p.y - top};
    }
    return {begin, end - begin};
}

/// Bilinear samples of a turned box, black where a sample has no four neighbours.
inline Image sample(ImageView image, const RectF& box, double angle, int size) {
    Image chip(size, size, image.channels);
    const Corners corners(box, angle);
    const double steps = size - 1;
    const PointF right{(corners.top_right.x - corners.top_left.x) / steps,
                       (corners.top_right.y - corners.top_left.y) / steps};
    const PointF down{(corners.bottom_left.x - corners.top_left.x) / steps,
                      (corners.bottom_left.y - corners.top_left.y) / steps};
    std::vector<PointF> top_row;
    for (int column = 0; column < size; ++column) {
        top_row.push_back({corners.top_left.x + column * right.x, corners.top_left.y + column * right.y});
    }
    const kernels::MixSamples mix_samples = kernels::mix_samples_of(kernels::simd_path(), image.channels);
    std::vector<kernels::Sample> samples(top_row.size());
    for (int row = 0; row < size; ++row) {
        const InnerSamples inner = find_samples(image, top_row, {row * down.x, row * down.y}, samples);
        mix_samples(samples.data(), inner.count, image.stride, chip.row(row) + inner.first * image.channels);
    }
    return chip;
}

}  // namespace detail

/// The square around a face that brings its landmarks as near as possible to their place in every chip.
///
/// \param landmarks  68 or 5 points
/// \param size       side of the chip in pixels, at least 2; the recognition network wants 150
/// \param padding    how much of the face's size is added on each side, at least 0; the network wants 0.25
/// \throws InvalidArgument for another number of points, points that are all the same, or a size or padding out of
/// range
inline ChipGeometry face_chip_geometry(const Landmarks& landmarks, int size = 150, double padding = 0.25) {
    return detail::with_default_floats([&]() -> ChipGeometry {
        const std::size_t count = landmarks.points.size();
        if (count != 68 && count != 5) {
            throw InvalidArgument("a chip is cut by 68 or 5 landmarks, not " + std::to_string(count));
        }
        if (size < 2 || size > 4096 || !(padding >= 0 && padding <= 100)) {
            throw InvalidArgument("a chip has 2..4096 pixels a side and a padding of 0..100");
        }
        const Similarity fit = count == 68 ? detail::fit_chip(detail::kChipTargets68, landmarks.points, size, padding)
                                           : detail::fit_chip(detail::kChipTargets5, landmarks.points, size, padding);
        const double scale = std::sqrt(fit.rotation.a * fit.rotation.a + fit.rotation.b * fit.rotation.b);
        if (!(scale * size > 1)) throw InvalidArgument("the landmarks lie on one spot: no chip can be cut");
        const PointF centre = fit({size / 2.0, size / 2.0});
        const double reach = (size * scale - 1) / 2;
        return {{centre.x - reach, centre.y - reach, centre.x + reach, centre.y + reach},
                std::atan2(fit.rotation.b, fit.rotation.a),
                size};
    });
}

/// Cuts a chip out of an image.
///
/// \returns size x size pixels with the image's channels; what lies outside of the image is black
/// \throws InvalidArgument when the image is empty, the chip has not 2..4096 pixels a side, or its box or angle isn't
/// finite or lies more than 1e15 pixels away
/// Cost: proportional to the chip's pixels and, for a large face, to the face's; about 0.06 ms for 150 x 150 pixels in
/// colour on one AVX2 core. Thread-safe.
inline Image extract_chip(ImageView image, const ChipGeometry& chip) {
    return detail::with_default_floats([&] {
        require_pixels(image);
        if (chip.size < 2 || chip.size > 4096) throw InvalidArgument("a chip has 2..4096 pixels a side");
        for (const double value : {chip.box.left, chip.box.top, chip.box.right, chip.box.bottom, chip.angle}) {
            if (!(std::fabs(value) <= 1e15)) throw InvalidArgument("the chip's box and angle have to be finite");
        }
        const int depth = detail::halvings(chip.box, chip.size);
        const Rect crop = detail::chip_surroundings(chip, depth, image);
        if (crop.area() == 0) return Image(chip.size, chip.size, image.channels);
        ImageView level{image.row(crop.top) + std::ptrdiff_t{crop.left} * image.channels,
                        static_cast<int>(crop.width()), static_cast<int>(crop.height()), image.channels, image.stride};
        RectF box{chip.box.left - crop.left, chip.box.top - crop.top, chip.box.right - crop.left,
                  chip.box.bottom - crop.top};
        Image halved;
        for (int i = 0; i < depth; ++i) {
            halved = detail::halve(level);
            level = halved.view();
            box = detail::halve(box);
        }
        return detail::sample(level, box, chip.angle, chip.size);
    });
}

}  // namespace v0_1
}  // namespace ffr

FFR_EXACT_FLOAT_END
