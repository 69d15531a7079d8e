// Torch's files (.t7) of OpenFace's network, and their conversion. See edits.hpp.

#include <cstddef>
#include <cstdint>

#include "bounded_memory.hpp"
#include "edits.hpp"
#include "ffr/base/file.hpp"
#include "ffr/base/weights_writer.hpp"
#include "nn4_small2.hpp"
#include "torch_file.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static fuzz::LargeFile network =
        fuzz::near_words(ffr::detail::read_file(FFR_T7_DIR "/published.t7"), {"torch.", "nn."}, 64);
    fuzz::with_file(network, data, size, [](const std::uint8_t* bytes, std::size_t count) {
        const BoundedMemory bound(64 * count + (1 << 20));  // an object of one byte is a node of a tree
        try {
            const convert::TorchFile file("fuzzed", bytes, count);
            ffr::WeightsWriter out("nn4.small2");
            convert::write_nn4_small2(convert::read_nn4_small2(file), out);
        } catch (const ffr::Error&) {
        }
    });
    return 0;
}
