#pragma once
/// \file
/// The two resizers that make the image pyramid: 5/6 of the size for the next level, twice the size for small faces.
///
///     level 0: W x H  ->  level 1: 5W/6 x 5H/6  ->  level 2: 25W/36 x 25H/36  ->  ...
///
/// Both are bilinear with corners mapped to corners: output pixel c of w samples the input at c * (W - 1) / (w - 1).
/// What makes them delicate is rounding. A flat area that comes out one gray level off here and there grows gradients,
/// and the block normalisation of the HOG features blows these up to full size. To give the reference implementation's
/// faces we give its pixels, and so repeat its arithmetic: most columns are computed in groups of four whose position
/// accumulates in float32 ("grouped"), the last few one by one in double ("tail"); RGB truncates, gray rounds in groups
/// and truncates in the tail.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "detail/exact_float.hpp"
#include "image.hpp"

FFR_EXACT_FLOAT_BEGIN

namespace ffr {

namespace detail {

/// Where the grouped output columns sample the input; the same for every row.
struct GroupedColumns {
    std::vector<std::size_t> left;  // byte offset of the left neighbour; the right one is the next pixel
    std::vector<float> fraction;    // how far the sample lies from left towards right, 0 <= fraction < 1
};

/// Output columns 0, 1, ... as long as all four samples of a group have a right neighbour inside of the image. Over
/// some ten thousand columns the positions drift by more than a column, so the output's width is a limit of its own.
inline GroupedColumns grouped_columns(int input_width, int output_width, int channels, double scale) {
    GroupedColumns columns;
    float position[4];
    for (int lane = 0; lane < 4; ++lane) position[lane] = static_cast<float>(-4 * scale + lane * scale);
    const float step = static_cast<float>(4 * scale);
    for (int column = 0; column + 4 <= output_width; column += 4) {
        for (float& x : position) x += step;
        if (static_cast<int>(position[3]) + 1 >= input_width) break;
        for (const float x : position) {
            const int left = static_cast<int>(x);
            columns.left.push_back(static_cast<std::size_t>(left) * static_cast<std::size_t>(channels));
            columns.fraction.push_back(x - static_cast<float>(left));
        }
    }
    return columns;
}

/// The grouped columns of one output row, between input rows `top` and `bottom` at `fraction` of the way down.
template <int kChannels>
void resize_grouped(const std::uint8_t* top, const std::uint8_t* bottom, float above, float below,
                    const GroupedColumns& columns, std::uint8_t* out) {
    for (std::size_t c = 0; c < columns.left.size(); ++c, out += kChannels) {
        const float right = columns.fraction[c], left = 1 - right;
        const float top_left = above * left, top_right = above * right;
        const float bottom_left = below * left, bottom_right = below * right;
        const std::uint8_t* const t = top + columns.left[c];
        const std::uint8_t* const b = bottom + columns.left[c];
        for (int channel = 0; channel < kChannels; ++channel) {
            const float value = top_left * t[channel] + top_right * t[channel + kChannels] + bottom_left * b[channel] +
                                bottom_right * b[channel + kChannels];
            out[channel] = static_cast<std::uint8_t>(kChannels == 1 ? value + 0.5 : value);
        }
    }
}

/// One value of a tail column of a gray image, all steps rounded to float.
inline std::uint8_t blend_tail_gray(int tl, int tr, int bl, int br, double x_fraction, double y_fraction) {
    const float right = static_cast<float>(x_fraction), left = 1 - right;
    const float top = left * static_cast<float>(tl) + right * static_cast<float>(tr);
    const float bottom = left * static_cast<float>(bl) + right * static_cast<float>(br);
    const float value = static_cast<float>((1 - y_fraction) * top + y_fraction * bottom);
    return static_cast<std::uint8_t>(std::min(std::max(value, 0.0f), 255.0f));
}

/// One value of a tail column of an RGB image, in double.
inline std::uint8_t blend_tail_rgb(int tl, int tr, int bl, int br, double x_fraction, double y_fraction) {
    return static_cast<std::uint8_t>((1 - y_fraction) * ((1 - x_fraction) * tl + x_fraction * tr) +
                                     y_fraction * ((1 - x_fraction) * bl + x_fraction * br));
}

/// The output columns after the grouped ones.
template <int kChannels>
void resize_tail(const std::uint8_t* top, const std::uint8_t* bottom, double y_fraction, int input_width, double scale,
                 std::size_t first_column, Image& output, int row) {
    double x = -scale + static_cast<double>(first_column) * scale;
    std::uint8_t* out = output.row(row) + first_column * kChannels;
    for (int column = static_cast<int>(first_column); column < output.width(); ++column) {
        x += scale;
        const int left = static_cast<int>(x);
        const int right = std::min(left + 1, input_width - 1);
        for (int channel = 0; channel < kChannels; ++channel) {
            const int l = left * kChannels + channel, r = right * kChannels + channel;
            const auto blend = kChannels == 1 ? blend_tail_gray : blend_tail_rgb;
            *out++ = blend(top[l], top[r], bottom[l], bottom[r], x - left, y_fraction);
        }
    }
}

template <int kChannels>
Image resize(ImageView input, int width, int height) {
    Image output(width, height, kChannels);
    const double x_scale = (input.width - 1) / static_cast<double>(std::max(width - 1, 1));
    const double y_scale = (input.height - 1) / static_cast<double>(std::max(height - 1, 1));
    const GroupedColumns columns = grouped_columns(input.width, width, kChannels, x_scale);
    double y = 0;
    for (int row = 0; row < height; ++row, y += y_scale) {
        const int above = std::min(static_cast<int>(y), input.height - 1);
        const int below = std::min(above + 1, input.height - 1);
        const double fraction = y - static_cast<int>(y);
        resize_grouped<kChannels>(input.row(above), input.row(below), static_cast<float>(1 - fraction),
                                  static_cast<float>(fraction), columns, output.row(row));
        resize_tail<kChannels>(input.row(above), input.row(below), fraction, input.width, x_scale, columns.left.size(),
                               output, row);
    }
    return output;
}

}  // namespace detail

/// Bilinear resize to a given size, corners on corners, with the rounding described above.
/// \param image  1 or 3 channels, at least a pixel. \param width, height  at least 0
/// \throws InvalidArgument when the image is empty
/// Cost: proportional to the output's pixels. Thread-safe.
inline Image resize_image(ImageView image, int width, int height) {
    require_pixels(image);
    return image.channels == 1 ? detail::resize<1>(image, width, height) : detail::resize<3>(image, width, height);
}

/// The next level of the pyramid: 5/6 of the width and of the height, rounded down; empty when that is 0.
/// \throws InvalidArgument when the image is empty
inline Image pyramid_down(ImageView image) {
    const auto five_sixths = [](int size) { return static_cast<int>(std::int64_t{size} * 5 / 6); };
    return resize_image(image, five_sixths(image.width), five_sixths(image.height));
}

/// Twice the size, to find faces of half the size: 2 * width + 2 by 2 * height + 1 pixels.
/// Pixel x of the input lies at 2 * (x + 1.25) of the output, y at 2 * (y + 0.75).
/// \throws InvalidArgument when the image is empty
inline Image pyramid_up(ImageView image) {
    return resize_image(image, 2 * image.width + 2, 2 * image.height + 1);
}

/// Number of pyramid levels of an image: the first always counts, further ones as long as they have at least 64 x 64
/// pixels. The sizes that count are those of the outline as it maps from level to level by p -> (p - 0.3) * 5 / 6,
/// rounded each time; the levels' own sizes can be smaller by a pixel.
inline int pyramid_levels(int width, int height) {
    const auto map = [](int p) { return round_half_up((p - 0.3) * (5.0 / 6.0)); };
    Rect outline{0, 0, width - 1, height - 1};
    int levels = 0;
    do {
        outline = {map(outline.left), map(outline.top), map(outline.right), map(outline.bottom)};
        ++levels;
    } while (outline.width() >= 64 && outline.height() >= 64 && levels < 1000);
    return levels;
}

}  // namespace ffr

FFR_EXACT_FLOAT_END
