#pragma once
/// \file
/// A picture and its smaller versions on one canvas, so that a network sees faces of all sizes in one go.
///
///     +---------------------+   Level i is level i - 1 at 5/6 of its size. The levels go down the left side and, as soon as
///     |  +---------------+  |   there's room beside them, up again on the right.
///     |  |    level 0    |  |
///     |  +---------------+  |   What goes in: 8-bit pixels. What comes out: canvas height x width x 3 floats,
///     |  +-----------+ +-+  |   (value - mean of the channel) / 256, and 0 between the levels.
///     |  |  level 1  | |3|  |
///     |  +-----------+ +-+  |   A smaller level is made of the floats of the one before it, not of rounded pixels.
///     |  +---------+ +---+  |
///     |  |    2    | | . |  |
///     +---------------------+

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "../base/exact_float.hpp"
#include "../base/workspace.hpp"
#include "../image/image.hpp"
#include "../image/planes.hpp"

FFR_EXACT_FLOAT_BEGIN

namespace ffr {
inline namespace v0_1 {

constexpr int kPyramidGap = 10;     ///< pixels between two levels on the canvas
constexpr int kPyramidBorder = 11;  ///< pixels around all of them

/// Where the levels lie on a canvas.
struct PyramidLayout {
    int width = 0;             ///< of the canvas, in pixels
    int height = 0;            ///< rows
    std::vector<Rect> levels;  ///< from the picture itself to the smallest, inside of the canvas
};

namespace detail {

/// Sizes of the levels, at (0, 0): each is 5/6 of the one before, as long as it has a column and 5 rows.
inline std::vector<Rect> level_sizes(int width, int height) {
    constexpr std::int64_t kLeastHeight = 5;
    std::vector<Rect> sizes{{0, 0, width - 1, height - 1}};
    while (true) {
        const std::int64_t w = sizes.back().width() * 5 / 6, h = sizes.back().height() * 5 / 6;
        if (w == 0 || h < kLeastHeight) return sizes;
        sizes.push_back({0, 0, static_cast<int>(w - 1), static_cast<int>(h - 1)});
    }
}

/// Rows of the left column: it ends where a level fits beside the one above it and half of the way is done.
inline std::int64_t column_height(const std::vector<Rect>& sizes) {
    const std::int64_t first = sizes[0].height();
    std::int64_t total = -2 * kPyramidGap, height = 0, width_above = 0;
    for (const Rect& size : sizes) total += size.height() + kPyramidGap;
    for (const Rect& size : sizes) {
        const bool fits_beside = size.width() <= sizes[0].width() - width_above - kPyramidGap;
        if (fits_beside && 2 * (height - first) >= total - first) break;
        height += size.height() + kPyramidGap;
        width_above = size.width();
    }
    return height - kPyramidGap;
}

}  // namespace detail

/// Lays out the pyramid of a picture. Levels that would touch the picture itself on the way up are left out.
/// \param width, height  of the picture, at least 1
inline PyramidLayout pyramid_layout(int width, int height) {
    PyramidLayout layout;
    layout.levels = detail::level_sizes(width, height);
    const std::int64_t bottom = kPyramidBorder + detail::column_height(layout.levels);
    layout.width = width + 2 * kPyramidBorder;
    layout.height = static_cast<int>(bottom) + kPyramidBorder;
    std::int64_t y = kPyramidBorder;
    std::size_t i = 0;
    const auto place = [&](std::int64_t left, std::int64_t top) {
        const Rect size = layout.levels[i];
        const int x = static_cast<int>(left), down = static_cast<int>(top);
        return Rect{x, down, x + size.right, down + size.bottom};
    };
    for (; i < layout.levels.size() && y < bottom; ++i) {
        layout.levels[i] = place(kPyramidBorder, y);
        y += layout.levels[i].height() + kPyramidGap;
    }
    y -= kPyramidGap;
    for (; i < layout.levels.size(); ++i) {
        const Rect& picture = layout.levels[0];
        const Rect level = place(kPyramidBorder + width - layout.levels[i].width(), y - layout.levels[i].height());
        if (level.top <= picture.bottom && level.left <= picture.right) break;
        layout.levels[i] = level;
        y -= level.height() + kPyramidGap;
    }
    layout.levels.resize(i);
    return layout;
}

/// The canvas with the levels on it: rows of pixels, the three channels of a pixel beside each other.
class PyramidCanvas {
  public:
    /// Draws the pyramid of a picture.
    /// \param picture  its three planes. \param mean  of each
    /// Cost: proportional to the canvas, which has about four times the picture's pixels, of 12 bytes each.
    PyramidCanvas(const detail::Planes& picture, const std::array<float, 3>& mean, Workspace& workspace)
        : layout_(pyramid_layout(picture.width(), picture.height())),
          values_(workspace, static_cast<std::size_t>(line() * layout_.height)) {
        workspace.threads().run_ranges(height(), 1,
                                       [&](int begin, int end, int) { std::fill(own_row(begin), own_row(end), 0.0f); });
        draw(picture, mean, workspace);
        for (std::size_t i = 1; i < layout_.levels.size(); ++i)
            shrink(layout_.levels[i - 1], layout_.levels[i], workspace);
    }

    /// Where the levels lie.
    const PyramidLayout& layout() const { return layout_; }
    /// Pixels a row.
    int width() const { return layout_.width; }
    /// Rows.
    int height() const { return layout_.height; }

    /// The first number of a row of 3 * width(), 0 <= y < height().
    const float* row(int y) const { return values_.data() + y * line(); }

  private:
    float* own_row(int y) { return values_.data() + y * line(); }
    std::ptrdiff_t line() const { return 3 * std::ptrdiff_t{layout_.width}; }

    void draw(const detail::Planes& picture, const std::array<float, 3>& mean, Workspace& workspace) {
        const Rect& place = layout_.levels[0];
        workspace.threads().run_ranges(picture.height(), 4, [&](int begin, int end, int) {
            for (int y = begin; y < end; ++y) {
                float* const out = own_row(place.top + y) + 3 * place.left;
                for (int c = 0; c < 3; ++c) {
                    const std::uint8_t* const in = picture.row(c, y);
                    const float middle = mean[static_cast<std::size_t>(c)];
                    for (int x = 0; x < picture.width(); ++x) {
                        out[3 * x + c] = (static_cast<float>(in[x]) - middle) / 256.0f;
                    }
                }
            }
        });
    }

    /// Where a pixel of a smaller level lies in the larger one: `fraction` of the way from `before` to `after`.
    struct Sample {
        int before, after;
        float fraction;
    };

    /// Corners lie on corners: position i of `count` at i * (size - 1) / (count - 1).
    static std::vector<Sample> samples(std::int64_t size, std::int64_t count) {
        const float scale = static_cast<float>(size - 1) / static_cast<float>(std::max<std::int64_t>(count - 1, 1));
        const int last = static_cast<int>(size - 1);
        std::vector<Sample> all;
        for (std::int64_t i = 0; i < count; ++i) {
            const float position = static_cast<float>(i) * scale;
            const int before = std::min(static_cast<int>(position), last);
            all.push_back({before, std::min(before + 1, last), position - static_cast<float>(before)});
        }
        return all;
    }

    /// Draws a level from a larger one by bilinear sampling: between two rows first, then between two pixels.
    void shrink(const Rect& from, const Rect& to, Workspace& workspace) {
        const std::vector<Sample> rows = samples(from.height(), to.height()),
                                  columns = samples(from.width(), to.width());
        const auto numbers = static_cast<std::size_t>(3 * from.width());
        const Workspace::Floats memory(workspace, numbers * static_cast<std::size_t>(workspace.threads().size()));
        workspace.threads().run_ranges(static_cast<int>(rows.size()), 4, [&](int begin, int end, int thread) {
            float* const between = memory.data() + static_cast<std::size_t>(thread) * numbers;
            for (int y = begin; y < end; ++y) {
                const Sample& sample = rows[static_cast<std::size_t>(y)];
                const float* const above = row(from.top + sample.before) + 3 * from.left;
                const float* const below = row(from.top + sample.after) + 3 * from.left;
                const float down = sample.fraction, up = 1 - down;
                for (std::size_t i = 0; i < numbers; ++i) between[i] = up * above[i] + down * below[i];
                float* out = own_row(to.top + y) + 3 * to.left;
                for (const Sample& column : columns) {
                    const float* const before = between + 3 * column.before;
                    const float* const after = between + 3 * column.after;
                    const float right = column.fraction, left = 1 - right;
                    for (int c = 0; c < 3; ++c) *out++ = left * before[c] + right * after[c];
                }
            }
        });
    }

    PyramidLayout layout_;
    Workspace::Floats values_;
};

}  // namespace v0_1
}  // namespace ffr

FFR_EXACT_FLOAT_END
