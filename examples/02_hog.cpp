// Turns a photo into HOG features: in each cell of 8 x 8 pixels a histogram of the directions of its edges, measured against
// the contrast around it. Draws them.

#include <ffr/ffr.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <iomanip>
#include <iostream>

constexpr int kCell = 8, kBins = 18;
constexpr double kPi = 3.14159265358979323846;
using Histogram = std::array<double, kBins>;

/// The votes of the pixels for a cell: each pixel votes with the length of its gradient for its direction, and shares the
/// vote among the four cells whose centres lie around it.
Histogram cell_histogram(const ffr::Image& photo, int cell_row, int cell_column) {
    Histogram histogram{};
    const double centre_y = kCell * cell_row + 3.5, centre_x = kCell * cell_column + 3.5;
    for (int y = kCell * cell_row - 4; y < kCell * cell_row + 12; ++y) {
        for (int x = kCell * cell_column - 4; x < kCell * cell_column + 12; ++x) {
            const auto gradient = ffr::detail::longest_gradient(photo.row(y) + x * photo.channels(), photo.channels(),
                                                                photo.view().stride, false);
            const double turns = std::atan2(gradient.y, gradient.x) / (2 * kPi);
            const int bin = (static_cast<int>(std::lround(turns * kBins)) + kBins) % kBins;
            const double share = (1 - std::abs(y - centre_y) / kCell) * (1 - std::abs(x - centre_x) / kCell);
            histogram[static_cast<std::size_t>(bin)] += share * std::sqrt(gradient.squared_length);
        }
    }
    return histogram;
}

/// How much contrast a cell has: the squared length of its histogram when a direction and its opposite count as one.
double energy(const Histogram& histogram) {
    double sum = 0;
    for (std::size_t o = 0; o < kBins / 2; ++o) {
        const double both = histogram[o] + histogram[o + kBins / 2];
        sum += both * both;
    }
    return sum;
}

/// The first 18 features of a cell: its histogram divided by the contrast of each of the four blocks of 2 x 2 cells that hold
/// it, cut off at 0.2, and averaged (times two).
Histogram cell_features(const ffr::Image& photo, int row, int column) {
    const Histogram votes = cell_histogram(photo, row, column);
    Histogram features{};
    for (const int top : {row - 1, row}) {
        for (const int left : {column - 1, column}) {
            double block = 0;
            for (const int y : {top, top + 1}) {
                for (const int x : {left, left + 1}) block += energy(cell_histogram(photo, y, x));
            }
            for (std::size_t o = 0; o < kBins; ++o) features[o] += 0.5 * std::min(votes[o] / std::sqrt(block), 0.2);
        }
    }
    return features;
}

/// How much two images' features differ on average.
double mean_difference(const ffr::HogFeatures& a, const ffr::HogFeatures& b) {
    double sum = 0;
    const int cells = a.rows() * a.columns();
    for (int plane = 0; plane < ffr::kHogPlanes; ++plane) {
        for (int i = 0; i < cells; ++i) sum += std::abs(a.plane(plane)[i] - b.plane(plane)[i]);
    }
    return sum / (ffr::kHogPlanes * cells);
}

int main(int argc, char** argv) try {
    if (argc != 3) return std::cerr << "usage: 02_hog PHOTO PICTURE\n", 2;
    const ffr::Image photo = ffr::read_image(argv[1]);
    const ffr::HogFeatures features = ffr::extract_hog(photo);
    std::cout << features.rows() << " x " << features.columns() << " cells of " << ffr::kHogPlanes << " features\n";
    if (features.rows() < 4 || features.columns() < 4)
        throw ffr::InvalidArgument("the photo has less than 6 x 6 cells");

    const int row = features.rows() / 4, column = features.columns() / 2;
    const Histogram ours = cell_features(photo, row + 1, column + 1);  // features leave out the outermost cells
    std::cout << std::fixed << std::setprecision(2) << "the cell at row " << row << ", column " << column
              << ":\n  degrees     ours  the library's\n";
    for (int o = 0; o < kBins; ++o) {
        std::cout << "  " << std::setw(7) << 360 * o / kBins << std::setw(9) << ours[static_cast<std::size_t>(o)]
                  << std::setw(15) << features.at(o, row, column) << '\n';
    }

    ffr::Image dark = photo;
    for (std::uint8_t& value : dark.pixels()) value = static_cast<std::uint8_t>(value / 2);
    const ffr::HogFeatures nothing(features.rows(), features.columns());
    std::cout << "a feature is " << std::setprecision(3) << mean_difference(features, nothing)
              << " on average; with half of the light it changes by "
              << mean_difference(features, ffr::extract_hog(dark)) << '\n';
    ffr::write_image(argv[2], ffr::hog_picture(features, 12));
} catch (const std::exception& error) {
    return std::cerr << error.what() << '\n', 1;
}
