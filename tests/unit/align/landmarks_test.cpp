#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <string>
#include <thread>
#include <vector>

#include "ffr/align/landmarks.hpp"
#include "ffr/base/weights_writer.hpp"
#include "noise.hpp"

using namespace ffr;

namespace {

constexpr int kLow = std::numeric_limits<int>::min(), kHigh = std::numeric_limits<int>::max();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

/// A model by hand: two points, one cascade, one tree with one question. It reads one pixel at each point and takes the
/// first leaf when the first is brighter than the second by more than 10.
struct Tables {
    std::string kind = "landmarks";
    std::size_t cascades = 1, pixels = 2, trees = 1, splits = 1, points = 2;
    std::vector<float> mean_shape{0.25f, 0.5f, 0.75f, 0.5f};
    std::vector<std::uint16_t> anchors{0, 1};
    std::vector<float> offsets{0, 0, 0, 0};
    std::vector<std::uint16_t> split_pixels{0, 1};
    std::vector<std::int16_t> thresholds{10};
    std::vector<int> steps{1, -2, 3, 7, -1, 2, -8, 0};  // two leaves
    float step_size = 1 / 16.0f;
    std::string coding = "float32";

    template <typename Step>
    void add_steps(WeightsWriter& out) const {
        const std::size_t leaves = splits + 1;
        out.add("leaves/0/" + coding, {trees, leaves, 2 * points}, std::vector<Step>(steps.begin(), steps.end()));
        out.add("leaves/0/step_size", {trees, leaves}, std::vector<float>(trees * leaves, step_size));
    }

    void add_leaves(WeightsWriter& out) const {
        if (coding == "int16") return add_steps<std::int16_t>(out);
        if (coding == "int8") return add_steps<std::int8_t>(out);
        if (coding == "nibbles") {
            std::vector<std::int8_t> packed;
            for (std::size_t i = 0; i < steps.size(); i += 2) {
                packed.push_back(static_cast<std::int8_t>((steps[i] + 8) | (steps[i + 1] + 8) << 4));
            }
            out.add("leaves/0/nibbles", {trees, splits + 1, points}, packed);
            return out.add("leaves/0/step_size", {trees, splits + 1},
                           std::vector<float>(trees * (splits + 1), step_size));
        }
        std::vector<float> shifts;
        for (const int step : steps) shifts.push_back(step_size * static_cast<float>(step));
        out.add("leaves/0/" + coding, {trees, splits + 1, 2 * points}, shifts);
    }

    std::vector<unsigned char> bytes() const {
        WeightsWriter out(kind);
        out.add("mean_shape", {points, 2}, mean_shape);
        out.add("pixels/anchor", {cascades, pixels}, anchors);
        out.add("pixels/offset", {cascades, pixels, 2}, offsets);
        out.add("splits/pixels", {cascades, trees, splits, 2}, split_pixels);
        out.add("splits/threshold", {cascades, trees, splits}, thresholds);
        if (cascades > 0) add_leaves(out);
        return out.bytes();
    }
};

/// A predictor and the bytes that it reads from.
struct Model {
    std::vector<unsigned char> bytes;
    LandmarkPredictor predictor;

    explicit Model(const Tables& tables)
        : bytes(tables.bytes()),
          predictor(LandmarkPredictor::load(WeightsFile::from_memory(bytes.data(), bytes.size(), "memory"))) {}
};

std::string load_error(const Tables& tables) {
    const std::vector<unsigned char> bytes = tables.bytes();
    try {
        LandmarkPredictor::load(WeightsFile::from_memory(bytes.data(), bytes.size(), "lies.ffr"));
    } catch (const FormatError& error) {
        return error.what();
    }
    return "";
}

/// 9 x 9 pixels, gray or colour: the left half has the first brightness, the right one the second.
Image halves(int left, int right, int channels) {
    Image image(9, 9, channels);
    for (int y = 0; y < 9; ++y) {
        for (int i = 0; i < 9 * channels; ++i) {
            image.row(y)[i] = static_cast<std::uint8_t>(i / channels < 4 ? left : right);
        }
    }
    return image;
}

constexpr Rect kWhole{0, 0, 8, 8};

LandmarkPredictor shipped(const std::string& name) {
    return LandmarkPredictor::load(WeightsFile::open(std::filesystem::path(FFR_WEIGHTS_DIR) / name));
}

bool contains(const std::string& whole, const std::string& part) {
    return whole.find(part) != std::string::npos;
}

bool same(const Landmarks& a, const Landmarks& b) {
    if (a.points != b.points || a.subpixel.size() != b.subpixel.size()) return false;
    for (std::size_t i = 0; i < a.subpixel.size(); ++i) {
        if (a.subpixel[i].x != b.subpixel[i].x || a.subpixel[i].y != b.subpixel[i].y) return false;
    }
    return true;
}

}  // namespace

