// Every SIMD path against the plain layers, whose convolution is the formula in float32: the distance between a face's
// two embeddings is at most 2e-5, over more than 100 chips. Adding floats in another order does 2e-6.
// In int8 on every path: at most 0.05 from float32 on average over those chips, and of all pairs of them none is told
// otherwise, same person or not at a distance of 0.6, whose distance in float32 is further than 0.03 from that.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

#include "ffr/align/chip.hpp"
#include "ffr/embed/face_embedder.hpp"
#include "ffr/embed/resnet29.hpp"
#include "golden.hpp"

namespace {

std::vector<ffr::Image> chips() {
    std::vector<ffr::Image> chips;
    for (const golden::Json& record : golden::records("faces.json")) {
        const ffr::Image image = golden::image_of(record);
        for (const char* const aligned_by : {"aligned_by_5", "aligned_by_68"}) {
            const ffr::Landmarks landmarks = golden::landmarks(record.at(aligned_by).at("points"));
            chips.push_back(ffr::extract_chip(image, ffr::face_chip_geometry(landmarks)));
        }
    }
    return chips;
}

}  // namespace

TEST_SUITE("paths") {
    TEST_CASE("on every path, embeddings are the plain layers' within 2e-5, alone and in batches") {
        const auto weights = golden::committed_weights("resnet29.ffr");
        const std::vector<ffr::Image> faces = chips();
        CHECK(faces.size() >= 100);
        ffr::Workspace workspace(2);
        const auto plain = ffr::BasicResNet29<ffr::PlainLayers>::load(weights);
        std::vector<ffr::Embedding> expected;
        for (const ffr::Image& face : faces) expected.push_back(plain.forward({face}, workspace).at(0));
        for (const auto path :
             {ffr::kernels::SimdPath::scalar, ffr::kernels::SimdPath::sse2, ffr::kernels::SimdPath::neon,
              ffr::kernels::SimdPath::avx2, ffr::kernels::SimdPath::avx512}) {
            if (!ffr::kernels::has_simd(path)) continue;
            CAPTURE(std::string(ffr::kernels::simd_name(path)));
            const auto network = ffr::BasicResNet29<ffr::SimdLayers>::load(weights, path);
            double largest = 0;
            for (std::size_t first = 0; first < faces.size(); first += 7) {
                const std::size_t end = std::min(first + 7, faces.size());
                const std::vector<ffr::ImageView> batch(faces.begin() + static_cast<std::ptrdiff_t>(first),
                                                        faces.begin() + static_cast<std::ptrdiff_t>(end));
                const std::vector<ffr::Embedding> found = network.forward(batch, workspace);
                CHECK((network.forward({batch[0]}, workspace).at(0) == found.at(0)));
                for (std::size_t i = first; i < end; ++i) {
                    const double off = ffr::distance(found.at(i - first), expected[i]);
                    if (!(off <= largest)) largest = off;  // so that a NaN stays
                }
            }
            MESSAGE("largest distance of " << std::string(ffr::kernels::simd_name(path)) << ": " << largest);
            CHECK(largest <= 2e-5);
        }
    }

    TEST_CASE("in int8 on every path, embeddings lie within 0.05 of float32's, and people are told apart alike") {
        const auto weights = golden::committed_weights("resnet29.ffr");
        const std::vector<ffr::Image> faces = chips();
        CHECK(faces.size() >= 100);
        const std::vector<ffr::ImageView> views(faces.begin(), faces.end());
        ffr::Workspace workspace;
        const std::vector<ffr::Embedding> exact = ffr::FaceEmbedder::load(weights).embed(views, workspace);
        for (const auto path : {ffr::kernels::SimdPath::scalar, ffr::kernels::SimdPath::neon,
                                ffr::kernels::SimdPath::avx2, ffr::kernels::SimdPath::avx512}) {
            if (!ffr::kernels::has_simd(path)) continue;
            CAPTURE(std::string(ffr::kernels::int8_name(ffr::kernels::int8_path(path))));
            const auto network = ffr::BasicResNet29<ffr::Int8Layers>::load(weights, path);
            std::vector<ffr::Embedding> found;
            double drift = 0;
            for (const ffr::ImageView& view : views) {
                found.push_back(network.forward({view}, workspace).at(0));
                drift += ffr::distance(found.back(), exact.at(found.size() - 1));
            }
            CHECK(drift / static_cast<double>(views.size()) <= 0.05);
            std::size_t far = 0, changed = 0;
            for (std::size_t i = 0; i < found.size(); ++i) {
                for (std::size_t k = 0; k < i; ++k) {
                    const double apart = ffr::distance(exact[i], exact[k]);
                    if (std::fabs(apart - 0.6) <= 0.03) continue;
                    ++far;
                    if ((apart < 0.6) != (ffr::distance(found[i], found[k]) < 0.6)) ++changed;
                }
            }
            CHECK(far > 4000);
            CHECK(changed == 0);
            MESSAGE("mean distance to float32: " << drift / static_cast<double>(views.size()));
        }
    }
}
