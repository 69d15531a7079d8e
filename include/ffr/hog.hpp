#pragma once
/// \file
/// Histograms of oriented gradients: what a picture looks like when only the direction of its edges counts.
///
///     image  W x H                cells of 8 x 8 pixels            features
///     +----------------+          +--+--+--+--+                    31 planes of rows x columns:
///     | pixel: how     |          |  |  |  |  |  18 bins a cell:      0..17  edge direction, 20 degrees each
///     | steep, which   |    ->    +--+--+--+--+  votes weighted  ->  18..26  the same without telling light from dark
///     | way is up      |          |  |  |  |  |  by steepness        27..30  how much texture there is around
///     +----------------+          +--+--+--+--+
///
/// Each pixel votes with the length of its gradient for one of 18 directions, in the four cells around it by how near
/// they are. A cell's histogram is then divided by the energy of each of the four 2 x 2 blocks it belongs to, cut off
/// at 0.2 and summed: light and contrast drop out, shape remains.
///
/// Papers: Dalal & Triggs 2005, "Histograms of oriented gradients for human detection"; Felzenszwalb, Girshick,
/// McAllester & Ramanan 2010, "Object detection with discriminatively trained part-based models" (the 31 planes).

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "detail/exact_float.hpp"
#include "image.hpp"
#include "kernels/exact.hpp"

FFR_EXACT_FLOAT_BEGIN

namespace ffr {

/// Side of a HOG cell in pixels.
constexpr int kHogCell = 8;
/// Features of a cell.
constexpr int kHogPlanes = 31;

/// HOG features: kHogPlanes planes of rows() x columns() values, each 0..0.4 (0..0.6 in the texture planes 27..30).
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

    explicit CellGrid(ImageView image)
        : cell_rows((image.height + kHogCell / 2) / kHogCell),
          cell_columns((image.width + kHogCell / 2) / kHogCell),
          row_end(std::min(cell_rows * kHogCell, image.height) - 1),
          column_end(std::min(cell_columns * kHogCell, image.width) - 1),
          vector_end(first_pixel + std::max(column_end - first_pixel, 0) / 8 * 8) {}
};

/// The rows of one channel around the current pixel row, as integers.
struct ChannelRows {
    std::vector<int> above, here, below;
};

/// Picks a channel out of an interleaved row.
inline void read_channel(ImageView image, int row, int channel, std::vector<int>& out) {
    const std::uint8_t* const in = image.row(row) + channel;
    for (int x = 0; x < image.width; ++x) out[static_cast<std::size_t>(x)] = in[x * image.channels];
}

/// What every pixel of a row votes: for which direction, and how much.
struct VoteRow {
    std::vector<float> x, y, length;
    std::vector<int> bin;

    explicit VoteRow(std::size_t width) : x(width), y(width), length(width), bin(width) {}
};

/// Gradients of pixels [begin, end) of a row. Of a colour pixel's three gradients the longest counts; if two are
/// equally long, `later_wins` says whether blue goes before green before red or the other way round.
template <int kChannels, bool later_wins>
void gradient_row(const std::array<ChannelRows, 3>& rows, int begin, int end, VoteRow& votes) {
    const int* const here[3] = {rows[0].here.data(), rows[1].here.data(), rows[2].here.data()};
    const int* const above[3] = {rows[0].above.data(), rows[1].above.data(), rows[2].above.data()};
    const int* const below[3] = {rows[0].below.data(), rows[1].below.data(), rows[2].below.data()};
    float* const vote_x = votes.x.data();
    float* const vote_y = votes.y.data();
    float* const length = votes.length.data();
    for (int x = begin; x < end; ++x) {
        Gradient longest = gradient(here[0][x - 1], here[0][x + 1], above[0][x], below[0][x]);
        for (int c = 1; c < kChannels; ++c) {
            const Gradient other = gradient(here[c][x - 1], here[c][x + 1], above[c][x], below[c][x]);
            const bool keep = later_wins ? longest.squared_length > other.squared_length
                                         : longest.squared_length >= other.squared_length;
            longest.x = keep ? longest.x : other.x;
            longest.y = keep ? longest.y : other.y;
            longest.squared_length = keep ? longest.squared_length : other.squared_length;
        }
        vote_x[x] = static_cast<float>(longest.x);
        vote_y[x] = static_cast<float>(longest.y);
        length[x] = static_cast<float>(longest.squared_length);
    }
}

