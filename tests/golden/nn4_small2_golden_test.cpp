// nn4.small2 against OpenCV 4.10's readNetFromTorch, on the networks that make_t7.py writes when the tests are built:
// "published" pools as OpenFace's weights do, "defined" as its definition of the network.
//   The 128 numbers: within 1e-5, for each face in colour and for noise. Two correct programs that add floats in another
//   order differ by 3e-7; the two ways to pool by 0.25.
//   Stages, on one face: within 1e-5 of the largest value there.

#include "ffr/embed/nn4_small2.hpp"

#include <cmath>
#include <map>

#include "ffr/align/affine.hpp"
#include "ffr/base/weights_writer.hpp"
#include "golden.hpp"
#include "nn4_small2.hpp"
#include "torch_file.hpp"

namespace {

/// A .t7 file that make_t7.py wrote, converted to a weight file in memory.
std::vector<unsigned char> converted(const std::string& file_name) {
    const std::string path = std::string(FFR_T7_DIR) + "/" + file_name;
    const std::vector<std::uint8_t> bytes = ffr::detail::read_file(path);
    const convert::TorchFile file(path, bytes.data(), bytes.size());
    ffr::WeightsWriter out("nn4.small2");
    convert::write_nn4_small2(convert::read_nn4_small2(file), out);
    return out.bytes();
}

const ffr::Nn4Small2& network(const std::string& variant) {
    static std::map<std::string, ffr::Nn4Small2> networks;
    const auto known = networks.find(variant);
    if (known != networks.end()) return known->second;
    const std::vector<unsigned char> bytes = converted(variant + ".t7");
    const auto weights = ffr::WeightsFile::from_memory(bytes.data(), bytes.size(), variant);
    return networks.emplace(variant, ffr::Nn4Small2::load(weights)).first->second;
}

/// The face that a record is about, aligned from the landmarks in openface_faces.json.
ffr::Image face_of(const golden::Json& record, const golden::Json& faces) {
    if (record.contains("noise")) {
        ffr::Image noise(96, 96, 3);
        auto state = record.at("noise").get<std::uint32_t>();
        for (std::uint8_t& byte : noise.pixels()) {
            state = state * 1664525u + 1013904223u;
            byte = static_cast<std::uint8_t>(state >> 24);
        }
        return noise;
    }
    for (const golden::Json& face : faces) {
        const bool same = face.at("image") == record.at("image") && face.at("gray") == record.at("gray") &&
                          face.at("index") == record.at("index");
        if (same) return ffr::align_face(golden::image_of(face), golden::landmarks(face.at("points")));
    }
    FAIL("no such face in openface_faces.json");
    return {};
}

}  // namespace

TEST_CASE("128 numbers of nn4.small2 are OpenCV's within 1e-5, on faces and on noise") {
    const golden::Json faces = golden::records("openface_faces.json");
    std::map<std::string, int> compared;
    for (const golden::Json& record : golden::records("nn4_small2.json")) {
        if (!record.contains("embedding")) continue;
        const auto variant = record.at("variant").get<std::string>();
        CAPTURE(variant);
        CAPTURE(record.value("image", "noise"));
        const ffr::Image face = face_of(record, faces);
        ffr::Workspace workspace;
        const ffr::Embedding found = network(variant).forward({face}, workspace).at(0);
        const auto expected = record.at("embedding").get<std::vector<double>>();
        REQUIRE(expected.size() == found.size());
        double largest = 0;
        for (std::size_t i = 0; i < found.size(); ++i) {
            const double off = std::fabs(double{found[i]} - expected[i]);
            if (!(off <= largest)) largest = off;  // so that a NaN stays
        }
        CHECK(largest <= 1e-5);
        ++compared[variant];
    }
    CHECK(compared["published"] >= 11);
    CHECK(compared["defined"] >= 11);
}

TEST_CASE("each stage of nn4.small2 is OpenCV's within 1e-5 of its largest value") {
    const golden::Json faces = golden::records("openface_faces.json"), records = golden::records("nn4_small2.json");
    int compared = 0;
    for (const char* const variant : {"published", "defined"}) {
        std::map<std::string, ffr::FeatureMaps> stages;
        const auto keep = [&](const char* stage, const auto& layers, const auto& maps) {
            stages.emplace(stage, layers.plain(maps, 0));
        };
        const ffr::Image face = face_of(records.at(0), faces);
        ffr::Workspace workspace;
        network(variant).forward({face}, workspace, keep);
        for (const golden::Json& record : records) {
            if (record.at("variant") != variant || !record.contains("stage")) continue;
            const auto stage = record.at("stage").get<std::string>();
            CAPTURE(variant);
            CAPTURE(stage);
            REQUIRE(stages.count(stage) == 1);
            const ffr::FeatureMaps& maps = stages.at(stage);
            CHECK(record.at("shape").get<std::vector<int>>() ==
                  std::vector<int>{maps.channels, maps.height, maps.width});
            const auto expected = record.at("values").get<std::vector<double>>();
            const auto step = record.at("step").get<std::size_t>();
            REQUIRE((maps.values.size() + step - 1) / step == expected.size());
            double largest = 0, off = 0;
            for (std::size_t i = 0; i < expected.size(); ++i) {
                largest = std::max(largest, std::fabs(expected[i]));
                const double here = std::fabs(double{maps.values[i * step]} - expected[i]);
                if (!(here <= off)) off = here;
            }
            CHECK(off <= 1e-5 * largest);
            ++compared;
        }
    }
    CHECK(compared == 24);
}

TEST_CASE("a network in Torch's ascii encoding gives the same weight file as in the binary one") {
    CHECK((converted("published_ascii.t7") == converted("published.t7")));
}
