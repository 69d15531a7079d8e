// The CNN face detector against cnn_face_detection_model_v1 of the wheel dlib-bin 20.0.1 (AVX), with its weights.
// Boxes and their order are the same; scores, sums of a million products each, agree within 1e-4.

#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

#include "ffr/align/chip.hpp"
#include "ffr/align/landmarks.hpp"
#include "ffr/detect/mmod_detector.hpp"
#include "ffr/embed/face_embedder.hpp"
#include "golden.hpp"

TEST_CASE("the CNN detector's faces are dlib's: boxes and order the same, scores within 1e-4") {
    const auto detector = ffr::MmodDetector::load(golden::committed_weights("mmod.ffr"));
    ffr::Workspace workspace;
    std::size_t compared = 0, doubled = 0;
    for (const golden::Json& record : golden::records("mmod.json")) {
        CAPTURE(golden::title(record));
        ffr::DetectOptions options;
        options.upsample = record.at("upsample").get<int>();
        CAPTURE(options.upsample);
        const std::vector<ffr::Detection> found = detector.detect(golden::image_of(record), options, workspace);
        const golden::Json& expected = record.at("detections");
        CHECK(found.size() == expected.size());
        for (std::size_t i = 0; i < std::min(found.size(), expected.size()); ++i, ++compared) {
            CAPTURE(i);
            CHECK(found[i].box == golden::rect(expected[i].at("box")));
            CHECK(std::fabs(found[i].score - expected[i].at("score").get<double>()) <= 1e-4);
            doubled += options.upsample == 1;
        }
    }
    CHECK(compared >= 55);
    CHECK(doubled >= 10);
}

TEST_CASE("landmarks and chips on the CNN detector's boxes are dlib's, embeddings within 0.001") {
    const auto landmarks = ffr::LandmarkPredictor::load(golden::committed_weights("landmarks5.ffr"));
    const auto embedder = ffr::FaceEmbedder::load(golden::committed_weights("resnet29.ffr"));
    for (const golden::Json& record : golden::records("mmod_faces.json")) {
        CAPTURE(golden::title(record));
        const ffr::Image image = golden::image_of(record);
        const ffr::Landmarks found = landmarks.predict(image, golden::rect(record.at("box")));
        CHECK(found.points == golden::points(record.at("points5")));
        const ffr::Image chip = ffr::extract_chip(image, ffr::face_chip_geometry(found));
        CHECK(golden::hash(chip) == record.at("chip").at("xxh64").get<std::string>());
        const auto expected = record.at("embedding").get<std::vector<float>>();
        const ffr::Embedding embedding = embedder.embed(chip);
        REQUIRE(expected.size() == embedding.size());
        ffr::Embedding reference{};
        std::copy(expected.begin(), expected.end(), reference.begin());
        CHECK(ffr::distance(embedding, reference) <= 0.001);
    }
}
