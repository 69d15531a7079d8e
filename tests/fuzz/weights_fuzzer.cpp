// The weight files of all stages, and what's loaded from them put to use. The first byte says which kind.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "bounded_memory.hpp"
#include "edits.hpp"
#include "ffr/detail/file.hpp"
#include "ffr/detail/xxhash.hpp"
#include "ffr/embedding.hpp"
#include "ffr/face_detector.hpp"
#include "ffr/landmarks.hpp"
#include "ffr/mmod_detector.hpp"

namespace {

const char* const kNames[] = {"hog_frontal.ffr", "landmarks5.ffr", "mmod.ffr", "resnet29.ffr"};

/// What a file says of itself stands in its header and the directory.
fuzz::LargeFile open(const char* name) {
    fuzz::LargeFile file{ffr::detail::read_file(std::filesystem::path(FFR_WEIGHTS_DIR) / name), {}};
    std::uint32_t tensors;
    std::memcpy(&tensors, file.bytes.data() + 12, sizeof tensors);
    for (std::size_t i = 0; i < 64 + 112 * std::size_t{tensors}; ++i) file.places.push_back(i);
    return file;
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

void use(const ffr::WeightsFile& file) {
    ffr::Image image(90, 90, 1);
    for (std::size_t i = 0; i < image.pixels().size(); ++i) image.pixels()[i] = static_cast<std::uint8_t>(i * 7);
    if (file.kind() == "hog_detector") {
        ffr::FaceDetector::load(file).detect(image);
    } else if (file.kind() == "landmarks") {
        ffr::LandmarkPredictor::load(file).predict(image, {5, 5, 80, 80});
    } else if (file.kind() == "mmod") {
        ffr::MmodDetector::load(file).detect(image);
    } else {
        ffr::FaceEmbedder::load(file).embed(ffr::Image(150, 150, 3));
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static fuzz::LargeFile files[] = {open(kNames[0]), open(kNames[1]), open(kNames[2]), open(kNames[3])};
    if (size < 2) return 0;
    fuzz::LargeFile& large = files[data[0] % 4];
    const bool with_size = data[0] < 128;
    fuzz::with_file(large, data + 1, size - 1, [&](const std::uint8_t* bytes, std::size_t count) {
        const std::vector<std::uint8_t> copy = sealed(bytes, count, with_size);
        const BoundedMemory bound(8 * count + (32 << 20));  // canvas, maps and packed filters have sizes of their own
        try {
            use(ffr::WeightsFile::from_memory(copy.data(), copy.size(), "fuzzed"));
        } catch (const ffr::Error&) {
        }
    });
    return 0;
}
