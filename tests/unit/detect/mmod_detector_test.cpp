#include "ffr/detect/mmod_detector.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "ffr/base/weights_writer.hpp"
#include "ffr/image/image_io.hpp"
#include "noise.hpp"
#include "simd_paths.hpp"

using namespace ffr;

namespace {

WeightsFile shipped() {
    return WeightsFile::open(std::filesystem::path(FFR_WEIGHTS_DIR) / "mmod.ffr");
}

Image picture(const std::string& name) {
    return read_image(std::filesystem::path(FFR_TEST_DIR) / "golden" / "images" / (name + ".png"));
}

template <typename Network>
FeatureMaps scores_of(const Network& network, const Image& image, int threads) {
    Workspace workspace(threads);
    const PyramidCanvas canvas(detail::colour_planes(image, workspace), {122.782f, 117.001f, 104.298f}, workspace);
    return network.scores(canvas, workspace);
}

bool same(const std::vector<Detection>& a, const std::vector<Detection>& b) {
    if (a.size() != b.size()) return false;
    for (std::size_t i = 0; i < a.size(); ++i) {
        if (a[i].box != b[i].box || a[i].score != b[i].score) return false;
    }
    return true;
}

/// A detector's file with all weights 0 and the biases given, so that each place has the last one's score.
struct Tables {
    std::string kind = "mmod";
    std::int32_t window = 80;
    std::vector<double> overlap{0.3, 1};
    float score = 0.5f, weight = 0;
    int outputs = 16;

    std::vector<unsigned char> bytes() const {
        WeightsWriter out(kind);
        out.add<float>("pixel_mean", {3}, {0, 0, 0});
        out.add<std::int32_t>("window", {1}, {window});
        out.add("overlap", {overlap.size()}, overlap);
        for (std::size_t i = 0; i < 7; ++i) {
            ConvolutionShape shape = kMmodLayers[i];
            if (i == 0) shape.outputs = outputs;
            const auto n = static_cast<std::size_t>(shape.outputs);
            out.add(mmod_layer_name(i) + "/weights", weight_extents(shape),
                    std::vector<float>(n * static_cast<std::size_t>(shape.taps()), weight));
            out.add(mmod_layer_name(i) + "/bias", {n}, std::vector<float>(n, i == 6 ? score : 0.0f));
        }
        return out.bytes();
    }
};

std::string load_error(const Tables& tables) {
    const std::vector<unsigned char> bytes = tables.bytes();
    try {
        MmodDetector::load(WeightsFile::from_memory(bytes.data(), bytes.size(), "memory"));
    } catch (const FormatError& error) {
        return error.what();
    }
    return "";
}

}  // namespace

TEST_CASE("the fast network has the plain one's scores, on every path and with any number of threads") {
    const WeightsFile weights = shipped();
    const auto plain = PlainMmodNetwork::load(weights);
    for (const auto& size : {std::pair(7, 7), {8, 40}, {63, 31}, {90, 120}, {40, 300}}) {
        const Image image = noise(size.first, size.second, 3, 9);
        CAPTURE(image.width());
        const FeatureMaps expected = scores_of(plain, image, 1);
        CHECK(expected.height > 0);
        for (const kernels::SimdPath path : simd_paths()) {
            CAPTURE(std::string(kernels::simd_name(path)));
            const auto network = LineMmodNetwork::load(weights, path);
            const FeatureMaps found = scores_of(network, image, 1);
            REQUIRE(found.height == expected.height);
            REQUIRE(found.width == expected.width);
            for (std::size_t i = 0; i < expected.values.size(); ++i) {
                REQUIRE(std::fabs(found.values[i] - expected.values[i]) < 1e-4f);
            }
            for (const int threads : {2, 3, 8}) CHECK((scores_of(network, image, threads).values == found.values));
        }
    }
}

TEST_CASE("the CNN detector's faces don't depend on threads or on what a workspace was used for") {
    const MmodDetector detector = MmodDetector::load(shipped());
    const Image image = picture("crowd");
    const std::vector<Detection> faces = detector.detect(image);
    CHECK(faces.size() >= 6);
    Workspace workspace(2);
    detector.detect(picture("window_80x80"), {1, 0}, workspace);
    CHECK(same(detector.detect(image, {}, workspace), faces));
    const std::size_t bytes = workspace.bytes();
    CHECK(same(detector.detect(image, {}, workspace), faces));
    CHECK(workspace.bytes() == bytes);
}

TEST_CASE("the CNN detector's threshold leaves out all that don't exceed it") {
    const MmodDetector detector = MmodDetector::load(shipped());
    const Image image = picture("low_contrast");
    const std::vector<Detection> faces = detector.detect(image);
    REQUIRE(faces.size() == 1);
    DetectOptions options;
    options.threshold = faces[0].score;
    CHECK(detector.detect(image, options).empty());
    options.threshold = faces[0].score - 1e-6;
    CHECK(same(detector.detect(image, options), faces));
    options.threshold = -100;
    CHECK(detector.detect(image, options).size() > 1);
}

TEST_CASE("images too small for the network's filters have no faces") {
    const MmodDetector detector = MmodDetector::load(shipped());
    DetectOptions all;
    all.threshold = -100;
    for (const auto& [width, height] : {std::pair(1, 1), {6, 100}, {100, 5}}) {
        CHECK(detector.detect(Image(width, height, 1), all).empty());
    }
    CHECK(!detector.detect(Image(7, 7, 1), all).empty());
}

TEST_CASE("the CNN detector refuses images without pixels and other upsampling than 0..4") {
    const MmodDetector detector = MmodDetector::load(shipped());
    CHECK_THROWS_AS(detector.detect(Image()), InvalidArgument);
    CHECK_THROWS_AS(detector.detect(Image(9, 9, 3), {5, 0}), InvalidArgument);
    CHECK_THROWS_AS(detector.detect(Image(9, 9, 3), {-1, 0}), InvalidArgument);
}

TEST_CASE("the same score everywhere leaves windows that don't overlap, from the upper left on") {
    const std::vector<unsigned char> bytes = Tables{}.bytes();
    const auto detector = MmodDetector::load(WeightsFile::from_memory(bytes.data(), bytes.size(), "memory"));
    const std::vector<Detection> faces = detector.detect(noise(200, 200, 3, 1));
    REQUIRE(faces.size() > 4);
    CHECK(faces[0].box == Rect{-37, -37, 43, 43});
    for (const Detection& face : faces) CHECK(face.score == 0.5);
    DetectOptions options;
    options.threshold = 0.5;
    CHECK(detector.detect(noise(200, 200, 3, 1), options).empty());
}

TEST_CASE("a CNN detector's file of another kind or shape is refused") {
    CHECK(load_error({}) == "");
    Tables tables;
    tables.kind = "resnet29";
    CHECK(load_error(tables) != "");
    tables = {};
    tables.window = 0;
    CHECK(load_error(tables).find("'window' is out of range") != std::string::npos);
    tables = {};
    tables.overlap = {0.3};
    CHECK(load_error(tables).find("overlap") != std::string::npos);
    tables.overlap = {0.3, HUGE_VAL};
    CHECK(load_error(tables).find("overlap") != std::string::npos);
    tables = {};
    tables.outputs = 17;
    CHECK(load_error(tables).find("conv1") != std::string::npos);
    tables = {};
    tables.score = HUGE_VALF;
    CHECK(load_error(tables).find("conv7") != std::string::npos);
    tables = {};
    tables.weight = 0.5f;
    CHECK(load_error(tables) == "");
    tables.weight = 1e5f;
    CHECK(load_error(tables) == "memory: its weights are so large that a score could overflow");
}
