// dlib's CNN face detector (.dat), and its conversion. See edits.hpp.

#include <cstddef>
#include <cstdint>

#include "bounded_memory.hpp"
#include "dlib_files.hpp"
#include "dlib_stream.hpp"
#include "edits.hpp"
#include "mmod.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static fuzz::LargeFile network =
        fuzz::near_words(CnnDetectorFile{}.bytes(), {"loss_", "input_", "con_4", "bn_con2", "relu_"}, 64);
    fuzz::with_file(network, data, size, [](const std::uint8_t* bytes, std::size_t count) {
        const BoundedMemory bound(8 * count + (1 << 20));
        try {
            convert::DlibStream in("fuzzed", {bytes, bytes + count});
            ffr::WeightsWriter out("mmod");
            convert::write_mmod(convert::read_mmod(in), out);
        } catch (const ffr::Error&) {
        }
    });
    return 0;
}
