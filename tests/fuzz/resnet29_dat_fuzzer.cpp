// dlib's face recognition network (.dat), and its conversion. See edits.hpp.

#include <cstddef>
#include <cstdint>

#include "bounded_memory.hpp"
#include "dlib_files.hpp"
#include "dlib_stream.hpp"
#include "edits.hpp"
#include "resnet29.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static fuzz::LargeFile network = fuzz::near_words(
        NetworkWriter(Preamble{}.write(), false).whole(),
        {"loss_", "input_", "con_4", "affine_", "relu_", "max_pool_2", "add_prev_", "avg_pool_2", "fc_2"}, 64);
    fuzz::with_file(network, data, size, [](const std::uint8_t* bytes, std::size_t count) {
        const BoundedMemory bound(8 * count + (1 << 20));
        try {
            convert::DlibStream in("fuzzed", {bytes, bytes + count});
            ffr::WeightsWriter out("resnet29");
            convert::write_resnet29(convert::read_resnet29(in), true, out);
        } catch (const ffr::Error&) {
        }
    });
    return 0;
}
