// Every SIMD path against the plain layers, whose convolution is the formula in float32: the distance between a face's
// two embeddings is at most 2e-5, over more than 100 chips. Adding floats in another order does 2e-6.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include "ffr/align.hpp"
#include "ffr/resnet29.hpp"
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
}
