// Odd numbers and odd extents: what overflows or divides by nothing elsewhere. .ci/run runs this under clang's
// integer sanitizers.

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "ffr/align/chip.hpp"
#include "ffr/align/landmarks.hpp"
#include "ffr/base/weights_writer.hpp"
#include "ffr/detect/detector.hpp"
#include "ffr/detect/face_detector.hpp"
#include "ffr/detect/mmod_detector.hpp"
#include "ffr/embed/face_embedder.hpp"

using namespace ffr;

namespace {

WeightsFile weights(const char* name) {
    return WeightsFile::open(std::filesystem::path(FFR_WEIGHTS_DIR) / name);
}

Image of_one_colour(int width, int height, std::uint8_t red, std::uint8_t green, std::uint8_t blue) {
    Image image(width, height, 3);
    const std::uint8_t colour[] = {red, green, blue};
    for (std::size_t i = 0; i < image.pixels().size(); ++i) image.pixels()[i] = colour[i % 3];
    return image;
}

Image of_noise(int width, int height, int channels, unsigned seed) {
    Image image(width, height, channels);
    std::mt19937 random(seed);
    for (std::uint8_t& value : image.pixels()) value = static_cast<std::uint8_t>(random() % 256);
    return image;
}

const std::vector<Detector>& detectors() {
    static const std::vector<Detector> both{FaceDetector::load(weights("hog_frontal.ffr")),
                                            MmodDetector::load(weights("mmod.ffr"))};
    return both;
}

/// A box is a proper one, has something of the image in it, and isn't larger than the largest window that can see it.
bool sensible(const Detection& face, const Image& image) {
    const Rect& box = face.box;
    const std::int64_t side = std::max({image.width(), image.height(), 80});
    return box.left <= box.right && box.top <= box.bottom && box.right >= 0 && box.bottom >= 0 &&
           box.left < image.width() && box.top < image.height() && box.width() <= 4 * side && box.height() <= 4 * side;
}

}  // namespace

TEST_CASE("there's no face in images of one colour") {
    for (const Detector& detector : detectors()) {
        for (const int gray : {0, 1, 127, 128, 254, 255}) {
            const auto level = static_cast<std::uint8_t>(gray);
            CHECK(detector.detect(of_one_colour(200, 160, level, level, level)).empty());
        }
        CHECK(detector.detect(of_one_colour(200, 160, 255, 0, 0)).empty());
        CHECK(detector.detect(of_one_colour(200, 160, 0, 255, 255)).empty());
        CHECK(detector.detect(Image(200, 160, 1)).empty());
    }
}

TEST_CASE("images of noise, and of any extents, have no box that isn't one") {
    DetectOptions eager;
    eager.threshold = -1.2;  // so that there are some
    const std::vector<std::pair<int, int>> extents{{1, 1},   {1, 2},     {2, 1},     {1, 400},   {400, 1},   {3, 1000},
                                                   {79, 81}, {10000, 1}, {1, 10000}, {10000, 9}, {12, 8000}, {333, 97}};
    for (const Detector& detector : detectors()) {
        unsigned seed = 1;
        std::size_t seen = 0;
        for (const auto& extent : extents) {
            const int width = extent.first, height = extent.second;
            CAPTURE(width);
            CAPTURE(height);
            for (const int channels : {1, 3}) {
                const Image image = of_noise(width, height, channels, seed++);
                eager.upsample = width * height < 20'000 ? 1 : 0;
                const std::vector<Detection> boxes = detector.detect(image, eager);
                seen += boxes.size();
                for (const Detection& face : boxes) CHECK(sensible(face, image));
                CHECK(detector.detect(image).empty());
            }
        }
        CHECK(seen > 0);
    }
}

TEST_CASE("landmarks and chips of boxes anywhere are computed without overflow") {
    const auto predictor = LandmarkPredictor::load(weights("landmarks5.ffr"));
    const Image image = of_noise(64, 48, 3, 7);
    const int far = 2'000'000'000;
    for (const Rect& box : {Rect{0, 0, 0, 0}, Rect{-far, -far, far, far}, Rect{far - 80, far - 80, far, far},
                            Rect{-far, 10, -far + 80, 90}, Rect{5, 5, 4, 4}, Rect{40, 30, 10, 10}}) {
        const Landmarks found = predictor.predict(image, box);
        REQUIRE(found.points.size() == 5);
        try {
            const Image chip = extract_chip(image, face_chip_geometry(found));
            CHECK(chip.width() == 150);
        } catch (const InvalidArgument&) {  // all points on one place make no face
        }
    }
}

TEST_CASE("weights whose sums overflow give an error, and no numbers that aren't any") {
    const WeightsFile shipped = weights("resnet29.ffr");
    WeightsWriter out("resnet29");
    for (const TensorInfo& info : shipped.tensors()) {
        if (info.type == TensorType::text) continue;
        std::vector<float> values = shipped.floats(info.name, info.shape);
        for (float& value : values) value *= 1e4f;
        out.add(info.name, info.shape, values);
    }
    const std::vector<unsigned char> bytes = out.bytes();
    const auto embedder = FaceEmbedder::load(WeightsFile::from_memory(bytes.data(), bytes.size(), "large.ffr"));
    CHECK_THROWS_WITH_AS(embedder.embed(of_noise(150, 150, 3, 1)),
                         "large.ffr: gives numbers that aren't finite: its weights are out of range", FormatError);
}
