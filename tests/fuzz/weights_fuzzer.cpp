// The weight files of all stages, and what's loaded from them put to use. The first byte says which kind, whether the size in the
// header is set right, and whether a network is to run in int8.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <utility>
#include <vector>

#include "bounded_memory.hpp"
#include "edits.hpp"
#include "ffr/align/landmarks.hpp"
#include "ffr/base/file.hpp"
#include "ffr/base/weights_writer.hpp"
#include "ffr/base/xxhash.hpp"
#include "ffr/detect/face_detector.hpp"
#include "ffr/detect/mmod_detector.hpp"
#include "ffr/embed/face_embedder.hpp"
#include "nn4_small2.hpp"
#include "torch_file.hpp"

namespace {

/// What a file says of itself stands in its header and the directory.
fuzz::LargeFile large(std::vector<std::uint8_t> bytes) {
    fuzz::LargeFile file{std::move(bytes), {}};
    std::uint32_t tensors;
    std::memcpy(&tensors, file.bytes.data() + 12, sizeof tensors);
    for (std::size_t i = 0; i < 64 + 112 * std::size_t{tensors}; ++i) file.places.push_back(i);
    return file;
}

fuzz::LargeFile shipped(const char* name) {
    return large(ffr::detail::read_file(std::filesystem::path(FFR_WEIGHTS_DIR) / name));
}

/// OpenFace's network, which isn't shipped, with made-up weights.
fuzz::LargeFile nn4_small2() {
    const std::vector<std::uint8_t> bytes = ffr::detail::read_file(FFR_T7_DIR "/published.t7");
    const convert::TorchFile file("published.t7", bytes.data(), bytes.size());
    ffr::WeightsWriter out("nn4.small2");
    convert::write_nn4_small2(convert::read_nn4_small2(file), out);
    return large(out.bytes());
}

/// A copy whose checksum is right, and its size unless that's to be wrong, so that edits come past these checks.
std::vector<std::uint8_t> sealed(const std::uint8_t* bytes, std::size_t size, bool with_size) {
    std::vector<std::uint8_t> copy(bytes, bytes + size);
    if (size < 64) return copy;
    const std::uint64_t whole = size;
    if (with_size) std::memcpy(copy.data() + 16, &whole, sizeof whole);
    const std::uint64_t checksum = ffr::detail::xxh64(copy.data() + 32, size - 32);
    std::memcpy(copy.data() + 24, &checksum, sizeof checksum);
    return copy;
}

void use(const ffr::WeightsFile& file, ffr::Precision precision) {
    ffr::Image image(90, 90, 1);
    for (std::size_t i = 0; i < image.pixels().size(); ++i) image.pixels()[i] = static_cast<std::uint8_t>(i * 7);
    if (file.kind() == "hog_detector") {
        ffr::FaceDetector::load(file).detect(image);
    } else if (file.kind() == "landmarks") {
        ffr::LandmarkPredictor::load(file).predict(image, {5, 5, 80, 80});
    } else if (file.kind() == "mmod") {
        ffr::MmodDetector::load(file).detect(image);
    } else {
        const auto embedder = ffr::FaceEmbedder::load(file, precision);
        embedder.embed(ffr::Image(embedder.face_size(), embedder.face_size(), 3));
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static fuzz::LargeFile files[] = {shipped("hog_frontal.ffr"), shipped("landmarks5.ffr"), shipped("mmod.ffr"),
                                      shipped("resnet29.ffr"), nn4_small2()};
    if (size < 2) return 0;
    const bool with_size = data[0] < 128;
    const ffr::Precision precision = data[0] % 128 < 64 ? ffr::Precision::float32 : ffr::Precision::int8;
    fuzz::with_file(files[data[0] % 64 % 5], data + 1, size - 1, [&](const std::uint8_t* bytes, std::size_t count) {
        const std::vector<std::uint8_t> copy = sealed(bytes, count, with_size);
        const BoundedMemory bound(8 * count + (32 << 20));  // canvas, maps and packed filters have sizes of their own
        try {
            use(ffr::WeightsFile::from_memory(copy.data(), copy.size(), "fuzzed"), precision);
        } catch (const ffr::Error&) {
        }
    });
    return 0;
}
