// Face chips against get_face_chip_details and get_face_chip of the wheel dlib-bin 20.0.1, one at a time, from
// landmarks that stand in the data: 150 pixels as for the network, 96 and 40 pixels for the halved images that these
// are cut from, padding 0.25. Pixels have to be the same: truncated doubles show any other order of a sum. Boxes and
// angles may differ by 1e-9, as dlib fits by a singular value decomposition.

#include "ffr/align/chip.hpp"

#include <algorithm>
#include <cmath>

#include "golden.hpp"

TEST_CASE("chips of 150, 96 and 40 pixels are dlib's to the byte") {
    std::size_t compared = 0;
    int deepest = 0;
    for (const golden::Json& record : golden::records("faces.json")) {
        const ffr::Image image = golden::image_of(record);
        for (const char* const aligned_by : {"aligned_by_5", "aligned_by_68"}) {
            const golden::Json& face = record.at(aligned_by);
            const ffr::Landmarks landmarks = golden::landmarks(face.at("points"));
            for (const golden::Json& expected : face.at("chips")) {
                CAPTURE(golden::title(record));
                CAPTURE(record.at("index").get<int>());
                CAPTURE(aligned_by);
                const int size = expected.at("size").get<int>();
                CAPTURE(size);
                const ffr::Image chip = ffr::extract_chip(image, ffr::face_chip_geometry(landmarks, size, 0.25));
                CHECK(chip.width() == size);
                CHECK(chip.height() == size);
                CHECK(chip.channels() == image.channels());
                CHECK(golden::hash(chip) == expected.at("xxh64").get<std::string>());
                deepest = std::max(deepest, expected.at("halvings").get<int>());
                ++compared;
            }
        }
    }
    CHECK(compared > 300);
    CHECK(deepest == 3);
}

TEST_CASE("a chip's box and angle are dlib's within 1e-9") {
    for (const golden::Json& record : golden::records("faces.json")) {
        for (const char* const aligned_by : {"aligned_by_5", "aligned_by_68"}) {
            const golden::Json& face = record.at(aligned_by);
            const ffr::Landmarks landmarks = golden::landmarks(face.at("points"));
            for (const golden::Json& expected : face.at("chips")) {
                CAPTURE(golden::title(record));
                CAPTURE(aligned_by);
                const ffr::ChipGeometry chip = ffr::face_chip_geometry(landmarks, expected.at("size").get<int>(), 0.25);
                const auto edges = expected.at("box").get<std::vector<double>>();
                REQUIRE(edges.size() == 4);
                CHECK(std::fabs(chip.box.left - edges[0]) <= 1e-9);
                CHECK(std::fabs(chip.box.top - edges[1]) <= 1e-9);
                CHECK(std::fabs(chip.box.right - edges[2]) <= 1e-9);
                CHECK(std::fabs(chip.box.bottom - edges[3]) <= 1e-9);
                CHECK(std::fabs(chip.angle - expected.at("angle").get<double>()) <= 1e-9);
            }
        }
    }
}
