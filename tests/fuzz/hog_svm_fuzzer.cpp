// dlib's HOG detector (.svm), and its conversion.

#include <cstddef>
#include <cstdint>

#include "bounded_memory.hpp"
#include "dlib_files.hpp"
#include "dlib_stream.hpp"
#include "edits.hpp"
#include "hog_detector.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const BoundedMemory bound(64 * size + (1 << 20));  // separated, each plane may become ten pairs of filters
    try {
        convert::DlibStream in("fuzzed", {data, data + size});
        ffr::WeightsWriter out("hog_detector");
        convert::write_hog_detector(convert::read_hog_detector(in), out);
    } catch (const ffr::Error&) {
    }
    return 0;
}
