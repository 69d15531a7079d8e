#pragma once
/// \file
/// The two resizers that make the image pyramid: 5/6 of the size for the next level, twice the size for small faces.
/// The detector knows faces of one size only, about 80 pixels; on a smaller level it finds larger ones.
///
///     level 0: W x H  ->  level 1: 5W/6 x 5H/6  ->  level 2: 25W/36 x 25H/36  ->  ...
///
/// Both are bilinear (a pixel is mixed from the four around its place) with corners mapped to corners: output pixel c
/// of w samples the input at c * (W - 1) / (w - 1). What makes them delicate is rounding. A flat area that comes out
/// one gray level off here and there grows gradients (differences between neighbours), and the block normalisation of
/// the HOG features (hog_cells.hpp) blows these up to full size. To give the reference implementation's faces we give
/// its pixels, and so repeat its arithmetic: most columns are computed in groups of four whose position accumulates in
/// float32 ("grouped"), the last few one by one in double ("tail"); RGB truncates, gray rounds in groups and truncates
/// in the tail.
///
/// blend_plain and blend_tail are the method, a column after the other. kernels/resize.inl does what blend_plain does
/// for as many columns as a register holds.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "../base/exact_float.hpp"
#include "../base/float_environment.hpp"
#include "../base/workspace.hpp"
#include "../kernels/exact.hpp"
#include "image.hpp"
#include "planes.hpp"

FFR_EXACT_FLOAT_BEGIN

