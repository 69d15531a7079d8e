#include "ffr/detect/detector.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "ffr/base/weights_writer.hpp"
#include "ffr/detect/auto_detector.hpp"
#include "ffr/detect/mmod_detector.hpp"
#include "ffr/image/image_io.hpp"

using namespace ffr;

namespace {

WeightsFile weights(const std::string& name) {
    return WeightsFile::open(std::filesystem::path(FFR_WEIGHTS_DIR) / name);
}

Image picture(const std::string& name) {
    return read_image(std::filesystem::path(FFR_TEST_DIR) / "golden" / "images" / (name + ".png"));
}

bool same(const std::vector<Detection>& a, const std::vector<Detection>& b) {
    if (a.size() != b.size()) return false;
    for (std::size_t i = 0; i < a.size(); ++i) {
        if (a[i].box != b[i].box || a[i].score != b[i].score || a[i].view != b[i].view) return false;
    }
    return true;
}

}  // namespace

TEST_CASE("a detector finds what the one that it was made of finds") {
    const auto hog = FaceDetector::load(weights("hog_frontal.ffr"));
    const auto mmod = MmodDetector::load(weights("mmod.ffr"));
    const Detector any_hog = hog, any_mmod = mmod;
    const Detector copy = any_mmod;
    const Image image = picture("portrait");
    Workspace workspace;
    CHECK(same(any_hog.detect(image), hog.detect(image)));
    CHECK(same(copy.detect(image, {}, workspace), mmod.detect(image)));
    CHECK(!same(copy.detect(image), any_hog.detect(image)));
    CHECK_THROWS_AS(any_mmod.detect(Image()), InvalidArgument);
}

TEST_CASE("the detectors in turn: HOG's faces where it's sure, else the CNN's") {
    const auto hog = FaceDetector::load(weights("hog_frontal.ffr"));
    const auto mmod = MmodDetector::load(weights("mmod.ffr"));
    const AutoDetector both(hog, mmod);
    int sure = 0, unsure = 0;
    for (const char* const name : {"portrait", "turned_minus_20", "tiny_face", "low_contrast", "no_face_coffee"}) {
        CAPTURE(std::string(name));
        const Image image = picture(name);
        const std::vector<Detection> fast = hog.detect(image), found = both.detect(image);
        const bool is_sure = !fast.empty() && fast.back().score >= AutoDetector::kSureScore;
        CHECK(same(found, is_sure ? fast : mmod.detect(image)));
        ++(is_sure ? sure : unsure);
    }
    CHECK(sure >= 1);
    CHECK(unsure >= 2);
}

TEST_CASE("what HOG found stays where the CNN is asked and misses it") {
    const auto hog = FaceDetector::load(weights("hog_frontal.ffr"));
    const Image image = picture("portrait");
    DetectOptions options;
    options.threshold = -1;  // lets through what HOG isn't sure of
    const std::vector<Detection> fast = hog.detect(image, options);
    REQUIRE(fast.size() >= 2);
    REQUIRE(fast.front().score > 1);
    REQUIRE(fast.back().score < AutoDetector::kSureScore);
    // A CNN that sees nothing.
    WeightsWriter blind("mmod");
    blind.add<float>("pixel_mean", {3}, {0, 0, 0});
    blind.add<std::int32_t>("window", {1}, {80});
    blind.add<double>("overlap", {2}, {0.3, 1});
    for (std::size_t i = 0; i < 7; ++i) {
        const ConvolutionShape& shape = kMmodLayers[i];
        const auto n = static_cast<std::size_t>(shape.outputs);
        blind.add(mmod_layer_name(i) + "/weights", weight_extents(shape),
                  std::vector<float>(n * static_cast<std::size_t>(shape.taps())));
        blind.add(mmod_layer_name(i) + "/bias", {n}, std::vector<float>(n, i == 6 ? -100.0f : 0.0f));
    }
    const std::vector<unsigned char> bytes = blind.bytes();
    const auto none = MmodDetector::load(WeightsFile::from_memory(bytes.data(), bytes.size(), "memory"));
    CHECK(same(AutoDetector(hog, none).detect(image, options), fast));
    // What it sees, too, is its own.
    const auto mmod = MmodDetector::load(weights("mmod.ffr"));
    const std::vector<Detection> found = AutoDetector(hog, mmod).detect(image, options);
    const Detection face = mmod.detect(image, options).at(0);
    CHECK(found.at(0).box == face.box);
    CHECK(found.at(0).view == -1);
    for (std::size_t i = 1; i < found.size(); ++i) CHECK(found[i].score <= found[i - 1].score);
}
