#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <limits>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "ffr/base/weights_writer.hpp"
#include "ffr/detect/face_detector.hpp"
#include "ffr/image/image_io.hpp"
#include "noise.hpp"

using namespace ffr;

namespace {

WeightsFile shipped() {
    return WeightsFile::open(std::filesystem::path(FFR_WEIGHTS_DIR) / "hog_frontal.ffr");
}

Image picture(const std::string& name) {
    return read_image(std::filesystem::path(FFR_TEST_DIR) / "golden" / "images" / (name + ".png"));
}

/// The picture on black with a margin on all sides.
Image padded(const Image& image, int left, int top, int right, int bottom) {
    Image out(image.width() + left + right, image.height() + top + bottom, image.channels());
    for (int y = 0; y < image.height(); ++y) {
        for (int i = 0; i < image.width() * image.channels(); ++i) {
            out.row(y + top)[left * image.channels() + i] = image.row(y)[i];
        }
    }
    return out;
}

bool same(const std::vector<Detection>& a, const std::vector<Detection>& b) {
    if (a.size() != b.size()) return false;
    for (std::size_t i = 0; i < a.size(); ++i) {
        if (a[i].box != b[i].box || a[i].score != b[i].score || a[i].view != b[i].view) return false;
    }
    return true;
}

/// A detector file with pairs of the filters and planes given, all taps 0 but for the middle one, which is `tap`.
struct Tables {
    std::string kind = "hog_detector";
    std::vector<double> thresholds{-1};
    std::vector<std::uint16_t> filter{0}, plane{0};
    std::vector<double> overlap{0.3, 0.5};
    float tap = 0;

