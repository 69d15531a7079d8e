// Finds faces of all sizes: slides the filters over a pyramid of ever smaller copies of the photo, and keeps the best of the
// windows that overlap. Draws all windows, and what's left of them.

#include <ffr/ffr.hpp>

#include <algorithm>
#include <iomanip>
#include <iostream>
#include <vector>

/// A window of the pyramid whose score is above the filter's threshold.
struct Window {
    ffr::Rect box;
    double score;
    int level;
};

/// A filter as a weight for each feature of 10 x 10 cells, and what a face has to score.
struct Filter {
    ffr::HogFeatures weights;
    double threshold;
};

double score_at(const ffr::HogFeatures& features, const ffr::HogFeatures& filter, int row, int column) {
    double sum = 0;
    for (int plane = 0; plane < ffr::kHogPlanes; ++plane) {
        for (int y = std::max(0, -row); y < 10 && row + y < features.rows(); ++y) {
            for (int x = std::max(0, -column); x < 10 && column + x < features.columns(); ++x) {
                sum += static_cast<double>(features.at(plane, row + y, column + x)) * filter.at(plane, y, x);
            }
        }
    }
    return sum;
}

/// All windows above threshold on all levels. Each level is 5/6 as wide and high as the one before.
std::vector<Window> search_pyramid(const ffr::Image& photo, const std::vector<Filter>& filters) {
    std::vector<Window> found;
    ffr::Image level = photo;
    const int levels = ffr::pyramid_levels(photo.width(), photo.height());
    for (int i = 0; i < levels; ++i) {
        if (i > 0) level = ffr::pyramid_down(level);
        const ffr::HogFeatures features = ffr::extract_hog(level);
        for (const Filter& filter : filters) {
            for (int row = 0; row < features.rows(); ++row) {
                for (int column = 0; column < features.columns(); ++column) {
                    const double score = score_at(features, filter.weights, row - 4, column - 4) - filter.threshold;
                    if (score >= 0) found.push_back({ffr::detail::window_box(i, row, column), score, i});
                }
            }
        }
        std::cout << "level " << i << ": " << level.width() << " x " << level.height() << " pixels, "
                  << std::count_if(found.begin(), found.end(), [&](const Window& w) { return w.level == i; })
                  << " windows\n";
    }
    return found;
}

/// Intersection over union.
double overlap(const ffr::Rect& a, const ffr::Rect& b) {
    const ffr::Rect both{std::max(a.left, b.left), std::max(a.top, b.top), std::min(a.right, b.right),
                         std::min(a.bottom, b.bottom)};
    const auto shared = static_cast<double>(both.area());
    return shared / (static_cast<double>(a.area()) + static_cast<double>(b.area()) - shared);
}

/// Keeps a window unless it overlaps a better one that was kept.
std::vector<Window> suppress(std::vector<Window> windows) {
    std::sort(windows.begin(), windows.end(), [](const Window& a, const Window& b) { return a.score > b.score; });
    std::vector<Window> kept;
    for (const Window& window : windows) {
        const auto hides = [&](const Window& better) { return overlap(better.box, window.box) > 0.3; };
        if (std::none_of(kept.begin(), kept.end(), hides)) kept.push_back(window);
    }
    return kept;
}

int main(int argc, char** argv) try {
    if (argc != 4) return std::cerr << "usage: 04_detections WEIGHTS PHOTO PICTURE\n", 2;
    const auto weights = ffr::WeightsFile::open(ffr::find_weights("hog_frontal.ffr", argv[1]));
    const auto detector = ffr::FaceDetector::load(weights);
    const auto thresholds = weights.finite_tensor<double>("thresholds", {ffr::WeightsFile::kAny});
    std::vector<Filter> filters;
    for (int view = 0; view < detector.views(); ++view) {
        filters.push_back({detector.view_filter(view), thresholds[static_cast<std::size_t>(view)]});
    }

    const ffr::Image photo = ffr::read_image(argv[2]);
    const std::vector<Window> windows = search_pyramid(photo, filters);
    ffr::Image picture = ffr::to_rgb(photo);
    for (const Window& window : windows) ffr::draw_box(picture, window.box, {255, 200, 0});
    std::cout << std::fixed << std::setprecision(2);
    for (const Window& face : suppress(windows)) {
        std::cout << "face at " << face.box << ", score " << face.score << ", level " << face.level << '\n';
        ffr::draw_box(picture, face.box, {255, 255, 255}, 3);
    }
    for (const ffr::Detection& face : detector.detect(photo)) {
        std::cout << "the library: " << face.box << ", score " << face.score << '\n';
    }
    ffr::write_image(argv[3], picture);
} catch (const std::exception& error) {
    return std::cerr << error.what() << '\n', 1;
}