TEST_CASE("a tree of one question goes to the leaf that the pixels say, in every coding") {
    for (const char* const coding : {"float32", "int16", "int8", "nibbles"}) {
        CAPTURE(coding);
        Tables tables;
        tables.coding = coding;
        const Model model(tables);
        REQUIRE(model.predictor.point_count() == 2);
        for (const int channels : {1, 3}) {
            // Steps of 1/16 of a box whose sides are 8 long: half a pixel each. The points begin at (2, 4), (6, 4).
            const Landmarks first = model.predictor.predict(halves(111, 100, channels), kWhole);
            REQUIRE(first.points.size() == 2);
            CHECK(first.subpixel[0].x == 2.5);
            CHECK(first.subpixel[0].y == 3);
            CHECK(first.subpixel[1].x == 7.5);
            CHECK(first.subpixel[1].y == 7.5);
            CHECK((first.points == std::vector<Point>{{3, 3}, {8, 8}}));                           // halves upwards
            const Landmarks second = model.predictor.predict(halves(110, 100, channels), kWhole);  // not more than 10
            CHECK(second.subpixel[0].x == 1.5);
            CHECK(second.subpixel[0].y == 5);
            CHECK(second.subpixel[1].x == 2);
            CHECK(second.subpixel[1].y == 4);
        }
    }
}

TEST_CASE("whole steps reach as far as their type does") {
    Tables tables;
    tables.steps = {32767, -32768, 0, 1, 0, 0, 0, 0};
    tables.step_size = std::ldexp(1.0f, -15);
    tables.coding = "int16";
    const Landmarks wide = Model(tables).predictor.predict(halves(200, 0, 1), kWhole);
    CHECK(wide.subpixel[0].x == 2 + 8 * (32767 / 32768.0));
    CHECK(wide.subpixel[0].y == -4);
    tables.steps = {127, -128, 0, 1, 0, 0, 0, 0};
    tables.step_size = std::ldexp(1.0f, -7);
    tables.coding = "int8";
    const Landmarks narrow = Model(tables).predictor.predict(halves(200, 0, 1), kWhole);
    CHECK(narrow.subpixel[0].x == 2 + 8 * (127 / 128.0));
    CHECK(narrow.subpixel[0].y == -4);
}

TEST_CASE("colour counts by the plain mean of its channels, rounded down; outside of the image is black") {
    Image image(2, 1, 3);
    image.pixels() = {255, 0, 1, 10, 10, 12};
    CHECK(detail::brightness(image, 0, 0) == 85);
    CHECK(detail::brightness(image, 0.5, 0) == 10);  // halves upwards
    CHECK(detail::brightness(image, 0.49, -0.5) == 85);
    CHECK(detail::brightness(image, -0.51, 0) == 0);
    CHECK(detail::brightness(image, 1.5, 0) == 0);
    CHECK(detail::brightness(image, 0, 0.5) == 0);
    for (const double far : {1e30, -1e30, 2147483648.0, std::nan(""), std::numeric_limits<double>::infinity()}) {
        CHECK(detail::brightness(image, far, 0) == 0);
        CHECK(detail::brightness(image, 0, far) == 0);
    }
}

TEST_CASE("a box that's outside, inverted, flat or at the ends of int is no reason to crash") {
    const std::vector<Rect> boxes{{1000, 1000, 1100, 1100},
                                  {-500, -500, -400, -400},
                                  {80, 80, 20, 20},
                                  {},
                                  {40, 40, 40, 40},
                                  {40, 10, 40, 90},
                                  {10, 40, 90, 40},
                                  {kLow, kLow, kHigh, kHigh},
                                  {kHigh, kHigh, kLow, kLow},
                                  {kHigh, kHigh, kHigh, kHigh},
                                  {kLow, kLow, kLow, kLow},
                                  {kLow, 0, kLow + 1, 100},
                                  {0, kHigh - 100, 100, kHigh}};
    const LandmarkPredictor predictor68 = shipped("landmarks68.ffr"), predictor5 = shipped("landmarks5.ffr");
    CHECK(predictor68.point_count() == 68);
    CHECK(predictor5.point_count() == 5);
    for (const Image& image : {noise(100, 100, 3, 7), noise(1, 1, 1, 7), noise(1, 77, 3, 7)}) {
        for (const Rect& box : boxes) {
            CAPTURE(box);
            for (const LandmarkPredictor* const predictor : {&predictor68, &predictor5}) {
                const Landmarks found = predictor->predict(image, box);
                CHECK(found.points.size() == predictor->point_count());
                CHECK(found.subpixel.size() == predictor->point_count());
                for (const PointF& point : found.subpixel) CHECK((std::isfinite(point.x) && std::isfinite(point.y)));
            }
        }
    }
}

