// OpenFace's alignment against OpenCV 4.10 (getAffineTransform, warpAffine), which OpenFace calls: each face of
// faces.json, by both sets of landmarks, at 96 and 150 pixels. OpenFace's users got fixed-point pixels, so they have to
// be the same to the byte.

#include "ffr/align/affine.hpp"

#include "golden.hpp"

TEST_CASE("faces aligned by three landmarks are OpenCV's to the byte") {
    std::size_t compared = 0;
    for (const golden::Json& record : golden::records("openface_faces.json")) {
        const ffr::Image image = golden::image_of(record);
        const ffr::Landmarks landmarks = golden::landmarks(record.at("points"));
        for (const golden::Json& expected : record.at("warps")) {
            CAPTURE(golden::title(record));
            CAPTURE(record.at("index").get<int>());
            const auto name = expected.at("landmarks").get<std::string>();
            CAPTURE(name);
            const int size = expected.at("size").get<int>();
            CAPTURE(size);
            const ffr::Image face =
                ffr::align_face(image, landmarks, size,
                                name == "outerEyesAndNose" ? ffr::AlignmentLandmarks::outer_eyes_and_nose
                                                           : ffr::AlignmentLandmarks::inner_eyes_and_bottom_lip);
            CHECK(golden::hash(face) == expected.at("xxh64").get<std::string>());
            ++compared;
        }
    }
    CHECK(compared >= 4 * 50);
}
