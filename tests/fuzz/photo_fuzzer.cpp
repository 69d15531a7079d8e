// A photo all the way: decoded, faces and landmarks found, chips cut.

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "bounded_memory.hpp"
#include "ffr/align/chip.hpp"
#include "ffr/align/landmarks.hpp"
#include "ffr/detect/face_detector.hpp"
#include "ffr/image/image_io.hpp"

namespace {

constexpr std::int64_t kMostPixels = 40'000;

ffr::WeightsFile weights(const char* name) {
    return ffr::WeightsFile::open(std::filesystem::path(FFR_WEIGHTS_DIR) / name);
}

void require(bool fine) {
    if (!fine) std::abort();
}

void measure(const ffr::Image& image, const ffr::Detection& face, const ffr::LandmarkPredictor& predictor) {
    const ffr::Rect& box = face.box;
    require(box.left < image.width() && box.top < image.height() && box.right >= 0 && box.bottom >= 0);
    require(std::isfinite(face.score) && face.score > 0);
    const ffr::Landmarks landmarks = predictor.predict(image, box);
    require(landmarks.points.size() == 5);
    const ffr::Image chip = ffr::extract_chip(image, ffr::face_chip_geometry(landmarks));
    require(chip.width() == 150 && chip.height() == 150 && chip.channels() == image.channels());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const auto detector = ffr::FaceDetector::load(weights("hog_frontal.ffr"));
    static const auto predictor = ffr::LandmarkPredictor::load(weights("landmarks5.ffr"));
    try {
        ffr::ReadOptions options;
        options.max_pixels = kMostPixels;
        ffr::Image image;
        {
            const BoundedMemory bound(8 * size + 512 * kMostPixels);  // thin JPEGs have blocks far wider than they are
            image = ffr::decode_image(data, size, "fuzzed", options);
        }
        require(std::int64_t{image.width()} * image.height() <= kMostPixels);
        const BoundedMemory bound(64 * kMostPixels + (1 << 20));
        for (const ffr::Detection& face : detector.detect(image)) measure(image, face, predictor);
    } catch (const ffr::Error&) {
    }
    return 0;
}