TEST_CASE("outside of the image all is black, so the box alone says where the points are") {
    const LandmarkPredictor predictor = shipped("landmarks5.ffr");
    const Landmarks a = predictor.predict(noise(50, 50, 3, 7), {1000, 2000, 1100, 2100});
    const Landmarks b = predictor.predict(noise(20, 30, 1, 7), {-9000, -8000, -8900, -7900});
    for (std::size_t i = 0; i < 5; ++i) {
        CHECK(a.points[i].x - 1000 == b.points[i].x + 9000);
        CHECK(a.points[i].y - 2000 == b.points[i].y + 8000);
    }
}

TEST_CASE("no image is refused") {
    CHECK_THROWS_AS(Model(Tables{}).predictor.predict(Image(), kWhole), InvalidArgument);
}

TEST_CASE("many threads on one predictor, and copies of it, find what one finds") {
    const LandmarkPredictor predictor = shipped("landmarks68.ffr");
    const Image image = noise(200, 200, 3, 7);
    const Landmarks expected = predictor.predict(image, {20, 30, 150, 160});
    std::vector<Landmarks> found(8);
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < found.size(); ++i) {
        threads.emplace_back([&, i] {
            const LandmarkPredictor copy = predictor;
            found[i] = (i % 2 == 0 ? predictor : copy).predict(image, {20, 30, 150, 160});
        });
    }
    for (std::thread& thread : threads) thread.join();
    for (const Landmarks& landmarks : found) CHECK(same(landmarks, expected));
}

TEST_CASE("a model of one point, without trees, or of leaves only works") {
    Tables one;
    one.points = 1;
    one.mean_shape = {0.5f, 0.5f};
    one.anchors = {0, 0};
    one.steps = {1, 2, 3, 4};
    CHECK(Model(one).predictor.predict(halves(200, 0, 1), kWhole).points.size() == 1);
    Tables no_trees;
    no_trees.trees = 0;
    no_trees.split_pixels = {};
    no_trees.thresholds = {};
    no_trees.steps = {};
    CHECK((Model(no_trees).predictor.predict(halves(9, 9, 3), kWhole).points == std::vector<Point>{{2, 4}, {6, 4}}));
    Tables no_splits;
    no_splits.splits = 0;
    no_splits.split_pixels = {};
    no_splits.thresholds = {};
    no_splits.steps = {2, 0, 2, 0};
    CHECK((Model(no_splits).predictor.predict(halves(9, 9, 3), kWhole).points == std::vector<Point>{{3, 4}, {7, 4}}));
}

TEST_CASE("enormous leaves give points at the ends of int, not a crash") {
    Tables tables;
    tables.step_size = 1e28f;
    CHECK(Model(tables).predictor.predict(halves(200, 0, 1), kWhole).points[0] == Point{kHigh, kLow});
}