namespace ffr {
inline namespace v0_1 {

namespace detail {

/// Where the grouped output columns sample the input; the same for every row.
struct GroupedColumns {
    int count = 0;                     // of output columns
    std::vector<std::int32_t> left;    // of each: the left neighbour; the right one is the next pixel
    std::vector<float> fraction;       // how far the sample lies from left towards right, 0 <= fraction < 1
    bool close = true;                 // eight columns' samples lie within 15 pixels of the first, as kernels need it;
    std::vector<std::int32_t> start;   // then that first pixel of each eight,
    std::vector<std::uint8_t> offset;  // and each column's distance from it
};

/// Fills up the last register's columns, and finds each eight's first pixel.
inline void find_starts(GroupedColumns& columns) {
    const std::size_t count = columns.left.size(), most = kernels::kMostLanes;
    const std::size_t padded = (count + most - 1) / most * most;
    columns.left.resize(padded, count == 0 ? 0 : columns.left.back());
    columns.fraction.resize(padded, 0);
    for (std::size_t c = 0; c < padded; ++c) {
        if (c % 8 == 0) columns.start.push_back(columns.left[c]);
        const std::int32_t offset = columns.left[c] - columns.start.back();
        columns.close = columns.close && offset < 16;
        columns.offset.push_back(static_cast<std::uint8_t>(offset));
    }
}

/// Output columns 0, 1, ... as long as all four samples of a group have a right neighbour inside of the image. Over
/// some ten thousand columns the positions drift by more than a column, so the output's width is a limit of its own.
inline GroupedColumns grouped_columns(int input_width, int output_width, double scale) {
    GroupedColumns columns;
    float position[4];
    for (int lane = 0; lane < 4; ++lane) position[lane] = static_cast<float>(-4 * scale + lane * scale);
    const float step = static_cast<float>(4 * scale);
    for (; columns.count + 4 <= output_width; columns.count += 4) {
        for (float& x : position) x += step;
        if (static_cast<int>(position[3]) + 1 >= input_width) break;
        for (const float x : position) {
            const int left = static_cast<int>(x);
            columns.left.push_back(left);
            columns.fraction.push_back(x - static_cast<float>(left));
        }
    }
    find_starts(columns);
    return columns;
}

/// Where an output row lies in the input: `fraction` of the way from a row to the next, of which the last has none.
struct RowSample {
    int above, below;
    double fraction;
};

inline std::vector<RowSample> row_samples(int input_height, int output_height) {
    const double scale = (input_height - 1) / static_cast<double>(std::max(output_height - 1, 1));
    std::vector<RowSample> samples;
    double y = 0;
    for (int row = 0; row < output_height; ++row, y += scale) {
        const int above = std::min(static_cast<int>(y), input_height - 1);
        samples.push_back({above, std::min(above + 1, input_height - 1), y - static_cast<int>(y)});
    }
    return samples;
}

/// The grouped columns of one output row, one by one; kernels/resize.inl does many at once.
inline void blend_plain(const std::uint8_t* top, const std::uint8_t* bottom, const GroupedColumns& columns, float above,
                        float below, bool round, std::uint8_t* out) {
    for (int c = 0; c < columns.count; ++c) {
        const float right = columns.fraction[static_cast<std::size_t>(c)], left = 1 - right;
        const std::uint8_t* const t = top + columns.left[static_cast<std::size_t>(c)];
        const std::uint8_t* const b = bottom + columns.left[static_cast<std::size_t>(c)];
        const float value = above * left * t[0] + above * right * t[1] + below * left * b[0] + below * right * b[1];
        out[c] = static_cast<std::uint8_t>(round ? value + 0.5 : value);
    }
}

/// The same by a path's kernels.
inline void blend_grouped(const std::uint8_t* top, const std::uint8_t* bottom, const GroupedColumns& columns,
                          float above, float below, bool round, std::uint8_t* out,
                          const kernels::ExactKernels& kernels) {
    constexpr int kMost = kernels::kMostLanes;
    const kernels::Samples samples{columns.start.data(), columns.offset.data(), columns.fraction.data()};
    const int whole = columns.count / kMost * kMost;
    kernels.blend_row(top, bottom, samples, 0, whole, above, below, round, out);
    if (whole == columns.count) return;
    std::uint8_t rest[kMost];
    kernels.blend_row(top, bottom, samples, whole, kMost, above, below, round, rest);
    std::copy_n(rest, columns.count - whole, out + whole);
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
inline void blend_tail(const std::uint8_t* top, const std::uint8_t* bottom, double y_fraction, int input_width,
                       double scale, int first_column, bool gray, int output_width, std::uint8_t* out) {
    double x = -scale + first_column * scale;
    for (int column = first_column; column < output_width; ++column) {
        x += scale;
        const int left = static_cast<int>(x);
        const int right = std::min(left + 1, input_width - 1);
        const auto blend = gray ? blend_tail_gray : blend_tail_rgb;
        out[column] = blend(top[left], top[right], bottom[left], bottom[right], x - left, y_fraction);
    }
}

inline Planes resize(const Planes& input, int width, int height, Workspace& workspace) {
    Planes output(width, height, input.channels(), workspace);
    if (output.empty()) return output;
    const double scale = (input.width() - 1) / static_cast<double>(std::max(width - 1, 1));
    const GroupedColumns columns = grouped_columns(input.width(), width, scale);
    const std::vector<RowSample> rows = row_samples(input.height(), height);
    const bool gray = input.channels() == 1;
    const kernels::ExactKernels& kernels = kernels::exact_kernels_of(kernels::simd_path());
    const auto resize_row = [&](int channel, int y) {
        const RowSample& sample = rows[static_cast<std::size_t>(y)];
        const std::uint8_t* const top = input.row(channel, sample.above);
        const std::uint8_t* const bottom = input.row(channel, sample.below);
        const auto above = static_cast<float>(1 - sample.fraction), below = static_cast<float>(sample.fraction);
        std::uint8_t* const out = output.row(channel, y);
        if (columns.close) {
            blend_grouped(top, bottom, columns, above, below, gray, out, kernels);
        } else {
            blend_plain(top, bottom, columns, above, below, gray, out);
        }
        blend_tail(top, bottom, sample.fraction, input.width(), scale, columns.count, gray, width, out);
    };
    workspace.threads().run_ranges(height, 4, [&](int begin, int end, int) {
        for (int channel = 0; channel < input.channels(); ++channel) {
            for (int y = begin; y < end; ++y) resize_row(channel, y);
        }
    });
    return output;
}

inline Planes pyramid_down(const Planes& level, Workspace& workspace) {
    const auto five_sixths = [](int size) { return static_cast<int>(std::int64_t{size} * 5 / 6); };
    return resize(level, five_sixths(level.width()), five_sixths(level.height()), workspace);
}

inline Planes pyramid_up(const Planes& level, Workspace& workspace) {
    return resize(level, 2 * level.width() + 2, 2 * level.height() + 1, workspace);
}

}  // namespace detail

/// Bilinear resize to a given size, corners on corners, with the rounding described above.
/// \param image  1 or 3 channels, at least a pixel. \param width, height  at least 0
/// \throws InvalidArgument when the image is empty or a size negative
/// Cost: proportional to the pixels. Thread-safe.
inline Image resize_image(ImageView image, int width, int height) {
    return detail::with_default_floats([&] {
        require_pixels(image);
        if (width < 0 || height < 0) {
            throw InvalidArgument("an image can't be resized to " + std::to_string(width) + " x " +
                                  std::to_string(height));
        }
        Workspace workspace;
        return detail::merge_channels(
            detail::resize(detail::split_channels(image, workspace), width, height, workspace));
    });
}

/// The next level of the pyramid: 5/6 of the width and of the height, rounded down; empty when that is 0.
/// \throws InvalidArgument when the image is empty
inline Image pyramid_down(ImageView image) {
    return detail::with_default_floats([&] {
        require_pixels(image);
        Workspace workspace;
        return detail::merge_channels(detail::pyramid_down(detail::split_channels(image, workspace), workspace));
    });
}

/// Twice the size, to find faces of half the size: 2 * width + 2 by 2 * height + 1 pixels.
/// Pixel x of the input lies at 2 * (x + 1.25) of the output, y at 2 * (y + 0.75).
/// \throws InvalidArgument when the image is empty, or a side too large to be doubled
inline Image pyramid_up(ImageView image) {
    return detail::with_default_floats([&] {
        require_pixels(image);
        if (std::max(image.width, image.height) > 1'000'000'000) {
            throw InvalidArgument("an image of " + std::to_string(image.width) + " x " + std::to_string(image.height) +
                                  " pixels can't be doubled");
        }
        Workspace workspace;
        return detail::merge_channels(detail::pyramid_up(detail::split_channels(image, workspace), workspace));
    });
}

/// Number of pyramid levels of an image: the first always counts, further ones as long as they have at least 64 x 64
/// pixels. The sizes that count are those of the outline as it maps from level to level by p -> (p - 0.3) * 5 / 6,
/// rounded each time; the levels' own sizes can be smaller by a pixel.
inline int pyramid_levels(int width, int height) {
    return detail::with_default_floats([&] {
        const auto map = [](int p) { return round_half_up((p - 0.3) * (5.0 / 6.0)); };
        Rect outline{0, 0, width - 1, height - 1};
        int levels = 0;
        do {
            outline = {map(outline.left), map(outline.top), map(outline.right), map(outline.bottom)};
            ++levels;
        } while (outline.width() >= 64 && outline.height() >= 64 && levels < 1000);
        return levels;
    });
}

}  // namespace v0_1
}  // namespace ffr

FFR_EXACT_FLOAT_END