/// Turns the gradients of pixels [begin, end) into a bin and a length each.
inline void vote_row(int begin, int end, VoteRow& votes) {
    const float* const x = votes.x.data();
    const float* const y = votes.y.data();
    float* const length = votes.length.data();
    int* const bin = votes.bin.data();
    const kernels::ExactKernels& kernels = kernels::exact_kernels_of(kernels::simd_path());
    const int rest = begin + (end - begin) / kernels.lanes * kernels.lanes;
    kernels.orient_row(x + begin, y + begin, rest - begin, kDirectionX, kDirectionY, length + begin, bin + begin);
    for (int i = rest; i < end; ++i) {
        bin[i] = orientation_bin(x[i], y[i]);
        length[i] = std::sqrt(length[i]);
    }
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

/// Adds the votes of a pixel row to the histograms.
inline void cast_votes(const VoteRow& votes, int row, const CellGrid& grid, const std::array<CellShare, 8>& phases,
                       CellHistograms& histograms) {
    const CellShare y(row);
    for (int x = grid.first_pixel; x < grid.column_end; ++x) {
        const auto i = static_cast<std::size_t>(x);
        const CellShare& share = phases[i % 8];
        float* const above = histograms.cell(y.cell, share.cell + x / kHogCell) + votes.bin[i];
        float* const below = histograms.cell(y.cell + 1, share.cell + x / kHogCell) + votes.bin[i];
        const float v = votes.length[i];
        if (x < grid.vector_end) {
            above[0] += y.near * (share.near * v);
            below[0] += y.far * (share.near * v);
            above[kSignedBins] += y.near * (share.far * v);
            below[kSignedBins] += y.far * (share.far * v);
        } else {
            above[0] += (y.near * share.near) * v;
            below[0] += (y.far * share.near) * v;
            above[kSignedBins] += (y.near * share.far) * v;
            below[kSignedBins] += (y.far * share.far) * v;
        }
    }
}

template <int kChannels>
CellHistograms cell_histograms(ImageView image, const CellGrid& grid) {
    CellHistograms histograms(grid.cell_rows, grid.cell_columns);
    const auto width = static_cast<std::size_t>(image.width);
    const std::array<CellShare, 8> phases{CellShare(0), CellShare(1), CellShare(2), CellShare(3),
                                          CellShare(4), CellShare(5), CellShare(6), CellShare(7)};
    VoteRow votes(width);
    std::array<ChannelRows, 3> rows;
    for (int c = 0; c < kChannels; ++c) {
        ChannelRows& channel = rows[static_cast<std::size_t>(c)];
        channel = {std::vector<int>(width), std::vector<int>(width), std::vector<int>(width)};
        read_channel(image, 0, c, channel.here);
        read_channel(image, 1, c, channel.below);
    }
    for (int y = grid.first_pixel; y < grid.row_end; ++y) {
        for (int c = 0; c < kChannels; ++c) {
            ChannelRows& channel = rows[static_cast<std::size_t>(c)];
            std::swap(channel.above, channel.here);
            std::swap(channel.here, channel.below);
            read_channel(image, y + 1, c, channel.below);
        }
        gradient_row<kChannels, true>(rows, grid.first_pixel, grid.vector_end, votes);
        gradient_row<kChannels, false>(rows, grid.vector_end, grid.column_end, votes);
        vote_row(grid.first_pixel, grid.column_end, votes);
        cast_votes(votes, y, grid, phases, histograms);
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
    constexpr float kTextureScale = static_cast<float>(2 * 0.2357);
    for (std::size_t k = 0; k < 4; ++k) features[kSignedBins + kUnsignedBins + k] = texture[k] * kTextureScale;
}

inline HogFeatures normalised_features(const CellHistograms& histograms, const CellGrid& grid) {
    HogFeatures features(std::max(grid.cell_rows - 2, 0), std::max(grid.cell_columns - 2, 0));
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
            constexpr float kEpsilon = 0.0001f;  // keeps flat areas from dividing by zero
            const PerBlock energies{
                here[1] + here[2] + below[1] + below[2] + kEpsilon, above[1] + above[2] + here[1] + here[2] + kEpsilon,
                here[0] + here[1] + below[0] + below[1] + kEpsilon, above[0] + above[1] + here[0] + here[1] + kEpsilon};
            float values[kHogPlanes];
            cell_features(histograms.cell(row + 1, column + 1), energies, values);
            const std::ptrdiff_t cell = std::ptrdiff_t{row} * features.columns() + column;
            for (int plane = 0; plane < kHogPlanes; ++plane) features.plane(plane)[cell] = values[plane];
        }
    }
    return features;
}

}  // namespace detail

/// HOG features of an image.
///
/// \param image  any size, gray or RGB
/// \returns max(round(H / 8) - 2, 0) rows and max(round(W / 8) - 2, 0) columns of features, halves rounded up; so an
///          image under 20 pixels on a side has none
/// \throws InvalidArgument when the image is empty
/// Cost: proportional to the pixels. Thread-safe.
inline HogFeatures extract_hog(ImageView image) {
    require_pixels(image);
    const detail::CellGrid grid(image);
    if (grid.cell_rows <= 2 || grid.cell_columns <= 2) return HogFeatures(0, 0);
    return detail::normalised_features(
        image.channels == 1 ? detail::cell_histograms<1>(image, grid) : detail::cell_histograms<3>(image, grid), grid);
}

}  // namespace ffr

FFR_EXACT_FLOAT_END
