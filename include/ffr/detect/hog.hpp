#pragma once
/// \file
/// HOG features as fast as a machine's registers allow. Read hog_cells.hpp first: it has the method, in plain loops.
///
///     planes 3 x H x W --a row at a time--> votes --> two rows of cells --the upper one is done--> histograms of three
///                                                     that are being made                          rows of cells
///                                                                                                      |
///     31 x rows x columns, a row of cells at a time <-- cuts and scales of two rows of blocks <--------+
///
/// All that's between the pixels and the features is a few rows, which stay in the caches. Each sum is taken in the
/// plain version's order, so that the features are the same bits; rows of cells are independent but for their
/// neighbours, so that threads can share them.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "../base/exact_float.hpp"
#include "../base/float_environment.hpp"
#include "../base/workspace.hpp"
#include "../image/image.hpp"
#include "../image/planes.hpp"
#include "../kernels/exact.hpp"
#include "detection.hpp"
#include "hog_cells.hpp"

FFR_EXACT_FLOAT_BEGIN

namespace ffr {
inline namespace v0_1 {

namespace detail {

/// So many numbers in whole registers.
inline std::ptrdiff_t whole_registers(int count) {
    return (count + kernels::kMostLanes - 1) / kernels::kMostLanes * kernels::kMostLanes;
}

/// Some rows of HOG features in a workspace's memory, with zeros left and right of each row on which filters may hang over.
class FeatureMap {
  public:
    static constexpr int kMargin = 4;  // zeros left of a row

    /// Rows first..end-1 of an image's features, whose values are any.
    FeatureMap(int first, int end, int columns, Workspace& workspace)
        : first_(first),
          end_(end),
          columns_(columns),
          // Kernels read as many columns as whole registers hold, and 16 more.
          stride_(whole_registers(columns) + kernels::kMostLanes),
          values_(workspace, kHogPlanes * static_cast<std::size_t>((end - first) * stride_)) {}

    int first_row() const { return first_; }
    int end_row() const { return end_; }
    int columns() const { return columns_; }
    /// Floats from a row to the next, and from a plane to the next.
    std::ptrdiff_t stride() const { return stride_; }
    std::ptrdiff_t plane_stride() const { return (end_ - first_) * stride_; }

    /// The first cell of a row; the margin lies before it.
    float* row(int plane, int row) { return values_.data() + offset(plane, row); }
    const float* row(int plane, int row) const { return values_.data() + offset(plane, row); }

    /// Zeros from the ends of a row to the next row's cells.
    void clear_margins(int row) {
        for (int plane = 0; plane < kHogPlanes; ++plane) {
            float* const first = this->row(plane, row);
            std::fill_n(first - kMargin, kMargin, 0.0f);
            std::fill(first + columns_, first - kMargin + stride_, 0.0f);
        }
    }

    HogFeatures without_margins() const {
        HogFeatures features(end_ - first_, columns_);
        for (int plane = 0; plane < kHogPlanes; ++plane) {
            for (int y = first_; y < end_; ++y) {
                std::copy_n(row(plane, y), columns_, features.plane(plane) + std::ptrdiff_t{y - first_} * columns_);
            }
        }
        return features;
    }

  private:
    std::ptrdiff_t offset(int plane, int row) const {
        return plane * plane_stride() + (row - first_) * stride_ + kMargin;
    }

    int first_, end_, columns_;
    std::ptrdiff_t stride_;
    Workspace::Floats values_;
};

/// Makes the features of some rows of cells.
class HogBand {
  public:
    HogBand(const Planes& image, const CellGrid& grid, const kernels::ExactKernels& kernels, FeatureMap& features)
        : kernels_(kernels),
          image_(image),
          grid_(grid),
          features_(features),
          stride_(2 * (whole_registers(grid.cell_columns + 2) + kernels::kMostLanes)),
          row_(stride_ / 2),
          place_(static_cast<std::size_t>(whole_registers(image.width()) + kernels::kMostLanes)),
          length_(place_.size()),
          cells_(static_cast<std::size_t>(kSignedBins * stride_)) {
        for (int phase = 0; phase < kHogCell; ++phase) {
            const CellShare share(phase + kHogCell / 2);
            std::fill_n(shares_.left[phase], 2, share.near);
            std::fill_n(shares_.right[phase] + 2, 2, share.far);
            for (int i = 0; i < 4; ++i) shares_.across[phase][i] = shares_.left[phase][i] + shares_.right[phase][i];
        }
        for (auto& histograms : histograms_) histograms.resize(static_cast<std::size_t>(kSignedBins * row_));
        for (auto& energy : energy_) energy.resize(static_cast<std::size_t>(row_));
        for (Blocks& blocks : blocks_) {
            blocks.cut.resize(energy_[0].size());
            blocks.scale.resize(energy_[0].size());
        }
    }

    /// Feature rows begin..end-1. These need the cells from `begin` to `end` + 1, and those the pixels around.
    void run(int begin, int end) {
        for (int row = begin - 1; row <= end + 1; ++row) {
            // The pixels between the centres of this row of cells and those of the next.
            const int first = std::max(kHogCell * row + kHogCell / 2, grid_.first_pixel);
            const int behind = std::min(kHogCell * (row + 1) + kHogCell / 2, grid_.row_end);
            for (int y = first; y < behind; ++y) vote(y);
            finish(row);
            if (row > begin) find_blocks(row - 1);
            if (row > begin + 1) normalise(row - 2);
        }
    }

  private:
    struct Blocks {
        std::vector<float> cut, scale;
    };

    /// All votes of a row of pixels.
    void vote(int y) {
        const int first = grid_.first_pixel, middle = grid_.vector_end, end = grid_.column_end;
        kernels_.orient(rows_from(first, y), image_.channels(), true, middle - first, stride_, length_.data() + first,
                        place_.data() + first);
        kernels_.orient(rows_from(middle, y), image_.channels(), false, end - middle, stride_, length_.data() + middle,
                        place_.data() + middle);
        const CellShare share(y);
        for (const int column : {0, 2}) {
            shares_.down[column + slot(share.cell)] = share.near;
            shares_.down[column + slot(share.cell + 1)] = share.far;
        }
        kernels_.cast_votes(place_.data(), length_.data(), middle, shares_, cells_.data());
        for (int x = middle; x < end; ++x) cast_alone(x);
    }

    kernels::PixelRows rows_from(int x, int y) const {
        kernels::PixelRows rows{};
        for (int c = 0; c < image_.channels(); ++c) {
            rows.above[c] = image_.row(c, y - 1) + x;
            rows.here[c] = image_.row(c, y) + x;
            rows.below[c] = image_.row(c, y + 1) + x;
        }
        return rows;
    }

    /// The vote of a pixel in the last columns mod 8, whose shares are rounded in another order.
    void cast_alone(int x) {
        const int from_left = x + kHogCell / 2;
        const float* const across = shares_.across[from_left % kHogCell];
        float* const cells = cells_.data() + place_[static_cast<std::size_t>(x)] + from_left / kHogCell * 2;
        const float vote = length_[static_cast<std::size_t>(x)];
        for (int i = 0; i < 4; ++i) cells[i] += (shares_.down[i] * across[i]) * vote;
    }

    /// A row of cells has all its votes.
    void finish(int row) {
        std::vector<float>& histograms = histograms_[ring(row, 3)];
        kernels_.take_cells(cells_.data() + slot(row), stride_, grid_.cell_columns + 2, histograms.data(), row_);
        kernels_.energies(histograms.data(), row_, grid_.cell_columns + 2, energy_[ring(row, 2)].data());
    }

    /// The row of blocks between a row of cells and the next.
    void find_blocks(int row) {
        Blocks& blocks = blocks_[ring(row, 2)];
        kernels_.blocks(energy_[ring(row, 2)].data(), energy_[ring(row + 1, 2)].data(), grid_.cell_columns + 1,
                        blocks.cut.data(), blocks.scale.data());
    }

    /// A row of features, which is that of the cells one row further.
    void normalise(int row) {
        const Blocks &above = blocks_[ring(row, 2)], &below = blocks_[ring(row + 1, 2)];
        // Cell columns count from -1; the first one with features is 1.
        constexpr int kLeft = 1, kRight = 2;
        const kernels::CellBlocks around{
            {below.cut.data() + kRight, above.cut.data() + kRight, below.cut.data() + kLeft, above.cut.data() + kLeft},
            {below.scale.data() + kRight, above.scale.data() + kRight, below.scale.data() + kLeft,
             above.scale.data() + kLeft}};
        kernels_.normalise(histograms_[ring(row + 1, 3)].data() + kRight, row_, around, features_.columns(),
                           features_.row(0, row), features_.plane_stride());
        features_.clear_margins(row);
    }

    /// Where the last few rows are kept; rows count from -1.
    static std::size_t ring(int row, int size) { return static_cast<std::size_t>((row + size) % size); }
    static int slot(int row) { return (row + 2) % 2; }

    const kernels::ExactKernels& kernels_;
    const Planes& image_;
    const CellGrid& grid_;
    FeatureMap& features_;
    std::ptrdiff_t stride_, row_;      // floats from a bin to the next: of cells_, and of histograms_
    std::vector<std::int32_t> place_;  // of each pixel's bin in a row
    std::vector<float> length_;        // and how much it votes
    std::vector<float> cells_;         // two rows of cells that get votes: see cast_votes in kernels/hog.inl
    kernels::VoteShares shares_{};
    std::array<std::vector<float>, 3> histograms_;
    std::array<std::vector<float>, 2> energy_;
    std::array<Blocks, 2> blocks_;
};

/// Feature rows first..end-1 of planes that have some.
inline FeatureMap hog_features(const Planes& image, const CellGrid& grid, int first, int end, Workspace& workspace,
                               kernels::SimdPath path = kernels::simd_path()) {
    FeatureMap features(first, end, grid.feature_columns(), workspace);
    // Bands overlap by two rows of cells and more, so there are no more of them than threads.
    workspace.threads().run_ranges(end - first, 1, [&](int begin, int end_of_band, int) {
        HogBand(image, grid, kernels::exact_kernels_of(path), features).run(first + begin, first + end_of_band);
    });
    return features;
}

}  // namespace detail

/// HOG features of an image.
///
/// \param image  any size, gray or RGB
/// \returns max(round(H / 8) - 2, 0) rows and max(round(W / 8) - 2, 0) columns of features, halves rounded up; so an
///          image under 20 pixels on a side has none
/// \throws InvalidArgument when the image is empty or has more than a billion pixels
/// Cost: proportional to the pixels. Memory: the image and the result once more, the latter with 32
/// columns or fewer beyond its own.
/// Thread-safe.
inline HogFeatures extract_hog(ImageView image) {
    return detail::with_default_floats([&] {
        require_pixels(image);
        detail::require_searchable(image, 0);
        const detail::CellGrid grid(image.width, image.height);
        if (!grid.has_features()) return HogFeatures(0, 0);
        Workspace workspace;
        const detail::Planes planes = detail::split_channels(image, workspace);
        return detail::hog_features(planes, grid, 0, grid.feature_rows(), workspace).without_margins();
    });
}

}  // namespace v0_1
}  // namespace ffr

FFR_EXACT_FLOAT_END
