// Slides a face filter over a photo's HOG features at one scale, and draws the scores as a heat map over the photo.

#include <ffr/ffr.hpp>

#include <algorithm>
#include <cmath>
#include <iomanip>
#include <iostream>
#include <vector>

constexpr int kFilter = 10;  // cells a side

/// The filter laid on 10 x 10 cells from (row, column) on: 3,100 products, added up. Cells outside of the map are zero.
double score_at(const ffr::HogFeatures& features, const ffr::HogFeatures& filter, int row, int column) {
    double sum = 0;
    for (int plane = 0; plane < ffr::kHogPlanes; ++plane) {
        for (int y = std::max(0, -row); y < kFilter && row + y < features.rows(); ++y) {
            for (int x = std::max(0, -column); x < kFilter && column + x < features.columns(); ++x) {
                sum += static_cast<double>(features.at(plane, row + y, column + x)) * filter.at(plane, y, x);
            }
        }
    }
    return sum;
}

struct ScoreMap {
    int rows, columns;
    std::vector<double> scores;  // row after row, of the window around each cell

    double& at(int row, int column) { return scores[static_cast<std::size_t>(row * columns + column)]; }
};

ScoreMap slide(const ffr::HogFeatures& features, const ffr::HogFeatures& filter) {
    ScoreMap map{features.rows(), features.columns(), {}};
    for (int row = 0; row < map.rows; ++row) {
        for (int column = 0; column < map.columns; ++column) {
            map.scores.push_back(score_at(features, filter, row - 4, column - 4));
        }
    }
    return map;
}

/// The photo in gray, redder the higher the score of the window around a pixel is above 0.
ffr::Image heat_map(const ffr::Image& photo, ScoreMap& map) {
    ffr::Image picture = ffr::to_rgb(photo);
    const double best = *std::max_element(map.scores.begin(), map.scores.end());
    for (int y = 0; y < photo.height(); ++y) {
        for (int x = 0; x < photo.width(); ++x) {
            const int row = std::clamp((y - 8) / ffr::kHogCell, 0, map.rows - 1);
            const int column = std::clamp((x - 8) / ffr::kHogCell, 0, map.columns - 1);
            const double heat = best > 0 ? std::max(0.0, map.at(row, column) / best) : 0.0;
            std::uint8_t* pixel = picture.row(y) + 3 * x;
            const double gray = (pixel[0] + pixel[1] + pixel[2]) / 6.0;
            pixel[0] = static_cast<std::uint8_t>(std::min(255.0, gray + 255 * heat * heat));
            pixel[1] = static_cast<std::uint8_t>(gray * (1 - heat) + 160 * std::max(0.0, heat - 0.6));
            pixel[2] = static_cast<std::uint8_t>(gray * (1 - heat));
        }
    }
    return picture;
}

int main(int argc, char** argv) try {
    if (argc != 5) return std::cerr << "usage: 03_slide_a_filter WEIGHTS PHOTO FILTER_PICTURE HEAT_PICTURE\n", 2;
    const auto weights = ffr::WeightsFile::open(ffr::find_weights("hog_frontal.ffr", argv[1]));
    const auto detector = ffr::FaceDetector::load(weights);
    const ffr::HogFeatures filter = detector.view_filter(0);
    const ffr::Image photo = ffr::read_image(argv[2]);
    const ffr::HogFeatures features = ffr::extract_hog(photo);
    if (features.rows() == 0 || features.columns() == 0) throw ffr::InvalidArgument("the photo is too small");

    ScoreMap map = slide(features, filter);
    const auto best = static_cast<int>(std::max_element(map.scores.begin(), map.scores.end()) - map.scores.begin());
    const int row = best / map.columns, column = best % map.columns;
    std::cout << map.rows << " x " << map.columns << " windows of " << kFilter * kFilter * ffr::kHogPlanes
              << " weights\n"
              << std::fixed << std::setprecision(2) << "scores from "
              << *std::min_element(map.scores.begin(), map.scores.end()) << " to " << map.at(row, column)
              << ", the best at "
              << "pixel (" << 8 * column + 12 << ", " << 8 * row + 12 << ")\nscores around it:\n";
    for (int y = std::max(row - 2, 0); y <= std::min(row + 2, map.rows - 1); ++y) {
        for (int x = std::max(column - 2, 0); x <= std::min(column + 2, map.columns - 1); ++x) {
            std::cout << std::setw(8) << map.at(y, x);
        }
        std::cout << '\n';
    }
    // The library searches all scales with five filters, and can tell what its best window looked like.
    if (const auto window = detector.best_window(photo)) {
        const int view = window->detection.view;
        const auto thresholds = weights.finite_tensor<double>("thresholds", {ffr::WeightsFile::kAny});
        const double threshold = thresholds[static_cast<std::size_t>(view)];
        const double ours = score_at(window->features, detector.view_filter(view), 0, 0) - threshold;
        std::cout << "the library's best window, of filter " << view << " on level " << window->level << ", lies "
                  << window->detection.score << " above the filter's threshold of " << threshold << "; ours " << ours
                  << '\n';
    }
    ffr::write_image(argv[3], ffr::hog_picture(filter, 32));
    ffr::write_image(argv[4], heat_map(photo, map));
} catch (const std::exception& error) {
    return std::cerr << error.what() << '\n', 1;
}
