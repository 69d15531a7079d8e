// The face detector against get_frontal_face_detector().run() of the wheel dlib-bin 20.0.1 (AVX).
// Boxes, their order and the view that found them are integers and have to be the same. Scores may differ by 1e-5: the
// filters are sums of 1000 and more floats, and dlib's own SSE2 build differs by 1e-6 from its AVX build.

#include "ffr/detect/face_detector.hpp"

#include <cmath>

#include "golden.hpp"

TEST_CASE("detections are dlib's: boxes, order and views the same, scores within 1e-5") {
    const ffr::FaceDetector detector = ffr::FaceDetector::load(golden::committed_weights("hog_frontal.ffr"));
    std::size_t compared = 0;
    for (const golden::Json& record : golden::records("detections.json")) {
        CAPTURE(golden::title(record));
        ffr::DetectOptions options;
        options.upsample = record.at("upsample").get<int>();
        options.threshold = record.at("threshold").get<double>();
        CAPTURE(options.upsample);
        CAPTURE(options.threshold);
        const std::vector<ffr::Detection> found = detector.detect(golden::image_of(record), options);
        const golden::Json& expected = record.at("detections");
        CHECK(found.size() == expected.size());
        for (std::size_t i = 0; i < std::min(found.size(), expected.size()); ++i, ++compared) {
            CAPTURE(i);
            CHECK(found[i].box == golden::rect(expected[i].at("box")));
            CHECK(found[i].view == expected[i].at("view").get<int>());
            CHECK(std::fabs(found[i].score - expected[i].at("score").get<double>()) <= 1e-5);
        }
    }
    CHECK(compared > 200);
}