    std::vector<unsigned char> bytes() const {
        WeightsWriter out(kind);
        std::vector<float> taps(filter.size() * 10, 0.0f);
        for (std::size_t i = 4; i < taps.size(); i += 10) taps[i] = tap;
        out.add("thresholds", {thresholds.size()}, thresholds);
        out.add("pairs/filter", {filter.size()}, filter);
        out.add("pairs/plane", {plane.size()}, plane);
        out.add("pairs/column", {filter.size(), 10}, taps);
        out.add("pairs/row", {filter.size(), 10}, taps);
        out.add("overlap", {overlap.size()}, overlap);
        return out.bytes();
    }
};

std::string load_error(const std::vector<unsigned char>& bytes) {
    try {
        FaceDetector::load(WeightsFile::from_memory(bytes.data(), bytes.size(), "lies.ffr"));
    } catch (const FormatError& error) {
        return error.what();
    }
    return "";
}

FaceDetector detector_of(const Tables& tables) {
    const std::vector<unsigned char> bytes = tables.bytes();
    return FaceDetector::load(WeightsFile::from_memory(bytes.data(), bytes.size(), "memory"));
}

bool contains(const std::string& whole, const std::string& part) {
    return whole.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("a face moves with the picture that it's in") {
    const FaceDetector detector = FaceDetector::load(shipped());
    const Image image = picture("portrait");
    const std::vector<Detection> faces = detector.detect(image);
    REQUIRE(faces.size() == 1);
    for (const auto& margin : {std::pair{0, 0}, std::pair{48, 0}, std::pair{0, 72}, std::pair{37, 91}}) {
        const int left = margin.first, top = margin.second;
        CAPTURE(left);
        CAPTURE(top);
        const std::vector<Detection> moved = detector.detect(padded(image, left, top, 24, 40));
        REQUIRE(moved.size() == 1);
        // The windows stand on a grid of 8 pixels of their level: that much and its pyramid step may be off.
        const auto step = 0.2 * static_cast<double>(faces[0].box.width());
        CHECK(std::abs(moved[0].box.left - faces[0].box.left - left) <= step);
        CHECK(std::abs(moved[0].box.top - faces[0].box.top - top) <= step);
        CHECK(std::abs(moved[0].box.right - faces[0].box.right - left) <= step);
        CHECK(std::abs(moved[0].box.bottom - faces[0].box.bottom - top) <= step);
    }
}

TEST_CASE("a face upside down isn't an upright face") {
    const FaceDetector detector = FaceDetector::load(shipped());
    const Image image = picture("portrait");
    Image turned(image.width(), image.height(), image.channels());
    for (int y = 0; y < image.height(); ++y) {
        for (int i = 0; i < image.width() * image.channels(); ++i) {
            turned.row(image.height() - 1 - y)[i] = image.row(y)[i];
        }
    }
    CHECK(detector.detect(turned).empty());
}

TEST_CASE("gray, colour with equal channels and a view with gaps give the same faces") {
    const FaceDetector detector = FaceDetector::load(shipped());
    const Image gray = picture("gray");
    REQUIRE(gray.channels() == 1);
    Image rgb(gray.width(), gray.height(), 3);
    for (std::size_t i = 0; i < rgb.pixels().size(); ++i) rgb.pixels()[i] = gray.pixels()[i / 3];
    const Image framed = padded(gray, 5, 3, 2, 1);
    const std::vector<Detection> faces = detector.detect(gray);
    CHECK(faces.size() == 1);
    // Gray is rounded in the pyramid, colour truncated: scores differ a little.
    const std::vector<Detection> in_colour = detector.detect(rgb);
    REQUIRE(in_colour.size() == 1);
    CHECK(std::abs(in_colour[0].box.left - faces[0].box.left) <= 30);
    CHECK(same(detector.detect(ImageView{framed.row(3) + 5, gray.width(), gray.height(), 1, framed.width()}), faces));
}

TEST_CASE("tiny, thin and flat images have no faces") {
    const FaceDetector detector = FaceDetector::load(shipped());
    for (const int channels : {1, 3}) {
        for (const auto& size :
             {std::pair{1, 1}, std::pair{1, 300}, std::pair{300, 1}, std::pair{10000, 1}, std::pair{1, 10000},
              std::pair{2, 2}, std::pair{19, 19}, std::pair{20, 20}, std::pair{63, 63}, std::pair{64, 64},
              std::pair{79, 79}, std::pair{3000, 21}, std::pair{21, 3000}}) {
            const int width = size.first, height = size.second;
            CAPTURE(width);
            CAPTURE(height);
            CHECK(detector.detect(Image(width, height, channels)).empty());
            CHECK(detector.detect(noise(width, height, channels, 99)).empty());
        }
        for (const auto& size : {std::pair{1, 1}, std::pair{1, 100}, std::pair{100, 1}, std::pair{5, 7}}) {
            const int width = size.first, height = size.second;
            CAPTURE(width);
            DetectOptions options;
            options.upsample = 4;
            CHECK(detector.detect(noise(width, height, channels, 99), options).empty());
        }
        CHECK(detector.detect(noise(400, 300, channels, 99)).empty());
    }
}

TEST_CASE("no image and doublings out of range are refused") {
    const FaceDetector detector = FaceDetector::load(shipped());
    CHECK_THROWS_AS(detector.detect(Image()), InvalidArgument);
    CHECK_THROWS_AS(detector.detect(Image(0, 100, 3)), InvalidArgument);
    for (const int upsample : {-1, 5, std::numeric_limits<int>::max(), std::numeric_limits<int>::min()}) {
        DetectOptions options;
        options.upsample = upsample;
        CHECK_THROWS_WITH_AS(detector.detect(Image(9, 9, 1), options),
                             ("upsample must be 0..4, not " + std::to_string(upsample)).c_str(), InvalidArgument);
    }
}

TEST_CASE("doubling may not make more pixels than the limit") {
    const FaceDetector detector = FaceDetector::load(shipped());
    // A row of pixels seen as many rows: nothing is read before the refusal.
    const std::vector<std::uint8_t> row(8);
    const ImageView tall{row.data(), 8, 2'000'000, 1, 0};
    DetectOptions options;
    options.upsample = 3;
    CHECK_THROWS_AS(detector.detect(tall, options), InvalidArgument);
}

TEST_CASE("a threshold that nothing reaches, or that isn't a number, gives nothing") {
    const FaceDetector detector = FaceDetector::load(shipped());
    const Image image = picture("window_80x80");
    for (const double threshold : {1e9, std::numeric_limits<double>::infinity(), std::nan("")}) {
        DetectOptions options;
        options.threshold = threshold;
        CHECK(detector.detect(image, options).empty());
    }
    DetectOptions everything;
    everything.threshold = -std::numeric_limits<double>::infinity();
    const std::vector<Detection> all = detector.detect(image, everything);
    CHECK(!all.empty());
    for (std::size_t i = 1; i < all.size(); ++i) CHECK(all[i - 1].score >= all[i].score);
}

TEST_CASE("a lower threshold adds faces behind those of a higher one") {
    const FaceDetector detector = FaceDetector::load(shipped());
    const Image image = picture("crowd");
    std::vector<Detection> before;
    for (const double threshold : {1.0, 0.0, -0.3, -0.6, -0.9}) {
        CAPTURE(threshold);
        DetectOptions options;
        options.threshold = threshold;
        std::vector<Detection> faces = detector.detect(image, options);
        REQUIRE(faces.size() >= before.size());
        for (const Detection& face : faces) CHECK(face.score >= threshold);
        CHECK(same({faces.begin(), faces.begin() + static_cast<std::ptrdiff_t>(before.size())}, before));
        before = std::move(faces);
    }
    CHECK(before.size() > 5);
}

TEST_CASE("no two boxes that are left overlap, and the best of all is among them") {
    const WeightsFile file = shipped();
    const auto overlap = file.tensor<double>("overlap", {2});
    DetectOptions options;
    options.threshold = -0.9;
    const std::vector<Detection> faces = FaceDetector::load(file).detect(picture("crowd"), options);
    REQUIRE(faces.size() > 5);
    for (std::size_t i = 0; i < faces.size(); ++i) {
        for (std::size_t k = i + 1; k < faces.size(); ++k) {
            CHECK_FALSE(detail::overlaps(faces[i].box, faces[k].box, overlap[0], overlap[1]));
        }
    }
}

TEST_CASE("boxes overlap by a share of both, or by covering one") {
    const Rect box{0, 0, 9, 9};
    CHECK(detail::overlaps(box, box, 0.5, 0.9));
    CHECK(detail::overlaps(box, {2, 2, 4, 4}, 0.5, 0.9));  // covered
    CHECK_FALSE(detail::overlaps(box, {2, 2, 4, 4}, 0.5, 1.0));
    CHECK_FALSE(detail::overlaps(box, {5, 0, 14, 9}, 0.4, 0.6));
    CHECK(detail::overlaps(box, {5, 0, 14, 9}, 0.3, 0.6));
    CHECK_FALSE(detail::overlaps(box, {10, 0, 19, 9}, 0, 0));
    CHECK_FALSE(detail::overlaps(box, {}, 0, 0));
    CHECK_FALSE(detail::overlaps({}, {}, 0, 0));
}

TEST_CASE("columns times rows score like the filters they were taken from") {
    const WeightsFile file = shipped();
    const auto weights = file.tensor<double>("filters", {5, kHogPlanes, 10, 10});
    const auto filter = file.tensor<std::uint16_t>("pairs/filter", {WeightsFile::kAny});
    const auto plane = file.tensor<std::uint16_t>("pairs/plane", {filter.size()});
    const auto column = file.tensor<float>("pairs/column", {filter.size(), 10});
    const auto row = file.tensor<float>("pairs/row", {filter.size(), 10});
    std::vector<detail::SlidingFilter> filters(5);
    for (std::size_t i = 0; i < filter.size(); ++i) {
        detail::SeparablePair pair{plane[i], {}, {}};
        for (std::size_t k = 0; k < 10; ++k) {
            pair.column[k] = column[10 * i + k];
            pair.row[k] = row[10 * i + k];
        }
        filters[filter[i]].pairs.push_back(pair);
    }
    // The second level of a photo that has a face in it: its size isn't a multiple of anything.
    const HogFeatures features = extract_hog(pyramid_down(picture("odd_size")));
    double largest = 0, highest = -100;
    for (std::size_t k = 0; k < 5; ++k) {
        for (int y = 0; y < features.rows(); ++y) {
            for (int x = 0; x < features.columns(); ++x) {
                double score = 0;
                const double* weight = weights.data + k * 3100;
                for (int p = 0; p < kHogPlanes; ++p) {
                    for (int r = y - 4; r < y + 6; ++r) {
                        for (int c = x - 4; c < x + 6; ++c, ++weight) {
                            const bool inside = r >= 0 && r < features.rows() && c >= 0 && c < features.columns();
                            if (inside) score += *weight * static_cast<double>(features.at(p, r, c));
                        }
                    }
                }
                const double separable = detail::plain_score(features, filters[k], y, x);
                largest = std::max(largest, std::fabs(separable - score));
                highest = std::max(highest, score);
            }
        }
    }
    CHECK(largest < 1e-5);
    CHECK(highest > 0);
}

TEST_CASE("a window's box is found at its place in the picture") {
    CHECK(detail::window_box(0, 4, 4) == Rect{13, 13, 85, 85});
    CHECK(detail::window_box(0, 4, 10) == Rect{61, 13, 133, 85});
    CHECK(detail::window_box(0, 4, 10).width() == 73);
    CHECK(detail::window_box(0, 0, 0) == Rect{-27, -27, 53, 53});  // 81 wide near the border
    const Rect deep = detail::window_box(60, 5, 5);
    CHECK(deep.width() > 73 * 1000);
}

TEST_CASE("threads that share an image find what one finds, and a workspace can be used again") {
    const FaceDetector detector = FaceDetector::load(shipped());
    DetectOptions options;
    options.threshold = -0.5;
    for (const int threads : {1, 2, 3, 16}) {
        CAPTURE(threads);
        Workspace workspace(threads);
        for (const char* const name : {"wide", "portrait", "gray", "below_window_63x63", "pixel_1x1", "wide"}) {
            CAPTURE(std::string(name));
            for (options.upsample = 0; options.upsample <= 1; ++options.upsample) {
                CHECK(
                    same(detector.detect(picture(name), options, workspace), detector.detect(picture(name), options)));
            }
        }
    }
}

TEST_CASE("the search takes at most seven bytes a pixel") {
    const FaceDetector detector = FaceDetector::load(shipped());
    for (const auto& size : {std::pair{512, 512}, std::pair{1920, 1080}, std::pair{333, 777}, std::pair{64, 20000},
                             std::pair{20000, 64}}) {
        for (const int channels : {1, 3}) {
            Workspace workspace;
            detector.detect(noise(size.first, size.second, channels, 3), {}, workspace);
            const double pixels = static_cast<double>(size.first) * size.second;
            CAPTURE(size.first);
            CAPTURE(channels);
            CHECK(static_cast<double>(workspace.bytes()) <= 7 * pixels);
        }
    }
}

TEST_CASE("a tall image, which is searched in bands, has the faces of its parts") {
    const FaceDetector detector = FaceDetector::load(shipped());
    const Image image = picture("portrait");
    // A band has 256 rows of cells; the faces lie before, on and behind the border between the first two.
    for (const int top : {1600, 1800, 1880, 1960, 2040, 2100}) {
        CAPTURE(top);
        const int rest = top % 8;  // where the grid's cells begin
        const std::vector<Detection> alone = detector.detect(padded(image, 0, 64 + rest, 0, 64));
        std::vector<Detection> found;
        for (const Detection& face : detector.detect(padded(image, 0, top, 0, 64))) found.push_back(face);
        REQUIRE(alone.size() == 1);
        REQUIRE(found.size() == 1);
        CHECK(std::abs((found[0].box.top - top) - (alone[0].box.top - 64 - rest)) <= 30);
    }
}

TEST_CASE("many threads on one detector find what one finds") {
    const FaceDetector detector = FaceDetector::load(shipped());
    const std::vector<Image> images{picture("portrait"), picture("wide"), picture("gray")};
    std::vector<std::vector<Detection>> expected;
    for (const Image& image : images) expected.push_back(detector.detect(image));
    std::vector<std::vector<Detection>> found(9);
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < found.size(); ++i) {
        threads.emplace_back([&, i] { found[i] = detector.detect(images[i % 3]); });
    }
    for (std::thread& thread : threads) thread.join();
    for (std::size_t i = 0; i < found.size(); ++i) CHECK(same(found[i], expected[i % 3]));
}

TEST_CASE("a detector outlives the file it was loaded from") {
    Tables tables;
    tables.thresholds = {-1};
    const FaceDetector detector = detector_of(tables);
    // All windows score 0 - (-1) = 1: what's left doesn't overlap.
    const std::vector<Detection> faces = detector.detect(Image(100, 100, 1));
    REQUIRE(!faces.empty());
    for (const Detection& face : faces) CHECK(face.score == 1);
}

TEST_CASE("a detector without filters finds nothing") {
    Tables tables;
    tables.thresholds = {};
    tables.filter = tables.plane = {};
    CHECK(detector_of(tables).detect(noise(100, 100, 3, 99)).empty());
}

TEST_CASE("a detector file that lies is refused by name") {
    Tables good;
    CHECK(load_error(good.bytes()) == "");
    Tables tables = good;
    tables.kind = "landmarks";
    CHECK(load_error(tables.bytes()) == "lies.ffr: holds 'landmarks', not 'hog_detector'");
    tables = good;
    tables.filter = {1};
    CHECK(load_error(tables.bytes()) == "lies.ffr: pair 0 isn't in any filter's order");
    tables = good;
    tables.plane = {31};
    CHECK(load_error(tables.bytes()) == "lies.ffr: pair 0 isn't in any filter's order");
    tables = good;
    tables.filter = {0, 0, 0};
    tables.plane = {4, 5, 3};
    CHECK(load_error(tables.bytes()) == "lies.ffr: pair 2 isn't in any filter's order");
    tables = good;
    tables.plane = {0, 1};
    CHECK(contains(load_error(tables.bytes()), "lies.ffr: tensor 'pairs/plane' has shape [2], not [1]"));
    tables = good;
    tables.overlap = {0.3};
    CHECK(contains(load_error(tables.bytes()), "lies.ffr: tensor 'overlap' has shape [1], not [2]"));
    CHECK(contains(load_error(WeightsWriter("hog_detector").bytes()), "lies.ffr: has no tensor 'thresholds'"));
    tables = good;
    tables.thresholds[0] = std::numeric_limits<double>::quiet_NaN();
    CHECK(load_error(tables.bytes()) == "lies.ffr: tensor 'thresholds' has a value that isn't finite");
    tables = good;
    tables.tap = 1e20f;
    CHECK(load_error(tables.bytes()) == "lies.ffr: a filter's weights are so large that a score could overflow");
    tables = good;
    tables.thresholds.resize(65);
    CHECK(load_error(tables.bytes()) == "lies.ffr: has more than 64 filters");
}

TEST_CASE("a view's filter is what its columns and rows were taken from, and scores like them") {
    const WeightsFile file = shipped();
    const FaceDetector detector = FaceDetector::load(file);
    const auto weights = file.tensor<double>("filters", {5, kHogPlanes, 10, 10});
    REQUIRE(detector.views() == 5);
    for (int view = 0; view < detector.views(); ++view) {
        CAPTURE(view);
        const HogFeatures filter = detector.view_filter(view);
        REQUIRE((filter.rows() == 10 && filter.columns() == 10));
        double largest = 0;
        for (std::size_t i = 0; i < 3100; ++i) {
            const double weight = weights.data[static_cast<std::size_t>(view) * 3100 + i];
            largest = std::max(largest, std::fabs(static_cast<double>(filter.plane(0)[i]) - weight));
        }
        CHECK(largest < 1e-6);
    }
    CHECK_THROWS_AS(detector.view_filter(-1), InvalidArgument);
    CHECK_THROWS_AS(detector.view_filter(5), InvalidArgument);
}

TEST_CASE("the best window shows what its filter saw") {
    const WeightsFile file = shipped();
    const FaceDetector detector = FaceDetector::load(file);
    const auto thresholds = file.tensor<double>("thresholds", {5});
    // The last two cut a face off, so that its window hangs over the border.
    const Image odd = picture("odd_size"), portrait = picture("portrait");
    const Rect face = detector.detect(portrait).at(0).box;
    const ImageView from_its_edge{portrait.row(face.top) + face.left * portrait.channels(),
                                  portrait.width() - face.left, portrait.height() - face.top, portrait.channels(),
                                  portrait.view().stride};
    const ImageView to_its_edge{portrait.row(0), face.right, face.bottom, portrait.channels(), portrait.view().stride};
    DetectOptions options;
    options.threshold = -1;
    for (const ImageView image : {odd.view(), portrait.view(), from_its_edge, to_its_edge}) {
        for (options.upsample = 0; options.upsample <= 1; ++options.upsample) {
            CAPTURE(options.upsample);
            const Detection best = detector.detect(image, options).at(0);
            const auto window = detector.best_window(image, options);
            REQUIRE(window);
            CHECK(same({window->detection}, {best}));
            const HogFeatures filter = detector.view_filter(best.view);
            double score = -thresholds[static_cast<std::size_t>(best.view)];
            for (std::size_t i = 0; i < 3100; ++i) {
                score += static_cast<double>(filter.plane(0)[i]) * static_cast<double>(window->features.plane(0)[i]);
            }
            CHECK(std::fabs(score - best.score) < 1e-5);
        }
    }
    CHECK_FALSE(detector.best_window(Image(300, 200, 3)));
    CHECK_FALSE(detector.best_window(Image(1, 1, 1)));
    CHECK_THROWS_AS(detector.best_window(Image()), InvalidArgument);
}
