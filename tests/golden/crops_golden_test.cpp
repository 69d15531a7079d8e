// The face detector on 1,000 random parts of the pictures, 1 to 300 pixels on a side, plain, posterised and noisy, against
// the wheel dlib-bin 20.0.1 (AVX): boxes, order, views and scores are the same bits. make_crops_golden.py tells more.

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "ffr/detect/face_detector.hpp"
#include "golden.hpp"

namespace {

ffr::Image part_of(const ffr::Image& image, const golden::Json& record) {
    const int left = record.at("left").get<int>(), top = record.at("top").get<int>();
    const auto look = record.at("look").get<std::string>();
    const auto seed = record.at("seed").get<std::uint32_t>();
    ffr::Image part(record.at("width").get<int>(), record.at("height").get<int>(), image.channels());
    std::uint32_t index = 0;
    for (int y = 0; y < part.height(); ++y) {
        const std::uint8_t* const from = image.row(top + y) + left * image.channels();
        for (int x = 0; x < part.width() * part.channels(); ++x, ++index) {
            std::uint32_t value = from[x];
            if (look == "posterised") value = value / 48 * 48;
            if (look == "noisy") value += (index * 2654435761u + seed) >> 26;
            part.row(y)[x] = static_cast<std::uint8_t>(value);
        }
    }
    return part;
}

std::string digest(const std::vector<ffr::Detection>& detections) {
    std::vector<std::uint8_t> bytes;
    const auto append = [&bytes](auto bits) {
        for (std::size_t i = 0; i < sizeof bits; ++i) bytes.push_back(static_cast<std::uint8_t>(bits >> (8 * i)));
    };
    for (const ffr::Detection& face : detections) {
        for (const int edge : {face.box.left, face.box.top, face.box.right, face.box.bottom, face.view}) {
            append(static_cast<std::uint32_t>(edge));
        }
        std::uint64_t score = 0;
        std::memcpy(&score, &face.score, sizeof score);
        append(score);
    }
    return golden::hash(bytes);
}

}  // namespace

TEST_CASE("detections in 1,000 random parts of pictures are dlib's, scores to the last bit") {
    const ffr::FaceDetector detector = ffr::FaceDetector::load(golden::committed_weights("hog_frontal.ffr"));
    ffr::Workspace workspace(2);
    std::size_t compared = 0, found = 0;
    for (const golden::Json& record : golden::records("crops.json")) {
        CAPTURE(golden::title(record));
        CAPTURE(compared);
        ffr::DetectOptions options;
        options.upsample = record.at("upsample").get<int>();
        options.threshold = record.at("threshold").get<double>();
        const ffr::Image part = part_of(golden::image_of(record), record);
        const std::vector<ffr::Detection> faces = detector.detect(part, options, workspace);
        CHECK(faces.size() == record.at("count").get<std::size_t>());
        CHECK(digest(faces) == record.at("xxh64").get<std::string>());
        found += faces.size();
        ++compared;
    }
    CHECK(compared == 1000);
    CHECK(found > 1000);
}
