#pragma once
/// \file
/// Histograms of oriented gradients: what a picture looks like when only the direction of its edges counts.
///
///     image  W x H                cells of 8 x 8 pixels            features
///     +----------------+          +--+--+--+--+                    31 planes of rows x columns:
///     | pixel: how     |          |  |  |  |  |  18 bins a cell:      0..17  edge direction, 20 degrees each
///     | steep, which   |    ->    +--+--+--+--+  votes weighted  ->  18..26  the same without telling light from dark
///     | way is up      |          |  |  |  |  |  by steepness        27..30  how much texture there is around
///     +----------------+          +--+--+--+--+                    rows = H/8 - 2, columns = W/8 - 2, rounded
///
/// Each pixel votes with the length of its gradient (how much brighter it gets to the right and downwards) for one of
/// 18 directions, in the four cells around it by how near they are. A cell belongs to four blocks of 2 x 2 cells. Its
/// histogram is divided by the length that each block has as a vector, cut off at 0.2, and half of what the four blocks
/// give is summed: light and contrast drop out, shape remains.
///
/// Here is the method in plain loops, a cell after the other; hog.hpp does the same, bit for bit, with a machine's
/// registers.
///
/// Papers: Dalal & Triggs 2005, "Histograms of oriented gradients for human detection"; Felzenszwalb, Girshick,
/// McAllester & Ramanan 2010, "Object detection with discriminatively trained part-based models" (the 31 planes).

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "../base/exact_float.hpp"
#include "../image/image.hpp"
#include "../kernels/exact.hpp"

FFR_EXACT_FLOAT_BEGIN