TEST_CASE("a file whose tables lie is refused by name") {
    const Tables good;
    CHECK(load_error(good) == "");
    const auto error = [&](auto alter) {
        Tables tables = good;
        alter(tables);
        const std::string text = load_error(tables);
        CHECK(text.rfind("lies.ffr: ", 0) == 0);
        return text;
    };
    CHECK(contains(error([](Tables& t) { t.kind = "resnet29"; }), "holds 'resnet29', not 'landmarks'"));
    CHECK(contains(error([](Tables& t) {
                       const std::size_t times = 1001 / t.cascades + 1;
                       t.cascades *= times;
                       t.anchors.resize(times * t.anchors.size());
                       t.offsets.resize(times * t.offsets.size());
                       t.split_pixels.resize(times * t.split_pixels.size());
                       t.thresholds.resize(times * t.thresholds.size());
                   }),
                   "has more than 1000 cascades"));
    CHECK(contains(error([](Tables& t) { t.anchors = {0, 2}; }), "anchored to a point that doesn't exist"));
    CHECK(contains(error([](Tables& t) { t.anchors = {65535, 0}; }), "anchored to a point that doesn't exist"));
    CHECK(contains(error([](Tables& t) { t.split_pixels = {0, 2}; }), "asks for a pixel that doesn't exist"));
    CHECK(contains(error([](Tables& t) { t.mean_shape[1] = kNan; }), "isn't finite"));
    CHECK(contains(error([](Tables& t) { t.mean_shape[3] = std::numeric_limits<float>::infinity(); }), "isn't finite"));
    CHECK(contains(error([](Tables& t) { t.offsets[2] = kNan; }), "isn't finite"));
    CHECK(contains(error([](Tables& t) { t.step_size = kNan; }), "'leaves/0/float32' has a value that isn't finite"));
    CHECK(contains(error([](Tables& t) {
                       t.coding = "int8";
                       t.step_size = std::numeric_limits<float>::infinity();
                   }),
                   "'leaves/0/step_size' has a value that isn't finite"));
    CHECK(contains(error([](Tables& t) { t.mean_shape = {0.1f, 0.7f, 0.1f, 0.7f}; }), "the mean shape are the same"));
    CHECK(contains(error([](Tables& t) {
                       t.points = 0;
                       t.mean_shape = {};
                       t.steps = {};
                   }),
                   "at least one point"));
    CHECK(contains(error([](Tables& t) {
                       t.splits = 2;
                       t.split_pixels = {0, 1, 1, 0};
                       t.thresholds = {1, 2};
                       t.steps.resize(12);
                   }),
                   "power of two less one"));
    CHECK(contains(error([](Tables& t) {
                       t.pixels = 0;
                       t.anchors = {};
                       t.offsets = {};
                   }),
                   "asks for a pixel that doesn't exist"));
    CHECK(contains(error([](Tables& t) { t.coding = "float64"; }), "has no tensor 'leaves/0/float32'"));
}

// Without cascades the number of pixels is no tensor's size and so can be anything: predict would have asked for that
// much memory.
TEST_CASE("a file without cascades is refused, however many pixels they'd have") {
    for (const std::size_t pixels : {std::size_t{0}, std::numeric_limits<std::size_t>::max() / 16}) {
        Tables tables;
        tables.cascades = 0;
        tables.pixels = pixels;
        tables.anchors = tables.split_pixels = {};
        tables.offsets = {};
        tables.thresholds = {};
        CHECK(load_error(tables) == "lies.ffr: a predictor needs at least one cascade");
    }
}

TEST_CASE("tables of other shapes are refused by name") {
    // Each of the tensors in turn with an extent that doesn't fit the others.
    const std::vector<std::string> names{"mean_shape",       "pixels/anchor",    "pixels/offset",     "splits/pixels",
                                         "splits/threshold", "leaves/0/float32", "leaves/0/step_size"};
    for (const std::string& wrong : names) {
        CAPTURE(wrong);
        const bool stepped = wrong == "leaves/0/step_size";
        WeightsWriter out("landmarks");
        const auto add = [&](const std::string& name, std::vector<std::size_t> shape, auto values) {
            if (name == wrong) {
                shape.push_back(1);
                if (shape.size() > 4) shape = {values.size()};
            }
            out.add(name, shape, values);
        };
        add("mean_shape", {2, 2}, std::vector<float>{0, 0, 1, 1});
        add("pixels/anchor", {1, 2}, std::vector<std::uint16_t>{0, 1});
        add("pixels/offset", {1, 2, 2}, std::vector<float>(4));
        add("splits/pixels", {1, 1, 1, 2}, std::vector<std::uint16_t>{0, 1});
        add("splits/threshold", {1, 1, 1}, std::vector<std::int16_t>{0});
        if (stepped) {
            add("leaves/0/int8", {1, 2, 4}, std::vector<std::int8_t>(8));
            add("leaves/0/step_size", {1, 2}, std::vector<float>(2));
        } else {
            add("leaves/0/float32", {1, 2, 4}, std::vector<float>(8));
        }
        const std::vector<unsigned char> bytes = out.bytes();
        std::string text;
        try {
            LandmarkPredictor::load(WeightsFile::from_memory(bytes.data(), bytes.size(), "lies.ffr"));
        } catch (const FormatError& error) {
            text = error.what();
        }
        CHECK(contains(text, "lies.ffr: tensor '" + wrong + "' has shape"));
    }
}
