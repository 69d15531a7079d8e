#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <string>
#include <vector>

#include "ffr/image/image_io.hpp"
#include "ffr/pipeline.hpp"

using namespace ffr;

namespace {

constexpr int kLow = std::numeric_limits<int>::min(), kHigh = std::numeric_limits<int>::max();

Image picture(const std::string& name) {
    return read_image(std::filesystem::path(FFR_TEST_DIR) / "golden" / "images" / (name + ".png"));
}

const Pipeline& shipped() {
    static const Pipeline pipeline = Pipeline::load(FFR_WEIGHTS_DIR);
    return pipeline;
}

}  // namespace

TEST_CASE("an image without faces gives none") {
    CHECK(shipped().faces(picture("no_face_coffee")).empty());
    CHECK(shipped().faces(picture("no_face_brick")).empty());
    CHECK(shipped().faces(Image(1, 1, 1)).empty());
    CHECK_THROWS_AS(shipped().faces(Image()), InvalidArgument);
    DetectOptions options;
    options.upsample = 5;
    CHECK_THROWS_AS(shipped().faces(Image(9, 9, 3), options), InvalidArgument);
}

TEST_CASE("a face is what the single steps make of it") {
    const Image image = picture("portrait");
    const std::vector<Face> faces = shipped().faces(image);
    REQUIRE(faces.size() == 1);
    const Face& face = faces[0];
    const Detection detection = shipped().detector().detect(image).at(0);
    CHECK(face.detection.box == detection.box);
    CHECK(face.detection.score == detection.score);
    const Landmarks landmarks = shipped().landmarks().predict(image, detection.box);
    CHECK((face.landmarks.points == landmarks.points));
    CHECK(face.landmarks.points.size() == 68);
    CHECK((face.chip == extract_chip(image, face_chip_geometry(landmarks, 150, 0.25))));
    CHECK((face.embedding == shipped().embedder().embed(face.chip)));
    const double length = distance(face.embedding, Embedding{});
    CHECK(length > 1);
    CHECK(length < 2);
}

TEST_CASE("threads that share a photo find and measure what one does") {
    const Image image = picture("crowd");
    DetectOptions options;
    options.upsample = 1;
    const std::vector<Face> expected = shipped().faces(image, options);
    CHECK(expected.size() > 3);
    for (const int threads : {1, 2, 3}) {
        Workspace workspace(threads);
        for (int again = 0; again < 2; ++again) {
            const std::vector<Face> faces = shipped().faces(image, options, workspace);
            REQUIRE(faces.size() == expected.size());
            for (std::size_t i = 0; i < faces.size(); ++i) {
                CHECK(faces[i].detection.box == expected[i].detection.box);
                CHECK((faces[i].landmarks.points == expected[i].landmarks.points));
                CHECK((faces[i].chip == expected[i].chip));
                CHECK((faces[i].embedding == expected[i].embedding));
            }
        }
        CHECK_THROWS_AS(shipped().measure(image, {{{5, 5, 5, 5}, 0, 0}, {{9, 9, 9, 9}, 0, 0}}, workspace),
                        InvalidArgument);
    }
}

TEST_CASE("a box outside of the image gives a black chip, one that's no box a reason; neither crashes") {
    Image image(80, 60, 3);
    for (std::uint8_t& byte : image.pixels()) byte = 130;
    const Face outside = shipped().measure(image, {{5000, 5000, 5100, 5100}, 0, 0});
    CHECK((outside.chip == Image(150, 150, 3)));
    for (const float value : outside.embedding) CHECK(std::isfinite(value));
    CHECK(shipped().measure(image, {{-10, -10, 300, 300}, 0, 0}).chip.width() == 150);
    CHECK(shipped().measure(image, {{70, 70, 10, 10}, 0, 0}).chip.width() == 150);  // inverted: upside down
    for (const Rect& box : {Rect{5, 5, 5, 5}, Rect{kHigh, kHigh, kHigh, kHigh}}) {
        CAPTURE(box);
        CHECK_THROWS_WITH_AS(shipped().measure(image, {box, 0, 0}), "the landmarks lie on one spot: no chip can be cut",
                             InvalidArgument);
    }
    for (const Rect& box :
         {Rect{}, Rect{kLow, kLow, kHigh, kHigh}, Rect{kHigh, kHigh, kLow, kLow}, Rect{kLow, 0, kLow + 200, 200}}) {
        CAPTURE(box);
        try {
            CHECK(shipped().measure(image, {box, 0, 0}).chip.width() == 150);
        } catch (const Error& error) {
            CHECK(std::string(error.what()) != "");
        }
    }
    CHECK_THROWS_AS(shipped().measure(Image(), {{0, 0, 9, 9}, 0, 0}), InvalidArgument);
}

TEST_CASE("weights that aren't there are named") {
    CHECK_THROWS_AS(Pipeline::load("/no/such/folder"), FileError);
    try {
        Pipeline::load("/no/such/folder");
    } catch (const FileError& error) {
        CHECK(std::string(error.what()).find("hog_frontal.ffr") != std::string::npos);
    }
}