namespace ffr {
inline namespace v0_1 {

/// Side of a HOG cell in pixels.
constexpr int kHogCell = 8;
/// Features of a cell.
constexpr int kHogPlanes = 31;

/// HOG features: kHogPlanes planes of rows() x columns() values, each 0..0.4 (0..0.71 in the texture planes 27..30).
///
/// Cell (row, column) is centred on the pixel corner (8 * column + 12, 8 * row + 12): the outermost ring of cells of an
/// image has no full neighbourhood and gives no features.
class HogFeatures {
  public:
    /// All zero.
    HogFeatures(int rows, int columns)
        : rows_(rows), columns_(columns), values_(static_cast<std::size_t>(kHogPlanes) * cells(), 0.0f) {}

    /// Rows of cells.
    int rows() const { return rows_; }
    /// Cells a row.
    int columns() const { return columns_; }

    /// A plane, row after row, columns() values each. 0 <= plane < kHogPlanes.
    float* plane(int plane) { return values_.data() + static_cast<std::size_t>(plane) * cells(); }
    /// \overload
    const float* plane(int plane) const { return values_.data() + static_cast<std::size_t>(plane) * cells(); }

    /// One value; the indices have to be inside.
    float at(int plane_index, int row, int column) const {
        return plane(plane_index)[static_cast<std::size_t>(row) * static_cast<std::size_t>(columns_) +
                                  static_cast<std::size_t>(column)];
    }

  private:
    std::size_t cells() const { return static_cast<std::size_t>(rows_) * static_cast<std::size_t>(columns_); }

    int rows_;
    int columns_;
    std::vector<float> values_;
};

namespace detail {

using kernels::kBlockEpsilon;
using kernels::kTextureScale;

constexpr int kSignedBins = 18, kUnsignedBins = 9;

/// Unit vectors of the nine directions of half a turn, 20 degrees apart, to the four digits the reference has.
constexpr float kDirectionX[kUnsignedBins] = {1.0f,     0.9397f, 0.7660f,  0.5000f, 0.1736f,
                                              -0.1736f, -0.5f,   -0.7660f, -0.9397f};
constexpr float kDirectionY[kUnsignedBins] = {0.0f,    0.3420f, 0.6428f, 0.8660f, 0.9848f,
                                              0.9848f, 0.8660f, 0.6428f, 0.3420f};

/// A pixel's brightness slope: right minus left, below minus above, and the square of its length.
struct Gradient {
    int x;
    int y;
    int squared_length;
};

inline Gradient gradient(int left, int right, int above, int below) {
    const int x = right - left, y = below - above;
    return {x, y, x * x + y * y};
}

/// The direction bin of a gradient, 0..17: where the projection on the direction (or its opposite, + 9) is longest.
/// Ties go to the first; the zero gradient is in bin 0.
inline int orientation_bin(float x, float y) {
    float longest = 0;
    int bin = 0;
    for (int o = 0; o < kUnsignedBins; ++o) {
        const float projection = x * kDirectionX[o] + y * kDirectionY[o];
        const int side = projection < 0 ? o + kUnsignedBins : o;
        const float length = projection < 0 ? -projection : projection;
        bin = length > longest ? side : bin;
        longest = length > longest ? length : longest;
    }
    return bin;
}

/// An image cut into cells, and which of its pixels vote.
///
/// Pixels up to column vector_end are handled eight at a time by the reference, the rest one by one. The two differ in
/// which colour wins a tie and in the order of two roundings; both matter, so the split is part of the method.
struct CellGrid {
    int cell_rows, cell_columns;  // of 8 x 8 pixels; half a cell or more at the end counts as one
    int first_pixel = 1;          // voting rows and columns start here: a gradient needs both neighbours
    int row_end, column_end;      // one behind the last voting row and column
    int vector_end;               // one behind the last column of the eight-at-a-time part

    CellGrid(int width, int height)
        : cell_rows((height + kHogCell / 2) / kHogCell),
          cell_columns((width + kHogCell / 2) / kHogCell),
          row_end(std::min(cell_rows * kHogCell, height) - 1),
          column_end(std::min(cell_columns * kHogCell, width) - 1),
          vector_end(first_pixel + std::max(column_end - first_pixel, 0) / 8 * 8) {}

    /// Cells with a full neighbourhood, which have features.
    int feature_rows() const { return std::max(cell_rows - 2, 0); }
    int feature_columns() const { return std::max(cell_columns - 2, 0); }
    bool has_features() const { return cell_rows > 2 && cell_columns > 2; }
};

/// Of a pixel's gradients, one a channel, the longest. If two are equally long, `later_wins` says whether blue goes before
/// green before red or the other way round.
inline Gradient longest_gradient(const std::uint8_t* pixel, int channels, std::ptrdiff_t stride, bool later_wins) {
    Gradient longest{0, 0, -1};
    for (int c = 0; c < channels; ++c) {
        const std::uint8_t* const p = pixel + c;
        const Gradient other = gradient(p[-channels], p[channels], p[-stride], p[stride]);
        const bool longer =
            later_wins ? other.squared_length >= longest.squared_length : other.squared_length > longest.squared_length;
        if (longer) longest = other;
    }
    return longest;
}

/// What a pixel votes: for which direction, and how much.
struct Vote {
    int bin;
    float length;
};

inline Vote vote_of(const Gradient& gradient) {
    return {orientation_bin(static_cast<float>(gradient.x), static_cast<float>(gradient.y)),
            std::sqrt(static_cast<float>(gradient.squared_length))};
}

/// Histograms of all cells with a ring of cells around them that catches votes from the outermost pixels.
class CellHistograms {
  public:
    CellHistograms(int rows, int columns)
        : stride_(static_cast<std::size_t>(columns) + 2),
          values_((static_cast<std::size_t>(rows) + 2) * stride_ * kSignedBins, 0.0f) {}

    /// The 18 bins of a cell; -1 <= row <= rows, -1 <= column <= columns.
    float* cell(int row, int column) { return values_.data() + offset(row, column); }
    const float* cell(int row, int column) const { return values_.data() + offset(row, column); }

  private:
    std::size_t offset(int row, int column) const {
        return (static_cast<std::size_t>(row + 1) * stride_ + static_cast<std::size_t>(column + 1)) * kSignedBins;
    }

    std::size_t stride_;
    std::vector<float> values_;
};

/// Where a pixel lies between the centres of two neighbouring cells, in sixteenths of the way.
struct CellShare {
    int cell;         // the first of the two
    float near, far;  // weights of the first and of the second: near + far = 1

    explicit CellShare(int pixel) : cell((pixel + kHogCell / 2) / kHogCell - 1) {
        far = static_cast<float>(2 * (pixel - kHogCell * cell) - 7) / 16.0f;
        near = 1.0f - far;
    }
};

/// Adds a pixel's vote to the histograms of the four cells around it.
inline void cast_vote(const Vote& vote, const CellShare& y, const CellShare& x, bool vector_part,
                      CellHistograms& histograms) {
    float* const above = histograms.cell(y.cell, x.cell) + vote.bin;
    float* const below = histograms.cell(y.cell + 1, x.cell) + vote.bin;
    const auto share = [&](float down, float across) {
        return vector_part ? down * (across * vote.length) : (down * across) * vote.length;
    };
    above[0] += share(y.near, x.near);
    below[0] += share(y.far, x.near);
    above[kSignedBins] += share(y.near, x.far);
    below[kSignedBins] += share(y.far, x.far);
}

inline CellHistograms cell_histograms(ImageView image, const CellGrid& grid) {
    CellHistograms histograms(grid.cell_rows, grid.cell_columns);
    for (int y = grid.first_pixel; y < grid.row_end; ++y) {
        for (int x = grid.first_pixel; x < grid.column_end; ++x) {
            const bool vector_part = x < grid.vector_end;
            const std::uint8_t* const pixel = image.row(y) + x * image.channels;
            const Gradient longest = longest_gradient(pixel, image.channels, image.stride, vector_part);
            cast_vote(vote_of(longest), CellShare(y), CellShare(x), vector_part, histograms);
        }
    }
    return histograms;
}

/// Energy of a cell: the squared length of its histogram over unsigned directions.
inline float cell_energy(const float* histogram) {
    float energy = 0;
    for (int o = 0; o < kUnsignedBins; ++o) {
        const float sum = histogram[o] + histogram[o + kUnsignedBins];
        energy += sum * sum;
    }
    return energy;
}

/// Four values, one for each of the blocks that a cell belongs to.
using PerBlock = std::array<float, 4>;

inline float sum_blocks(const PerBlock& v) {
    return (v[0] + v[1]) + (v[2] + v[3]);
}

/// Half of min(value / block length, 0.2), for all four blocks, as min(value, cut) * scale.
inline PerBlock normalise(float value, const PerBlock& cut, const PerBlock& scale) {
    PerBlock out;
    for (std::size_t k = 0; k < 4; ++k) out[k] = std::min(value, cut[k]) * scale[k];
    return out;
}

/// The 31 features of a cell from its histogram and the energies of its four blocks.
inline void cell_features(const float* histogram, const PerBlock& energies, float (&features)[kHogPlanes]) {
    PerBlock cut, scale, texture{};
    for (std::size_t k = 0; k < 4; ++k) {
        cut[k] = 0.2f * std::sqrt(energies[k]);
        scale[k] = 0.1f / cut[k];
    }
    for (int o = 0; o < kSignedBins; o += 3) {
        PerBlock q[3];
        for (int i = 0; i < 3; ++i) {
            q[i] = normalise(histogram[o + i], cut, scale);
            features[o + i] = sum_blocks(q[i]);
        }
        for (std::size_t k = 0; k < 4; ++k) texture[k] += (q[0][k] + q[1][k]) + q[2][k];
    }
    for (int o = 0; o < kUnsignedBins; ++o) {
        features[kSignedBins + o] = sum_blocks(normalise(histogram[o] + histogram[o + kUnsignedBins], cut, scale));
    }
    for (std::size_t k = 0; k < 4; ++k) features[kSignedBins + kUnsignedBins + k] = texture[k] * kTextureScale;
}

inline HogFeatures normalised_features(const CellHistograms& histograms, const CellGrid& grid) {
    HogFeatures features(grid.feature_rows(), grid.feature_columns());
    const auto columns = static_cast<std::size_t>(grid.cell_columns);
    std::vector<float> energy(static_cast<std::size_t>(grid.cell_rows) * columns);
    for (int y = 0; y < grid.cell_rows; ++y) {
        for (int x = 0; x < grid.cell_columns; ++x) {
            energy[static_cast<std::size_t>(y) * columns + static_cast<std::size_t>(x)] =
                cell_energy(histograms.cell(y, x));
        }
    }
    for (int row = 0; row < features.rows(); ++row) {
        for (int column = 0; column < features.columns(); ++column) {
            const float* const above =
                &energy[static_cast<std::size_t>(row) * columns + static_cast<std::size_t>(column)];
            const float* const here = above + columns;
            const float* const below = here + columns;
            const PerBlock energies{here[1] + here[2] + below[1] + below[2] + kBlockEpsilon,
                                    above[1] + above[2] + here[1] + here[2] + kBlockEpsilon,
                                    here[0] + here[1] + below[0] + below[1] + kBlockEpsilon,
                                    above[0] + above[1] + here[0] + here[1] + kBlockEpsilon};
            float values[kHogPlanes];
            cell_features(histograms.cell(row + 1, column + 1), energies, values);
            const std::ptrdiff_t cell = std::ptrdiff_t{row} * features.columns() + column;
            for (int plane = 0; plane < kHogPlanes; ++plane) features.plane(plane)[cell] = values[plane];
        }
    }
    return features;
}

/// HOG features of an image, in plain loops.
inline HogFeatures plain_hog(ImageView image) {
    const CellGrid grid(image.width, image.height);
    if (!grid.has_features()) return HogFeatures(0, 0);
    return normalised_features(cell_histograms(image, grid), grid);
}

}  // namespace detail

}  // namespace v0_1
}  // namespace ffr

FFR_EXACT_FLOAT_END
